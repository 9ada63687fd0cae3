"""People who work in the dashboard. Roles are Django groups, made by a migration.

Tokens of programs are not people and do not stand here.
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from orders.models.merchants import Merchant, Warehouse

# Languages a person can have; which of them are offered yet is a setting.
LANGUAGES = (("en", "English"), ("fr", "Français"), ("ar", "العربية"))


class User(AbstractUser):
    """A person: staff of every merchant, or bound to one."""

    merchant = models.ForeignKey(
        Merchant,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="users",
        verbose_name=_("merchant"),
        help_text=_("Empty for staff, who work for every merchant"),
    )
    language = models.CharField(_("language"), max_length=5, choices=LANGUAGES, default="en")
    warehouse = models.ForeignKey(
        Warehouse,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("usual warehouse"),
    )

    class Meta(AbstractUser.Meta):
        ordering = ("username",)

    @property
    def display_name(self) -> str:
        return self.get_full_name() or self.username
