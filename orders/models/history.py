"""What happened to orders: append-only, kept so by triggers in the database as well.

Rows are written by the domain only, in the transaction of the change they tell of.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from orders.models.choices import ActorKind, EventType, Status
from orders.models.orders import Order
from orders.models.people import User


class OrderEvent(models.Model):
    """One step, edit, call, payment or note in an order's life, ordered by id, never by clock."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="events", db_index=False)
    cycle = models.PositiveSmallIntegerField()
    type = models.CharField(max_length=12, choices=EventType)
    action = models.CharField(max_length=40)
    from_status = models.CharField(max_length=32, choices=Status, blank=True)
    to_status = models.CharField(max_length=32, choices=Status, blank=True)
    # With from or to ROLLBACK: the status that ROLLBACK stood for.
    remembered_status = models.CharField(max_length=32, choices=Status, blank=True, default="")
    reverses = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="reversed_by")
    # The facts of the order's row that this step changed, as they were before: what a reversal restores.
    before = models.JSONField(default=dict)
    message = models.CharField(max_length=1000, blank=True, default="")
    # Facts that belong to the message, such as each sku that was short: [{"sku", "needed", "available"}].
    details = models.JSONField(default=dict)
    actor_kind = models.CharField(max_length=8, choices=ActorKind)
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    actor_name = models.CharField(max_length=150)
    source = models.CharField(max_length=40)
    station = models.CharField(max_length=64, blank=True, default="")
    occurred_on = models.DateField()
    recorded_at = models.DateTimeField()

    class Meta:
        verbose_name = _("event")
        indexes = (
            models.Index(fields=("order", "id"), name="event_order"),
            models.Index(fields=("recorded_at",), name="event_recorded"),
            models.Index(fields=("user", "-id"), name="event_user", condition=models.Q(user__isnull=False)),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.order_id}"


class ScanAttempt(models.Model):
    """Every code a bench sent, whatever came of it; the nonce makes a resend count once."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    station = models.CharField(max_length=64, blank=True, default="")
    mode = models.CharField(max_length=20)
    nonce = models.CharField(max_length=64, null=True)  # noqa: DJ001 - unique where given
    scanned = models.CharField(max_length=200)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    event = models.ForeignKey(
        OrderEvent, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    outcome = models.CharField(max_length=20)
    code = models.CharField(max_length=24)
    answer = models.JSONField(default=dict)
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "nonce"), name="scan_nonce_unique"),)
        indexes = (models.Index(fields=("user", "mode", "-recorded_at"), name="scan_recent"),)

    def __str__(self) -> str:
        return f"{self.mode} {self.scanned}: {self.code}"
