"""What lies on the shelves, what is promised, what is still out, and the ledger: reading only.

What changes them stands in stock.py (orders' steps) and stocktaking.py (people's counts).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from django.db import connection
from django.db.models import F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value, Window
from django.db.models.functions import Coalesce

from orders.domain.goods.stock import Shelf
from orders.domain.reading.texts import UnusableText, clean_line, fold
from orders.models import MovementKind, OrderLine, Product, Status, StockLevel, StockMovement

LOW = 10  # units available at which a product counts as running low
MAX_SEARCH = 100

StockState = Literal["", "low", "none"]
Order = Literal["sku", "available"]

# Statuses of an order whose goods nobody has taken from the shelf for it yet.
_PROMISING = (Status.NEW, Status.PICKED_UP, Status.PREPARING, Status.WAITING)
# Statuses in which goods that left are neither with the customer nor back on the shelf.
_AWAY = (Status.SHIPPED, Status.RETURNED, Status.RETURN_RECEIVED)
_WRITTEN_OFF = (MovementKind.DAMAGED, MovementKind.MISSING, MovementKind.NOT_OURS)


@dataclass(frozen=True)
class ProductFilter:
    """Which products a list shows. `warehouse_id` narrows the numbers, not the products."""

    search: str = ""
    sku: str = ""
    merchant_id: int | None = None
    warehouse_id: int | None = None
    stock: StockState = ""
    with_inactive: bool = True


class Position(NamedTuple):
    """Where a page begins: the row before it, in the list's own order."""

    available: int
    sku: str
    id: int


@dataclass(frozen=True)
class ProductRow:
    """A product as lists show it; the price is in the merchant's currency."""

    id: int
    sku: str
    name: str
    ean: str
    price: Decimal
    currency: str
    merchant: str
    merchant_id: int
    track_stock: bool
    is_active: bool
    available: int = 0  # filled where the list is ordered or filtered by it


@dataclass(frozen=True)
class Page:
    """One page of products, and where the pages beside it begin; None: there is none."""

    rows: tuple[ProductRow, ...]
    next: Position | None
    prev: Position | None


@dataclass(frozen=True)
class ShelfFacts:
    """What is known of one product in one warehouse, in units."""

    on_hand: int = 0
    reserved: int = 0
    promised: int = 0
    still_out: int = 0

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved

    def __add__(self, other: ShelfFacts) -> ShelfFacts:
        return ShelfFacts(
            self.on_hand + other.on_hand,
            self.reserved + other.reserved,
            self.promised + other.promised,
            self.still_out + other.still_out,
        )


NOTHING = ShelfFacts()


@dataclass(frozen=True)
class LedgerRow:
    """One change of a shelf and how many units lay there after it."""

    id: int
    recorded_at: dt.datetime
    kind: str
    delta: int
    quantity: int
    balance: int
    reason: str
    actor_name: str
    source: str
    warehouse: str
    reference: str
    cycle: int | None


@dataclass(frozen=True)
class UnitsOut:
    """Units of a product that one trip of an order still has out."""

    reference: str
    cycle: int
    present_cycle: int
    status: str
    warehouse_id: int
    units: int


# --- products ---------------------------------------------------------------------


def find_products(wanted: ProductFilter) -> QuerySet[Product]:
    """The products that the filter means, in no order yet.

    The search finds a part of the SKU, each word of the name in any spelling (accents and
    capitals aside), and the beginning of the EAN.
    """
    products = Product.objects.all()
    if wanted.merchant_id is not None:
        products = products.filter(merchant_id=wanted.merchant_id)
    if not wanted.with_inactive:
        products = products.filter(is_active=True)
    if wanted.sku:
        products = products.filter(sku=wanted.sku)
    if wanted.search:
        products = products.filter(_means(wanted.search))
    if wanted.stock:
        most = LOW if wanted.stock == "low" else 0
        counted = products.filter(track_stock=True, is_active=True)
        products = _with_available(counted, wanted.warehouse_id).filter(available__lte=most)
    return products


