"""Moves orders: the one place that writes a status, with its stock, money and history.

What may follow what stands in transitions.py; this module reads rows, decides for each
order, and writes all of them with a number of statements that does not grow with them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Max
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from orders.domain import stock
from orders.domain.actors import Actor
from orders.domain.history import Happening, record_events
from orders.domain.locking import Conflict, write_transaction
from orders.domain.refusals import Code, InvalidInput, Refusal
from orders.domain.reports import Report, Result
from orders.domain.rowsets import Kind, column_value, rows_source
from orders.domain.transitions import (
    NEVER_UNDONE,
    TRANSITIONS,
    Action,
    PaymentEffect,
    StockEffect,
    Transition,
    allowed_actions,
    is_allowed,
    is_already_done,
    resumes,
    standing_status,
    target_of,
)
from orders.models import EventType, Order, OrderEvent, Payment, PaymentMethod, Status, Warehouse

MAX_IDS = 1000
MAX_MESSAGE = 1000
UNDO_WINDOW = dt.timedelta(minutes=15)

OnShortage = Literal["out_of_stock", "owe"]
Dispositions = Mapping[int, Mapping[int, stock.Disposition]]


class BatchRefused(Refusal):
    """An all-or-nothing call held an order that may not move; nothing changed."""

    def __init__(self, report: Report) -> None:
        first = next(result for result in report.results if result.code not in _FINE)
        super().__init__(first.message, code=first.code)
        self.report = report


_FINE = frozenset({Code.DONE, Code.ALREADY_DONE})


class Facts(NamedTuple):
    """What a step may read or change of an order's row."""

    id: int
    reference: str
    version: int
    status: str
    remembered_status: str
    cycle: int
    payment_status: str
    payment_method: str
    amount_due: Decimal
    amount_collected: Decimal
    packed_at: dt.datetime | None
    warehouse_id: int
    reserved_warehouse_id: int | None
    company_key: str
    company_name: str
    company_status: str
    tracking: str
    pushed_at: dt.datetime | None
    from_stock: bool
    timezone: str

    @property
    def standing(self) -> Status:
        return standing_status(self.status, self.remembered_status)


# The columns that a step may write, beside the version and the clocks.
_WRITABLE: dict[str, Kind] = {
    "status": "text",
    "remembered_status": "text",
    "cycle": "int",
    "payment_status": "text",
    "amount_collected": "numeric",
    "packed_at": "timestamp",
    "warehouse_id": "int",
    "reserved_warehouse_id": "int",
    "company_key": "text",
    "company_name": "text",
    "company_status": "text",
    "tracking": "text",
    "pushed_at": "timestamp",
    "from_stock": "bool",
}


class LastStep(NamedTuple):
    """The newest step that is not reversed and no reversal itself."""

    event_id: int
    action: str
    from_status: str
    remembered_status: str
    before: dict[str, Any]
    details: dict[str, Any]
    user_id: int | None
    recorded_at: dt.datetime

    @property
    def came_from(self) -> Status:
        return standing_status(self.from_status, self.remembered_status)


@dataclass(frozen=True)
class Call:
    """One call as it came: what to do, who asks, and what they said with it."""

    action: Action
    actor: Actor
    at: dt.datetime
    occurred_on: dt.date | None = None
    warehouse_id: int | None = None
    message: str = ""
    dispositions: Dispositions | None = None
    shortage: OnShortage = "out_of_stock"
    company_key: str = ""
    company_name: str = ""
    from_stock: bool = False
    payment_by_company: bool = False
    warehouses: Mapping[int, str] = field(default_factory=dict)

    @property
    def row(self) -> Transition:
        return TRANSITIONS[self.action]


