"""Every action that people take on many orders, as one table: its route, its permission, what it asks.

What an action does to an order is the domain's business (moving.py, confirming.py, deleting.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from orders.domain.life.confirming import can_be_called, confirm_orders, preview_confirm
from orders.domain.life.deleting import DELETABLE, delete_orders, preview_delete
from orders.domain.life.moving import move_orders, preview_move
from orders.domain.life.transitions import NEVER_UNDONE, TRANSITIONS, Action, is_allowed, is_already_done
from orders.domain.reports import Outcome, Report
from orders.web.actions.wordings import WORDINGS, Wording

# A function of the domain that answers for many orders: (ids, *, actor, and what it was told).
Run = Callable[..., Report]
# What an action makes of an order by where it stands alone: (status, remembered status, is packed).
Stance = Callable[[str, str, bool], Outcome]


@dataclass(frozen=True)
class Ask:
    """One thing an action is told besides the orders.

    `name` is the field on the wire, `argument` the domain's; `kind` says how it is read and
    drawn: day, warehouse, reason, outcome, later_day.
    """

    name: str
    argument: str
    kind: str
    is_required: bool = False


@dataclass(frozen=True)
class BulkAction:
    """One row of the table. Any one of the permissions opens it."""

    name: str
    path: str
    url_name: str
    permissions: tuple[str, ...]
    run: Run
    preview: Run
    stance: Stance
    asks: tuple[Ask, ...] = ()
    methods: tuple[str, ...] = ("POST",)
    can_be_undone: bool = False
    is_final: bool = False  # drawn as the last step of something that is not easily taken back

    @property
    def words(self) -> Wording:
        return WORDINGS[self.name]

    @property
    def needs_words_first(self) -> bool:
        """Whether the sheet has to ask before anything can be done."""
        return any(ask.is_required for ask in self.asks)


_DAY = Ask("date", "occurred_on", "day")
_DAY_REQUIRED = Ask("date", "occurred_on", "day", is_required=True)
_WAREHOUSE = Ask("warehouseId", "warehouse_id", "warehouse")
_WAREHOUSE_REQUIRED = Ask("warehouseId", "warehouse_id", "warehouse", is_required=True)
_REASON = Ask("description", "message", "reason")
_REASON_REQUIRED = Ask("description", "message", "reason", is_required=True)

# Paths and required fields: WedoCOD dashboard, Order Status Operations; the others are of the same kind.
_MOVES: Mapping[Action, tuple[str, tuple[Ask, ...]]] = {
    Action.PICK: ("pick-orders", ()),
    Action.PREPARE: ("prepare-orders", ()),
    Action.PACK: ("mark-orders-as-packed", (_DAY_REQUIRED, _WAREHOUSE)),
    Action.SHIP: ("mark-orders-as-shipped", (_DAY_REQUIRED, _WAREHOUSE_REQUIRED)),
    Action.DELIVER: ("mark-orders-as-delivered", (_DAY_REQUIRED,)),
    Action.RETURN: ("mark-orders-as-returned", (_DAY_REQUIRED,)),
    Action.RECEIVE_RETURN: ("receive-returns", (_DAY,)),
    Action.RESTOCK: ("restock-orders", (_DAY, _WAREHOUSE)),
    Action.MARK_OUT_OF_STOCK: ("mark-orders-as-out-of-stock", (_REASON,)),
    Action.CANCEL: ("mark-orders-as-canceled", (_REASON_REQUIRED,)),
    Action.RENEW: ("renew-orders", ()),
    Action.ROLLBACK: ("rollback-orders", (_REASON_REQUIRED,)),
    Action.UNDO: ("undo", ()),
}
_FINAL = frozenset({Action.CANCEL, Action.ROLLBACK})


def _move(action: Action, path: str, asks: tuple[Ask, ...]) -> BulkAction:
    permission = TRANSITIONS[action].permission
    return BulkAction(
        name=action.value,
        path=path,
        url_name=f"orders-{action.value.replace('_', '-')}",
        # Undo needs what the step needed: who may take no step has none to take back.
        permissions=(permission,) if permission else _step_permissions(),
        run=partial(move_orders, action),
        preview=partial(preview_move, action),
        stance=partial(_move_from, action),
        asks=asks,
        can_be_undone=action not in NEVER_UNDONE,
        is_final=action in _FINAL,
    )


def _move_from(action: Action, status: str, remembered_status: str, is_packed: bool) -> Outcome:
    if is_already_done(action, status=status, is_packed=is_packed):
        return Outcome.ALREADY_DONE
    return _done_if(is_allowed(action, status=status, remembered_status=remembered_status))


def _call_about(status: str, remembered_status: str, _is_packed: bool) -> Outcome:
    return _done_if(can_be_called(status=status, remembered_status=remembered_status))


def _delete_at(status: str, _remembered_status: str, _is_packed: bool) -> Outcome:
    return _done_if(status in DELETABLE)


def _done_if(fits: bool) -> Outcome:
    return Outcome.DONE if fits else Outcome.REFUSED


def _step_permissions() -> tuple[str, ...]:
    named = (row.permission for action, row in TRANSITIONS.items() if action not in NEVER_UNDONE)
    return tuple(dict.fromkeys(codename for codename in named if codename != "system"))


BULK_ACTIONS: Mapping[str, BulkAction] = MappingProxyType(
    {
        action.name: action
        for action in (
            *(_move(action, path, asks) for action, (path, asks) in _MOVES.items()),
            BulkAction(
                name="confirm",
                path="confirm",
                url_name="orders-confirm",
                permissions=("confirmOrder",),
                run=confirm_orders,
                preview=preview_confirm,
                stance=_call_about,
                asks=(
                    Ask("outcome", "outcome", "outcome", is_required=True),
                    Ask("postponed_to", "postponed_to", "later_day"),
                    Ask("note", "note", "reason"),
                ),
            ),
            BulkAction(
                name="delete",
                path="delete",
                url_name="orders-delete",
                permissions=("delete_order",),
                run=delete_orders,
                preview=preview_delete,
                stance=_delete_at,
                methods=("DELETE", "POST"),
                is_final=True,
            ),
        )
    }
)


def actions_open_to(may: Callable[[str], bool]) -> tuple[BulkAction, ...]:
    """The actions that somebody may take, in the table's order; `may` answers for a codename."""
    return tuple(action for action in BULK_ACTIONS.values() if any(map(may, action.permissions)))
