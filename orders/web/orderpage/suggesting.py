"""Suggestions under fields: cities and products whose names begin with, or hold, what was typed.

What a typed city means in the end is decided by orders/domain/geography/places.py.
"""

from __future__ import annotations

from django.db.models import Case, Exists, IntegerField, OuterRef, Q, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from orders.domain.actors import Actor
from orders.domain.goods.shelves import ProductFilter, ProductRow, list_products
from orders.domain.reading.texts import UnusableText, clean_line, fold
from orders.models import City, Merchant
from orders.web.access import actor_of, requires
from orders.web.bodies import whole_number
from orders.web.orderpage.lines import suggested_words

MOST_SUGGESTED = 8
_WRITING = (("add_order", "change_order", "managePlaces"),)


@requires(*_WRITING)
def suggest_cities(request: HttpRequest) -> HttpResponse:
    """Up to eight known cities for `q`, those that begin with it first; of the country of `merchant`.

    `country` narrows likewise; without either the cities of all countries the person works for.
    """
    key = fold(_line(request.GET.get("q", "")))
    countries = _countries(request, actor_of(request))
    cities = City.objects.none()
    if key:
        cities = (
            City.objects.filter(
                Q(key__contains=key) | Q(key_ar__contains=key), country__in=countries, is_active=True
            )
            .alias(
                rank=Case(
                    When(Q(key=key) | Q(key_ar=key), then=Value(0)),
                    When(Q(key__startswith=key) | Q(key_ar__startswith=key), then=Value(1)),
                    default=Value(2),
                    output_field=IntegerField(),
                )
            )
            .order_by("rank", "name", "region")
        )
    options = [
        # A name that several cities share is told apart by the region, as it is when typed.
        (city, f"{city.name}, {city.region}" if city.is_shared else city.name)
        for city in cities.annotate(
            is_shared=Exists(
                City.objects.filter(key=OuterRef("key"), country=OuterRef("country"), is_active=True).exclude(
                    pk=OuterRef("pk")
                )
            )
        )[:MOST_SUGGESTED]
    ]
    return render(request, "orderpage/city_options.html", {"options": options})


@requires(("add_order", "change_order"))
def suggest_products(request: HttpRequest) -> HttpResponse:
    """Up to eight products in sale for `q`, by SKU, name or barcode, of `merchant` where one is named."""
    actor = actor_of(request)
    search = _line(request.GET.get("q", ""))
    merchant = _merchant(request, actor)
    found: tuple[ProductRow, ...] = ()
    if search and (merchant is not None or actor.merchant_id is None):
        merchant_id = merchant.pk if merchant is not None else None
        found = list_products(
            ProductFilter(search=search, merchant_id=merchant_id, with_inactive=False),
            limit=MOST_SUGGESTED,
        ).rows
    options = [(product, suggested_words(product.sku, product.name)) for product in found]
    return render(request, "orderpage/product_options.html", {"options": options})


def _line(text: str) -> str:
    try:
        return clean_line(text[:100])
    except UnusableText:
        return ""


def _merchant(request: HttpRequest, actor: Actor) -> Merchant | None:
    """The merchant named in the address, else the person's own; never another's."""
    asked = request.GET.get("merchant", "")
    merchants = Merchant.objects.all()
    if actor.merchant_id is not None:
        return merchants.filter(pk=actor.merchant_id).first()
    number = whole_number(asked)
    return merchants.filter(Q(pk=number) if number is not None else Q(slug=asked)).first()


def _countries(request: HttpRequest, actor: Actor) -> list[str]:
    merchant = _merchant(request, actor)
    if merchant is not None:
        return [merchant.country]
    asked = request.GET.get("country", "")
    return [asked] if asked else sorted(set(Merchant.objects.values_list("country", flat=True)))