def list_products(
    wanted: ProductFilter,
    *,
    limit: int,
    order: Order = "sku",
    after: Position | None = None,
    before: Position | None = None,
) -> Page:
    """A page of products, by SKU or with the least available first; one statement."""
    products = find_products(wanted)
    keys = ("available", "sku", "pk") if order == "available" else ("sku", "pk")
    if order == "available" and not wanted.stock:
        products = _with_available(products, wanted.warehouse_id).filter(track_stock=True)
    start = after or before
    if start is not None:
        values = (start.available, start.sku, start.id)[-len(keys) :]
        products = products.filter(_beyond(keys, values, forwards=after is not None))
    backwards = after is None and before is not None
    products = products.order_by(*(f"-{key}" if backwards else key for key in keys))
    found = [_row(values) for values in products.values(*_columns(order, wanted))[: limit + 1]]
    has_more = len(found) > limit
    rows = found[:limit]
    if backwards:
        rows.reverse()
    ahead, behind = (before is not None, has_more) if backwards else (has_more, after is not None)
    return Page(
        tuple(rows),
        next=_position(rows[-1]) if rows and ahead else None,
        prev=_position(rows[0]) if rows and behind else None,
    )


def _means(search: str) -> Q:
    try:
        text = clean_line(search)[:MAX_SEARCH]
    except UnusableText:
        return Q(pk__in=())
    words = fold(text).split()
    if not words:
        return Q(pk__in=())
    named = Q()
    for word in words:
        named &= Q(search_name__contains=word)
    meant = named | Q(sku__icontains=text)
    digits = text.replace(" ", "")
    if digits.isascii() and digits.isdigit():
        meant |= Q(ean__startswith=digits)
    return meant


def _with_available(products: QuerySet[Product], warehouse_id: int | None) -> QuerySet[Any]:
    levels = StockLevel.objects.filter(product=OuterRef("pk")).order_by()
    if warehouse_id is not None:
        levels = levels.filter(warehouse_id=warehouse_id)
    free = levels.values("product").annotate(free=Sum(F("on_hand") - F("reserved"))).values("free")
    return products.annotate(available=Coalesce(Subquery(free), Value(0), output_field=IntegerField()))


def _beyond(keys: Sequence[str], values: Sequence[Any], *, forwards: bool) -> Q:
    """Rows after (or before) the values in the keys' order."""
    sign = "gt" if forwards else "lt"
    beyond = Q()
    for place, key in enumerate(keys):
        same = {keys[earlier]: values[earlier] for earlier in range(place)}
        beyond |= Q(**same, **{f"{key}__{sign}": values[place]})
    return beyond


def _columns(order: Order, wanted: ProductFilter) -> list[str]:
    columns = ["id", "sku", "name", "ean", "price", "merchant_id", "track_stock", "is_active"]
    columns += ["merchant__slug", "merchant__currency"]
    return columns + (["available"] if order == "available" or wanted.stock else [])


def _row(values: Mapping[str, Any]) -> ProductRow:
    facts = dict(values)
    return ProductRow(merchant=facts.pop("merchant__slug"), currency=facts.pop("merchant__currency"), **facts)


def _position(row: ProductRow) -> Position:
    return Position(row.available, row.sku, row.id)


# --- shelves ----------------------------------------------------------------------


def read_shelves(product_ids: Collection[int], *, warehouse_id: int | None = None) -> dict[Shelf, ShelfFacts]:
    """What is known of the products on every shelf, or in one warehouse; three statements."""
    if not product_ids:
        return {}
    levels = _read_levels(product_ids, warehouse_id)
    promised = _read_promised(product_ids, warehouse_id)
    out = _read_still_out(product_ids, warehouse_id)
    return {
        shelf: ShelfFacts(
            *levels.get(shelf, (0, 0)), promised=promised.get(shelf, 0), still_out=out.get(shelf, 0)
        )
        for shelf in sorted({*levels, *promised, *out})
    }


