"""The closed vocabularies of an order: statuses, axes, sources, outcomes.

What may follow what is not said here: see orders/domain/life/transitions.py.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    """Where an order stands in the warehouse and on the road."""

    NEW = "NEW", _("New")
    PICKED_UP = "PICKED_UP", _("Picked")
    PREPARING = "PREPARING", _("Preparing")
    PACKED = "PACKED", _("Packed")
    WAITING = "WAITING_FOR_SHIPPING_COMPANY", _("Waiting for company")
    SHIPPED = "SHIPPED", _("Shipped")
    DELIVERED = "DELIVERED", _("Delivered")
    RETURNED = "RETURNED", _("Returned")
    RETURN_RECEIVED = "RETURN_RECEIVED", _("Return received")
    RETURNED_TO_STOCK = "RETURNED_TO_STOCK", _("Returned to stock")
    CANCELED = "CANCELED", _("Canceled")
    OUT_OF_STOCK = "OUT_OF_STOCK", _("Out of stock")
    ROLLBACK = "ROLLBACK", _("Rolled back")


class Tab(models.TextChoices):
    """The nine groups of the dashboard's list (WedoCOD dashboard, order statuses)."""

    NEW = "NEW", _("New")
    PACKED = "PACKED", _("Packed")
    WAITING = "WAITING_FOR_SHIPPING_COMPANY", _("Waiting for company")
    SHIPPED = "SHIPPED", _("Shipped")
    DELIVERED = "DELIVERED", _("Delivered")
    RETURNED = "RETURNED", _("Returned")
    CANCELED = "CANCELED", _("Canceled")
    OUT_OF_STOCK = "OUT_OF_STOCK", _("Out of stock")
    ROLLBACK = "ROLLBACK", _("Rolled back")


# Statuses that share another status's tab; every other status has a tab of its own name.
TAB_MEMBERS: dict[Tab, tuple[Status, ...]] = {
    Tab.NEW: (Status.NEW, Status.PICKED_UP, Status.PREPARING),
    Tab.RETURNED: (Status.RETURNED, Status.RETURN_RECEIVED, Status.RETURNED_TO_STOCK),
}

# Tabs that only grow; what is open stays about as much, however long the history.
FINAL_TABS = (Tab.DELIVERED, Tab.RETURNED, Tab.CANCELED)
OPEN_TABS = tuple(tab for tab in Tab if tab not in FINAL_TABS)


def statuses_of(tab: Tab) -> tuple[Status, ...]:
    """The statuses that the tab groups."""
    return TAB_MEMBERS.get(tab, (Status(tab.value),))


TAB_OF_STATUS: dict[str, Tab] = {status.value: tab for tab in Tab for status in statuses_of(tab)}


class CallCenter(models.TextChoices):
    """What the call centre reached with the customer."""

    PENDING = "pending", _("To confirm")
    CONFIRMED = "confirmed", _("Confirmed")
    NO_ANSWER = "no_answer", _("No answer")
    POSTPONED = "postponed", _("Postponed")
    REJECTED = "rejected", _("Rejected")


class Payment(models.TextChoices):
    """Where the customer's money is."""

    TEMPORARY = "temporary", _("Temporary")
    AWAITING = "awaiting", _("Awaiting")
    COLLECTED = "collected", _("Collected")
    REMITTED = "remitted", _("Remitted")
    FAILED = "failed", _("Failed")
    CANCELED = "canceled", _("Canceled")
    REFUNDED = "refunded", _("Refunded")
    REJECTED = "rejected", _("Rejected")


class PaymentMethod(models.TextChoices):
    COD = "cod", _("Cash on delivery")
    CARD = "card", _("Card")
    TRANSFER = "transfer", _("Bank transfer")
    OTHER = "other", _("Other, paid ahead")


class EventType(models.TextChoices):
    SHIPPING = "shipping", _("Fulfilment")
    CALL_CENTER = "call_center", _("Call centre")
    PAYMENT = "payment", _("Payment")
    NOTE = "note", _("Note")
    EDIT = "edit", _("Edit")


class ActorKind(models.TextChoices):
    USER = "user", _("Person")
    TOKEN = "token", _("Token")
    SYSTEM = "system", _("System")


class MovementKind(models.TextChoices):
    """Why units came to or left a shelf."""

    RECEIVE = "receive", _("Received")
    ADJUST = "adjust", _("Adjusted")
    COUNT = "count", _("Counted")
    SHIP = "ship", _("Shipped")
    RETURN = "return", _("Returned")
    DAMAGED = "damaged", _("Written off, damaged")
    MISSING = "missing", _("Written off, missing")
    NOT_OURS = "not_ours", _("Not ours")
    REVERSAL = "reversal", _("Step reversed")


class Country(models.TextChoices):
    MOROCCO = "MA", _("Morocco")
    ALGERIA = "DZ", _("Algeria")
