"""What one step would do to one order: the rules of a move, with nothing read or written.

Stock is served in orders/domain/life/serving.py; rows are read and written in orders/domain/life/moving.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.goods import stock
from orders.domain.life import wording
from orders.domain.life.transitions import (
    NEVER_UNDONE,
    TRANSITIONS,
    Action,
    PaymentEffect,
    Transition,
    is_allowed,
    is_already_done,
    resumes,
    standing_status,
    target_of,
)
from orders.domain.refusals import Code
from orders.domain.reports import Result
from orders.domain.rows.rowsets import Kind
from orders.models import Payment, PaymentMethod, Status

UNDO_WINDOW = dt.timedelta(minutes=15)

OnShortage = Literal["out_of_stock", "owe"]
Dispositions = Mapping[int, Mapping[int, stock.Disposition]]


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
    def is_packed(self) -> bool:
        return self.packed_at is not None


# The columns that a step may write, beside the version and the clocks.
WRITABLE: dict[str, Kind] = {
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
    words: wording.Words = field(default_factory=wording.Words)
    # What was said of single orders, where a call says it of each: instead of day and message above.
    days: Mapping[int, dt.date] = field(default_factory=dict)
    messages: Mapping[int, str] = field(default_factory=dict)

    @property
    def row(self) -> Transition:
        return TRANSITIONS[self.action]

    def day_of(self, order: Facts) -> dt.date | None:
        """The day said of the order, if one was."""
        return self.days.get(order.id) or self.occurred_on


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


def decide(call: Call, order: Facts, last: LastStep | None) -> Step | Result:
    action = call.action
    if order.status != Status.ROLLBACK and is_already_done(
        action, status=order.status, is_packed=order.is_packed
    ):
        return wording.refuse(order, Code.ALREADY_DONE, call.words.already(order))
    if not is_allowed(action, status=order.status, remembered_status=order.remembered_status):
        return wording.refuse_status(order, call.action)
    if action in (Action.ROLLBACK, Action.UNDO, Action.UNPUSH):
        return _decide_reversal(call, order, last)
    if (
        call.warehouse_id is not None
        and action in (Action.PACK, Action.SHIP)
        and order.reserved_warehouse_id not in (None, call.warehouse_id)
    ):
        right = call.warehouses.get(order.reserved_warehouse_id or 0, "")
        return wording.refuse(
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
        return wording.refuse(
            order,
            Code.WRONG_STATUS,
            _("%(reference)s has no step that could be taken back.") % {"reference": order.reference},
        )
    restored = {name: from_history(name, value) for name, value in last.before.items()}
    came_from = last.came_from
    if call.action == Action.UNPUSH:
        # A parcel packed while it waited stays packed: its units are held on the shelf.
        after = {**restored, "status": (Status.PACKED if order.is_packed else came_from).value}
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


def _why_no_undo(call: Call, order: Facts, last: LastStep) -> Result | None:
    names = {"reference": order.reference}
    if Action(last.action) in NEVER_UNDONE:
        return wording.refuse(
            order,
            Code.NOT_ALLOWED,
            _("The last step of %(reference)s cannot be undone. Ask a manager to correct it.") % names,
        )
    if last.user_id is None or last.user_id != call.actor.user_id:
        return wording.refuse(
            order,
            Code.NOT_ALLOWED,
            _("The last step of %(reference)s was somebody else's. Ask a manager to roll it back.") % names,
        )
    if not call.actor.may(TRANSITIONS[Action(last.action)].permission):
        return wording.refuse(
            order, Code.NOT_ALLOWED, _("You may no longer take this step of %(reference)s back.") % names
        )
    if call.at - last.recorded_at > UNDO_WINDOW:
        return wording.refuse(
            order,
            Code.NOT_ALLOWED,
            _("The last step of %(reference)s is more than 15 minutes old. Ask a manager to roll it back.")
            % names,
        )
    if order.tracking and last.action == Action.PUSH:
        return wording.refuse(
            order,
            Code.NOT_ALLOWED,
            _("%(reference)s is known to the company already. Cancel it instead.") % names,
        )
    return None


def from_history(name: str, value: Any) -> Any:
    """A fact as the row holds it, from how history kept it."""
    if value is None:
        return None
    match WRITABLE[name]:
        case "numeric":
            return Decimal(value)
        case "timestamp":
            return dt.datetime.fromisoformat(value)
        case _:
            return value


def for_history(value: Any) -> Any:
    """A fact as history keeps it; the pair of from_history."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return value
