"""Between the words of the WeGoCOD orders API and ours; nothing here reads or writes anything.

Addresses and what is done at them stand in views.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from orders.api.dialects import Dialect, Failure, register
from orders.api.shapes import amount, moment
from orders.domain.incoming.intake import LineDraft, OrderDraft
from orders.domain.life.transitions import Action, standing_status
from orders.models import CallCenter, EventType, Merchant, Order, OrderEvent, OrderLine, Payment, Status

S = Status

FULFILLMENT: Mapping[Status, str] = {
    S.NEW: "pending",
    S.OUT_OF_STOCK: "pending",
    S.PICKED_UP: "picked_up",
    S.PREPARING: "preparing",
    S.PACKED: "prepared",
    S.WAITING: "prepared",
    S.SHIPPED: "out_for_delivery",
    S.DELIVERED: "delivered",
    S.RETURNED: "returned",
    S.RETURN_RECEIVED: "return_received",
    S.RETURNED_TO_STOCK: "returned_to_stock",
    S.CANCELED: "canceled",
}
# The words in the order of the flow: what a sort by status goes by.
WORDS: tuple[str, ...] = tuple(dict.fromkeys(FULFILLMENT.values()))
STATUSES_OF: Mapping[str, tuple[Status, ...]] = {
    word: tuple(status for status, one in FULFILLMENT.items() if one == word) for word in WORDS
}
# WeGoCOD orders API, status flow.
FLOW: Mapping[str, tuple[str, ...]] = {
    "pending": ("picked_up",),
    "picked_up": ("preparing",),
    "preparing": ("prepared",),
    "prepared": ("out_for_delivery",),
    "out_for_delivery": ("delivered", "returned"),
    "delivered": (),
    "returned": ("return_received", "delivered"),
    "return_received": ("returned_to_stock",),
    "returned_to_stock": (),
    "canceled": (),
}
ACTIONS: Mapping[str, Action] = {
    "picked_up": Action.PICK,
    "preparing": Action.PREPARE,
    "prepared": Action.PACK,
    "out_for_delivery": Action.SHIP,
    "delivered": Action.DELIVER,
    "returned": Action.RETURN,
    "return_received": Action.RECEIVE_RETURN,
    "returned_to_stock": Action.RESTOCK,
}
_PAYMENT = {Payment.AWAITING: "pending_collection", Payment.REMITTED: "collected"}

# Their names of what an order says, and ours.
FIELDS: Mapping[str, str] = {
    "recipient_name": "full_name",
    "phone": "phone",
    "address": "address",
    "city": "city",
    "delivery_notes": "notes",
}
_THEIRS = {ours: theirs for theirs, ours in FIELDS.items()} | {"city_to_id": "city", "date": "reason"}
_OF_ORDER = re.compile(r"orders\.0\.(.+)")
_OF_LINE = re.compile(r"products(?:\.([0-9]+)(?:\.(\w+))?)?")
_LINE_FIELDS = {"sku": "product_id", "id": "product_id"}


# The document's own words, which programs may compare: they are not translated.
CREATED = "Order created successfully"
UPDATED = "Order updated successfully"
INVALID = "Validation failed"
CONFIRMED = "Order confirmed by call center"


def envelope(failure: Failure) -> dict[str, Any]:
    """`{"status": "error", "message", "errors"}`, and a code where the status alone does not say it."""
    errors = {path: list(texts) for path, texts in failure.errors.items()}
    if failure.status == 422 and not errors:
        errors = {"order": [failure.message]}
    body: dict[str, Any] = {"status": "error", "message": failure.message, "errors": errors}
    if failure.code and failure.status != 422:
        body["code"] = failure.code
    return body


V1 = register(Dialect("api:v1", "/api/v1/", envelope, invalid_message=INVALID))


def word_of(status: str, remembered_status: str = "") -> str:
    """Their word for where an order stands; a rolled-back one counts as what it went back to."""
    return FULFILLMENT[standing_status(status, remembered_status)]


# --- out -----------------------------------------------------------------------------


def order_out(order: Order, lines: Sequence[OrderLine], merchant: Merchant) -> dict[str, Any]:
    """The order as lists and answers show it."""
    zone = merchant.zone
    return {
        "id": str(order.pk),
        "reference": order.reference,
        "external_reference": order.external_reference or order.reference,
        "created_at": moment(order.created_at, zone),
        "updated_at": moment(order.updated_at, zone),
        "customer": {"name": order.full_name, "phone": order.phone, "country": order.country},
        "delivery_address": {
            "address_line": order.address,
            "city": order.city,
            "area": order.area or None,
            "country": order.country,
            "notes": order.notes or None,
        },
        "payment": {
            "method": order.payment_method,
            "amount": amount(order.total),
            "currency": order.currency,
            "payment_status": _PAYMENT.get(Payment(order.payment_status), order.payment_status),
        },
        "items": [
            {
                "product_name": line.name,
                "sku": line.sku,
                "quantity": line.quantity,
                "unit_price": amount(line.unit_price),
                "total_price": amount(line.total),
            }
            for line in lines
        ],
        "status": _status_out(order, zone),
    }


def _status_out(order: Order, zone: ZoneInfo) -> dict[str, Any]:
    word = word_of(order.status, order.remembered_status)
    overall = word
    if word != "canceled" and order.call_center != CallCenter.CONFIRMED:
        overall = "pending_confirmation"
    elif word == "pending":
        overall = "confirmed_pending_fulfillment"
    return {
        "overall": overall,
        "call_center": {"status": order.call_center},
        "fulfillment": {
            "status": word,
            "carrier": order.company_name or None,
            "tracking_number": order.tracking or None,
            "carrier_status": order.company_status or None,
            "updated_at": moment(order.status_changed_at, zone),
        },
    }


def history_out(order: Order, events: Iterable[OrderEvent], merchant: Merchant) -> list[dict[str, Any]]:
    """What happened on the three axes, the newest first; an order that came in confirmed says so."""
    zone = merchant.zone
    entries = [entry for event in events if (entry := _event_out(event, zone)) is not None]
    if order.call_center == CallCenter.CONFIRMED and not any(
        entry["type"] == EventType.CALL_CENTER for entry in entries
    ):
        entries.append(
            {
                "type": EventType.CALL_CENTER.value,
                "status": CallCenter.CONFIRMED.value,
                "message": CONFIRMED,
                "created_at": moment(order.created_at, zone),
            }
        )
    return entries


def _event_out(event: OrderEvent, zone: ZoneInfo) -> dict[str, Any] | None:
    if event.type == EventType.SHIPPING and event.to_status:
        word = word_of(event.to_status, event.remembered_status)
    elif event.type == EventType.CALL_CENTER:
        word = str(event.details.get("call_center", event.action))
    elif event.type == EventType.PAYMENT:
        word = event.action
    else:
        return None
    return {
        "type": event.type,
        "status": word,
        "message": event.message or None,
        "created_at": moment(event.recorded_at, zone),
    }


# --- in ------------------------------------------------------------------------------


@dataclass
class Read:
    """A body as a draft, and what of it could not be read, by our path."""

    draft: OrderDraft
    misshapen: dict[str, list[str]] = field(default_factory=dict)


def order_in(body: Mapping[str, Any], merchant: Merchant) -> Read:
    """The draft that the body of a create means."""
    misshapen: dict[str, list[str]] = {}
    country = body.get("country")
    if country is None or country == "":
        misshapen["orders.0.country"] = [required("country")]
    elif not isinstance(country, str) or country.strip().upper() != merchant.country:
        misshapen["orders.0.country"] = [
            _("The country has to be %(country)s.") % {"country": merchant.country}
        ]
    items = body.get("items")
    if items is not None and not isinstance(items, list):
        misshapen["orders.0.products"] = [_("The items field has to be an array.")]
        items = None
    lines = []
    for place, given in enumerate(items or ()):
        item = given if isinstance(given, dict) else {}
        if item is not given:
            misshapen[f"orders.0.products.{place}"] = [_("Each item has to be an object.")]
        lines.append(
            LineDraft(
                product_id=item.get("product_id"), quantity=item.get("quantity"), price=item.get("price")
            )
        )
    texts = {ours: body.get(theirs) for theirs, ours in FIELDS.items()}
    draft = OrderDraft(
        **texts,
        country=merchant.country,
        external_reference=body.get("external_reference"),
        lines=tuple(lines),
    )
    return Read(draft, misshapen)


def errors_out(errors: Mapping[str, Sequence[str]], missing: Iterable[str] = ()) -> dict[str, list[str]]:
    """Errors by their names of the fields; `missing` are the paths (ours) of what was left out."""
    left_out = set(missing)
    out: dict[str, list[str]] = {}
    for path, texts in errors.items():
        name = path_out(path)
        out[name] = [required(name)] if path in left_out else list(texts)
    return out


def path_out(path: str) -> str:
    """`orders.0.products.1.sku` is their `items.1.product_id`."""
    inner = match[1] if (match := _OF_ORDER.fullmatch(path)) else path
    line = _OF_LINE.fullmatch(inner)
    if line is None:
        return _THEIRS.get(inner, inner)
    parts = ["items", line[1], _LINE_FIELDS.get(line[2] or "", line[2])]
    return ".".join(part for part in parts if part)


def required(name: str) -> str:
    return f"The {name.replace('_', ' ')} field is required."