@dataclass(slots=True)
class Step:
    """What is about to happen to one order."""

    facts: Facts
    action: Action
    after: dict[str, Any]
    stock: stock.StockPlan = field(default_factory=stock.StockPlan)
    reverses: LastStep | None = None
    reverses_id: int | None = None
    code: Code = Code.DONE
    text: str = ""
    details: dict[str, Any] = field(default_factory=dict)


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
    at: dt.datetime | None = None,
) -> Report:
    """Takes the orders through one action and answers for every id, once, in the order asked.

    `occurred_on` is the day it happened (default: the merchant's today). `warehouse_id`
    is where the goods are taken from (pack, ship) or put back to (restock).
    `dispositions` says per order and line what was seen at the return bench; without
    it all units are sound. With `shortage="owe"` units that lack are noted on their line
    and the order moves all the same. `at` is the moment recorded (default: now).

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
        at=at,
    )

    def work() -> Report:
        plan = _plan(call, ids, lock=True)
        if all_or_nothing:
            report = _report(plan, ids)
            if any(result.code not in _FINE for result in report.results):
                raise BatchRefused(report)
        _write(call, plan)
        return _report(plan, ids)

    return write_transaction(work)


def preview_move(action: Action | str, ids: Sequence[int], *, actor: Actor, **said: Any) -> Report:
    """What move_orders with the same arguments would answer at this moment; writes nothing."""
    said.pop("all_or_nothing", None)
    call = _checked_call(action, ids, actor=actor, previewing=True, **said)
    return _report(_plan(call, ids, lock=False), ids)


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
    if len(set(ids)) > MAX_IDS:
        errors["ids"] = [
            _("%(count)s orders are too many for one call; choose at most %(limit)s.")
            % {"count": len(set(ids)), "limit": MAX_IDS}
        ]
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
        decided = _decide(call, order, last_steps.get(order.id))
        if isinstance(decided, Result):
            answers[order.id] = decided
        else:
            steps.append(decided)
    _name_resumed_rollbacks(steps)
    stand = _plan_stock(call, steps, lock=lock)
    moving: list[Step] = []
    for step in steps:
        refused = _take_stock(call, step, stand)
        if refused is None:
            moving.append(step)
            answers[step.facts.id] = _answer_for(step)
        else:
            answers[step.facts.id] = refused
    return Plan(moving, answers, stand)


def _read_orders(call: Call, ids: Iterable[int], *, lock: bool) -> dict[int, Facts]:
    """The orders that exist for the actor, locked in id order."""
    orders = Order.objects.filter(pk__in=set(ids), deleted_at__isnull=True).order_by("pk")
    if call.actor.merchant_id is not None:
        orders = orders.filter(merchant_id=call.actor.merchant_id)
    if lock:
        orders = orders.select_for_update(of=("self",))
    rows = orders.values_list(*Facts._fields[:-1], "merchant__timezone")
    return {row[0]: Facts._make(row) for row in rows}


def _refuse_future(call: Call, facts: Iterable[Facts]) -> None:
    if call.occurred_on is None:
        return
    for zone in {order.timezone for order in facts}:
        if call.occurred_on > _day_in(zone, call.at):
            raise InvalidInput({"date": [_future_words(call.occurred_on)]})


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


def _decide(call: Call, order: Facts, last: LastStep | None) -> Step | Result:
    action = call.action
    if order.status != Status.ROLLBACK and is_already_done(
        action, status=order.status, is_packed=order.packed_at is not None
    ):
        return _refuse(order, Code.ALREADY_DONE, _already_words(order))
    if not is_allowed(action, status=order.status, remembered_status=order.remembered_status):
        return _refuse_status(call, order)
    if action in (Action.ROLLBACK, Action.UNDO, Action.UNPUSH):
        return _decide_reversal(call, order, last)
    if (
        call.warehouse_id is not None
        and action in (Action.PACK, Action.SHIP)
        and order.reserved_warehouse_id not in (None, call.warehouse_id)
    ):
        right = call.warehouses.get(order.reserved_warehouse_id or 0, "")
        return _refuse(
            order,
            Code.OTHER_WAREHOUSE,
            _("%(reference)s was packed in %(warehouse)s. Choose that warehouse to go on.")
            % {"reference": order.reference, "warehouse": right},
        )
    after: dict[str, Any] = {"remembered_status": ""}
    target = target_of(action, status=order.status, remembered_status=order.remembered_status)
    after["status"] = target.value if target is not None else order.status
    if not resumes(action, status=order.status, remembered_status=order.remembered_status):
        after |= _payment_after(call, order) | _cycle_after(call, order)
    return Step(order, action, after)


def _cycle_after(call: Call, order: Facts) -> dict[str, Any]:
    """How the step changes the facts of the present cycle."""
    match call.action:
        case Action.PACK:
            after: dict[str, Any] = {"packed_at": call.at}
            if call.warehouse_id is not None and order.reserved_warehouse_id is None:
                after["warehouse_id"] = call.warehouse_id
            return after
        case Action.SHIP:
            if call.warehouse_id is not None and order.reserved_warehouse_id is None:
                return {"warehouse_id": call.warehouse_id}
            return {}
        case Action.PUSH:
            return {
                "company_key": call.company_key,
                "company_name": call.company_name,
                "pushed_at": call.at,
                "from_stock": call.from_stock,
            }
        case Action.RENEW:
            return {
                "cycle": order.cycle + 1,
                "packed_at": None,
                "company_key": "",
                "company_name": "",
                "company_status": "",
                "tracking": "",
                "pushed_at": None,
                "from_stock": False,
            }
        case _:
            return {}


_HELD = frozenset({Payment.COLLECTED.value, Payment.REMITTED.value})


def _payment_after(call: Call, order: Facts) -> dict[str, Any]:
    """How the step changes the money, in the order's currency."""
    match call.row.payment:
        case PaymentEffect.COLLECT:
            if order.payment_method != PaymentMethod.COD or call.payment_by_company:
                return {}
            return {"payment_status": Payment.COLLECTED.value, "amount_collected": order.amount_due}
        case PaymentEffect.GIVE_BACK:
            if order.payment_status in _HELD:
                return {"payment_status": Payment.REFUNDED.value, "amount_collected": Decimal(0)}
            if order.payment_status == Payment.REFUNDED:
                return {}
            return {"payment_status": Payment.CANCELED.value}
        case PaymentEffect.AWAIT:
            return {"payment_status": Payment.AWAITING.value, "amount_collected": Decimal(0)}
        case _:
            return {}


