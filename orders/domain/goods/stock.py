"""What an order's steps do to the shelves: reserve, consume, release, put back, reverse.

Deciding is pure arithmetic over rows read before; writing is one statement a table.
Goods that arrive or are counted: orders/domain/goods/stocktaking.py.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import connection
from django.db.models import Q

from orders.domain.actors import Actor
from orders.domain.rows.locking import Conflict
from orders.domain.rows.rowsets import any_of, column_value, rows_source
from orders.models import MovementKind, OrderLine, StockLevel, StockMovement


class Shelf(NamedTuple):
    """One product in one warehouse."""

    warehouse_id: int
    product_id: int


class TrackedLine(NamedTuple):
    """A line of the present cycle whose product is counted."""

    id: int
    product_id: int
    sku: str
    quantity: int


class Movement(NamedTuple):
    """A ledger row to be written for an order's step."""

    shelf: Shelf
    line_id: int
    kind: MovementKind
    delta: int
    quantity: int


@dataclass(frozen=True)
class Disposition:
    """What a person saw of one line's units at the return bench."""

    sound: int = 0
    damaged: int = 0
    missing: int = 0
    not_ours: int = 0

    @property
    def units(self) -> int:
        return self.sound + self.damaged + self.missing + self.not_ours


class Shortage(NamedTuple):
    sku: str
    needed: int
    available: int


@dataclass
class StockPlan:
    """What one order's step would do: changes of (on hand, reserved) a shelf, and ledger rows."""

    on_hand: dict[Shelf, int] = field(default_factory=lambda: defaultdict(int))
    reserved: dict[Shelf, int] = field(default_factory=lambda: defaultdict(int))
    movements: list[Movement] = field(default_factory=list)
    skus: dict[Shelf, str] = field(default_factory=dict)
    owed: dict[int, int] = field(default_factory=dict)

    def shelves(self) -> set[Shelf]:
        return {*self.on_hand, *self.reserved}

    def reserve(self, warehouse_id: int, lines: Iterable[TrackedLine], *, sign: int = 1) -> None:
        for line in lines:
            shelf = Shelf(warehouse_id, line.product_id)
            self.reserved[shelf] += sign * line.quantity
            self.skus[shelf] = line.sku

    def release(self, warehouse_id: int, lines: Iterable[TrackedLine]) -> None:
        self.reserve(warehouse_id, lines, sign=-1)

    def consume(self, warehouse_id: int, lines: Iterable[TrackedLine], *, is_reserved: bool) -> None:
        """Units leave the shelf, with their reservation where they had one."""
        lines = tuple(lines)
        if is_reserved:
            self.release(warehouse_id, lines)
        for line in lines:
            shelf = Shelf(warehouse_id, line.product_id)
            self.on_hand[shelf] -= line.quantity
            self.skus[shelf] = line.sku
            self.movements.append(Movement(shelf, line.id, MovementKind.SHIP, -line.quantity, line.quantity))

    def put_back(self, warehouse_id: int, line: TrackedLine, seen: Disposition) -> None:
        """Sound units return to the shelf; the others are written off: they left at shipping."""
        shelf = Shelf(warehouse_id, line.product_id)
        self.skus[shelf] = line.sku
        if seen.sound:
            self.on_hand[shelf] += seen.sound
            self.movements.append(Movement(shelf, line.id, MovementKind.RETURN, seen.sound, seen.sound))
        for kind, units in (
            (MovementKind.DAMAGED, seen.damaged),
            (MovementKind.MISSING, seen.missing),
            (MovementKind.NOT_OURS, seen.not_ours),
        ):
            if units:
                self.movements.append(Movement(shelf, line.id, kind, 0, units))

    def take_back(self, moved: Iterable[tuple[Shelf, int, int, str]]) -> None:
        """The opposite of ledger rows written before: (shelf, line id, delta, sku)."""
        for shelf, line_id, delta, sku in moved:
            self.on_hand[shelf] -= delta
            self.skus[shelf] = sku
            self.movements.append(Movement(shelf, line_id, MovementKind.REVERSAL, -delta, abs(delta)))

    def owe_missing(self, stand: Stand) -> None:
        """Take what is there; what lacks is owed on its line, so that stock never goes negative."""
        left: dict[Shelf, int] = {}
        taken: list[Movement] = []
        for movement in self.movements:
            available = left.setdefault(movement.shelf, max(stand.available(movement.shelf), 0))
            units = min(movement.quantity, available)
            left[movement.shelf] -= units
            if units < movement.quantity:
                self.owed[movement.line_id] = movement.quantity - units
                self.on_hand[movement.shelf] += movement.quantity - units
            if units:
                taken.append(movement._replace(delta=-units, quantity=units))
        self.movements = taken


