"""The list of products with what is known of their stock, and one product with its ledger.

Forms that change anything stand in editing.py and moving.py beside this.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from orders.domain.goods.shelves import (
    LOW,
    NOTHING,
    Page,
    ProductRow,
    ShelfFacts,
    add_up,
    list_owed,
    list_products,
    list_units_out,
    read_ledger,
    read_shelves,
)
from orders.domain.goods.stock import Shelf
from orders.domain.refusals import InvalidInput, NotThere
from orders.models import Merchant, MovementKind, Product, SettingChange, Warehouse
from orders.web.access import actor_of, requires, wants_json
from orders.web.bodies import whole_number
from orders.web.shapes import json_amount
from orders.web.stock.queries import (
    STATES,
    Asked,
    find_warehouse,
    page_address,
    read_question,
    write_cursor,
)

LEDGER_ROWS = 50
MOST_OUT = 20
MOST_OWED = 200


@requires("view_order")
def stock_list(request: HttpRequest) -> HttpResponse:
    """Products with their stock: a page, or JSON with a row a shelf."""
    actor = actor_of(request)
    asked = read_question(request, merchant_id=actor.merchant_id)
    page = _page(asked)
    shelves = read_shelves(
        [row.id for row in page.rows], warehouse_id=asked.warehouse.pk if asked.warehouse else None
    )
    if wants_json(request):
        return JsonResponse({"data": _shelves_json(page.rows, shelves, asked), "meta": _meta(page, asked)})
    by_product = add_up(shelves)
    context = {
        "rows": [(row, by_product.get(row.id, NOTHING)) for row in page.rows],
        "asked": asked,
        "low": LOW,
        "merchants": _merchants(actor.merchant_id),
        "warehouses": list(Warehouse.objects.all()),
        "chips": _chips(request, asked),
        "clear_url": request.path,
        "states": _states(request),
        "hidden": [(name, request.GET[name]) for name in ("stock", "sort_by") if request.GET.get(name)],
        "prev_url": _beside(request, "before", page.prev),
        "next_url": _beside(request, "after", page.next),
        "may_manage": actor.may("manageStock"),
    }
    return render(request, "stock/list.html", context)


@requires("view_order")
def product_list(request: HttpRequest) -> HttpResponse:
    """Products for programs and the order form; a browser is shown the stock list."""
    if not wants_json(request):
        query = request.GET.urlencode()
        return HttpResponseRedirect(reverse("stock-list") + (f"?{query}" if query else ""))
    asked = read_question(request, merchant_id=actor_of(request).merchant_id)
    page = _page(asked)
    data = [
        {
            "id": str(row.id),
            "sku": row.sku,
            "name": row.name,
            "price": json_amount(row.price),
            "currency": row.currency,
            "merchant": row.merchant,
        }
        for row in page.rows
    ]
    return JsonResponse({"data": data, "meta": _meta(page, asked)})


@requires("view_order")
def product_show(request: HttpRequest, product_id: int) -> HttpResponse:
    """One product: its shelves, where its units are, and its ledger."""
    actor = actor_of(request)
    product = find_product(product_id, merchant_id=actor.merchant_id)
    warehouse = find_warehouse(request.GET.get("warehouse", ""))
    warehouses = {one.pk: one for one in Warehouse.objects.all()}
    shelves = read_shelves([product.pk])
    ledger = read_ledger(
        product.pk,
        warehouse_id=warehouse.pk if warehouse else None,
        before=_before(request),
        limit=LEDGER_ROWS,
    )
    rows = [(warehouses[shelf.warehouse_id], facts) for shelf, facts in shelves.items()]
    context = {
        "product": product,
        "shelves": sorted(rows, key=lambda row: row[0].name),
        "total": add_up(shelves).get(product.pk, NOTHING),
        "out": [
            (out, warehouses[out.warehouse_id]) for out in list_units_out(product.pk, limit=MOST_OUT + 1)
        ],
        "most_out": MOST_OUT,
        "ledger": ledger,
        "kinds": dict(MovementKind.choices),
        "warehouse": warehouse,
        "tabs": _warehouse_tabs(request, warehouse, [one for one, _facts in rows]),
        "older_url": page_address(request, before=str(ledger.older)) + "#ledger" if ledger.older else "",
        "newer_url": page_address(request, before=str(ledger.newer or "")) + "#ledger"
        if ledger.newer is not None
        else "",
        "changes": SettingChange.objects.filter(
            subject=SettingChange.Subject.PRODUCT, subject_id=product.pk
        ).order_by("-id")[:10],
        "may_manage": actor.may("manageStock"),
    }
    return render(request, "stock/product.html", context)


@requires("view_order")
def owed_list(request: HttpRequest) -> HttpResponse:
    """Units that a company took although the shelf lacked them."""
    lines = list_owed(actor_of(request).merchant_id, limit=MOST_OWED + 1)
    context = {"lines": lines[:MOST_OWED], "has_more": len(lines) > MOST_OWED, "most": MOST_OWED}
    return render(request, "stock/owed.html", context)


def find_product(product_id: int, *, merchant_id: int | None) -> Product:
    """The product with its merchant; another merchant's is not there."""
    products = Product.objects.select_related("merchant")
    if merchant_id is not None:
        products = products.filter(merchant_id=merchant_id)
    product = products.filter(pk=product_id).first()
    if product is None:
        raise NotThere(_("There is no such product."))
    return product


