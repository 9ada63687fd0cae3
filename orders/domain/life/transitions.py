"""The order's life as one table: which action leads from where to where, and who may do it.

Guards, buttons, bulk bar, scanner, programs' doors and docs read this table; how rows
are moved by it stands in orders/domain/life/moving.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from orders.models import Status

S = Status


class Action(StrEnum):
    PICK = "pick"
    PREPARE = "prepare"
    PACK = "pack"
    PUSH = "push"
    UNPUSH = "unpush"
    SHIP = "ship"
    DELIVER = "deliver"
    RETURN = "return"
    RECEIVE_RETURN = "receive_return"
    RESTOCK = "restock"
    MARK_OUT_OF_STOCK = "mark_out_of_stock"
    CANCEL = "cancel"
    RENEW = "renew"
    ROLLBACK = "rollback"
    UNDO = "undo"


class StockEffect(StrEnum):
    NOTHING = "nothing"
    RESERVE = "reserve"
    CONSUME = "consume"
    RELEASE = "release"
    RESTOCK = "restock"
    REVERSE = "reverse"


class PaymentEffect(StrEnum):
    NOTHING = "nothing"
    COLLECT = "collect"  # what the courier collects is collected
    GIVE_BACK = "give_back"  # canceled, or refunded after collection
    AWAIT = "await"
    REVERSE = "reverse"


@dataclass(frozen=True)
class Transition:
    """One row of the table. `target` None: the status is remembered, not named."""

    action: Action
    label: str | Promise
    sources: frozenset[Status]
    target: Status | None
    permission: str
    stock: StockEffect = StockEffect.NOTHING
    payment: PaymentEffect = PaymentEffect.NOTHING
    # Statuses in which the order counts as being where the action leads already.
    done_in: frozenset[Status] = frozenset()
    needs_message: bool = False
    is_offered: bool = True  # False: not a person's button


def _row(
    action: Action,
    label: str | Promise,
    sources: tuple[Status, ...],
    target: Status | None,
    permission: str,
    *,
    stock: StockEffect = StockEffect.NOTHING,
    payment: PaymentEffect = PaymentEffect.NOTHING,
    also_done_in: tuple[Status, ...] = (),
    needs_message: bool = False,
    is_offered: bool = True,
) -> Transition:
    # A second rollback is refused, not "already done": it would name another step.
    own = () if target in (None, S.ROLLBACK) else (target,)
    done_in = frozenset((*own, *also_done_in))
    return Transition(
        action,
        label,
        frozenset(sources),
        target,
        permission,
        stock,
        payment,
        done_in,
        needs_message,
        is_offered,
    )


_PACKING = "markAsPackedByScanner"
_RETURNING = "markAsReturnedByScanner"
_OPEN = (S.NEW, S.PICKED_UP, S.PREPARING, S.PACKED, S.WAITING)

TRANSITIONS: Mapping[Action, Transition] = MappingProxyType(
    {
        row.action: row
        for row in (
            _row(Action.PICK, _("Pick"), (S.NEW,), S.PICKED_UP, _PACKING),
            _row(Action.PREPARE, _("Prepare"), (S.PICKED_UP,), S.PREPARING, _PACKING),
            _row(
                Action.PACK,
                _("Pack"),
                # A parcel announced to its company is packed where it stands: see target_of.
                (S.NEW, S.PICKED_UP, S.PREPARING, S.WAITING),
                S.PACKED,
                _PACKING,
                stock=StockEffect.RESERVE,
            ),
            _row(
                Action.PUSH,
                _("Push to company"),
                (S.NEW, S.PICKED_UP, S.PREPARING, S.PACKED),
                S.WAITING,
                "assignOrderToShippingCompany",
            ),
            _row(Action.UNPUSH, _("Take back from company"), (S.WAITING,), None, "system", is_offered=False),
            _row(
                Action.SHIP,
                _("Ship"),
                (S.PACKED, S.WAITING),
                S.SHIPPED,
                "markAsShippedByScanner",
                stock=StockEffect.CONSUME,
            ),
            _row(
                Action.DELIVER,
                _("Deliver"),
                (S.SHIPPED, S.RETURNED),
                S.DELIVERED,
                "markAsDeliveredByScanner",
                payment=PaymentEffect.COLLECT,
            ),
            _row(
                Action.RETURN,
                _("Return"),
                (S.SHIPPED, S.DELIVERED),
                S.RETURNED,
                _RETURNING,
                payment=PaymentEffect.GIVE_BACK,
                also_done_in=(S.RETURN_RECEIVED, S.RETURNED_TO_STOCK),
            ),
            _row(Action.RECEIVE_RETURN, _("Receive return"), (S.RETURNED,), S.RETURN_RECEIVED, _RETURNING),
            _row(
                Action.RESTOCK,
                _("Put back to stock"),
                (S.RETURN_RECEIVED,),
                S.RETURNED_TO_STOCK,
                _RETURNING,
                stock=StockEffect.RESTOCK,
            ),
            _row(
                Action.MARK_OUT_OF_STOCK,
                _("Out of stock"),
                _OPEN,
                S.OUT_OF_STOCK,
                _PACKING,
                stock=StockEffect.RELEASE,
            ),
            _row(
                Action.CANCEL,
                _("Cancel"),
                (*_OPEN, S.OUT_OF_STOCK),
                S.CANCELED,
                "markAsCanceledByScanner",
                stock=StockEffect.RELEASE,
                payment=PaymentEffect.GIVE_BACK,
                needs_message=True,
            ),
            _row(
                Action.RENEW,
                _("Renew"),
                (S.CANCELED, S.RETURNED, S.RETURN_RECEIVED, S.RETURNED_TO_STOCK, S.OUT_OF_STOCK),
                S.NEW,
                "ReNewOrder",
                payment=PaymentEffect.AWAIT,
            ),
            _row(
                Action.ROLLBACK,
                _("Roll back"),
                (S.PACKED, S.WAITING, S.SHIPPED, S.DELIVERED, S.RETURNED, S.CANCELED),
                S.ROLLBACK,
                "rollbackOrder",
                stock=StockEffect.REVERSE,
                payment=PaymentEffect.REVERSE,
                needs_message=True,
            ),
            _row(
                Action.UNDO,
                _("Undo"),
                tuple(status for status in S if status != S.ROLLBACK),
                None,
                "",  # what the step needed
                stock=StockEffect.REVERSE,
                payment=PaymentEffect.REVERSE,
                is_offered=False,
            ),
        )
    }
)

# Steps that begin something new or are corrections themselves: no undo takes them back.
NEVER_UNDONE = frozenset({Action.RENEW, Action.ROLLBACK, Action.UNDO})


def standing_status(status: str, remembered_status: str) -> Status:
    """The status that decides what may follow: in ROLLBACK the remembered one."""
    return Status(remembered_status if status == S.ROLLBACK else status)


def is_allowed(action: Action, *, status: str, remembered_status: str = "") -> bool:
    """Whether the table lets the action start from where the order stands."""
    row = TRANSITIONS[action]
    if status != S.ROLLBACK:
        return status in row.sources
    if action in (Action.ROLLBACK, Action.UNDO):
        return False
    return remembered_status in row.sources or resumes(
        action, status=status, remembered_status=remembered_status
    )


def resumes(action: Action, *, status: str, remembered_status: str) -> bool:
    """Whether the action leads a rolled-back order to the very status it remembers.

    Nothing is done twice then: the goods and the money are already as that status has them.
    """
    row = TRANSITIONS[action]
    return (
        status == S.ROLLBACK
        and action not in (Action.ROLLBACK, Action.UNDO)
        and row.target == remembered_status
        and remembered_status not in row.sources
    )


def is_already_done(action: Action, *, status: str, is_packed: bool = False) -> bool:
    """Whether the order is where the action leads already: an answer, not an error."""
    if action == Action.PACK and status == S.WAITING:
        return is_packed
    return status in TRANSITIONS[action].done_in


def target_of(action: Action, *, status: str, remembered_status: str = "") -> Status | None:
    """Where the action leads from here; None when history has to tell (unpush, undo)."""
    standing = standing_status(status, remembered_status)
    if action == Action.PACK and standing == S.WAITING:
        return S.WAITING
    return TRANSITIONS[action].target


def allowed_actions(
    *, status: str, remembered_status: str = "", is_packed: bool = False
) -> tuple[Action, ...]:
    """What a person may do next, in the table's order; permissions aside."""
    standing = standing_status(status, remembered_status)

    def is_next(row: Transition) -> bool:
        if not row.is_offered:
            return False
        if resumes(row.action, status=status, remembered_status=remembered_status):
            return True
        return is_allowed(
            row.action, status=status, remembered_status=remembered_status
        ) and not is_already_done(row.action, status=standing, is_packed=is_packed)

    return tuple(action for action, row in TRANSITIONS.items() if is_next(row))
