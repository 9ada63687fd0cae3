"""The bulk bar: which actions it offers for a tab to a person, and which rows allow which.

What each action does, asks and answers stands in orders/web/actions.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from django.urls import reverse
from django.utils.functional import Promise

from orders.domain.actors import Actor
from orders.domain.reports import Outcome
from orders.models import Status, Tab, statuses_of
from orders.web.actions.bulk_actions import BULK_ACTIONS, BulkAction

ICONS = {
    "pick": "shopping-basket",
    "prepare": "package-open",
    "pack": "package-check",
    "ship": "truck",
    "deliver": "circle-check",
    "return": "undo-2",
    "receive_return": "package-search",
    "restock": "boxes",
    "mark_out_of_stock": "package-x",
    "cancel": "ban",
    "renew": "refresh-cw",
    "rollback": "rotate-ccw",
    "confirm": "phone",
    "delete": "trash-2",
}
# Taking back one's own last step is offered where the step was taken, not on a list of others'.
NOT_ON_LISTS = frozenset({"undo"})
SHOWN_AT_ONCE = 5


@dataclass(frozen=True)
class BulkButton:
    """A button of the bulk bar; rows that allow its action call it by `name`."""

    name: str
    word: str | Promise
    icon: str
    url: str
    is_final: bool


def bulk_buttons(tab: Tab | None, actor: Actor) -> list[BulkButton]:
    """What the actor may do with orders of the tab (of any for None), the daily steps first."""
    statuses = tuple(Status) if tab is None else statuses_of(tab)
    buttons = [
        BulkButton(
            action.name,
            action.words.title,
            ICONS.get(action.name, "play"),
            reverse("orders-action-sheet", args=[action.name]),
            action.is_final,
        )
        for action in BULK_ACTIONS.values()
        if action.name not in NOT_ON_LISTS
        and any(map(actor.may, action.permissions))
        and _may_start_from(action, statuses)
    ]
    return sorted(buttons, key=lambda button: button.is_final)


@lru_cache(maxsize=1024)
def actions_open_to_row(status: str, remembered_status: str, is_packed: bool) -> str:
    """The names of the actions that such an order allows, for the row; permissions aside."""
    return " ".join(
        action.name
        for action in BULK_ACTIONS.values()
        if action.name not in NOT_ON_LISTS
        and action.stance(status, remembered_status, is_packed) == Outcome.DONE
    )


def _may_start_from(action: BulkAction, statuses: Collection[Status]) -> bool:
    standings = [
        (status, remembered)
        for status in statuses
        for remembered in (Status if status == Status.ROLLBACK else ("",))
    ]
    return any(
        action.stance(status, remembered, is_packed) == Outcome.DONE
        for (status, remembered), is_packed in product(standings, (False, True))
    )
