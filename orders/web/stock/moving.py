"""The sheets that receive, adjust and count one product, and the page that takes in a whole delivery.

What may be done to a shelf is said in orders/domain/goods/stocktaking.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from orders.domain.actors import Actor
from orders.domain.goods.catalogue import find_by_codes
from orders.domain.goods.stocktaking import Count, Posting, adjust_stock, count_stock, receive_stock
from orders.domain.refusals import InvalidInput, Refusal, StaleVersion
from orders.models import Product, StockLevel, Warehouse
from orders.web.access import actor_of, is_htmx, requires, wants_json
from orders.web.answers import invalid
from orders.web.bodies import read_body
from orders.web.forms import show_refusal, status_of
from orders.web.stock.forms import (
    AdjustForm,
    CountForm,
    DeliveryForm,
    MovementForm,
    ReceiveForm,
    merchants_of,
)
from orders.web.stock.queries import find_warehouse
from orders.web.stock.views import find_product

READING_AND_WRITING = ("GET", "POST")
_FIELDS = {
    "lines.0.product": "",
    "lines.0.quantity": "quantity",
    "lines.0.delta": "delta",
    "lines.0.counted": "counted",
}


class Kind(NamedTuple):
    """One way to move a product's stock: its form, its words, and what the domain is asked."""

    form: type[MovementForm]
    title: str | Promise
    button: str | Promise
    busy: str | Promise
    post: Callable[[Product, dict[str, Any], Actor], list[Posting]]


def _receive(product: Product, said: dict[str, Any], actor: Actor) -> list[Posting]:
    return receive_stock([(product.pk, said["quantity"])], **_shared(said, actor))


def _adjust(product: Product, said: dict[str, Any], actor: Actor) -> list[Posting]:
    return adjust_stock([(product.pk, said["delta"])], **_shared(said, actor))


def _count(product: Product, said: dict[str, Any], actor: Actor) -> list[Posting]:
    counted = Count(product.pk, said["counted"], said["seen"])
    return count_stock([counted], **_shared(said, actor))


def _shared(said: dict[str, Any], actor: Actor) -> dict[str, Any]:
    return {
        "warehouse_id": said["warehouse"].pk,
        "reason": said["reason"],
        "nonce": said["nonce"],
        "actor": actor,
    }


KINDS = {
    "receive": Kind(
        ReceiveForm,
        gettext_lazy("Receive %(sku)s"),
        gettext_lazy("Receive"),
        gettext_lazy("Receiving…"),
        _receive,
    ),
    "adjust": Kind(
        AdjustForm,
        gettext_lazy("Adjust %(sku)s"),
        gettext_lazy("Adjust"),
        gettext_lazy("Adjusting…"),
        _adjust,
    ),
    "count": Kind(
        CountForm,
        gettext_lazy("Count %(sku)s"),
        gettext_lazy("Save the count"),
        gettext_lazy("Saving…"),
        _count,
    ),
}


@requires("manageStock", methods=READING_AND_WRITING)
def move_stock(request: HttpRequest, product_id: int, kind: str) -> HttpResponse:
    """Receives, adjusts or counts one product in one warehouse."""
    actor = actor_of(request)
    product = find_product(product_id, merchant_id=actor.merchant_id)
    if request.method != "POST":
        return _sheet(request, product, kind, _blank(request, product, kind))
    form = KINDS[kind].form(_said(request))
    if not form.is_valid():
        if wants_json(request):
            return invalid({name: [str(text) for text in texts] for name, texts in form.errors.items()})
        return _sheet(request, product, kind, form, status=422)
    try:
        (posting,) = KINDS[kind].post(product, form.cleaned_data, actor)
    except Refusal as refusal:
        if wants_json(request):
            raise
        if isinstance(refusal, StaleVersion):
            _show_newer_number(form, refusal)
        show_refusal(form, refusal, fields=_FIELDS)
        return _sheet(request, product, kind, form, status=status_of(refusal))
    return _moved(request, product, kind, posting, form.cleaned_data["warehouse"])


@requires("manageStock", methods=READING_AND_WRITING)
def receive_delivery(request: HttpRequest) -> HttpResponse:
    """Receives many products at once, typed, pasted or scanned one a line."""
    actor = actor_of(request)
    if request.method != "POST":
        return render(request, "stock/delivery.html", {"form": _blank_delivery(request, actor)})
    form = DeliveryForm(_said(request), actor=actor)
    if not form.is_valid():
        return _delivery_refused(request, form, 422)
    said = form.cleaned_data
    try:
        lines = _read_delivery(said["lines"], merchant_id=said["merchant"].pk)
        postings = receive_stock(lines, **_shared(said, actor))
    except Refusal as refusal:
        if wants_json(request) and not isinstance(refusal, InvalidInput):
            raise
        show_refusal(form, refusal, fields=dict.fromkeys(getattr(refusal, "errors", {}), "lines"))
        return _delivery_refused(request, form, status_of(refusal))
    return _delivered(request, postings, said["warehouse"])


# --- one product --------------------------------------------------------------------


def _said(request: HttpRequest) -> Any:
    if request.content_type == "application/json":
        return dict(read_body(request).values)
    return request.POST


def _blank(request: HttpRequest, product: Product, kind: str) -> MovementForm:
    chosen = find_warehouse(request.GET.get("warehouse", "")) or product.merchant.default_warehouse
    level = _level(product, chosen)
    return KINDS[kind].form(initial={"warehouse": chosen, "seen": level.on_hand if level else 0})


def _level(product: Product, warehouse: Warehouse | None) -> StockLevel | None:
    return StockLevel.objects.filter(product=product, warehouse=warehouse).first()


