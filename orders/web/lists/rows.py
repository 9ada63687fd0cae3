"""The rows of the list's page: what an order's row shows, drawn as little as possible per row.

Which rows they are is decided in views.py; the JSON of a row stands in orders/web/shapes.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from orders.models import Merchant, OrderLine
from orders.templatetags import badges, figures
from orders.web.lists.bulk import actions_open_to_row
from orders.web.shapes import ITEM_COLUMNS

PAGE_COLUMNS = (*ITEM_COLUMNS, "cycle", "remembered_status", "packed_at", "company_name")


class Goods(NamedTuple):
    """What an order is of: its first line, and how many lines follow."""

    quantity: int
    sku: str
    name: str
    more: int


def draw_rows(
    rows: Iterable[Mapping[str, Any]], *, merchants: Mapping[int, Merchant]
) -> list[dict[str, Any]]:
    """The rows with all that the page shows; one statement, for their lines."""
    known = list(rows)
    goods = _goods_of({row["id"]: row["cycle"] for row in known})
    language = get_language() or ""
    now = timezone.now()
    orders_root = reverse("order-list")
    return [
        {
            **row,
            "url": f"{orders_root}/{row['reference']}/show",
            "status_badge": _badge("status", row["status"], language),
            "call_center_badge": _badge("call_center", row["call_center"], language),
            "payment_badge": _badge("payment", row["payment_status"], language),
            "can": actions_open_to_row(row["status"], row["remembered_status"], row["packed_at"] is not None),
            "amount": f"{row['total']:,.2f}",
            "merchant": merchants[row["merchant_id"]].name,
            "goods": goods.get(row["id"]),
            "created": timezone.localtime(row["created_at"]).strftime("%Y-%m-%d %H:%M"),
            "age": figures.since(max(0, int((now - row["created_at"]).total_seconds()))),
        }
        for row in known
    ]


@lru_cache(maxsize=256)
def _badge(axis: str, value: str, _language: str) -> SafeString:
    """The badge, drawn once a value and language."""
    draw = {
        "status": badges.status_badge,
        "call_center": badges.call_center_badge,
        "payment": badges.payment_badge,
    }[axis]
    return draw(value)


def _goods_of(cycles: Mapping[int, int]) -> dict[int, Goods]:
    """The first line of each order's present cycle, and how many more there are; one statement."""
    lines: dict[int, list[tuple[int, str, str]]] = defaultdict(list)
    for order_id, cycle, quantity, sku, name in (
        OrderLine.objects.filter(order_id__in=cycles)
        .order_by("order_id", "cycle", "position")
        .values_list("order_id", "cycle", "quantity", "sku", "name")
    ):
        if cycles[order_id] == cycle:
            lines[order_id].append((quantity, sku, name))
    return {order_id: Goods(*found[0], more=len(found) - 1) for order_id, found in lines.items()}
