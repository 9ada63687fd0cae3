"""How many units lie where, and the ledger that says why.

`on_hand` equals the sum of the movements, always; `reserved` equals the lines of the
orders that hold a reservation there. Both are written by orders/domain/goods/stock.py alone.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from orders.models.catalogue import Product
from orders.models.choices import ActorKind, MovementKind
from orders.models.history import OrderEvent
from orders.models.merchants import Warehouse
from orders.models.orders import OrderLine
from orders.models.people import User


class StockLevel(models.Model):
    """Units of one product in one warehouse; `available` is on hand less reserved."""

    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="levels", db_index=False)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="levels")
    on_hand = models.PositiveIntegerField(default=0)
    reserved = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("stock level")
        constraints = (
            models.UniqueConstraint(fields=("warehouse", "product"), name="level_unique"),
            models.CheckConstraint(
                condition=Q(reserved__gte=0) & Q(on_hand__gte=F("reserved")),
                name="level_reserved_within_on_hand",
            ),
        )

    def __str__(self) -> str:
        return f"{self.on_hand} ({self.reserved})"

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


class StockMovement(models.Model):
    """A change of `on_hand`, append-only. A write-off has delta 0 and names its quantity:
    the units left at shipping already."""

    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="+", db_index=False)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="movements", db_index=False)
    kind = models.CharField(max_length=12, choices=MovementKind)
    delta = models.IntegerField()
    quantity = models.PositiveIntegerField()
    event = models.ForeignKey(
        OrderEvent, on_delete=models.PROTECT, null=True, related_name="movements", db_index=False
    )
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, null=True, related_name="movements")
    reason = models.CharField(max_length=300, blank=True, default="")
    actor_kind = models.CharField(max_length=8, choices=ActorKind)
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    actor_name = models.CharField(max_length=150)
    source = models.CharField(max_length=40)
    recorded_at = models.DateTimeField()
    # Of a form or a job that receives, adjusts or counts: sent twice it counts once.
    nonce = models.CharField(max_length=64, null=True)  # noqa: DJ001 - unique where given

    class Meta:
        verbose_name = _("stock movement")
        constraints = (
            models.UniqueConstraint(
                fields=("nonce", "warehouse", "product"),
                name="movement_nonce_unique",
                condition=Q(nonce__isnull=False),
            ),
            models.UniqueConstraint(
                fields=("event", "line", "kind"), name="movement_once_per_event_and_line"
            ),
            models.CheckConstraint(
                condition=Q(event__isnull=True, line__isnull=True)
                | Q(event__isnull=False, line__isnull=False),
                name="movement_event_with_line",
            ),
        )
        indexes = (models.Index(fields=("product", "warehouse", "id"), name="movement_ledger"),)

    def __str__(self) -> str:
        return f"{self.delta:+d} {self.kind}"