def _show_newer_number(form: MovementForm, refusal: StaleVersion) -> None:
    """What is there now takes the place of what the page said; the count has to be made anew."""
    (now,) = refusal.current.values()
    data = cast("QueryDict", form.data).copy()
    data["seen"] = now["on_hand"]
    data["counted"] = ""
    form.data = data


def _sheet(
    request: HttpRequest, product: Product, kind: str, form: MovementForm, *, status: int = 200
) -> HttpResponse:
    warehouse = Warehouse.objects.filter(pk=form["warehouse"].value() or 0).first()
    chosen = KINDS[kind]
    context = {
        "product": product,
        "kind": kind,
        "form": form,
        "title": str(chosen.title) % {"sku": product.sku},
        "button": chosen.button,
        "busy": chosen.busy,
        "warehouse": warehouse,
        "level": _level(product, warehouse),
        "back_url": reverse("product-show", args=[product.pk]),
    }
    return render(request, "stock/move.html", context, status=status)


def _moved(
    request: HttpRequest, product: Product, kind: str, posting: Posting, warehouse: Warehouse
) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"data": _posting_json(posting, warehouse)})
    messages.success(request, _moved_words(kind, posting, warehouse))
    address = reverse("product-show", args=[product.pk])
    if is_htmx(request):
        answer = HttpResponse(status=204)
        answer["HX-Redirect"] = address
        return answer
    return HttpResponseRedirect(address)


def _moved_words(kind: str, posting: Posting, warehouse: Warehouse) -> str:
    facts = {
        "sku": posting.sku,
        "delta": f"{posting.delta:+,}",
        "on_hand": f"{posting.on_hand:,}",
        "warehouse": warehouse.name,
    }
    if posting.is_repeat:
        return _("%(sku)s was booked already: this form came twice. %(on_hand)s on hand.") % facts
    if kind == "count" and not posting.delta:
        return _("%(sku)s counted in %(warehouse)s: %(on_hand)s on hand, as the ledger says.") % facts
    if kind == "count":
        return (
            _("%(sku)s counted in %(warehouse)s: %(delta)s against the ledger, %(on_hand)s on hand now.")
            % facts
        )
    return _("%(sku)s in %(warehouse)s: %(delta)s, %(on_hand)s on hand now.") % facts


def _posting_json(posting: Posting, warehouse: Warehouse) -> dict[str, Any]:
    return {
        "warehouse": warehouse.code,
        "sku": posting.sku,
        "delta": posting.delta,
        "on_hand": posting.on_hand,
        "reserved": posting.reserved,
        "available": posting.on_hand - posting.reserved,
        "is_repeat": posting.is_repeat,
    }


# --- a delivery -----------------------------------------------------------------------

_QUANTITY = re.compile(r"(?P<code>.*?)(?:\s*[\t;,]\s*|\s+)(?P<units>[0-9]{1,9})", re.DOTALL)


def _read_delivery(text: str, *, merchant_id: int) -> list[tuple[int, int]]:
    """(Product id, units) of each line; lines that name no product are refused with their number.

    A line is first held for a code as it stands, so that a SKU ending in digits is not torn apart.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    split = {line: match for _number, line in lines if (match := _QUANTITY.fullmatch(line))}
    codes = {line for _number, line in lines} | {match["code"].strip() for match in split.values()}
    known = find_by_codes(codes, merchant_id=merchant_id)
    found: list[tuple[int, int]] = []
    unknown: list[str] = []
    for number, line in lines:
        match = split.get(line)
        if line in known:
            found.append((known[line], 1))
        elif match and match["code"].strip() in known:
            found.append((known[match["code"].strip()], int(match["units"])))
        else:
            unknown.append(_("line %(number)s: %(text)s") % {"number": number, "text": line[:60]})
    if unknown:
        shown = "; ".join(unknown[:10]) + (" …" if len(unknown) > 10 else "")
        raise InvalidInput(
            {"lines": [_("No product has this SKU or EAN. Mend these lines: %(lines)s") % {"lines": shown}]}
        )
    return found


def _blank_delivery(request: HttpRequest, actor: Actor) -> DeliveryForm:
    """The warehouse that was asked for, else the person's own, else where the merchant's goods lie."""
    merchant = merchants_of(actor).select_related("default_warehouse").first()
    warehouse = (
        find_warehouse(request.GET.get("warehouse", ""))
        or getattr(request.user, "warehouse", None)
        or (merchant and merchant.default_warehouse)
    )
    return DeliveryForm(actor=actor, initial={"merchant": merchant, "warehouse": warehouse})


def _delivery_refused(request: HttpRequest, form: DeliveryForm, status: int) -> HttpResponse:
    if wants_json(request):
        return invalid({name: [str(text) for text in texts] for name, texts in form.errors.items()})
    return render(request, "stock/delivery.html", {"form": form}, status=status)


def _delivered(request: HttpRequest, postings: list[Posting], warehouse: Warehouse) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"data": [_posting_json(posting, warehouse) for posting in postings]})
    units = sum(posting.delta for posting in postings)
    facts = {"units": f"{units:,}", "products": f"{len(postings):,}", "warehouse": warehouse.name}
    if postings[0].is_repeat:
        words = _("This delivery was booked already: the form came twice.")
    else:
        words = (
            ngettext(
                "%(units)s unit of %(products)s products received in %(warehouse)s.",
                "%(units)s units of %(products)s products received in %(warehouse)s.",
                units,
            )
            % facts
        )
    messages.success(request, words)
    return HttpResponseRedirect(f"{reverse('stock-list')}?warehouse={warehouse.code}")
