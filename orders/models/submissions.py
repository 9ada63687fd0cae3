"""Forms that made something, so that a second click or a resend makes nothing more.

Programs' idempotency keys and the benches' scans have records of their own.
"""

from __future__ import annotations

from django.db import models

from orders.models.orders import Order
from orders.models.people import User


class Submission(models.Model):
    """A form a person sent once: its nonce, what it said, and the order it made."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    nonce = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "nonce"), name="submission_nonce_unique"),)

    def __str__(self) -> str:
        return self.nonce
