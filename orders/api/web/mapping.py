"""Between the words of the WedoCOD REST API and ours; nothing here reads or writes anything.

Addresses and what is done at them stand in views.py.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from orders.api.dialects import Dialect, plain_envelope, register
from orders.api.shapes import amount, moment, read_reference
from orders.domain.incoming.intake import LineDraft, OrderDraft
from orders.domain.life.moving import MAX_MESSAGE
from orders.domain.life.transitions import Action
from orders.domain.life.updating import Asked
from orders.domain.reading.texts import UnusableText, clean_line
from orders.models import TAB_OF_STATUS, Merchant, Order, OrderEvent, OrderLine, Tab

WEB = register(Dialect("api:web", "/api/web/", plain_envelope, invalid_message="The given data was invalid."))
DEFAULT_REASON = "through api"
# Words that programs may compare: they are not translated.
CREATED = "Orders created successfully."
UPDATED = "Orders updated successfully."
DELETED = "Order deleted successfully."
MAX_ORDERS = 1_000

# The action that leads to each status, one step of the table of transitions.
ACTIONS: Mapping[Tab, Action] = {
    Tab.NEW: Action.RENEW,
    Tab.PACKED: Action.PACK,
    Tab.WAITING: Action.PUSH,
    Tab.SHIPPED: Action.SHIP,
    Tab.DELIVERED: Action.DELIVER,
    Tab.RETURNED: Action.RETURN,
    Tab.CANCELED: Action.CANCEL,
    Tab.OUT_OF_STOCK: Action.MARK_OUT_OF_STOCK,
    Tab.ROLLBACK: Action.ROLLBACK,
}
_WITH_REASON = frozenset({Action.CANCEL, Action.ROLLBACK})
_TABS = {tab.value.lower(): tab for tab in Tab}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def status_word(status: str) -> str:
    """`new`, `waiting_for_shipping_company`: the dashboard's nine, in lower case."""
    return TAB_OF_STATUS[status].value.lower() if status in TAB_OF_STATUS else status.lower()


# --- out -----------------------------------------------------------------------------


def row_out(order: Order) -> dict[str, Any]:
    """The order as the list shows it; moments in UTC."""
    return {
        "reference": order.reference,
        "full_name": order.full_name,
        "phone": order.phone,
        "city": order.city,
        "status": status_word(order.status),
        "total": amount(order.total),
        "created_at": _utc(order.created_at),
    }


def order_out(order: Order, lines: Sequence[OrderLine], events: Iterable[OrderEvent]) -> dict[str, Any]:
    """The whole order, with its products and its history, the newest first."""
    return {
        **row_out(order),
        "external_reference": order.external_reference,
        "second_phone": order.second_phone or None,
        "email": order.email or None,
        "area": order.area or None,
        "address": order.address,
        "notes": order.notes or None,
        "shipment_way": order.shipment_way,
        "is_fees_paid_by_customer": order.is_fees_paid_by_customer,
        "currency": order.currency,
        "tracking": order.tracking or None,
        "updated_at": _utc(order.updated_at),
        "products": [
            {
                "sku": line.sku,
                "name": line.name,
                "quantity": line.quantity,
                "price": amount(line.unit_price),
                "total": amount(line.total),
            }
            for line in lines
        ],
        "history": [
            {
                "type": event.type,
                "action": event.action,
                "from": status_word(event.from_status) if event.from_status else None,
                "to": status_word(event.to_status) if event.to_status else None,
                "message": event.message or None,
                "actor": event.actor_name,
                "action_date": event.occurred_on.isoformat(),
                "created_at": _utc(event.recorded_at),
            }
            for event in events
        ],
    }


def _utc(at: dt.datetime) -> str:
    return moment(at, dt.UTC).replace("+00:00", "Z")


# --- in ------------------------------------------------------------------------------


@dataclass
class Read:
    """A body as drafts, and what of it could not be read, by path."""

    drafts: list[OrderDraft] = field(default_factory=list)
    misshapen: dict[str, list[str]] = field(default_factory=dict)


def orders_in(body: Mapping[str, Any]) -> Read:
    """The drafts that the body of a create means."""
    read = Read()
    for index, given in enumerate(_listed(body, read.misshapen)):
        if isinstance(given, dict):
            lines = _lines_in(given.get("products"), f"orders.{index}.products", read.misshapen)
            read.drafts.append(_draft_in(given, lines))
        else:
            read.misshapen[f"orders.{index}"] = [_("Each order has to be an object.")]
            read.drafts.append(OrderDraft())
    return read


