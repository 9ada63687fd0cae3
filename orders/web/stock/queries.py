"""Reads which products a page or a program asks for from the address, and writes addresses of pages.

Which rows that means is the domain's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import urlencode

from django.core import signing
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from orders.domain.goods.shelves import MAX_SEARCH, Order, Position, ProductFilter, StockState
from orders.domain.refusals import InvalidInput
from orders.models import Merchant, Warehouse
from orders.web.bodies import whole_number

PER_PAGE = 50
MOST_PER_PAGE = 100
STATES = ("low", "none")
Direction = Literal["after", "before"]
_SIGNER = signing.Signer(salt="orders.stock")


@dataclass(frozen=True)
class Asked:
    """One question to a list: what, how many, in which order, from where."""

    wanted: ProductFilter
    per_page: int
    order: Order
    after: Position | None = None
    before: Position | None = None
    merchant: Merchant | None = None
    warehouse: Warehouse | None = None


def read_question(request: HttpRequest, *, merchant_id: int | None) -> Asked:
    """What the address asks for; a value that cannot be read is 422 on its name.

    `merchant_id` is the one that the person is bound to: nothing in the address widens that.
    """
    query = request.GET
    merchant = _merchant(query.get("merchant", ""), merchant_id)
    warehouse = find_warehouse(query.get("warehouse", ""))
    state = query.get("stock", "")
    order: Order = "available" if state in STATES or query.get("sort_by") == "available" else "sku"
    direction, position = _read_cursor(query.get("cursor", ""))
    return Asked(
        wanted=ProductFilter(
            search=query.get("search", "").strip()[:MAX_SEARCH],
            sku=query.get("sku", "").strip(),
            merchant_id=merchant.pk if merchant else merchant_id,
            warehouse_id=warehouse.pk if warehouse else None,
            stock=cast("StockState", state if state in STATES else ""),
        ),
        per_page=read_per_page(query),
        order=order,
        after=position if direction == "after" else None,
        before=position if direction == "before" else None,
        merchant=merchant,
        warehouse=warehouse,
    )


def read_per_page(query: QueryDict) -> int:
    """How many rows a page has: 50, or what the address says, at most 100."""
    text = query.get("per_page", "")
    if not text:
        return PER_PAGE
    number = whole_number(text)
    if number is None or number < 1:
        raise InvalidInput({"per_page": [_("Send a whole number from 1 to 100.")]})
    return min(number, MOST_PER_PAGE)


def find_warehouse(text: str) -> Warehouse | None:
    """The warehouse that the address names by its id, code or name; 422 when it names none."""
    if not text:
        return None
    lowered = text.strip().lower()
    for warehouse in Warehouse.objects.all():
        if lowered in (str(warehouse.pk), warehouse.code.lower(), warehouse.name.lower()):
            return warehouse
    raise InvalidInput({"warehouse": [_("There is no such warehouse; choose one from the list.")]})


def write_cursor(direction: Direction, position: Position) -> str:
    """The place where a page begins, as the address carries it: opaque, signed against tampering."""
    return _SIGNER.sign_object([direction, *position])


def page_address(request: HttpRequest, **changed: str) -> str:
    """This page's address with some values changed; an empty one is left out."""
    query = request.GET.copy()
    for name, value in changed.items():
        query.pop(name, None)
        if value:
            query[name] = value
    pairs = [(name, value) for name, values in query.lists() for value in values if value]
    return f"{request.path}?{urlencode(pairs)}" if pairs else request.path


def _merchant(text: str, bound_to: int | None) -> Merchant | None:
    if not text:
        return None
    number = whole_number(text)
    found = Merchant.objects.filter(pk=number) if number is not None else Merchant.objects.filter(slug=text)
    merchant = found.first()
    if merchant is None or bound_to not in (None, merchant.pk):
        raise InvalidInput({"merchant": [_("There is no such merchant.")]})
    return merchant


def _read_cursor(text: str) -> tuple[str, Position | None]:
    if not text:
        return "", None
    try:
        direction, *place = _SIGNER.unsign_object(text)
        return direction, Position(*place)
    except (signing.BadSignature, ValueError, TypeError):
        raise InvalidInput(
            {"cursor": [_("This page cannot be found again. Start from the first one.")]}
        ) from None