def add_up(shelves: Mapping[Shelf, ShelfFacts]) -> dict[int, ShelfFacts]:
    """The shelves' numbers by product, over all warehouses."""
    total: dict[int, ShelfFacts] = {}
    for shelf, facts in shelves.items():
        total[shelf.product_id] = total.get(shelf.product_id, NOTHING) + facts
    return total


def _read_levels(product_ids: Collection[int], warehouse_id: int | None) -> dict[Shelf, tuple[int, int]]:
    levels = StockLevel.objects.filter(product_id__in=product_ids)
    if warehouse_id is not None:
        levels = levels.filter(warehouse_id=warehouse_id)
    return {
        Shelf(row[0], row[1]): (row[2], row[3])
        for row in levels.values_list("warehouse_id", "product_id", "on_hand", "reserved")
    }


def _read_promised(product_ids: Collection[int], warehouse_id: int | None) -> dict[Shelf, int]:
    """Units in open orders that are not packed, where they will be taken from."""
    waiting = Q(order__status__in=_PROMISING) | Q(
        order__status=Status.ROLLBACK, order__remembered_status__in=_PROMISING
    )
    lines = OrderLine.objects.filter(
        waiting,
        product_id__in=product_ids,
        cycle=F("order__cycle"),
        order__deleted_at__isnull=True,
        order__reserved_warehouse__isnull=True,
        order__from_stock=False,
    )
    if warehouse_id is not None:
        lines = lines.filter(order__warehouse_id=warehouse_id)
    rows = (
        lines.order_by()
        .values_list("order__warehouse_id", "product_id")
        .annotate(units=Sum("quantity"))
        .values_list("order__warehouse_id", "product_id", "units")
    )
    return {Shelf(of_warehouse, product_id or 0): units for of_warehouse, product_id, units in rows}


def _away_sql(alias: str) -> tuple[str, list[str]]:
    """Whether the order's present trip has its goods away, and the parameters of that."""
    places = ", ".join(["%s"] * len(_AWAY))
    words = [status.value for status in _AWAY]
    rolled_back = f"{alias}.status = %s AND {alias}.remembered_status IN ({places})"
    return f"({alias}.status IN ({places}) OR ({rolled_back}))", [*words, Status.ROLLBACK.value, *words]


def _out_sql(product_ids: Collection[int]) -> tuple[str, list[Any]]:
    """One row a line that still has units out: line, product, warehouse they left, units.

    A line's movements tell: what left, less what came back, less what was written off.
    Earlier trips of a renewed order count until their goods are scanned in.
    """
    away, away_params = _away_sql("o")
    products = ", ".join(["%s"] * len(product_ids))
    kinds = ", ".join(["%s"] * len(_WRITTEN_OFF))
    sql = f"""
        SELECT n.line_id, n.product_id, -SUM(n.moved) - SUM(n.lost) AS units,
               MAX(CASE WHEN n.moved < 0 THEN n.warehouse_id END) AS warehouse_id
          FROM (SELECT m.line_id, m.product_id, m.warehouse_id, SUM(m.delta) AS moved,
                       SUM(CASE WHEN m.kind IN ({kinds}) AND r.id IS NULL THEN m.quantity ELSE 0 END) AS lost
                  FROM orders_stockmovement m
                  JOIN orders_orderline l ON l.id = m.line_id
                  JOIN orders_order o ON o.id = l.order_id
                  LEFT JOIN orders_orderevent r ON r.reverses_id = m.event_id AND m.delta = 0
                 WHERE m.product_id IN ({products}) AND m.line_id IS NOT NULL
                   AND (l.cycle < o.cycle OR {away})
                 GROUP BY m.line_id, m.product_id, m.warehouse_id) n
         GROUP BY n.line_id, n.product_id
        HAVING -SUM(n.moved) - SUM(n.lost) > 0
    """  # noqa: S608
    return sql, [*(kind.value for kind in _WRITTEN_OFF), *product_ids, *away_params]