def _draft_in(given: Mapping[str, Any], lines: tuple[LineDraft, ...]) -> OrderDraft:
    get = given.get
    return OrderDraft(
        full_name=get("full_name"),
        phone=get("phone"),
        email=get("email"),
        city=get("city"),
        area=get("area"),
        address=get("address"),
        external_reference=get("external_reference"),
        shipment_way=get("shipment_way"),
        is_fees_paid_by_customer=get("is_fees_paid_by_customer"),
        total=get("total"),
        lines=lines,
    )


def _lines_in(given: Any, path: str, misshapen: dict[str, list[str]]) -> tuple[LineDraft, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        misshapen[path] = [_("The products have to be an array.")]
        return ()
    lines = []
    for place, one in enumerate(given):
        line = one if isinstance(one, dict) else {}
        if line is not one:
            misshapen[f"{path}.{place}"] = [_("Each product has to be an object.")]
        lines.append(LineDraft(sku=line.get("sku"), quantity=line.get("quantity"), price=line.get("price")))
    return tuple(lines)


def _listed(body: Mapping[str, Any], errors: dict[str, list[str]]) -> list[Any]:
    given = body.get("orders")
    if isinstance(given, list):
        return given
    errors["orders"] = [
        _("The orders are missing. Send an array of them.")
        if given is None
        else _("The orders have to be an array.")
    ]
    return []


def updates_in(body: Mapping[str, Any], merchant: Merchant) -> tuple[list[Asked], dict[str, list[str]]]:
    """What the body of an update asks of each order, and what of it could not be read, by path."""
    errors: dict[str, list[str]] = {}
    listed = _listed(body, errors)
    if not errors and not 1 <= len(listed) <= MAX_ORDERS:
        errors["orders"] = [_("Send 1 to %(limit)s orders.") % {"limit": MAX_ORDERS}]
        return [], errors
    asked = []
    for index, given in enumerate(listed):
        path = f"orders.{index}"
        if not isinstance(given, dict):
            errors[path] = [_("Each order has to be an object.")]
            continue
        found_before = len(errors)
        reference = read_reference(given.get("reference"))
        if not reference:
            errors[f"{path}.reference"] = [_("Send the order's reference.")]
        tab = _tab_in(given.get("status"), f"{path}.status", errors)
        day = _day_in(given.get("action_date"), f"{path}.action_date", merchant.zone, errors)
        reason = _reason_in(given.get("description"), f"{path}.description", errors)
        if len(errors) == found_before and tab is not None:
            action = ACTIONS[tab]
            message = (reason or DEFAULT_REASON) if action in _WITH_REASON else reason
            asked.append(Asked(path, reference, action, day, message))
    return asked, errors


def _tab_in(given: Any, path: str, errors: dict[str, list[str]]) -> Tab | None:
    tab = _TABS.get(given.strip().lower()) if isinstance(given, str) else None
    if tab is None:
        errors[path] = [_("Use one of: %(words)s.") % {"words": ", ".join(_TABS)}]
    return tab


def _day_in(given: Any, path: str, zone: ZoneInfo, errors: dict[str, list[str]]) -> dt.date | None:
    """The day of a date, or of a moment as the merchant's clock shows it."""
    if given is None or given == "":
        return None
    try:
        if not isinstance(given, str) or not given.isascii() or not _DAY.match(given) or len(given) > 40:
            raise ValueError
        if len(given) == 10:
            day = dt.date.fromisoformat(given)
        else:
            at = dt.datetime.fromisoformat(given)
            day = (at.astimezone(zone) if at.tzinfo else at).date()
        if day.year < 2000:
            raise ValueError
    except (ValueError, OverflowError):
        errors[path] = [_("Write the date as YYYY-MM-DD, or as an ISO moment.")]
        return None
    return day


def _reason_in(given: Any, path: str, errors: dict[str, list[str]]) -> str:
    if given is None or given == "":
        return ""
    try:
        if not isinstance(given, str) or len(given) > MAX_MESSAGE:
            raise UnusableText
        return clean_line(given)
    except UnusableText:
        errors[path] = [_("Send a text of at most %(limit)s characters.") % {"limit": MAX_MESSAGE}]
        return ""
