"""Counts folded in the background, where counting each time would slow a list as it grows."""

from __future__ import annotations

from django.db import models

from orders.models.choices import Tab
from orders.models.merchants import Merchant


class FoldedCount(models.Model):
    """How many orders of a merchant stood in a tab after the event `event_id` and none after it."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="+")
    tab = models.CharField(max_length=32, choices=Tab)
    count = models.IntegerField()
    event_id = models.BigIntegerField()
    folded_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("merchant", "tab"), name="folded_count_unique"),)

    def __str__(self) -> str:
        return f"{self.tab} {self.count}"


class LedgerMark(models.Model):
    """An event id that nobody writes below any more once no transaction from before `horizon` runs."""

    event_id = models.BigIntegerField()
    horizon = models.DateTimeField(help_text="By the database's clock")
    marked_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.event_id)


class WorkerPulse(models.Model):
    """When a worker last swept: the dashboard says so when nobody does."""

    name = models.CharField(max_length=100, unique=True)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