def _decide_reversal(call: Call, order: Facts, last: LastStep | None) -> Step | Result:
    if last is None:
        return _refuse(
            order,
            Code.WRONG_STATUS,
            _("%(reference)s has no step that could be taken back.") % {"reference": order.reference},
        )
    restored = {name: _restored(name, value) for name, value in last.before.items()}
    came_from = last.came_from
    if call.action == Action.UNPUSH:
        # A parcel packed while it waited stays packed: its units are held on the shelf.
        was_packed = order.packed_at is not None
        after = {**restored, "status": (Status.PACKED if was_packed else came_from).value}
        after |= {"remembered_status": "", "company_status": "", "tracking": ""}
        return _reversing(order, call.action, after, last)
    if call.action == Action.ROLLBACK:
        if came_from == Status.WAITING and not order.pushed_at:
            came_from = Status.NEW
        after = {**restored, "status": Status.ROLLBACK.value, "remembered_status": came_from.value}
        return _reversing(order, call.action, after, last)
    refused = _why_no_undo(call, order, last)
    if refused is not None:
        return refused
    after = {"remembered_status": "", **restored, "status": last.from_status}
    return _reversing(order, call.action, after, last)


def _reversing(order: Facts, action: Action, after: dict[str, Any], last: LastStep) -> Step:
    return Step(order, action, after, reverses=last, reverses_id=last.event_id)


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


def _why_no_undo(call: Call, order: Facts, last: LastStep) -> Result | None:
    names = {"reference": order.reference}
    if Action(last.action) in NEVER_UNDONE:
        return _refuse(
            order,
            Code.NOT_ALLOWED,
            _("The last step of %(reference)s cannot be undone. Ask a manager to correct it.") % names,
        )
    if last.user_id is None or last.user_id != call.actor.user_id:
        return _refuse(
            order,
            Code.NOT_ALLOWED,
            _("The last step of %(reference)s was somebody else's. Ask a manager to roll it back.") % names,
        )
    if not call.actor.may(TRANSITIONS[Action(last.action)].permission):
        return _refuse(
            order, Code.NOT_ALLOWED, _("You may no longer take this step of %(reference)s back.") % names
        )
    if call.at - last.recorded_at > UNDO_WINDOW:
        return _refuse(
            order,
            Code.NOT_ALLOWED,
            _("The last step of %(reference)s is more than 15 minutes old. Ask a manager to roll it back.")
            % names,
        )
    if order.tracking and last.action == Action.PUSH:
        return _refuse(
            order,
            Code.NOT_ALLOWED,
            _("%(reference)s is known to the company already. Cancel it instead.") % names,
        )
    return None


def _restored(name: str, value: Any) -> Any:
    """A fact as the row holds it, from how history kept it."""
    if value is None:
        return None
    match _WRITABLE[name]:
        case "numeric":
            return Decimal(value)
        case "timestamp":
            return dt.datetime.fromisoformat(value)
        case _:
            return value


