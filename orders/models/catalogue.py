"""Products: what a merchant sells. How many there are stands in orders/models/stock.py."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orders.models.merchants import Merchant


class Product(models.Model):
    """Something with a SKU; prices are in the merchant's currency."""

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="products")
    sku = models.CharField(_("SKU"), max_length=64)
    ean = models.CharField(_("EAN"), max_length=14, blank=True)
    name = models.CharField(_("name"), max_length=200)
    search_name = models.CharField(max_length=200, editable=False, default="")
    price = models.DecimalField(_("price"), max_digits=16, decimal_places=2)
    track_stock = models.BooleanField(
        _("track stock"), default=True, help_text=_("Off for services and gifts that no shelf counts")
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("sku",)
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = (
            models.UniqueConstraint(fields=("merchant", "sku"), name="product_sku_unique"),
            models.CheckConstraint(condition=models.Q(price__gte=0), name="product_price_not_negative"),
        )
        indexes = (
            models.Index(fields=("ean",), name="product_ean", condition=~models.Q(ean="")),
            models.Index(fields=("sku",), name="product_sku"),
        )

    def __str__(self) -> str:
        return f"{self.sku} {self.name}"
