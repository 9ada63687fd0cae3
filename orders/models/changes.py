"""What people changed in the set-up, for people to read: append-only, kept so by triggers too.

What happens to orders stands in history.py, what happens to shelves in stock.py.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from orders.models.choices import ActorKind
from orders.models.merchants import Merchant
from orders.models.people import User


class SettingChange(models.Model):
    """Who changed what about a person, role, merchant, warehouse, place or product, and when."""

    class Subject(models.TextChoices):
        PERSON = "person", _("Person")
        ROLE = "role", _("Role")
        MERCHANT = "merchant", _("Merchant")
        WAREHOUSE = "warehouse", _("Warehouse")
        CITY = "city", _("City")
        SPELLING = "spelling", _("Spelling")
        PRODUCT = "product", _("Product")
        TOKEN = "token", _("API token")

    class Verb(models.TextChoices):
        MADE = "made", _("made")
        CHANGED = "changed", _("changed")
        REMOVED = "removed", _("removed")

    subject = models.CharField(max_length=12, choices=Subject)
    subject_id = models.BigIntegerField(null=True)
    subject_name = models.CharField(max_length=200)
    merchant = models.ForeignKey(
        Merchant, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    verb = models.CharField(max_length=8, choices=Verb)
    # [{"field": words for people, "from": text, "to": text}]; never a password.
    changes = models.JSONField(default=list)
    actor_kind = models.CharField(max_length=8, choices=ActorKind)
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    actor_name = models.CharField(max_length=150)
    source = models.CharField(max_length=40)
    recorded_at = models.DateTimeField()

    class Meta:
        verbose_name = _("change of settings")
        verbose_name_plural = _("changes of settings")
        indexes = (models.Index(fields=("subject", "subject_id", "-id"), name="setting_change_subject"),)

    def __str__(self) -> str:
        return f"{self.subject} {self.subject_name} {self.verb}"
