"""Merchants, whose goods these are, and the warehouses that hold them.

Stock quantities stand in orders/models/stock.py.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.db import models
from django.utils.timezone import localdate, now
from django.utils.translation import gettext_lazy as _

from orders.models.choices import Country


class Warehouse(models.Model):
    """A place with shelves; it may hold goods of several merchants."""

    code = models.SlugField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=100)
    address = models.CharField(_("address"), max_length=300, blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        ordering = ("name",)
        verbose_name = _("warehouse")
        verbose_name_plural = _("warehouses")

    def __str__(self) -> str:
        return self.name


class Merchant(models.Model):
    """A seller: owns orders, products and tokens that no other merchant sees."""

    slug = models.SlugField(_("short name"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=100)
    country = models.CharField(_("country"), max_length=2, choices=Country)
    currency = models.CharField(_("currency"), max_length=3, help_text=_("ISO 4217, such as MAD or DZD"))
    timezone = models.CharField(_("time zone"), max_length=40, default="Africa/Casablanca")
    confirm_by_phone = models.BooleanField(
        _("confirm by phone"),
        default=False,
        help_text=_("Orders wait for the call centre before they count as confirmed"),
    )
    default_warehouse = models.ForeignKey(
        Warehouse, on_delete=models.PROTECT, related_name="+", verbose_name=_("default warehouse")
    )
    # Where a program's push without a company goes.
    default_company_key = models.CharField(_("default company"), max_length=64, blank=True, default="")
    default_company_name = models.CharField(max_length=100, blank=True, default="")
    contact_name = models.CharField(_("contact"), max_length=100, blank=True)
    contact_phone = models.CharField(_("contact phone"), max_length=40, blank=True)
    contact_address = models.CharField(_("return address"), max_length=300, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ("name",)
        verbose_name = _("merchant")
        verbose_name_plural = _("merchants")

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def today(self) -> dt.date:
        """The merchant's own day at this moment."""
        return localdate(timezone=self.zone)