def _kept(value: Any) -> Any:
    """A fact as history keeps it; the pair of _restored."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return value


# --- stock --------------------------------------------------------------------------


def _plan_stock(call: Call, steps: Sequence[Step], *, lock: bool) -> stock.Stand:
    """Fills in what each step would do to the shelves, and reads how those stand."""
    effect = call.row.stock
    touching = [step for step in steps if _touches_stock(effect, step)]
    if not touching:
        return stock.Stand({})
    lines = stock.read_lines({step.facts.id: step.facts.cycle for step in touching})
    if effect == StockEffect.REVERSE:
        moved = stock.read_moved(step.reverses.event_id for step in touching if step.reverses)
        for step in touching:
            _plan_reversal(step, lines.get(step.facts.id, []), moved)
    elif effect == StockEffect.RESTOCK:
        _plan_restock(call, touching, lines)
    else:
        for step in touching:
            _plan_simple(effect, step, lines.get(step.facts.id, []))
    shelves = {shelf for step in touching for shelf in step.stock.shelves()}
    return stock.read_stand(shelves, lock=lock)


def _touches_stock(effect: StockEffect, step: Step) -> bool:
    order = step.facts
    if order.from_stock or effect == StockEffect.NOTHING:
        return False
    if effect == StockEffect.REVERSE:
        return step.reverses is not None
    if resumes(step.action, status=order.status, remembered_status=order.remembered_status):
        return False
    if effect == StockEffect.RELEASE:
        return order.reserved_warehouse_id is not None
    if effect == StockEffect.RESERVE:
        return order.reserved_warehouse_id is None
    return True


def _plan_simple(effect: StockEffect, step: Step, lines: Sequence[stock.TrackedLine]) -> None:
    order = step.facts
    held = order.reserved_warehouse_id
    source = held or step.after.get("warehouse_id") or order.warehouse_id
    match effect:
        case StockEffect.RESERVE:
            step.stock.reserve(source, lines)
            step.after["reserved_warehouse_id"] = source
        case StockEffect.CONSUME:
            step.stock.consume(source, lines, is_reserved=held is not None)
            step.after["reserved_warehouse_id"] = None
        case StockEffect.RELEASE if held is not None:
            step.stock.release(held, lines)
            step.after["reserved_warehouse_id"] = None
        case _:
            pass


def _plan_restock(
    call: Call, steps: Sequence[Step], lines: Mapping[int, Sequence[stock.TrackedLine]]
) -> None:
    out = stock.read_units_out(line.id for found in lines.values() for line in found)
    errors: dict[str, list[str]] = {}
    for step in steps:
        seen = (call.dispositions or {}).get(step.facts.id)
        target = call.warehouse_id or step.facts.warehouse_id
        counted = lines.get(step.facts.id, [])
        for line_id in set(seen or ()) - {line.id for line in counted}:
            errors[f"lines.{line_id}"] = [
                _("%(reference)s has no such line.") % {"reference": step.facts.reference}
            ]
        for line in counted:
            units = max(out.get(line.id, 0), 0)
            said = seen.get(line.id) if seen is not None else None
            disposition = said if said is not None else stock.Disposition(sound=units)
            if disposition.units != units:
                errors[f"lines.{line.id}"] = [
                    _("%(out)s units of %(sku)s went out with %(reference)s; you named %(named)s.")
                    % {
                        "out": units,
                        "sku": line.sku,
                        "reference": step.facts.reference,
                        "named": disposition.units,
                    }
                ]
                continue
            step.stock.put_back(target, line, disposition)
    if errors:
        raise InvalidInput(errors)


def _plan_reversal(
    step: Step,
    lines: Sequence[stock.TrackedLine],
    moved: Mapping[int, list[tuple[stock.Shelf, int, int, str]]],
) -> None:
    assert step.reverses is not None  # noqa: S101 - only reversals come here
    step.stock.take_back(moved.get(step.reverses.event_id, []))
    held = step.facts.reserved_warehouse_id
    to_hold = step.after.get("reserved_warehouse_id", held)
    if to_hold != held:
        if held is not None:
            step.stock.release(held, lines)
        if to_hold is not None:
            step.stock.reserve(to_hold, lines)
    for line_id in step.reverses.details.get("owed", {}):
        step.stock.owed[int(line_id)] = 0


def _take_stock(call: Call, step: Step, stand: stock.Stand) -> Result | None:
    """Serves the step from the shelves, or turns it into what a shortage means for it."""
    lacking = stand.shortages(step.stock)
    if lacking and call.shortage == "owe" and call.row.stock == StockEffect.CONSUME:
        step.stock.owe_missing(stand)
        step.details["owed"] = {str(line_id): units for line_id, units in step.stock.owed.items()}
        lacking = []
    if not lacking:
        stand.serve(step.stock)
        return None
    words = _shortage_words(lacking)
    if call.row.stock not in (StockEffect.RESERVE, StockEffect.CONSUME):
        return _refuse(
            step.facts,
            Code.INSUFFICIENT_STOCK,
            _("%(reference)s cannot be taken back, the units are needed elsewhere: %(short)s.")
            % {"reference": step.facts.reference, "short": words},
        )
    step.action = Action.MARK_OUT_OF_STOCK
    step.stock = stock.StockPlan()
    step.after = {"status": Status.OUT_OF_STOCK.value, "remembered_status": ""}
    step.code = Code.OUT_OF_STOCK
    step.text = _("Short of stock: %(short)s.") % {"short": words}
    step.details = {"attempted": call.action.value, "short": [shortage._asdict() for shortage in lacking]}
    return None


def _shortage_words(lacking: Iterable[stock.Shortage]) -> str:
    return "; ".join(
        _("%(sku)s needs %(needed)s, %(available)s available")
        % {"sku": s.sku, "needed": s.needed, "available": s.available}
        for s in lacking
    )


# --- answers --------------------------------------------------------------------------


def _refuse(order: Facts, code: Code, message: str) -> Result:
    return Result(
        id=order.id,
        reference=order.reference,
        code=code,
        message=message,
        status=order.status,
        allowed=tuple(
            allowed_actions(
                status=order.status,
                remembered_status=order.remembered_status,
                is_packed=order.packed_at is not None,
            )
        ),
    )


def _refuse_status(call: Call, order: Facts) -> Result:
    if order.status == Status.CANCELED:
        return _refuse(
            order,
            Code.CANCELED,
            _("%(reference)s is canceled. Put it aside; renew it if the customer wants it after all.")
            % {"reference": order.reference},
        )
    allowed = allowed_actions(
        status=order.status,
        remembered_status=order.remembered_status,
        is_packed=order.packed_at is not None,
    )
    return _refuse(
        order,
        Code.WRONG_STATUS,
        _("%(reference)s is %(status)s; “%(action)s” does not start from there. Possible now: %(allowed)s.")
        % {
            "reference": order.reference,
            "status": Status(order.status).label,
            "action": call.row.label,
            "allowed": ", ".join(str(TRANSITIONS[action].label) for action in allowed) or _("nothing"),
        },
    )


def _already_words(order: Facts) -> str:
    return _("%(reference)s is %(status)s already.") % {
        "reference": order.reference,
        "status": Status(order.status).label,
    }


def _answer_for(step: Step) -> Result:
    order, status = step.facts, step.after["status"]
    if step.code == Code.OUT_OF_STOCK:
        message = _("%(reference)s is out of stock now. %(short)s") % {
            "reference": order.reference,
            "short": step.text,
        }
    else:
        message = _("%(reference)s is %(status)s now.") % {
            "reference": order.reference,
            "status": Status(status).label,
        }
    return Result(
        id=order.id,
        reference=order.reference,
        code=step.code,
        message=message,
        status=status,
        facts=step.details,
    )


def _report(plan: Plan, ids: Sequence[int]) -> Report:
    unknown = _("There is no such order.")
    return Report.of(
        plan.answers.get(order_id) or Result(id=order_id, code=Code.UNKNOWN, message=unknown)
        for order_id in dict.fromkeys(ids)
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
    changed = [name for name in _WRITABLE if any(name in step.after for step in steps)]
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
                before[name] = _kept(old)
        befores.append(before)
        rows.append((facts.id, facts.version, facts.status, *values))
    columns: dict[str, Kind] = {"id": "int", "old_version": "int", "old_status": "text"}
    columns |= {f"new_{name}": _WRITABLE[name] for name in changed}
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
    return Happening(
        order_id=facts.id,
        cycle=step.after.get("cycle", facts.cycle),
        type=EventType.SHIPPING,
        action=step.action.value,
        occurred_on=call.occurred_on or _day_in(facts.timezone, call.at),
        from_status=facts.status,
        to_status=to_status,
        remembered_status=remembered if Status.ROLLBACK in (facts.status, to_status) else "",
        reverses_id=step.reverses_id,
        before=before,
        message=" ".join(part for part in (step.text, call.message) if part)[:MAX_MESSAGE],
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
