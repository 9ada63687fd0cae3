"""The forms that make and change a product.

What a product may be is said in orders/domain/goods/catalogue.py.
"""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from orders.domain.goods.catalogue import create_product, edition, update_product
from orders.domain.refusals import InvalidInput, Refusal, StaleVersion
from orders.models import Product
from orders.web.access import actor_of, requires, wants_json
from orders.web.answers import invalid
from orders.web.bodies import read_body
from orders.web.forms import show_refusal, status_of
from orders.web.shapes import json_amount
from orders.web.stock.forms import ProductForm
from orders.web.stock.views import find_product

READING_AND_WRITING = ("GET", "POST")


@requires("manageStock", methods=READING_AND_WRITING)
def product_new(request: HttpRequest) -> HttpResponse:
    """Makes a product."""
    actor = actor_of(request)
    if request.method != "POST":
        return _form_page(request, ProductForm(actor=actor), None)
    form = ProductForm(_said(request), actor=actor)
    if not form.is_valid():
        return _refused(request, form, None, 422)
    try:
        product = create_product(form.draft(), merchant_id=form.cleaned_data["merchant"].pk, actor=actor)
    except InvalidInput as refusal:
        show_refusal(form, refusal)
        return _refused(request, form, None, 422)
    return _saved(request, product, _("%(sku)s is made.") % {"sku": product.sku}, status=201)


@requires("manageStock", methods=READING_AND_WRITING)
def product_edit(request: HttpRequest, product_id: int) -> HttpResponse:
    """Changes a product; a page that is too old is shown the newer values beside its own."""
    actor = actor_of(request)
    product = find_product(product_id, merchant_id=actor.merchant_id)
    if request.method != "POST":
        return _form_page(request, ProductForm(actor=actor, product=product), product)
    form = ProductForm(_said(request, product), actor=actor, product=product)
    if not form.is_valid():
        return _refused(request, form, product, 422)
    seen = form.cleaned_data["edition"] or None
    if seen is None and not wants_json(request):
        seen = ""
    try:
        product = update_product(product.pk, form.draft(), actor=actor, seen=seen)
    except StaleVersion as refusal:
        if wants_json(request):
            raise
        return _stale(request, form, product, refusal)
    except InvalidInput as refusal:
        show_refusal(form, refusal)
        return _refused(request, form, product, status_of(refusal))
    return _saved(request, product, _("%(sku)s is saved.") % {"sku": product.sku})


def _said(request: HttpRequest, product: Product | None = None) -> Any:
    """What was sent; in JSON a field left out keeps its value."""
    if request.content_type != "application/json":
        return request.POST
    said = dict(read_body(request).values)
    if product is None:
        return {"track_stock": True, "is_active": True} | said
    kept = {
        "sku": product.sku,
        "name": product.name,
        "price": product.price,
        "ean": product.ean,
        "track_stock": product.track_stock,
        "is_active": product.is_active,
    }
    return kept | said


def _form_page(
    request: HttpRequest, form: ProductForm, product: Product | None, *, status: int = 200, **more: Any
) -> HttpResponse:
    trail = [(_("Stock"), reverse("stock-list"))]
    if product is not None:
        trail.append((product.sku, reverse("product-show", args=[product.pk])))
    context = {"form": form, "product": product, "trail": trail, **more}
    return render(request, "stock/product_form.html", context, status=status)


def _refused(request: HttpRequest, form: ProductForm, product: Product | None, status: int) -> HttpResponse:
    if wants_json(request):
        return invalid({name: [str(text) for text in texts] for name, texts in form.errors.items()})
    return _form_page(request, form, product, status=status)


def _stale(request: HttpRequest, form: ProductForm, product: Product, refusal: Refusal) -> HttpResponse:
    """The form as typed, with what somebody else saved beside it; saving again overwrites knowingly."""
    product.refresh_from_db()
    newer = ProductForm(actor=actor_of(request), product=product)
    beside = [
        (field.label, newer[name].value(), form[name].value())
        for name, field in newer.fields.items()
        if name != "edition" and str(newer[name].value()) != str(form[name].value())
    ]
    data = cast("QueryDict", form.data).copy()
    data["edition"] = edition(product)
    form.data = data
    return _form_page(request, form, product, status=409, stale=refusal.message, beside=beside)


def _saved(request: HttpRequest, product: Product, words: str, *, status: int = 200) -> HttpResponse:
    if wants_json(request):
        data = {
            "id": str(product.pk),
            "sku": product.sku,
            "name": product.name,
            "price": json_amount(product.price),
            "ean": product.ean or None,
            "track_stock": product.track_stock,
            "is_active": product.is_active,
            "edition": edition(product),
        }
        return JsonResponse({"data": data}, status=status)
    messages.success(request, words)
    return HttpResponseRedirect(reverse("product-show", args=[product.pk]))
