"""What a bench answers to a scan: the outcome, and words for the person who holds the parcel.

How the order was found and moved stands in scanning.py; colours and sounds are the bench's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.formats import date_format, time_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from orders.domain.life.transitions import TRANSITIONS, Action
from orders.domain.reading.codes import Scanned, Unreadable
from orders.domain.refusals import Code
from orders.domain.reports import Result
from orders.models import EventType, OrderEvent, Status

MAX_CANDIDATES = 10


class ScanMode(StrEnum):
    """What a bench does with the parcels scanned there."""

    PACK = "pack"
    SHIP = "ship"
    DELIVER = "deliver"
    RETURN = "return"
    RECEIVE = "receive"
    RESTOCK = "restock"
    CANCEL = "cancel"

    @property
    def action(self) -> Action:
        return _ACTIONS.get(self) or Action(self.value)

    @property
    def permission(self) -> str:
        return TRANSITIONS[self.action].permission

    @property
    def takes_warehouse(self) -> bool:
        """Whether the step takes goods from a warehouse or puts them back to one."""
        return self in (ScanMode.PACK, ScanMode.SHIP, ScanMode.RESTOCK)

    @property
    def needs_reason(self) -> bool:
        return TRANSITIONS[self.action].needs_message


_ACTIONS = {ScanMode.RECEIVE: Action.RECEIVE_RETURN}


class ScanOutcome(StrEnum):
    DONE = "done"
    ALREADY_DONE = "already_done"
    DUPLICATE_IGNORED = "duplicate_ignored"
    REFUSED = "refused"
    AMBIGUOUS = "ambiguous"
    UNKNOWN = "unknown"


_OUTCOME_OF_CODE = {
    Code.DONE: ScanOutcome.DONE,
    Code.ALREADY_DONE: ScanOutcome.ALREADY_DONE,
    Code.DUPLICATE_IGNORED: ScanOutcome.DUPLICATE_IGNORED,
    Code.AMBIGUOUS: ScanOutcome.AMBIGUOUS,
    Code.UNKNOWN: ScanOutcome.UNKNOWN,
}


class Match(NamedTuple):
    """An order that a code names. `cycle` is the trip the code speaks of, None when it names none."""

    id: int
    reference: str
    status: str
    present_cycle: int
    full_name: str
    city: str
    merchant: str
    warehouse_id: int
    warehouse: str
    cycle: int | None = None

    @property
    def is_of_earlier_cycle(self) -> bool:
        return self.cycle is not None and self.cycle < self.present_cycle

    def as_json(self) -> dict[str, str]:
        return {
            "id": str(self.id),
            "reference": self.reference,
            "status": self.status,
            "merchant": self.merchant,
        }


@dataclass(frozen=True)
class ScanAnswer:
    """What a scan came to. `what`, `why` and `next_step` are its three lines for a person;
    `first` holds outcome and code of the attempt that a resent one repeats."""

    code: Code
    message: str
    what: str
    why: str = ""
    next_step: str = ""
    order: Mapping[str, str] | None = None
    candidates: tuple[Mapping[str, str], ...] = ()
    event_id: int | None = None
    attempt_id: int | None = None
    first: Mapping[str, str] = field(default_factory=dict)

    @property
    def outcome(self) -> ScanOutcome:
        return _OUTCOME_OF_CODE.get(self.code, ScanOutcome.REFUSED)

    def as_json(self) -> dict[str, Any]:
        """The answer of every scanner action of the session routes; ids are strings."""
        body: dict[str, Any] = {
            "outcome": self.outcome.value,
            "code": self.code.value,
            "message": self.message,
            "order": self.order,
        }
        if self.candidates:
            body["candidates"] = list(self.candidates)
        if self.first:
            body["first"] = self.first
        return body


def moved_answer(mode: ScanMode, match: Match, result: Result, *, at: dt.datetime) -> ScanAnswer:
    """The answer that move_orders' result is for the bench; where it says who and when, one statement."""
    answer = ScanAnswer(
        result.code,
        result.message,
        result.reference,
        result.message,
        order=order_json(result),
        event_id=result.event_id,
    )
    if match.is_of_earlier_cycle:
        return answer
    if result.code == Code.DONE:
        return replace(answer, why=" · ".join(filter(None, (match.full_name, match.city))))
    if result.code == Code.OUT_OF_STOCK:
        why = result.message
        next_step = _("Put back what you have gathered. The order waits under Out of stock.")
    elif result.code in (Code.ALREADY_DONE, Code.CANCELED, Code.WRONG_STATUS):
        why = _how_it_got_there(result, at=at) or result.message
        next_step = _what_to_do_now(mode, result)
    else:
        return answer
    return replace(answer, message=" ".join(filter(None, (why, next_step))), why=why, next_step=next_step)


