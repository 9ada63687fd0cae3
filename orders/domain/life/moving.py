"""Moves orders: the one place that writes a status, with its stock, money and history.

What may follow what stands in transitions.py, what a step does in deciding.py and
serving.py; this module reads the rows and writes them all, with a number of statements
that does not grow with them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Max
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.goods import stock
from orders.domain.life.batches import report_for, words_if_too_many
from orders.domain.life.deciding import (
    WRITABLE,
    Call,
    Dispositions,
    Facts,
    LastStep,
    OnShortage,
    Step,
    decide,
    for_history,
)
from orders.domain.life.history import Happening, record_events
from orders.domain.life.serving import plan_stock, take_stock
from orders.domain.life.transitions import TRANSITIONS, Action, resumes
from orders.domain.refusals import Code, InvalidInput, Refusal
from orders.domain.reports import Report, Result
from orders.domain.rows.locking import Conflict, write_transaction
from orders.domain.rows.rowsets import Kind, any_of, column_value, rows_source
from orders.models import EventType, Order, OrderEvent, Status, Warehouse

MAX_MESSAGE = 1000

_FINE = frozenset({Code.DONE, Code.ALREADY_DONE})


class BatchRefused(Refusal):
    """An all-or-nothing call held an order that may not move; nothing changed."""

    def __init__(self, report: Report) -> None:
        first = next(result for result in report.results if result.code not in _FINE)
        super().__init__(first.message, code=first.code)
        self.report = report


@dataclass
class Plan:
    """What a call would do: the steps to write, and the answer for every id asked for."""

    steps: list[Step]
    answers: dict[int, Result]
    stand: stock.Stand


def move_orders(
    action: Action | str,
    ids: Sequence[int],
    *,
    actor: Actor,
    occurred_on: dt.date | None = None,
    warehouse_id: int | None = None,
    message: str = "",
    all_or_nothing: bool = False,
    dispositions: Dispositions | None = None,
    shortage: OnShortage = "out_of_stock",
    company_key: str = "",
    company_name: str = "",
    from_stock: bool = False,
    payment_by_company: bool = False,
    days: Mapping[int, dt.date] | None = None,
    messages: Mapping[int, str] | None = None,
    at: dt.datetime | None = None,
) -> Report:
    """Takes the orders through one action and answers for every id, once, in the order asked.

    `occurred_on` is the day it happened (default: the merchant's today). `warehouse_id`
    is where the goods are taken from (pack, ship) or put back to (restock).
    `dispositions` says per order and line what was seen at the return bench; without
    it all units are sound. With `shortage="owe"` units that lack are noted on their line
    and the order moves all the same. `days` and `messages` say the day and the reason of single
    orders, by id, instead of `occurred_on` and `message`. `at` is the moment recorded (default: now).

    Refuses the whole call with `invalid` (InvalidInput) when it is wrong in itself: a day
    in the future, a missing reason, an unknown warehouse, more than 1,000 ids. With
    `all_or_nothing`, raises BatchRefused when any order may not move. Orders that
    may not move are answered with a code of refusals.Code and left as they are,
    except for a shortage: that order goes to OUT_OF_STOCK.
    """
    call = _checked_call(
        action,
        ids,
        actor=actor,
        occurred_on=occurred_on,
        warehouse_id=warehouse_id,
        message=message,
        dispositions=dispositions,
        shortage=shortage,
        company_key=company_key,
        company_name=company_name,
        from_stock=from_stock,
        payment_by_company=payment_by_company,
        days=days or {},
        messages=messages or {},
        at=at,
    )

    def work() -> Report:
        plan = _plan(call, ids, lock=True)
        if all_or_nothing:
            report = report_for(ids, plan.answers)
            if any(result.code not in _FINE for result in report.results):
                raise BatchRefused(report)
        _write(call, plan)
        return report_for(ids, plan.answers)

    return write_transaction(work)


def preview_move(action: Action | str, ids: Sequence[int], *, actor: Actor, **said: Any) -> Report:
    """What move_orders with the same arguments would answer at this moment; writes nothing."""
    said.pop("all_or_nothing", None)
    call = _checked_call(action, ids, actor=actor, previewing=True, **said)
    return report_for(ids, _plan(call, ids, lock=False).answers)


# --- the call ---------------------------------------------------------------------


def _checked_call(
    action: Action | str,
    ids: Sequence[int],
    *,
    actor: Actor,
    message: str = "",
    occurred_on: dt.date | None = None,
    warehouse_id: int | None = None,
    at: dt.datetime | None = None,
    previewing: bool = False,
    **said: Any,
) -> Call:
    action = Action(action)
    moment = at or timezone.now()
    row = TRANSITIONS[action]
    errors: dict[str, list[str]] = {}
    if words := words_if_too_many(ids):
        errors["ids"] = words
    message = message.strip()
    if row.needs_message and not message and not previewing:
        errors["description"] = [_("Say why; the reason stands in the order's history.")]
    if len(message) > MAX_MESSAGE:
        errors["description"] = [
            _("The reason is too long; use at most %(limit)s characters.") % {"limit": MAX_MESSAGE}
        ]
    warehouses: dict[int, str] = {}
    if warehouse_id is not None:
        warehouses = dict(Warehouse.objects.filter(is_active=True).values_list("id", "name"))
        if warehouse_id not in warehouses:
            errors["warehouseId"] = [_("There is no such warehouse; choose one from the list.")]
    # The latest day that any place on earth has reached; each merchant's own day is checked with its orders.
    if occurred_on is not None and occurred_on > (moment + dt.timedelta(hours=14)).date():
        errors["date"] = [_future_words(occurred_on)]
    if errors:
        raise InvalidInput(errors)
    return Call(
        action=action,
        actor=actor,
        at=moment,
        occurred_on=occurred_on,
        warehouse_id=warehouse_id,
        message=message,
        warehouses=warehouses,
        **said,
    )


def _future_words(day: dt.date) -> str:
    return _("%(day)s is in the future; choose today or an earlier day.") % {"day": date_format(day)}


# --- reading and deciding -----------------------------------------------------------


def _plan(call: Call, ids: Iterable[int], *, lock: bool) -> Plan:
    facts = _read_orders(call, ids, lock=lock)
    _refuse_future(call, facts.values())
    answers: dict[int, Result] = {}
    steps: list[Step] = []
    last_steps = _read_last_steps(call, facts)
    for order in facts.values():  # in id order: who came first is served first
        decided = decide(call, order, last_steps.get(order.id))
        if isinstance(decided, Result):
            answers[order.id] = decided
        else:
            steps.append(decided)
    _name_resumed_rollbacks(steps)
    stand = plan_stock(call, steps, lock=lock)
    moving: list[Step] = []
    for step in steps:
        refused = take_stock(call, step, stand)
        if refused is None:
            moving.append(step)
            answers[step.facts.id] = _answer_for(call, step)
        else:
            answers[step.facts.id] = refused
    return Plan(moving, answers, stand)


def _read_orders(call: Call, ids: Iterable[int], *, lock: bool) -> dict[int, Facts]:
    """The orders that exist for the actor, locked in id order."""
    orders = Order.objects.filter(pk__in=any_of(ids), deleted_at__isnull=True).order_by("pk")
    if call.actor.merchant_id is not None:
        orders = orders.filter(merchant_id=call.actor.merchant_id)
    if lock:
        orders = orders.select_for_update(of=("self",))
    rows = orders.values_list(*Facts._fields[:-1], "merchant__timezone")
    return {row[0]: Facts._make(row) for row in rows}


def _refuse_future(call: Call, facts: Iterable[Facts]) -> None:
    for zone, day in {(order.timezone, call.day_of(order)) for order in facts}:
        if day is not None and day > _day_in(zone, call.at):
            raise InvalidInput({"date": [_future_words(day)]})


def _day_in(zone: str, at: dt.datetime) -> dt.date:
    return at.astimezone(ZoneInfo(zone)).date()


def _read_last_steps(call: Call, facts: Mapping[int, Facts]) -> dict[int, LastStep]:
    """The last step of each order where the action needs it; one statement."""
    if call.action not in (Action.ROLLBACK, Action.UNDO, Action.UNPUSH) or not facts:
        return {}
    steps = OrderEvent.objects.filter(
        order_id__in=facts,
        type=EventType.SHIPPING,
        reverses__isnull=True,
        reversed_by__isnull=True,
    ).exclude(action="create")
    if call.action == Action.UNPUSH:
        steps = steps.filter(action=Action.PUSH.value)
    newest = steps.order_by().values("order_id").annotate(newest=Max("id")).values("newest")
    rows = OrderEvent.objects.filter(id__in=newest).values_list(
        "order_id",
        "cycle",
        "id",
        "action",
        "from_status",
        "remembered_status",
        "before",
        "details",
        "user_id",
        "recorded_at",
    )
    return {row[0]: LastStep._make(row[2:]) for row in rows if row[1] == facts[row[0]].cycle}


def _name_resumed_rollbacks(steps: Iterable[Step]) -> None:
    """A step that resumes takes its rollback back: neither is the order's last step then."""
    resuming = {
        step.facts.id: step
        for step in steps
        if resumes(step.action, status=step.facts.status, remembered_status=step.facts.remembered_status)
    }
    if not resuming:
        return
    newest = (
        OrderEvent.objects.filter(order_id__in=resuming, action=Action.ROLLBACK.value)
        .order_by()
        .values_list("order_id")
        .annotate(newest=Max("id"))
    )
    for order_id, event_id in newest:
        resuming[order_id].reverses_id = event_id


def _answer_for(call: Call, step: Step) -> Result:
    order, status = step.facts, step.after["status"]
    if step.code == Code.OUT_OF_STOCK:
        message = _("%(reference)s goes to “Out of stock”. %(short)s") % {
            "reference": order.reference,
            "short": step.text,
        }
    else:
        message = call.words.done(order, status)
    return Result(
        id=order.id,
        reference=order.reference,
        code=step.code,
        message=message,
        status=status,
        facts=step.details,
    )


# --- writing --------------------------------------------------------------------------


def _write(call: Call, plan: Plan) -> None:
    if not plan.steps:
        return
    befores = _write_orders(call, plan.steps)
    event_ids = record_events(
        [_happening(call, step, before) for step, before in zip(plan.steps, befores, strict=True)],
        actor=call.actor,
        at=call.at,
    )
    stock.write_levels([step.stock for step in plan.steps], plan.stand)
    stock.write_movements(
        [(event_ids[step.facts.id], movement) for step in plan.steps for movement in step.stock.movements],
        actor=call.actor,
        at=call.at,
    )
    stock.write_owed({line: units for step in plan.steps for line, units in step.stock.owed.items()})
    if call.action == Action.RENEW:
        _copy_lines_to_next_cycle([step for step in plan.steps if "cycle" in step.after])
    for step in plan.steps:
        order_id = step.facts.id
        plan.answers[order_id] = replace(plan.answers[order_id], event_id=event_ids[order_id])


def _write_orders(call: Call, steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Claims and changes every row at once; answers each one's changed facts as they were.

    The condition on version and status is what two rivals on the same order cannot
    both meet, on SQLite as well, which has no row locks.
    """
    changed = [name for name in WRITABLE if any(name in step.after for step in steps)]
    befores: list[dict[str, Any]] = []
    rows = []
    for step in steps:
        facts = step.facts
        before: dict[str, Any] = {}
        values = []
        for name in changed:
            old = getattr(facts, name)
            new = step.after.get(name, old)
            values.append(new)
            if new != old and name != "status":
                before[name] = for_history(old)
        befores.append(before)
        rows.append((facts.id, facts.version, facts.status, *values))
    columns: dict[str, Kind] = {"id": "int", "old_version": "int", "old_status": "text"}
    columns |= {f"new_{name}": WRITABLE[name] for name in changed}
    source, params = rows_source("r", columns, rows)
    assignments = ", ".join(f"{name} = r.new_{name}" for name in changed)
    now = column_value(call.at)
    cast = "::timestamptz" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE orders_order SET {assignments}, version = orders_order.version + 1,"  # noqa: S608
            f" updated_at = %s{cast}, status_changed_at = %s{cast} FROM {source}"
            " WHERE orders_order.id = r.id AND orders_order.version = r.old_version"
            " AND orders_order.status = r.old_status AND orders_order.deleted_at IS NULL",
            [now, now, *params],
        )
        if cursor.rowcount != len(steps):
            raise Conflict
    return befores


def _happening(call: Call, step: Step, before: dict[str, Any]) -> Happening:
    facts = step.facts
    to_status = step.after["status"]
    remembered = step.after.get("remembered_status", "") or facts.remembered_status
    said = call.messages.get(facts.id, call.message)
    return Happening(
        order_id=facts.id,
        cycle=step.after.get("cycle", facts.cycle),
        type=EventType.SHIPPING,
        action=step.action.value,
        occurred_on=call.day_of(facts) or _day_in(facts.timezone, call.at),
        from_status=facts.status,
        to_status=to_status,
        remembered_status=remembered if Status.ROLLBACK in (facts.status, to_status) else "",
        reverses_id=step.reverses_id,
        before=before,
        message=" ".join(part for part in (step.text, said) if part)[:MAX_MESSAGE],
        details=step.details,
    )


def _copy_lines_to_next_cycle(steps: Sequence[Step]) -> None:
    """The renewed orders' lines, copied to the cycle that begins; the old ones keep theirs."""
    if not steps:
        return
    source, params = rows_source(
        "r",
        {"id": "int", "old_cycle": "int", "new_cycle": "int"},
        [(step.facts.id, step.facts.cycle, step.after["cycle"]) for step in steps],
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders_orderline"  # noqa: S608
            " (order_id, cycle, position, product_id, sku, name, quantity, unit_price, total, owed)"
            " SELECT l.order_id, r.new_cycle, l.position, l.product_id, l.sku, l.name, l.quantity,"
            f" l.unit_price, l.total, 0 FROM {source} JOIN orders_orderline l"
            " ON l.order_id = r.id AND l.cycle = r.old_cycle",
            params,
        )