class Stand:
    """Shelves as they were read, less what orders served before have been promised."""

    def __init__(self, levels: Mapping[Shelf, tuple[int, int, int]]) -> None:
        self.ids = {shelf: level_id for shelf, (level_id, _, _) in levels.items()}
        self._available = {shelf: on_hand - reserved for shelf, (_, on_hand, reserved) in levels.items()}

    def available(self, shelf: Shelf) -> int:
        return self._available.get(shelf, 0)

    def shortages(self, plan: StockPlan) -> list[Shortage]:
        """What the plan lacks, by SKU; empty when everything it takes is there."""
        lacking = []
        for shelf in sorted(plan.shelves()):
            change = plan.on_hand.get(shelf, 0) - plan.reserved.get(shelf, 0)
            if change < 0 and self.available(shelf) + change < 0:
                lacking.append(Shortage(plan.skus[shelf], -change, max(self.available(shelf), 0)))
        return lacking

    def serve(self, plan: StockPlan) -> None:
        for shelf in plan.shelves():
            change = plan.on_hand.get(shelf, 0) - plan.reserved.get(shelf, 0)
            self._available[shelf] = self.available(shelf) + change


def read_lines(order_cycles: Mapping[int, int]) -> dict[int, list[TrackedLine]]:
    """The counted lines of each order's given cycle, by order id; one statement."""
    found: dict[int, list[TrackedLine]] = defaultdict(list)
    rows = (
        OrderLine.objects.filter(order_id__in=any_of(order_cycles), product__track_stock=True)
        .order_by("order_id", "position")
        .values_list("order_id", "cycle", "id", "product_id", "sku", "quantity")
    )
    for order_id, cycle, line_id, product_id, sku, quantity in rows:
        if cycle == order_cycles[order_id] and product_id is not None:
            found[order_id].append(TrackedLine(line_id, product_id, sku, quantity))
    return found


def read_stand(shelves: Iterable[Shelf], *, lock: bool) -> Stand:
    """The levels of the shelves, locked in id order; one statement."""
    wanted = set(shelves)
    if not wanted:
        return Stand({})
    levels = StockLevel.objects.filter(
        product_id__in=any_of(shelf.product_id for shelf in wanted),
        warehouse_id__in=any_of(shelf.warehouse_id for shelf in wanted),
    ).order_by("id")
    if lock:
        levels = levels.select_for_update()
    return Stand(
        {
            Shelf(warehouse_id, product_id): (level_id, on_hand, reserved)
            for level_id, warehouse_id, product_id, on_hand, reserved in levels.values_list(
                "id", "warehouse_id", "product_id", "on_hand", "reserved"
            )
        }
    )


def read_units_out(line_ids: Iterable[int]) -> dict[int, int]:
    """How many units of each line left and neither came back nor were written off; one statement."""
    out: dict[int, int] = defaultdict(int)
    rows = (
        StockMovement.objects.filter(line_id__in=list(line_ids))
        .annotate(stands=Q(event__reversed_by__isnull=True))
        .values_list("line_id", "kind", "delta", "quantity", "stands")
    )
    written_off = {MovementKind.DAMAGED, MovementKind.MISSING, MovementKind.NOT_OURS}
    for line_id, kind, delta, quantity, stands in rows:
        out[line_id] -= delta
        if kind in written_off and stands:
            out[line_id] -= quantity
    return out