def _read_still_out(product_ids: Collection[int], warehouse_id: int | None) -> dict[Shelf, int]:
    sql, params = _out_sql(product_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT warehouse_id, product_id, SUM(units) FROM ({sql}) AS t"  # noqa: S608
            " GROUP BY warehouse_id, product_id",
            params,
        )
        rows = cursor.fetchall()
    return {
        Shelf(of_warehouse, product_id): int(units)
        for of_warehouse, product_id, units in rows
        if warehouse_id in (None, of_warehouse)
    }


def list_units_out(product_id: int, *, limit: int = 20) -> list[UnitsOut]:
    """Which trips of which orders have units of the product out, the oldest first; one statement."""
    sql, params = _out_sql([product_id])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT o.reference, l.cycle, o.cycle, o.status, t.warehouse_id, t.units"  # noqa: S608
            f" FROM ({sql}) AS t JOIN orders_orderline l ON l.id = t.line_id"
            " JOIN orders_order o ON o.id = l.order_id ORDER BY o.id, l.cycle LIMIT %s",
            [*params, limit],
        )
        return [
            UnitsOut(reference, cycle, present, status, warehouse_id, int(units))
            for reference, cycle, present, status, warehouse_id, units in cursor.fetchall()
        ]


# --- ledger -----------------------------------------------------------------------


@dataclass(frozen=True)
class LedgerPage:
    """Rows newest first; `older` and `newer` are the ids that the pages beside this begin before."""

    rows: tuple[LedgerRow, ...]
    older: int | None
    newer: int | None  # 0: the newest page


def read_ledger(
    product_id: int, *, warehouse_id: int | None = None, before: int | None = None, limit: int = 50
) -> LedgerPage:
    """A page of the product's movements with the units there were after each.

    Over all warehouses the balance is the product's; in one it is the shelf's. Two statements.
    """
    movements = StockMovement.objects.filter(product_id=product_id)
    if warehouse_id is not None:
        movements = movements.filter(warehouse_id=warehouse_id)
    older = movements.filter(pk__lt=before) if before else movements
    found = (
        older.annotate(balance=Window(Sum("delta"), order_by=F("pk").asc()))
        .order_by("-pk")
        .values_list(
            "pk",
            "recorded_at",
            "kind",
            "delta",
            "quantity",
            "balance",
            "reason",
            "actor_name",
            "source",
            "warehouse__name",
            "line__order__reference",
            "line__cycle",
        )[: limit + 1]
    )
    rows = [LedgerRow(*row[:10], reference=row[10] or "", cycle=row[11]) for row in found]
    newer = None
    if before:
        ahead = list(
            movements.filter(pk__gte=before).order_by("pk").values_list("pk", flat=True)[: limit + 1]
        )
        newer = ahead[limit] if len(ahead) > limit else 0
    return LedgerPage(
        tuple(rows[:limit]), older=rows[limit - 1].id if len(rows) > limit else None, newer=newer
    )


# --- what was taken without being there ---------------------------------------------


@dataclass(frozen=True)
class OwedLine:
    """Units that a company took although the shelf lacked them: somebody has to put that right."""

    reference: str
    status: str
    product_id: int | None
    sku: str
    name: str
    quantity: int
    owed: int
    merchant: str


def find_owed(merchant_id: int | None) -> QuerySet[OrderLine]:
    """Lines with owed units of orders that are there."""
    lines = OrderLine.objects.filter(owed__gt=0, order__deleted_at__isnull=True)
    return lines if merchant_id is None else lines.filter(order__merchant_id=merchant_id)


def list_owed(merchant_id: int | None, *, limit: int) -> list[OwedLine]:
    """Lines with owed units, the oldest order first; one statement."""
    rows = (
        find_owed(merchant_id)
        .order_by("order_id", "position")
        .values_list(
            "order__reference",
            "order__status",
            "product_id",
            "sku",
            "name",
            "quantity",
            "owed",
            "order__merchant__name",
        )
    )
    return [OwedLine(*row) for row in rows[:limit]]


def products_by_id(product_ids: Iterable[int]) -> dict[int, Product]:
    """The products, each with its merchant; one statement."""
    return Product.objects.select_related("merchant").in_bulk(list(product_ids))
