"""Tables, constraints and questions about rows. What moves them stands in orders/domain."""

from orders.models.catalogue import Product
from orders.models.changes import SettingChange
from orders.models.choices import (
    FINAL_TABS,
    OPEN_TABS,
    TAB_OF_STATUS,
    ActorKind,
    CallCenter,
    Country,
    EventType,
    MovementKind,
    Payment,
    PaymentMethod,
    Status,
    Tab,
    statuses_of,
)
from orders.models.figures import FoldedCount, LedgerMark, WorkerPulse
from orders.models.history import OrderEvent, ScanAttempt
from orders.models.jobs import Job, JobFile, JobItem
from orders.models.merchants import Merchant, Warehouse
from orders.models.orders import Order, OrderLine
from orders.models.people import User
from orders.models.places import City, CityAlias
from orders.models.querysets import OrderQuerySet
from orders.models.stock import StockLevel, StockMovement
from orders.models.submissions import Submission
from orders.models.tokens import ApiToken, IdempotencyKey, RateWindow

__all__ = [
    "FINAL_TABS",
    "OPEN_TABS",
    "TAB_OF_STATUS",
    "ActorKind",
    "ApiToken",
    "CallCenter",
    "City",
    "CityAlias",
    "Country",
    "EventType",
    "FoldedCount",
    "IdempotencyKey",
    "Job",
    "JobFile",
    "JobItem",
    "LedgerMark",
    "Merchant",
    "MovementKind",
    "Order",
    "OrderEvent",
    "OrderLine",
    "OrderQuerySet",
    "Payment",
    "PaymentMethod",
    "Product",
    "RateWindow",
    "ScanAttempt",
    "SettingChange",
    "Status",
    "StockLevel",
    "StockMovement",
    "Submission",
    "Tab",
    "User",
    "Warehouse",
    "WorkerPulse",
    "statuses_of",
]
