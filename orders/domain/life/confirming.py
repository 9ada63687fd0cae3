"""Records what the call centre reached with customers: confirmed, no answer, postponed, rejected.

The call-centre axis moves by itself: it neither packs nor cancels anything (see moving.py for that).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.life.batches import report_for, words_if_too_many
from orders.domain.life.history import Happening, record_events
from orders.domain.life.moving import MAX_MESSAGE
from orders.domain.life.transitions import standing_status
from orders.domain.refusals import Code, InvalidInput
from orders.domain.reports import Report, Result
from orders.domain.rows.locking import Conflict, write_transaction
from orders.domain.rows.rowsets import column_value, rows_source
from orders.models import CallCenter, EventType, Order, Status

ACTION = "confirm"
# What a call may end with; `pending` is only where an order starts.
OUTCOMES = (CallCenter.CONFIRMED, CallCenter.NO_ANSWER, CallCenter.POSTPONED, CallCenter.REJECTED)
# Asked again, these change nothing; a further call without an answer, or another day, does.
_SETTLED = frozenset({CallCenter.CONFIRMED, CallCenter.REJECTED})
# Once the parcel is on the road, or the order is off, there is nothing left to ask the customer.
CALLABLE = frozenset(
    {
        Status.NEW,
        Status.PICKED_UP,
        Status.PREPARING,
        Status.PACKED,
        Status.WAITING,
        Status.OUT_OF_STOCK,
    }
)


class _Facts(NamedTuple):
    id: int
    reference: str
    version: int
    status: str
    remembered_status: str
    cycle: int
    call_center: str
    call_attempts: int
    postponed_to: dt.date | None
    timezone: str


class _Call(NamedTuple):
    """One call as it came."""

    outcome: CallCenter
    note: str
    postponed_to: dt.date | None
    actor: Actor
    at: dt.datetime


def confirm_orders(
    ids: Sequence[int],
    outcome: str,
    note: str = "",
    *,
    actor: Actor,
    postponed_to: dt.date | None = None,
    at: dt.datetime | None = None,
) -> Report:
    """Notes the outcome of a call on each order and answers for every id, once, in the order asked.

    Each call counts as an attempt. `postponed_to` is the day the customer asked for, kept with
    `postponed` only. Orders on the road or settled are refused with `wrong_status`, canceled ones
    with `canceled`; `confirmed` and `rejected` said again are `already_done`. The whole call is
    refused with `invalid`: an unknown outcome, a day that has passed, a note over 1,000
    characters, more than 1,000 ids. `at` is the moment recorded (default: now).
    """
    call = _checked_call(ids, outcome, note, postponed_to, actor, at)

    def work() -> Report:
        facts = _read_orders(ids, call, lock=True)
        answers = {order.id: _decide(call, order) for order in facts.values()}
        _write(call, [order for order in facts.values() if answers[order.id].code == Code.DONE])
        return report_for(ids, answers)

    return write_transaction(work)


def preview_confirm(
    ids: Sequence[int],
    outcome: str,
    note: str = "",
    *,
    actor: Actor,
    postponed_to: dt.date | None = None,
) -> Report:
    """What confirm_orders would answer at this moment; writes nothing."""
    call = _checked_call(ids, outcome, note, postponed_to, actor)
    facts = _read_orders(ids, call, lock=False)
    return report_for(ids, {order.id: _decide(call, order) for order in facts.values()})


def can_be_called(*, status: str, remembered_status: str = "") -> bool:
    """Whether there is still something to ask the customer."""
    return standing_status(status, remembered_status) in CALLABLE


def _checked_call(
    ids: Sequence[int],
    outcome: str,
    note: str,
    postponed_to: dt.date | None,
    actor: Actor,
    at: dt.datetime | None = None,
) -> _Call:
    at = at or timezone.now()
    errors: dict[str, list[str]] = {}
    if words := words_if_too_many(ids):
        errors["ids"] = words
    if outcome not in OUTCOMES:
        errors["outcome"] = [
            _("Choose one of these outcomes: %(outcomes)s.") % {"outcomes": ", ".join(OUTCOMES)}
        ]
    note = note.strip()
    if len(note) > MAX_MESSAGE:
        errors["note"] = [
            _("The note is too long; use at most %(limit)s characters.") % {"limit": MAX_MESSAGE}
        ]
    # The earliest day that is still today somewhere; each merchant's own is checked with its orders.
    if postponed_to is not None and postponed_to < (at - dt.timedelta(hours=12)).date():
        errors["postponed_to"] = [_past_words(postponed_to)]
    if errors:
        raise InvalidInput(errors)
    chosen = CallCenter(outcome)
    return _Call(chosen, note, postponed_to if chosen == CallCenter.POSTPONED else None, actor, at)


def _past_words(day: dt.date) -> str:
    return _("%(day)s has passed; choose today or a later day.") % {"day": date_format(day)}


def _read_orders(ids: Sequence[int], call: _Call, *, lock: bool) -> dict[int, _Facts]:
    orders = Order.objects.filter(pk__in=set(ids), deleted_at__isnull=True).order_by("pk")
    if call.actor.merchant_id is not None:
        orders = orders.filter(merchant_id=call.actor.merchant_id)
    if lock:
        orders = orders.select_for_update(of=("self",))
    rows = orders.values_list(*_Facts._fields[:-1], "merchant__timezone")
    facts = {row[0]: _Facts._make(row) for row in rows}
    if call.postponed_to is not None:
        for zone in {order.timezone for order in facts.values()}:
            if call.postponed_to < call.at.astimezone(ZoneInfo(zone)).date():
                raise InvalidInput({"postponed_to": [_past_words(call.postponed_to)]})
    return facts


def _decide(call: _Call, order: _Facts) -> Result:
    said = {
        "reference": order.reference,
        "status": Status(order.status).label,
        "outcome": CallCenter(call.outcome).label,
    }
    if not can_be_called(status=order.status, remembered_status=order.remembered_status):
        if order.status == Status.CANCELED:
            words = _("%(reference)s is canceled; renew it if the customer wants it after all.")
            return _answer(order, Code.CANCELED, words % said)
        words = _("%(reference)s is %(status)s; there is nothing left to confirm.")
        return _answer(order, Code.WRONG_STATUS, words % said)
    if call.outcome == order.call_center and call.outcome in _SETTLED:
        return _answer(order, Code.ALREADY_DONE, _("%(reference)s: “%(outcome)s” stands already.") % said)
    return _answer(order, Code.DONE, _("%(reference)s: “%(outcome)s” noted.") % said)


def _answer(order: _Facts, code: Code, message: str) -> Result:
    return Result(id=order.id, reference=order.reference, code=code, message=message, status=order.status)


def _write(call: _Call, called: Sequence[_Facts]) -> None:
    if not called:
        return
    source, params = rows_source(
        "r", {"id": "int", "old_version": "int"}, [(order.id, order.version) for order in called]
    )
    is_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        # The condition on the version is what two people calling at once cannot both meet.
        cursor.execute(
            "UPDATE orders_order SET call_center = %s, call_attempts = orders_order.call_attempts + 1,"  # noqa: S608
            f" postponed_to = {'%s::date' if is_postgresql else '%s'},"
            f" updated_at = {'%s::timestamptz' if is_postgresql else '%s'},"
            f" version = orders_order.version + 1 FROM {source}"
            " WHERE orders_order.id = r.id AND orders_order.version = r.old_version"
            " AND orders_order.deleted_at IS NULL",
            [call.outcome.value, column_value(call.postponed_to), column_value(call.at), *params],
        )
        if cursor.rowcount != len(called):
            raise Conflict
    record_events(
        [
            Happening(
                order_id=order.id,
                cycle=order.cycle,
                type=EventType.CALL_CENTER,
                action=ACTION,
                occurred_on=call.at.astimezone(ZoneInfo(order.timezone)).date(),
                before={
                    "call_center": order.call_center,
                    "postponed_to": order.postponed_to.isoformat() if order.postponed_to else None,
                },
                message=call.note,
                details={
                    "call_center": call.outcome.value,
                    "attempt": order.call_attempts + 1,
                    "postponed_to": call.postponed_to.isoformat() if call.postponed_to else None,
                },
            )
            for order in called
        ],
        actor=call.actor,
        at=call.at,
    )
