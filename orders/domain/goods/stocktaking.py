"""Goods that arrive, are corrected or are counted: many shelves at once, each with its ledger row.

What an order's steps do to the shelves stands in stock.py; what a product is, in catalogue.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orders.domain.actors import Actor
from orders.domain.goods import stock
from orders.domain.refusals import Code, InvalidInput, NotAllowed, Refusal, StaleVersion
from orders.domain.rows.locking import write_transaction
from orders.domain.rows.rowsets import column_value, rows_source
from orders.models import MovementKind, OrderLine, Product, StockLevel, StockMovement, Warehouse

PERMISSION = "manageStock"
MAX_LINES = 10_000
MAX_UNITS = 10_000_000  # on one shelf; far below what the column holds
MAX_REASON = 300
_NAMED_HOLDERS = 3


class Count(NamedTuple):
    """What a person counted on one shelf, and what the page said when they began (None: not looked)."""

    product_id: int
    counted: int
    seen: int | None = None


@dataclass(frozen=True)
class Posting:
    """What one line did to its shelf. A repeat is a call that was sent again: nothing was done twice."""

    product_id: int
    sku: str
    delta: int
    on_hand: int
    reserved: int
    is_repeat: bool = False


class ShortShelves(Refusal):
    """Units that orders hold would have to go: refused, nothing changed. `errors` by line."""

    code = Code.INSUFFICIENT_STOCK

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__(next(iter(errors.values()))[0])
        self.errors = {path: list(texts) for path, texts in errors.items()}


class _Level(NamedTuple):
    id: int
    on_hand: int
    reserved: int


def receive_stock(
    lines: Sequence[tuple[int, int]],
    *,
    warehouse_id: int,
    actor: Actor,
    reason: str = "",
    nonce: str = "",
    at: dt.datetime | None = None,
) -> list[Posting]:
    """Puts (product id, units) on the shelves of a warehouse; a line each in the answer, in order.

    A product named twice adds up. Units are whole numbers from 1. With a nonce, sending the
    same again does nothing and says so. Refuses an unknown product or warehouse and a product
    that is not counted with `invalid`, a person without the right with `not_allowed`. `at` is
    the moment recorded (default: now).
    """
    _check_call(lines, actor=actor, reason=reason, nonce=nonce)
    errors = {
        f"lines.{place}.quantity": [
            _("Write a whole number from 1 to %(limit)s.") % {"limit": f"{MAX_UNITS:,}"}
        ]
        for place, (_product, quantity) in enumerate(lines)
        if not 1 <= quantity <= MAX_UNITS
    }
    if errors:
        raise InvalidInput(errors)
    return _post(
        MovementKind.RECEIVE,
        _added_up(lines),
        lambda _level, change: change,
        places=_places(product_id for product_id, _change in lines),
        warehouse_id=warehouse_id,
        actor=actor,
        reason=reason,
        nonce=nonce,
        needs_open_warehouse=True,
        at=at,
    )


def adjust_stock(
    lines: Sequence[tuple[int, int]],
    *,
    warehouse_id: int,
    actor: Actor,
    reason: str,
    nonce: str = "",
) -> list[Posting]:
    """Adds or takes away (product id, units) with a reason; a line each in the answer, in order.

    Never below what orders hold there: refused with `insufficient_stock`, naming them. Else as
    receive_stock.
    """
    _check_call(lines, actor=actor, reason=reason, nonce=nonce, needs_reason=True)
    errors = {
        f"lines.{place}.delta": [
            _("Write how many units to add, or to take away with a minus before it; not 0.")
        ]
        for place, (_product, delta) in enumerate(lines)
        if not delta or abs(delta) > MAX_UNITS
    }
    if errors:
        raise InvalidInput(errors)
    return _post(
        MovementKind.ADJUST,
        _added_up(lines),
        lambda _level, change: change,
        places=_places(product_id for product_id, _change in lines),
        warehouse_id=warehouse_id,
        actor=actor,
        reason=reason,
        nonce=nonce,
    )


def count_stock(
    counts: Sequence[Count],
    *,
    warehouse_id: int,
    actor: Actor,
    reason: str = "",
    nonce: str = "",
) -> list[Posting]:
    """Sets shelves to what was counted; the answer's delta is how far off they were, 0 included.

    A count whose `seen` no longer holds is refused with StaleVersion (`current` has on hand and
    reserved of each such shelf by SKU): units moved while somebody was counting. Never below
    what orders hold there (`insufficient_stock`). Else as receive_stock.
    """
    _check_call(counts, actor=actor, reason=reason, nonce=nonce)
    errors: dict[str, list[str]] = {}
    by_product: dict[int, Count] = {}
    for place, count in enumerate(counts):
        if not 0 <= count.counted <= MAX_UNITS:
            errors[f"lines.{place}.counted"] = [
                _("Write a whole number from 0 to %(limit)s.") % {"limit": f"{MAX_UNITS:,}"}
            ]
        if by_product.setdefault(count.product_id, count) is not count:
            errors[f"lines.{place}.product"] = [_("This product stands in the list twice; count it once.")]
    if errors:
        raise InvalidInput(errors)

    def look(levels: Mapping[int, _Level], skus: Mapping[int, str]) -> None:
        moved = {
            product_id: levels[product_id]
            for product_id, count in by_product.items()
            if count.seen is not None and levels[product_id].on_hand != count.seen
        }
        if moved:
            raise _stale(moved, skus, by_product)

    return _post(
        MovementKind.COUNT,
        {product_id: count.counted for product_id, count in by_product.items()},
        lambda level, counted: counted - level.on_hand,
        places=_places(by_product),
        warehouse_id=warehouse_id,
        actor=actor,
        reason=reason,
        nonce=nonce,
        look=look,
    )


# --- one way to post --------------------------------------------------------------


def _post(
    kind: MovementKind,
    asked: Mapping[int, int],
    delta_of: Callable[[_Level, int], int],
    *,
    places: Mapping[int, int],
    warehouse_id: int,
    actor: Actor,
    reason: str,
    nonce: str,
    look: Callable[[Mapping[int, _Level], Mapping[int, str]], None] = lambda _levels, _skus: None,
    needs_open_warehouse: bool = False,
    at: dt.datetime | None = None,
) -> list[Posting]:
    """Writes levels and ledger for `asked` (a number by product id); `look` may refuse under the lock."""
    skus = _read_products(asked, places, actor=actor)
    warehouse = _read_warehouse(warehouse_id, needs_open=needs_open_warehouse)

    def work() -> list[Posting]:
        levels = _lock_levels(warehouse_id, asked)
        repeated = _read_repeat(asked, skus, warehouse_id=warehouse_id, nonce=nonce)
        if repeated:
            return repeated
        look(levels, skus)
        deltas = {product_id: delta_of(levels[product_id], number) for product_id, number in asked.items()}
        _refuse_too_many(deltas, levels, places)
        _refuse_short(deltas, levels, places, skus, warehouse=warehouse)
        plan = stock.StockPlan()
        for product_id, delta in deltas.items():
            plan.on_hand[stock.Shelf(warehouse_id, product_id)] = delta
        stock.write_levels([plan], _stand(warehouse_id, levels))
        _write_ledger(kind, deltas, warehouse_id=warehouse_id, actor=actor, reason=reason, nonce=nonce, at=at)
        return [
            Posting(
                product_id,
                skus[product_id],
                delta,
                levels[product_id].on_hand + delta,
                levels[product_id].reserved,
            )
            for product_id, delta in deltas.items()
        ]

    return write_transaction(work)


def _check_call(
    lines: Sequence[object], *, actor: Actor, reason: str, nonce: str, needs_reason: bool = False
) -> None:
    if not actor.may(PERMISSION):
        raise NotAllowed(_("You are not allowed to change stock. Ask an admin for the right."))
    errors: dict[str, list[str]] = {}
    if not lines:
        errors["lines"] = [_("Name at least one product.")]
    if len(lines) > MAX_LINES:
        errors["lines"] = [
            _("%(count)s products at once are too many; send at most %(limit)s.")
            % {"count": f"{len(lines):,}", "limit": f"{MAX_LINES:,}"}
        ]
    if needs_reason and not reason.strip():
        errors["reason"] = [_("Say why; the reason stands in the ledger.")]
    if len(reason) > MAX_REASON:
        errors["reason"] = [_("Use at most %(limit)s characters.") % {"limit": MAX_REASON}]
    if len(nonce) > 64:
        errors["nonce"] = [_("Use at most %(limit)s characters.") % {"limit": 64}]
    if errors:
        raise InvalidInput(errors)


def _added_up(lines: Sequence[tuple[int, int]]) -> dict[int, int]:
    total: dict[int, int] = {}
    for product_id, change in lines:
        total[product_id] = total.get(product_id, 0) + change
    return total


def _places(product_ids: Iterable[int]) -> dict[int, int]:
    """Where each product stands first among the lines sent."""
    first: dict[int, int] = {}
    for place, product_id in enumerate(product_ids):
        first.setdefault(product_id, place)
    return first


def _read_products(asked: Mapping[int, int], places: Mapping[int, int], *, actor: Actor) -> dict[int, str]:
    """The SKU of each product; refused together where one is unknown, another's or not counted."""
    products = Product.objects.filter(pk__in=asked)
    if actor.merchant_id is not None:
        products = products.filter(merchant_id=actor.merchant_id)
    found = {pk: (sku, counted) for pk, sku, counted in products.values_list("pk", "sku", "track_stock")}
    errors: dict[str, list[str]] = {}
    for product_id in asked:
        path = f"lines.{places[product_id]}.product"
        if product_id not in found:
            errors[path] = [_("There is no such product; choose one from the list.")]
        elif not found[product_id][1]:
            errors[path] = [
                _("%(sku)s is not counted. Switch “track stock” on first, on the product's page.")
                % {"sku": found[product_id][0]}
            ]
    if errors:
        raise InvalidInput(errors)
    return {product_id: sku for product_id, (sku, _counted) in found.items()}


