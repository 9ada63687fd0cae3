"""Reads orders for programs: a numbered page, one order, and their lines; the same few statements always.

Which orders are asked for, and what they look like, is each dialect's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F
from django.http import Http404

from orders.api.shapes import PageAsked, read_reference
from orders.domain.incoming.intake import looks_like_ours
from orders.models import Merchant, Order, OrderLine, OrderQuerySet


@dataclass(frozen=True)
class NumberedPage:
    """The orders of one page, and how many there are in all, exactly."""

    orders: Sequence[Order]
    total: int
    asked: PageAsked

    @property
    def last_page(self) -> int:
        return max(1, -(-self.total // self.asked.per_page))


def take_numbered_page(orders: OrderQuerySet, sort: Sequence[Any], asked: PageAsked) -> NumberedPage:
    """The page; three statements, two when it lies beyond the last."""
    total = orders.order_by().count()
    if asked.offset >= total:
        return NumberedPage((), total, asked)
    # Ids first: what is skipped is walked in the index alone.
    ids = list(
        orders.order_by(*sort).values_list("pk", flat=True)[asked.offset : asked.offset + asked.per_page]
    )
    rows = Order.objects.in_bulk(ids)
    return NumberedPage([rows[id] for id in ids if id in rows], total, asked)


def find_order(reference: str, merchant: Merchant) -> Order:
    """The merchant's order with our reference, or with theirs. 404 when there is none."""
    wanted = read_reference(reference)
    column = "reference" if looks_like_ours(wanted) else "external_reference"
    order = Order.objects.visible_to(merchant.pk).filter(**{column: wanted}).first() if wanted else None
    if order is None:
        raise Http404
    return order


def lines_of(orders: Iterable[Order]) -> dict[int, list[OrderLine]]:
    """The lines of each order's present cycle, in their order; one statement."""
    found: dict[int, list[OrderLine]] = defaultdict(list)
    ids = [order.pk for order in orders]
    if ids:
        lines = OrderLine.objects.filter(order_id__in=ids, cycle=F("order__cycle"))
        for line in lines.order_by("order_id", "position"):
            found[line.order_id].append(line)
    return found