def order_json(result: Result) -> dict[str, str]:
    """The order as the answer names it, in the status it has now."""
    return {"id": str(result.id), "reference": result.reference, "status": result.status}


def unreadable_answer(text: Scanned) -> ScanAnswer:
    """`invalid`: what arrived is no code that could be looked up."""
    match text.unreadable:
        case Unreadable.JOINED:
            why = _("Two codes arrived as one.")
            next_step = _(
                "Scan each parcel again, one at a time. If it happens often, let the scanner send Enter."
            )
        case Unreadable.ADDRESS:
            why = _("This is a web address, not a parcel's code.")
            next_step = _("Scan the barcode of the label.")
        case _:
            why = _("This is too long to be a parcel's code.")
            next_step = _("Scan the barcode of the label.")
    return ScanAnswer(Code.INVALID, f"{why} {next_step}", text.shown, why, next_step)


def unknown_answer(text: Scanned) -> ScanAnswer:
    """`unknown`: no order that the person sees has the code."""
    why = _("No order has the code %(code)s.") % {"code": text.shown}
    digits = text.shown.removeprefix("ORD").removeprefix("ord").strip("- ")
    in_full = f"ORD-{digits:0>6}"
    if digits.isascii() and digits.isdigit() and len(digits) <= 6 and text.shown.upper() != in_full:
        next_step = _("Our own number is written in full: %(example)s.") % {"example": in_full}
    else:
        next_step = _("Scan the other code of the label. If that is unknown too, put the parcel aside.")
    return ScanAnswer(Code.UNKNOWN, f"{why} {next_step}", text.shown, why, next_step)


def ambiguous_answer(text: Scanned, matches: Sequence[Match]) -> ScanAnswer:
    """`ambiguous`: several orders have the code; the person chooses, nothing was changed."""
    shown = matches[:MAX_CANDIDATES]
    why = ngettext(
        "%(count)d order has this code: %(references)s.",
        "%(count)d orders have this code: %(references)s.",
        len(shown),
    ) % {"count": len(shown), "references": ", ".join(match.reference for match in shown)}
    next_step = _("Nothing was changed. Choose the right one, or scan our own label.")
    return ScanAnswer(
        Code.AMBIGUOUS,
        f"{why} {next_step}",
        text.shown,
        why,
        next_step,
        candidates=tuple(match.as_json() for match in shown),
    )


def earlier_cycle_answer(match: Match) -> ScanAnswer:
    """`wrong_status`: the parcel belongs to a trip that ended with a renewal."""
    why = _(
        "This is parcel %(parcel)d of %(reference)s. The order was renewed: parcel %(present)d counts now."
    ) % {
        "parcel": match.cycle,
        "reference": match.reference,
        "present": match.present_cycle,
    }
    next_step = _("Put it aside for the return bench and scan it there at “Put back”.")
    return ScanAnswer(
        Code.WRONG_STATUS,
        f"{why} {next_step}",
        match.reference,
        why,
        next_step,
        {"id": str(match.id), "reference": match.reference, "status": match.status},
    )


def elsewhere_answer(match: Match) -> ScanAnswer:
    """`other_warehouse`: the order is packed somewhere else, and this bench's shelf lacks its goods."""
    why = _("%(reference)s is to be packed in %(warehouse)s. Its goods are not on the shelf here.") % {
        "reference": match.reference,
        "warehouse": match.warehouse,
    }
    next_step = _("Take it there, or choose that warehouse above.")
    return ScanAnswer(
        Code.OTHER_WAREHOUSE,
        f"{why} {next_step}",
        match.reference,
        why,
        next_step,
        {"id": str(match.id), "reference": match.reference, "status": match.status},
    )


def locked_answer(text: Scanned) -> ScanAnswer:
    """`locked`: a rival held the rows too long; the same scan sent again is tried again."""
    why = _("Somebody else is changing this order at this moment. Nothing was changed.")
    next_step = _("Scan it again.")
    return ScanAnswer(Code.LOCKED, f"{why} {next_step}", text.shown, why, next_step)