def _read_warehouse(warehouse_id: int, *, needs_open: bool) -> Warehouse:
    warehouse = Warehouse.objects.filter(pk=warehouse_id).first()
    if warehouse is None:
        raise InvalidInput({"warehouse": [_("There is no such warehouse; choose one from the list.")]})
    if needs_open and not warehouse.is_active:
        raise InvalidInput(
            {"warehouse": [_("%(name)s is closed; choose another warehouse.") % {"name": warehouse.name}]}
        )
    return warehouse


def _lock_levels(warehouse_id: int, asked: Mapping[int, int]) -> dict[int, _Level]:
    """The shelves by product id, made where they are missing, locked in id order; two statements."""
    source, params = rows_source("r", {"product_id": "int"}, [(product_id,) for product_id in sorted(asked)])
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders_stocklevel (warehouse_id, product_id, on_hand, reserved)"  # noqa: S608
            f" SELECT %s, r.product_id, 0, 0 FROM {source}"
            " WHERE NOT EXISTS (SELECT 1 FROM orders_stocklevel AS l"
            " WHERE l.warehouse_id = %s AND l.product_id = r.product_id)"
            " ORDER BY r.product_id ON CONFLICT DO NOTHING",
            [warehouse_id, *params, warehouse_id],
        )
    rows = (
        StockLevel.objects.filter(warehouse_id=warehouse_id, product_id__in=asked)
        .order_by("id")
        .select_for_update()
        .values_list("product_id", "id", "on_hand", "reserved")
    )
    return {product_id: _Level(*level) for product_id, *level in rows}


