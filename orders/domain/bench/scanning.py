"""What a scan does: finds the one order a code means, moves it, and keeps every attempt.

How codes are read stands in codes.py, how orders move in moving.py, the words in scan_answers.py.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.bench.scan_answers import (
    MAX_CANDIDATES,
    Match,
    ScanAnswer,
    ScanMode,
    ScanOutcome,
    ambiguous_answer,
    earlier_cycle_answer,
    elsewhere_answer,
    locked_answer,
    moved_answer,
    order_json,
    unknown_answer,
    unreadable_answer,
)
from orders.domain.life.deciding import UNDO_WINDOW
from orders.domain.life.moving import move_orders
from orders.domain.life.returning import receive_earlier_cycle
from orders.domain.life.transitions import Action
from orders.domain.reading.codes import (
    Scanned,
    Unreadable,
    read_printed_code,
    read_reference,
    read_scanned,
    spellings_of,
)
from orders.domain.refusals import Code, InvalidInput, Locked, NotAllowed, NotThere
from orders.domain.reports import Result
from orders.domain.rows.locking import write_transaction
from orders.models import EventType, Order, OrderEvent, ScanAttempt

__all__ = ["ScanAnswer", "ScanMode", "ScanOutcome", "scan", "undo_scan"]

_NONCE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_KEPT_TEXT = 200
# What is read of an order that a code may mean: the fields of Match, then what the code is compared with.
_MATCHED = (
    "id",
    "reference",
    "status",
    "cycle",
    "full_name",
    "city",
    "merchant__name",
    "warehouse_id",
    "warehouse__name",
    "external_reference",
    "tracking",
)


def scan(
    mode: ScanMode | str,
    scanned: str,
    *,
    actor: Actor,
    occurred_on: dt.date | None = None,
    warehouse_id: int | None = None,
    nonce: str = "",
    reason: str = "",
    keys: str = "",
    at: dt.datetime | None = None,
) -> ScanAnswer:
    """Takes the one order that the code names through the bench's step, and keeps the attempt.

    `occurred_on` is the day it happened (default: the merchant's today), `keys` the
    code by key positions where the page could tell. A `nonce` sent before by the same person
    answers `duplicate_ignored` with the first attempt's words and does nothing.
    Codes: those of move_orders, and `ambiguous`, `unknown`, `invalid` (nothing
    that could be looked up), `locked`. Refuses a call that is wrong in itself with
    InvalidInput, and a person without the step's permission with NotAllowed.
    """
    mode = ScanMode(mode)
    if actor.user_id is None or not actor.may(mode.permission):
        raise NotAllowed(_("You are not allowed to do this. Ask an admin for the right."))
    if nonce and not _NONCE.fullmatch(nonce):
        raise InvalidInput({"nonce": [_("Use 1 to 64 letters, digits, dots, colons or dashes.")]})
    if mode.needs_reason and not reason.strip():
        raise InvalidInput({"description": [_("Say why; the reason stands in the order's history.")]})
    text = read_scanned(scanned, keys)
    if text.unreadable == Unreadable.NOTHING:
        raise InvalidInput({"reference": [_("Nothing arrived. Scan the parcel's code, or type it.")]})
    moment = at or timezone.now()
    attempt = ScanAttempt(
        user_id=actor.user_id,
        station=actor.station,
        mode=mode.value,
        nonce=nonce or None,
        scanned=_printable(scanned) or _printable(keys),
        recorded_at=moment,
    )

    def work() -> ScanAnswer:
        if not _claim(attempt):
            return _repeat(attempt)
        answer = _answer(
            mode,
            text,
            actor=actor,
            occurred_on=occurred_on,
            warehouse_id=warehouse_id if mode.takes_warehouse else None,
            reason=reason,
            at=moment,
        )
        return _settle(attempt, answer)

    try:
        return write_transaction(work)
    except InvalidInput as refusal:
        refused = ScanAnswer(Code.INVALID, refusal.message, text.shown, refusal.message)
        _keep_unclaimed(attempt, refused)
        raise
    except Locked:
        return _keep_unclaimed(attempt, locked_answer(text))


def resolve_code(text: Scanned, actor: Actor) -> list[Match]:
    """The orders the code may mean, of those the actor sees, in id order; one statement.

    Looked up exactly: our printed code, our reference, the seller's reference, the company's tracking.
    """
    parcels = [parcel for reading in text.readings if (parcel := read_printed_code(reading))]
    references = [found for reading in text.readings if (found := read_reference(reading))]
    spellings = {spelling for reading in text.readings for spelling in spellings_of(reading)}
    if not spellings:
        return []
    orders = Order.objects.filter(deleted_at__isnull=True).order_by()
    if actor.merchant_id is not None:
        orders = orders.filter(merchant_id=actor.merchant_id)
    # One arm a kind of code, so that each is read by its own index whatever the planner thinks of OR.
    arms = [
        orders.filter(external_reference__in=spellings),
        orders.filter(tracking__in=spellings).exclude(tracking=""),
    ]
    if parcels:
        arms.append(orders.filter(pk__in=[parcel.order_id for parcel in parcels]))
    if references:
        arms.append(orders.filter(reference__in=[reference for reference, _cycle in references]))
    first, *others = (arm.values_list(*_MATCHED) for arm in arms)
    cycles: dict[str | int, int | None] = {**dict(references), **dict(parcels)}
    matches: dict[int, Match] = {}
    for row in first.union(*others)[: MAX_CANDIDATES + 1]:
        match = Match(*row[:-2])
        if spellings.isdisjoint(row[-2:]):
            match = match._replace(cycle=cycles.get(match.id, cycles.get(match.reference)))
            if match.cycle is not None and match.cycle > match.present_cycle:
                continue  # no parcel of that trip was ever made
        matches[match.id] = match
    return [matches[order_id] for order_id in sorted(matches)]


def undo_scan(attempt_id: int, *, actor: Actor, at: dt.datetime | None = None) -> ScanAnswer:
    """Takes back the step of one's own scan, while it is the order's last and at most 15 minutes old.

    Refuses with NotThere when it is nobody's or somebody else's scan; else answers like a scan.
    """
    attempt = _own_attempt(attempt_id, actor.user_id)
    if attempt is None:
        raise NotThere(_("This scan is not here."))

    def work() -> ScanAnswer:
        order_id = attempt.order_id
        if order_id is None or attempt.event_id is None or attempt.outcome != ScanOutcome.DONE:
            message = _("This scan changed nothing, so there is nothing to undo.")
            return ScanAnswer(Code.WRONG_STATUS, message, attempt.scanned, message)
        # The lock keeps the last step the last one until it is taken back.
        order = Order.objects.select_for_update().only("reference", "status").get(pk=order_id)
        later = OrderEvent.objects.filter(
            Q(pk__gt=attempt.event_id) | Q(reverses_id=attempt.event_id),
            order_id=order_id,
            type=EventType.SHIPPING,
        )
        if later.exists():
            why = _("%(reference)s has moved on since this scan.") % {"reference": order.reference}
            next_step = _("Ask a manager to roll it back.")
            return ScanAnswer(
                Code.WRONG_STATUS,
                f"{why} {next_step}",
                order.reference,
                why,
                next_step,
                {"id": str(order.pk), "reference": order.reference, "status": order.status},
            )
        (result,) = move_orders(Action.UNDO, [order_id], actor=actor, at=at).results
        return ScanAnswer(
            result.code,
            result.message,
            result.reference or order.reference,
            result.message,
            order=order_json(result),
            event_id=result.event_id,
        )

    try:
        return write_transaction(work)
    except Locked:
        return locked_answer(Scanned(attempt.scanned))


# --- what a bench shows beside the answer ------------------------------------------


class RecentScan(NamedTuple):
    """One of the last scans of a bench; `can_undo` names the one that an undo would take back."""

    attempt: ScanAttempt
    is_undone: bool
    can_undo: bool


def read_recent_scans(
    user_id: int, mode: ScanMode, *, at: dt.datetime | None = None, limit: int = 12
) -> list[RecentScan]:
    """The person's last scans in this mode, newest first; one statement."""
    moment = at or timezone.now()
    attempts = list(
        ScanAttempt.objects.filter(user_id=user_id, mode=mode.value)
        .annotate(undone=Q(event__reversed_by__isnull=False))
        .select_related("order")
        .only("mode", "scanned", "outcome", "code", "answer", "event_id", "recorded_at", "order__reference")
        .order_by("-recorded_at", "-id")[:limit]
    )
    undoable = next(
        (
            attempt.pk
            for attempt in attempts
            if attempt.outcome == ScanOutcome.DONE
            and attempt.event_id is not None
            and not attempt.undone
            and moment - attempt.recorded_at <= UNDO_WINDOW
        ),
        None,
    )
    return [RecentScan(attempt, attempt.undone, attempt.pk == undoable) for attempt in attempts]


def count_scans(
    user_id: int, *, since: dt.datetime, modes: Sequence[ScanMode] = tuple(ScanMode)
) -> dict[ScanMode, Counter[ScanOutcome]]:
    """How many scans of the person came to what since then, by mode; undone ones left out."""
    counts: dict[ScanMode, Counter[ScanOutcome]] = {mode: Counter() for mode in modes}
    rows = (
        ScanAttempt.objects.filter(
            user_id=user_id, mode__in=[mode.value for mode in modes], recorded_at__gte=since
        )
        .exclude(event__reversed_by__isnull=False)
        .order_by()
        .values_list("mode", "outcome")
        .annotate(count=Count("id"))
    )
    for mode, outcome, count in rows:
        counts[ScanMode(mode)][ScanOutcome(outcome)] = count
    return counts


def read_answer(attempt_id: int, *, user_id: int) -> ScanAnswer | None:
    """What one of the person's own attempts was answered; None when it is not theirs."""
    attempt = _own_attempt(attempt_id, user_id)
    return None if attempt is None else _kept_answer(attempt)


def _own_attempt(attempt_id: int, user_id: int | None) -> ScanAttempt | None:
    if user_id is None:
        return None
    return ScanAttempt.objects.filter(pk=attempt_id, user_id=user_id).first()


# --- claiming and keeping ------------------------------------------------------------


def _claim(attempt: ScanAttempt) -> bool:
    """Writes the attempt ahead of its outcome; False when its nonce was used before.

    The unique constraint decides between rivals: the second one waits for the first
    one's transaction and then finds its row.
    """
    attempt.pk = None
    attempt.outcome = attempt.code = ""
    try:
        with transaction.atomic():
            attempt.save(force_insert=True)
    except IntegrityError:
        if attempt.nonce is None:
            raise
        return False
    return True


def _settle(attempt: ScanAttempt, answer: ScanAnswer) -> ScanAnswer:
    attempt.outcome = answer.outcome.value
    attempt.code = answer.code.value
    attempt.order_id = int(answer.order["id"]) if answer.order else None
    attempt.event_id = answer.event_id
    attempt.answer = {
        "message": answer.message,
        "what": answer.what,
        "why": answer.why,
        "next": answer.next_step,
        "order": answer.order,
        "candidates": list(answer.candidates),
    }
    attempt.save(force_update=True, update_fields=("outcome", "code", "order", "event", "answer"))
    return replace(answer, attempt_id=attempt.pk)


def _keep_unclaimed(attempt: ScanAttempt, answer: ScanAnswer) -> ScanAnswer:
    """Keeps an attempt that changed nothing without its nonce, so that sending it again tries again."""
    attempt.nonce = None

    def work() -> ScanAnswer:
        _claim(attempt)
        return _settle(attempt, answer)

    with suppress(Locked):
        return write_transaction(work)
    return answer


def _repeat(attempt: ScanAttempt) -> ScanAnswer:
    """The first answer to this nonce; refused when it was another scan's."""
    first = ScanAttempt.objects.get(user_id=attempt.user_id, nonce=attempt.nonce)
    if (first.mode, first.scanned) != (attempt.mode, attempt.scanned):
        raise InvalidInput({"nonce": [_("This number was used for another scan. Reload the page.")]})
    return replace(
        _kept_answer(first),
        code=Code.DUPLICATE_IGNORED,
        first={"outcome": first.outcome, "code": first.code},
    )


def _kept_answer(attempt: ScanAttempt) -> ScanAnswer:
    kept = attempt.answer
    return ScanAnswer(
        Code(attempt.code),
        kept.get("message", ""),
        kept.get("what", attempt.scanned),
        kept.get("why", ""),
        kept.get("next", ""),
        kept.get("order"),
        tuple(kept.get("candidates", ())),
        attempt.event_id,
        attempt.pk,
    )


def _printable(text: str) -> str:
    """The text as it can be stored and shown: control signs become their pictures."""
    signs = (chr(0x2400 + ord(sign)) if sign < " " else sign for sign in text[:_KEPT_TEXT])
    return "".join("\ufffd" if "\ud800" <= sign <= "\udfff" else sign for sign in signs)


# --- looking up and moving ---------------------------------------------------


def _answer(mode: ScanMode, text: Scanned, *, actor: Actor, at: dt.datetime, **said: Any) -> ScanAnswer:
    if text.unreadable is not None:
        return unreadable_answer(text)
    matches = resolve_code(text, actor)
    if not matches:
        return unknown_answer(text)
    if len(matches) > 1:
        return ambiguous_answer(text, matches)
    (match,) = matches
    if match.is_of_earlier_cycle:
        return _take_earlier_parcel(mode, match, actor=actor, at=at, **said)
    try:
        with transaction.atomic():
            result = _move(mode, match, actor=actor, at=at, **said)
    except _Elsewhere:
        return elsewhere_answer(match)
    if result.code == Code.UNKNOWN:  # deleted since it was looked up
        return unknown_answer(text)
    return moved_answer(mode, match, result, at=at)


class _Elsewhere(Exception):
    """The goods lack at this bench, and the order is another warehouse's: nothing is to change."""


def _move(mode: ScanMode, match: Match, *, actor: Actor, at: dt.datetime, **said: Any) -> Result:
    (result,) = move_orders(
        mode.action,
        [match.id],
        actor=actor,
        occurred_on=said["occurred_on"],
        warehouse_id=said["warehouse_id"],
        message=said["reason"],
        at=at,
    ).results
    # A parcel that came to the wrong bench is not out of stock: its own shelf was never asked.
    if (
        mode == ScanMode.PACK
        and result.code == Code.OUT_OF_STOCK
        and said["warehouse_id"] not in (None, match.warehouse_id)
    ):
        raise _Elsewhere
    return result


def _take_earlier_parcel(
    mode: ScanMode, match: Match, *, actor: Actor, at: dt.datetime, **said: Any
) -> ScanAnswer:
    """The parcel of a trip that ended with a renewal: its goods come back, the order is left alone."""
    if mode != ScanMode.RESTOCK:
        return earlier_cycle_answer(match)
    result = receive_earlier_cycle(
        match.id,
        match.cycle or 0,
        actor=actor,
        warehouse_id=said["warehouse_id"],
        occurred_on=said["occurred_on"],
        at=at,
    )
    # Not the order's last step, so no undo takes it back.
    return replace(moved_answer(mode, match, result, at=at), event_id=None)
