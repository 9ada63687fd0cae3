"""Cities that parcels go to, and the spellings people use for them.

How a typed city is matched to one of these: orders/domain/geography/places.py.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from orders.models.choices import Country
from orders.models.merchants import Merchant


class City(models.Model):
    """A city (Morocco) or commune (Algeria); the name alone is no key, the region belongs to it."""

    country = models.CharField(_("country"), max_length=2, choices=Country)
    region = models.CharField(_("region or wilaya"), max_length=100, blank=True)
    region_ar = models.CharField(_("Arabic region or wilaya"), max_length=100, blank=True)
    region_code = models.CharField(_("region code"), max_length=10, blank=True)
    name = models.CharField(_("name"), max_length=100)
    name_ar = models.CharField(_("Arabic name"), max_length=100, blank=True)
    # Folded spellings (orders.domain.reading.texts.fold), for matching without accents and case.
    key = models.CharField(max_length=100, editable=False)
    key_ar = models.CharField(max_length=100, blank=True, editable=False)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        ordering = ("country", "name", "region")
        verbose_name = _("city")
        verbose_name_plural = _("cities")
        constraints = (
            models.UniqueConstraint(fields=("country", "region", "name"), name="city_unique_in_region"),
        )
        indexes = (
            models.Index(fields=("country", "key"), name="city_key"),
            models.Index(fields=("country", "key_ar"), name="city_key_ar"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.region})" if self.region else self.name


class CityAlias(models.Model):
    """Another spelling of a city, learned from a person's choice; for everybody or one merchant."""

    country = models.CharField(_("country"), max_length=2, choices=Country)
    merchant = models.ForeignKey(
        Merchant, on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("merchant")
    )
    spelling = models.CharField(_("spelling"), max_length=100)
    key = models.CharField(max_length=100, editable=False)
    city = models.ForeignKey(City, on_delete=models.CASCADE, related_name="aliases", verbose_name=_("city"))

    class Meta:
        ordering = ("country", "spelling")
        verbose_name = _("city alias")
        verbose_name_plural = _("city aliases")
        constraints = (
            models.UniqueConstraint(
                fields=("country", "key"),
                name="city_alias_unique_for_all",
                condition=models.Q(merchant__isnull=True),
            ),
            models.UniqueConstraint(
                fields=("country", "key", "merchant"), name="city_alias_unique_for_merchant"
            ),
        )

    def __str__(self) -> str:
        return f"{self.spelling} → {self.city}"