def _stand(warehouse_id: int, levels: Mapping[int, _Level]) -> stock.Stand:
    return stock.Stand(
        {
            stock.Shelf(warehouse_id, product_id): (level.id, level.on_hand, level.reserved)
            for product_id, level in levels.items()
        }
    )


def _read_repeat(
    asked: Mapping[int, int], skus: Mapping[int, str], *, warehouse_id: int, nonce: str
) -> list[Posting]:
    """What a call with the same nonce did before; asked under the lock, so that rivals see each other."""
    if not nonce:
        return []
    done = dict(
        StockMovement.objects.filter(
            nonce=nonce, warehouse_id=warehouse_id, product_id__in=asked
        ).values_list("product_id", "delta")
    )
    if not done:
        return []
    levels = {
        row[0]: row[1:]
        for row in StockLevel.objects.filter(warehouse_id=warehouse_id, product_id__in=done).values_list(
            "product_id", "on_hand", "reserved"
        )
    }
    return [
        Posting(product_id, skus[product_id], done[product_id], *levels[product_id], is_repeat=True)
        for product_id in asked
        if product_id in done
    ]


def _refuse_too_many(
    deltas: Mapping[int, int], levels: Mapping[int, _Level], places: Mapping[int, int]
) -> None:
    errors = {
        f"lines.{places[product_id]}.quantity": [
            _("More than %(limit)s units on one shelf cannot be kept.") % {"limit": f"{MAX_UNITS:,}"}
        ]
        for product_id, delta in deltas.items()
        if levels[product_id].on_hand + delta > MAX_UNITS
    }
    if errors:
        raise InvalidInput(errors)


