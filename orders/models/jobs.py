"""Background work that a person waits for: one row a job, one row an item, both leased.

The queue only wakes a worker; what is to be done, by whom and how far it is stands here.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orders.models.merchants import Merchant
from orders.models.orders import Order
from orders.models.people import User


class Job(models.Model):
    class Kind(models.TextChoices):
        IMPORT_ORDERS = "import_orders", _("Order import")
        IMPORT_PRODUCTS = "import_products", _("Product import")
        IMPORT_REFERENCES = "import_references", _("References import")
        EXPORT_ORDERS = "export_orders", _("Order export")
        BULK_ACTION = "bulk_action", _("Bulk action")

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        PREVIEWED = "previewed", _("Waiting for your go")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELED = "canceled", _("Canceled")

    class Phase(models.TextChoices):
        CHECK = "check", _("Checking")
        COMMIT = "commit", _("Writing")

    kind = models.CharField(max_length=24, choices=Kind)
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    phase = models.CharField(max_length=8, choices=Phase, default=Phase.COMMIT)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="jobs", db_index=False)
    merchant = models.ForeignKey(
        Merchant, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    # What was asked: action and its arguments, the frozen filter, the chosen columns.
    params = models.JSONField(default=dict)
    upload_name = models.CharField(max_length=255, blank=True, default="")
    upload_path = models.CharField(max_length=255, blank=True, default="")
    upload_sha256 = models.CharField(max_length=64, blank=True, default="")
    requested = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    progress = models.PositiveSmallIntegerField(default=0, help_text=_("Percent"))
    summary = models.JSONField(default=dict)
    error_code = models.CharField(max_length=40, blank=True, default="")
    error_message = models.CharField(max_length=1000, blank=True, default="")
    cancel_requested = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    # A worker owns the job while its lease runs and its fence is the newest.
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("job")
        indexes = (
            models.Index(
                fields=("lease_until",), name="job_open", condition=Q(state__in=("queued", "running"))
            ),
            models.Index(fields=("owner", "-id"), name="job_owner"),
            models.Index(
                fields=("merchant", "upload_sha256"), name="job_same_file", condition=~Q(upload_sha256="")
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class JobItem(models.Model):
    """One thing of a job: a file's row, or an order of a bulk action. `number` is the sheet's row."""

    class Outcome(models.TextChoices):
        PENDING = "pending", _("Waiting")
        READY = "ready", _("Ready")
        DONE = "done", _("Done")
        SKIPPED = "skipped", _("Skipped")
        FAILED = "failed", _("Failed")

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="items", db_index=False)
    number = models.PositiveIntegerField()
    outcome = models.CharField(max_length=8, choices=Outcome, default=Outcome.PENDING)
    code = models.CharField(max_length=40, blank=True, default="")
    message = models.CharField(max_length=1000, blank=True, default="")
    payload = models.JSONField(default=dict)
    # A list of column, value, code, message and remedy.
    problems = models.JSONField(default=list)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("job", "number"), name="job_item_number_unique"),)
        indexes = (models.Index(fields=("job", "outcome", "number"), name="job_item_outcome"),)

    def __str__(self) -> str:
        return f"{self.job_id}/{self.number}"


class JobFile(models.Model):
    """A file that a job made; it appears whole, belongs to the job's owner and expires."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=255)
    path = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name