# How the order came to be where it is: said of the last step that led there.
_HISTORY: Mapping[Status, str | Promise] = {
    Status.NEW: gettext_lazy("%(reference)s was set to New %(when)s by %(who)s."),
    Status.PICKED_UP: gettext_lazy("%(reference)s was picked %(when)s by %(who)s and is not packed yet."),
    Status.PREPARING: gettext_lazy("%(reference)s is in preparation since %(when)s by %(who)s."),
    Status.PACKED: gettext_lazy("%(reference)s was packed %(when)s by %(who)s."),
    Status.WAITING: gettext_lazy("%(reference)s was handed to the company's list %(when)s by %(who)s."),
    Status.SHIPPED: gettext_lazy("%(reference)s was shipped %(when)s by %(who)s."),
    Status.DELIVERED: gettext_lazy("%(reference)s was delivered %(when)s by %(who)s."),
    Status.RETURNED: gettext_lazy("%(reference)s was returned %(when)s by %(who)s."),
    Status.RETURN_RECEIVED: gettext_lazy("%(reference)s was received as a return %(when)s by %(who)s."),
    Status.RETURNED_TO_STOCK: gettext_lazy("%(reference)s was put back to stock %(when)s by %(who)s."),
    Status.CANCELED: gettext_lazy("%(reference)s was canceled %(when)s by %(who)s."),
    Status.OUT_OF_STOCK: gettext_lazy("%(reference)s ran out of stock %(when)s by %(who)s."),
    Status.ROLLBACK: gettext_lazy("%(reference)s was rolled back %(when)s by %(who)s."),
}


def _how_it_got_there(result: Result, *, at: dt.datetime) -> str:
    """Who brought the order to its status, and when; '' when history does not say. One statement."""
    if result.status == Status.NEW:
        return _("%(reference)s is New: it has not been packed.") % {"reference": result.reference}
    last = (
        OrderEvent.objects.filter(order_id=result.id, type=EventType.SHIPPING, to_status=result.status)
        .order_by("-id")
        .values_list("recorded_at", "actor_name")
        .first()
    )
    if last is None:
        return ""
    words = {"reference": result.reference, "when": _when(last[0], at=at), "who": last[1]}
    if result.code == Code.ALREADY_DONE:
        words["status"] = str(Status(result.status).label)
        return _("%(reference)s is %(status)s already: %(when)s by %(who)s.") % words
    return str(_HISTORY[Status(result.status)]) % words


def _when(moment: dt.datetime, *, at: dt.datetime) -> str:
    """today 10:42, yesterday 10:42, 3 Nov 10:42."""
    local, now = timezone.localtime(moment), timezone.localtime(at)
    clock = time_format(local, "H:i")
    days = (now.date() - local.date()).days
    if days == 0:
        return _("today %(clock)s") % {"clock": clock}
    if days == 1:
        return _("yesterday %(clock)s") % {"clock": clock}
    shape = "j M" if local.year == now.year else "j M Y"
    return f"{date_format(local, shape)} {clock}"


_BEFORE_PACKED = frozenset({Status.NEW, Status.PICKED_UP, Status.PREPARING})
_CAME_BACK = frozenset({Status.RETURNED, Status.RETURN_RECEIVED, Status.RETURNED_TO_STOCK})


def _what_to_do_now(mode: ScanMode, result: Result) -> str:
    """The next move of the person who holds the parcel."""
    status = Status(result.status)
    if result.code == Code.ALREADY_DONE:
        return _("Go on with the next parcel.")
    if status == Status.CANCELED:
        return _("Put the parcel aside for put-back.")
    if status == Status.OUT_OF_STOCK:
        return _("Put the parcel aside: renew the order when the goods are in.")
    if status == Status.ROLLBACK:
        return _("Put the parcel aside and ask a manager what is to happen.")
    if mode in (ScanMode.PACK, ScanMode.SHIP, ScanMode.CANCEL):
        if status in _BEFORE_PACKED:
            return _("Pack it first, then scan it here again.")
        if status == Status.SHIPPED and mode == ScanMode.CANCEL:
            return _("It is on the road: ask the company to bring it back.")
        return _("Take the parcel to the return bench.")
    if mode == ScanMode.DELIVER:
        if status in _CAME_BACK:
            return _("The parcel came back: take it to the return bench.")
        return _("Ship it first, then scan it here again.")
    return _what_to_do_with_return(mode, status)


def _what_to_do_with_return(mode: ScanMode, status: Status) -> str:
    if status in _BEFORE_PACKED or status in (Status.PACKED, Status.WAITING):
        return _("It never left: put it back with the parcels to ship, or cancel it.")
    if status == Status.RETURNED_TO_STOCK:
        return _("Its goods are counted as back in stock. Ask a manager before you put them away.")
    if mode == ScanMode.RECEIVE:
        return _("Scan it at Return first, then here again.")
    return _("Scan it at Return and Receive first, then here again.")