def read_moved(event_ids: Iterable[int]) -> dict[int, list[tuple[Shelf, int, int, str]]]:
    """The ledger rows of each event as (shelf, line id, delta, sku); one statement."""
    moved: dict[int, list[tuple[Shelf, int, int, str]]] = defaultdict(list)
    rows = (
        StockMovement.objects.filter(event_id__in=list(event_ids))
        .exclude(delta=0)
        .order_by("id")
        .values_list("event_id", "warehouse_id", "product_id", "line_id", "delta", "line__sku")
    )
    for event_id, warehouse_id, product_id, line_id, delta, sku in rows:
        moved[event_id].append((Shelf(warehouse_id, product_id), line_id, delta, sku))
    return moved


def write_levels(plans: Sequence[StockPlan], stand: Stand) -> None:
    """Adds up the plans and writes each level once, never below what is reserved.

    Raises Conflict when a level no longer allows it: it was read before the lock.
    """
    on_hand: dict[Shelf, int] = defaultdict(int)
    reserved: dict[Shelf, int] = defaultdict(int)
    for plan in plans:
        for shelf, change in plan.on_hand.items():
            on_hand[shelf] += change
        for shelf, change in plan.reserved.items():
            reserved[shelf] += change
    changes = {
        shelf: (on_hand.get(shelf, 0), reserved.get(shelf, 0))
        for shelf in {*on_hand, *reserved}
        if on_hand.get(shelf) or reserved.get(shelf)
    }
    if not changes:
        return
    fresh = [shelf for shelf in changes if shelf not in stand.ids]
    if fresh:
        StockLevel.objects.bulk_create(
            [StockLevel(warehouse_id=shelf.warehouse_id, product_id=shelf.product_id) for shelf in fresh],
            ignore_conflicts=True,
        )
    source, params = rows_source(
        "r",
        {"warehouse_id": "int", "product_id": "int", "on_hand": "int", "reserved": "int"},
        [(*shelf, *change) for shelf, change in sorted(changes.items())],
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_stocklevel SET on_hand = orders_stocklevel.on_hand + r.on_hand,"  # noqa: S608
            f" reserved = orders_stocklevel.reserved + r.reserved FROM {source}"
            " WHERE orders_stocklevel.warehouse_id = r.warehouse_id"
            " AND orders_stocklevel.product_id = r.product_id"
            " AND orders_stocklevel.reserved + r.reserved >= 0"
            " AND orders_stocklevel.on_hand + r.on_hand >= orders_stocklevel.reserved + r.reserved",
            params,
        )
        if cursor.rowcount != len(changes):
            raise Conflict


def write_movements(
    movements: Sequence[tuple[int, Movement]], *, actor: Actor, at: dt.datetime, reason: str = ""
) -> None:
    """Appends the ledger rows of (event id, movement); one statement."""
    if not movements:
        return
    source, params = rows_source(
        "r",
        {
            "warehouse_id": "int",
            "product_id": "int",
            "kind": "text",
            "delta": "int",
            "quantity": "int",
            "event_id": "int",
            "line_id": "int",
        },
        [(*m.shelf, m.kind.value, m.delta, m.quantity, event_id, m.line_id) for event_id, m in movements],
    )
    recorded = "%s::timestamptz" if connection.vendor == "postgresql" else "%s"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders_stockmovement (warehouse_id, product_id, kind, delta, quantity, event_id,"  # noqa: S608
            " line_id, reason, actor_kind, user_id, actor_name, source, recorded_at)"
            " SELECT r.warehouse_id, r.product_id, r.kind, r.delta, r.quantity, r.event_id, r.line_id,"
            f" %s, %s, %s, %s, %s, {recorded} FROM {source} WHERE true",
            [
                reason,
                actor.kind.value,
                actor.user_id,
                actor.name[:150],
                actor.source,
                column_value(at),
                *params,
            ],
        )


def write_owed(owed: Mapping[int, int]) -> None:
    """Notes on each line how many of its units went out without being on the shelf."""
    if not owed:
        return
    source, params = rows_source("r", {"id": "int", "owed": "int"}, sorted(owed.items()))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE orders_orderline SET owed = r.owed FROM {source} WHERE orders_orderline.id = r.id",  # noqa: S608
            params,
        )
