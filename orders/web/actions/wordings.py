"""What people read about an action on many orders: before it, on its button, after it.

Labels of single steps stand in orders/domain/life/transitions.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy


@dataclass(frozen=True)
class Wording:
    """The words of one action; `will`, `button` and `did` take the number of orders."""

    title: str | Promise
    will: str | Promise
    button: str | Promise
    did: str | Promise
    busy: str | Promise

    def will_words(self, count: int) -> str:
        return str(self.will % {"count": count})

    def button_words(self, count: int) -> str:
        return str(self.button % {"count": count})

    def did_words(self, count: int) -> str:
        return str(self.did % {"count": count})


WORDINGS: Mapping[str, Wording] = {
    "pick": Wording(
        _("Pick"),
        ngettext_lazy("%(count)d order will be picked", "%(count)d orders will be picked", "count"),
        ngettext_lazy("Pick %(count)d order", "Pick %(count)d orders", "count"),
        ngettext_lazy("%(count)d order picked", "%(count)d orders picked", "count"),
        _("Picking…"),
    ),
    "prepare": Wording(
        _("Prepare"),
        ngettext_lazy(
            "%(count)d order will be in preparation", "%(count)d orders will be in preparation", "count"
        ),
        ngettext_lazy("Prepare %(count)d order", "Prepare %(count)d orders", "count"),
        ngettext_lazy("%(count)d order in preparation", "%(count)d orders in preparation", "count"),
        _("Preparing…"),
    ),
    "pack": Wording(
        _("Pack"),
        ngettext_lazy("%(count)d order will be packed", "%(count)d orders will be packed", "count"),
        ngettext_lazy("Pack %(count)d order", "Pack %(count)d orders", "count"),
        ngettext_lazy("%(count)d order packed", "%(count)d orders packed", "count"),
        _("Packing…"),
    ),
    "ship": Wording(
        _("Ship"),
        ngettext_lazy("%(count)d order will be shipped", "%(count)d orders will be shipped", "count"),
        ngettext_lazy("Ship %(count)d order", "Ship %(count)d orders", "count"),
        ngettext_lazy("%(count)d order shipped", "%(count)d orders shipped", "count"),
        _("Shipping…"),
    ),
    "deliver": Wording(
        _("Deliver"),
        ngettext_lazy("%(count)d order will be delivered", "%(count)d orders will be delivered", "count"),
        ngettext_lazy("Deliver %(count)d order", "Deliver %(count)d orders", "count"),
        ngettext_lazy("%(count)d order delivered", "%(count)d orders delivered", "count"),
        _("Delivering…"),
    ),
    "return": Wording(
        _("Return"),
        ngettext_lazy(
            "%(count)d order will be on its way back", "%(count)d orders will be on their way back", "count"
        ),
        ngettext_lazy("Return %(count)d order", "Return %(count)d orders", "count"),
        ngettext_lazy("%(count)d order returned", "%(count)d orders returned", "count"),
        _("Returning…"),
    ),
    "receive_return": Wording(
        _("Receive returns"),
        ngettext_lazy("%(count)d return will be received", "%(count)d returns will be received", "count"),
        ngettext_lazy("Receive %(count)d return", "Receive %(count)d returns", "count"),
        ngettext_lazy("%(count)d return received", "%(count)d returns received", "count"),
        _("Receiving…"),
    ),
    "restock": Wording(
        _("Put back to stock"),
        ngettext_lazy(
            "%(count)d order will go back to stock", "%(count)d orders will go back to stock", "count"
        ),
        ngettext_lazy("Put %(count)d order back", "Put %(count)d orders back", "count"),
        ngettext_lazy("%(count)d order put back to stock", "%(count)d orders put back to stock", "count"),
        _("Putting back…"),
    ),
    "mark_out_of_stock": Wording(
        _("Out of stock"),
        ngettext_lazy(
            "%(count)d order will be out of stock", "%(count)d orders will be out of stock", "count"
        ),
        ngettext_lazy("Mark %(count)d order out of stock", "Mark %(count)d orders out of stock", "count"),
        ngettext_lazy("%(count)d order marked out of stock", "%(count)d orders marked out of stock", "count"),
        _("Marking…"),
    ),
    "cancel": Wording(
        _("Cancel orders"),
        ngettext_lazy("%(count)d order will be canceled", "%(count)d orders will be canceled", "count"),
        ngettext_lazy("Cancel %(count)d order", "Cancel %(count)d orders", "count"),
        ngettext_lazy("%(count)d order canceled", "%(count)d orders canceled", "count"),
        _("Canceling…"),
    ),
    "renew": Wording(
        _("Renew"),
        ngettext_lazy("%(count)d order will be new again", "%(count)d orders will be new again", "count"),
        ngettext_lazy("Renew %(count)d order", "Renew %(count)d orders", "count"),
        ngettext_lazy("%(count)d order renewed", "%(count)d orders renewed", "count"),
        _("Renewing…"),
    ),
    "rollback": Wording(
        _("Roll back"),
        ngettext_lazy("%(count)d order will be rolled back", "%(count)d orders will be rolled back", "count"),
        ngettext_lazy("Roll %(count)d order back", "Roll %(count)d orders back", "count"),
        ngettext_lazy("%(count)d order rolled back", "%(count)d orders rolled back", "count"),
        _("Rolling back…"),
    ),
    "undo": Wording(
        _("Undo"),
        ngettext_lazy("%(count)d last step will be undone", "%(count)d last steps will be undone", "count"),
        ngettext_lazy("Undo %(count)d step", "Undo %(count)d steps", "count"),
        ngettext_lazy("%(count)d step undone", "%(count)d steps undone", "count"),
        _("Undoing…"),
    ),
    "confirm": Wording(
        _("Call outcome"),
        ngettext_lazy("%(count)d call will be noted", "%(count)d calls will be noted", "count"),
        ngettext_lazy("Note %(count)d call", "Note %(count)d calls", "count"),
        ngettext_lazy("%(count)d call noted", "%(count)d calls noted", "count"),
        _("Noting…"),
    ),
    "delete": Wording(
        _("Delete orders"),
        ngettext_lazy("%(count)d order will be deleted", "%(count)d orders will be deleted", "count"),
        ngettext_lazy("Delete %(count)d order", "Delete %(count)d orders", "count"),
        ngettext_lazy("%(count)d order deleted", "%(count)d orders deleted", "count"),
        _("Deleting…"),
    ),
}