def _refuse_short(
    deltas: Mapping[int, int],
    levels: Mapping[int, _Level],
    places: Mapping[int, int],
    skus: Mapping[int, str],
    *,
    warehouse: Warehouse,
) -> None:
    """Refuses what would leave a shelf below the units that orders hold there, or below nothing."""
    short = [
        product_id
        for product_id, delta in deltas.items()
        if levels[product_id].on_hand + delta < levels[product_id].reserved
    ]
    if not short:
        return
    held = _read_holders(short, warehouse_id=warehouse.pk)
    raise ShortShelves(
        {
            f"lines.{places[product_id]}.quantity": [
                _short_words(
                    skus[product_id], levels[product_id], held.get(product_id, []), warehouse=warehouse
                )
            ]
            for product_id in short
        }
    )


def _short_words(sku: str, level: _Level, holders: Sequence[str], *, warehouse: Warehouse) -> str:
    facts = {"sku": sku, "on_hand": level.on_hand, "warehouse": warehouse.name}
    if not level.reserved:
        return _("%(sku)s: only %(on_hand)s on hand in %(warehouse)s, so no more can be taken away.") % facts
    named = ", ".join(holders[:_NAMED_HOLDERS])
    if len(holders) > _NAMED_HOLDERS:
        named = _("%(references)s and others") % {"references": named}
    return _(
        "%(sku)s: %(on_hand)s on hand in %(warehouse)s, %(reserved)s of them reserved for %(orders)s."
        " At most %(free)s can be taken away; cancel or roll back those orders first."
    ) % {
        **facts,
        "reserved": level.reserved,
        "free": level.on_hand - level.reserved,
        "orders": named or _("packed orders"),
    }


def _read_holders(product_ids: Sequence[int], *, warehouse_id: int) -> dict[int, list[str]]:
    """References of orders that hold units of the products there: a few each, for the words."""
    rows = (
        OrderLine.objects.filter(
            product_id__in=product_ids[:_NAMED_HOLDERS],
            order__reserved_warehouse_id=warehouse_id,
            cycle=F("order__cycle"),
        )
        .order_by("product_id", "order_id")
        .values_list("product_id", "order__reference")
        .distinct()[: (_NAMED_HOLDERS + 1) ** 2]
    )
    held: dict[int, list[str]] = {}
    for product_id, reference in rows:
        if product_id is not None:
            held.setdefault(product_id, []).append(reference)
    return held


def _stale(moved: Mapping[int, _Level], skus: Mapping[int, str], counts: Mapping[int, Count]) -> StaleVersion:
    product_id, level = next(iter(moved.items()))
    message = _(
        "%(sku)s moved while it was counted: the page said %(seen)s on hand, now there are %(now)s."
        " Count again, then send the new number."
    ) % {"sku": skus[product_id], "seen": counts[product_id].seen, "now": level.on_hand}
    if len(moved) > 1:
        others = len(moved) - 1
        message += " " + ngettext("%(count)s more moved too.", "%(count)s more moved too.", others) % {
            "count": others
        }
    return StaleVersion(
        message,
        current={
            skus[product_id]: {"on_hand": level.on_hand, "reserved": level.reserved}
            for product_id, level in moved.items()
        },
    )


def _write_ledger(
    kind: MovementKind,
    deltas: Mapping[int, int],
    *,
    warehouse_id: int,
    actor: Actor,
    reason: str,
    nonce: str,
    at: dt.datetime | None = None,
) -> None:
    """Appends a row a shelf; one statement."""
    source, params = rows_source("r", {"product_id": "int", "delta": "int"}, list(deltas.items()))
    recorded = "%s::timestamptz" if connection.vendor == "postgresql" else "%s"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders_stockmovement (warehouse_id, product_id, kind, delta, quantity, reason,"  # noqa: S608
            " nonce, actor_kind, user_id, actor_name, source, recorded_at)"
            " SELECT %s, r.product_id, %s, r.delta, abs(r.delta), %s, %s, %s, %s, %s, %s,"
            f" {recorded} FROM {source} WHERE true",
            [
                warehouse_id,
                kind.value,
                reason.strip(),
                nonce or None,
                actor.kind.value,
                actor.user_id,
                actor.name[:150],
                actor.source,
                column_value(at or timezone.now()),
                *params,
            ],
        )
