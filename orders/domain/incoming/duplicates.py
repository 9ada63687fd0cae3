"""Finds orders that are probably the same one sent twice, for a warning before anything is packed.

A reference sent twice is no matter of probability: checking.py refuses it.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection
from django.utils import timezone

from orders.domain.incoming.drafts import ReadyOrder
from orders.domain.rows.rowsets import column_value, is_among
from orders.models import Merchant, Status

WINDOW = dt.timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A phone (E.164) and products that another order may have asked for already."""

    index: int
    phone_e164: str
    product_ids: Collection[int]

    @classmethod
    def of(cls, order: ReadyOrder) -> Suspect:
        products = (line.product_id for line in order.lines)
        return cls(order.index, order.row.phone_e164, frozenset(id for id in products if id is not None))


class Twin(NamedTuple):
    """An order that may be the same one sent twice."""

    id: int
    reference: str
    status: str
    created_at: dt.datetime
    sku: str


def find_probable_duplicates(
    suspects: Iterable[Suspect],
    *,
    merchant: Merchant,
    at: dt.datetime | None = None,
    besides: int | None = None,
) -> dict[int, list[Twin]]:
    """Per suspect's index, the orders of the last 48 hours with the same phone and product.

    For a warning, not for a refusal. Canceled and deleted orders do not count, nor does
    the order `besides`. One statement.
    """
    by_phone: dict[str, list[Suspect]] = defaultdict(list)
    for suspect in suspects:
        if suspect.phone_e164 and suspect.product_ids:
            by_phone[suspect.phone_e164[:0:-1]].append(suspect)
    if not by_phone:
        return {}
    # The reversed digits stand for the number one to one and have an index.
    is_asked, params = is_among("o.phone_reversed", by_phone)
    since = "%s::timestamptz" if connection.vendor == "postgresql" else "%s"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT o.phone_reversed, l.product_id, o.id, o.reference, o.status, o.created_at, l.sku"  # noqa: S608
            " FROM orders_order o JOIN orders_orderline l ON l.order_id = o.id AND l.cycle = o.cycle"
            f" WHERE {is_asked} AND o.merchant_id = %s AND o.created_at >= {since}"
            " AND o.deleted_at IS NULL AND o.status <> %s AND o.id <> %s ORDER BY o.id, l.position",
            [
                *params,
                merchant.pk,
                column_value((at or timezone.now()) - WINDOW),
                Status.CANCELED.value,
                besides or 0,
            ],
        )
        rows = cursor.fetchall()
    twins: dict[int, dict[int, Twin]] = defaultdict(dict)
    for phone, product_id, id, reference, status, created_at, sku in rows:
        for suspect in by_phone[phone]:
            if product_id in suspect.product_ids:
                twins[suspect.index].setdefault(id, Twin(id, reference, status, _aware(created_at), sku))
    return {index: list(found.values()) for index, found in twins.items()}


def _aware(moment: dt.datetime) -> dt.datetime:
    """SQLite hands moments back bare; they are stored in UTC."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