# --- answers ----------------------------------------------------------------------


def _page(asked: Asked) -> Page:
    return list_products(
        asked.wanted, limit=asked.per_page, order=asked.order, after=asked.after, before=asked.before
    )


def _meta(page: Page, asked: Asked) -> dict[str, Any]:
    return {
        "per_page": asked.per_page,
        "next": write_cursor("after", page.next) if page.next else None,
        "prev": write_cursor("before", page.prev) if page.prev else None,
    }


def _shelves_json(
    rows: Iterable[ProductRow], shelves: dict[Shelf, ShelfFacts], asked: Asked
) -> list[dict[str, Any]]:
    """A row a shelf; a product that lies nowhere has one with nothing on it, at its merchant's warehouse."""
    listed = list(rows)
    codes = dict(Warehouse.objects.values_list("pk", "code"))
    homes = dict(Merchant.objects.values_list("pk", "default_warehouse_id"))
    of_product: dict[int, list[tuple[int, ShelfFacts]]] = {row.id: [] for row in listed}
    for shelf, facts in shelves.items():
        of_product[shelf.product_id].append((shelf.warehouse_id, facts))
    answer = []
    for row in listed:
        home = asked.warehouse.pk if asked.warehouse else homes[row.merchant_id]
        for warehouse_id, facts in of_product[row.id] or [(home, NOTHING)]:
            answer.append(
                {
                    "warehouse": codes[warehouse_id],
                    "sku": row.sku,
                    "on_hand": facts.on_hand,
                    "reserved": facts.reserved,
                    "available": facts.available,
                    "promised": facts.promised,
                    "still_out": facts.still_out,
                }
            )
    return answer


# --- the page's parts ---------------------------------------------------------------


def _merchants(merchant_id: int | None) -> list[Merchant]:
    return [] if merchant_id is not None else list(Merchant.objects.all())


def _beside(request: HttpRequest, direction: Any, position: Any) -> str:
    return page_address(request, cursor=write_cursor(direction, position)) if position else ""


def _states(request: HttpRequest) -> list[dict[str, Any]]:
    words = {"": _("All"), "low": _("Low or none"), "none": _("None left")}
    chosen = request.GET.get("stock", "")
    return [
        {
            "word": word,
            "url": page_address(request, stock=state, cursor="", sort_by=""),
            "count": None,
            "is_current": state == (chosen if chosen in STATES else ""),
        }
        for state, word in words.items()
    ]


def _chips(request: HttpRequest, asked: Asked) -> list[dict[str, Any]]:
    shown = {
        "search": (_("Search"), asked.wanted.search),
        "sku": (_("SKU"), asked.wanted.sku),
        "merchant": (_("Merchant"), asked.merchant or request.GET.get("merchant", "")),
        "warehouse": (_("Warehouse"), asked.warehouse or request.GET.get("warehouse", "")),
    }
    return [
        {"name": name, "value": value, "url": page_address(request, **{parameter: "", "cursor": ""})}
        for parameter, (name, value) in shown.items()
        if value
    ]


def _warehouse_tabs(
    request: HttpRequest, chosen: Warehouse | None, warehouses: list[Warehouse]
) -> list[dict[str, Any]]:
    if len(warehouses) < 2 and chosen is None:
        return []
    tabs: list[tuple[str, str, bool]] = [(_("All warehouses"), "", chosen is None)]
    tabs += [
        (one.name, one.code, one == chosen)
        for one in sorted(warehouses, key=lambda warehouse: warehouse.name)
    ]
    return [
        {
            "word": word,
            "url": page_address(request, warehouse=code, before="") + "#ledger",
            "count": None,
            "is_current": is_current,
        }
        for word, code, is_current in tabs
    ]


def _before(request: HttpRequest) -> int | None:
    text = request.GET.get("before", "")
    if not text:
        return None
    number = whole_number(text)
    if number is None or number < 1:
        raise InvalidInput({"before": [_("This page cannot be found again. Start from the first one.")]})
    return number
