"""Marks 1,000 packed orders of two lines as shipped, against one hand-written transaction."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection, transaction

from orders.domain.actors import Actor
from orders.domain.life.moving import move_orders
from orders.models import Order, Warehouse
from tests.bench.measuring import Figure, compare

BATCH = 1000
GOAL = 1.5


def measure() -> Figure:
    """Needs a database with some 34 batches of packed orders."""
    batches = _batches()
    actor = Actor.system("bench")
    warehouse_id = Warehouse.objects.values_list("id", flat=True).get(code="bench")

    def ours() -> None:
        report = move_orders("ship", next(batches), actor=actor, warehouse_id=warehouse_id)
        assert report.counts["done"] == BATCH

    def limit() -> None:
        _ship_by_hand(next(batches))

    return compare("ship 1,000 orders with stock", ours=ours, limit=limit, goal=GOAL)


def _batches() -> Iterator[list[int]]:
    ids = list(Order.objects.filter(status="PACKED").order_by("id").values_list("id", flat=True))
    for start in range(0, len(ids) - BATCH + 1, BATCH):
        yield ids[start : start + BATCH]


def _ship_by_hand(ids: list[int]) -> None:
    """The same writes as the product's, with nothing decided and nobody answered."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT id FROM orders_order WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [ids])
        cursor.fetchall()
        cursor.execute(
            "UPDATE orders_order SET status = 'SHIPPED', version = version + 1, updated_at = now(),"
            " status_changed_at = now(), reserved_warehouse_id = NULL WHERE id = ANY(%s) AND status = 'PACKED'",
            [ids],
        )
        assert cursor.rowcount == BATCH
        cursor.execute(
            """
            WITH told AS (
                INSERT INTO orders_orderevent (order_id, cycle, type, action, from_status, to_status,
                    remembered_status, before, message, details, actor_kind, actor_name, source, station,
                    occurred_on, recorded_at)
                SELECT id, cycle, 'shipping', 'ship', 'PACKED', 'SHIPPED', '',
                    jsonb_build_object('reserved_warehouse_id', warehouse_id), '', '{}', 'system', 'Packhouse',
                    'bench', '', current_date, now()
                FROM orders_order WHERE id = ANY(%s) ORDER BY id
                RETURNING id, order_id
            )
            INSERT INTO orders_stockmovement (warehouse_id, product_id, kind, delta, quantity, event_id, line_id,
                reason, actor_kind, actor_name, source, recorded_at)
            SELECT o.warehouse_id, l.product_id, 'ship', -l.quantity, l.quantity, told.id, l.id, '', 'system',
                'Packhouse', 'bench', now()
            FROM told JOIN orders_order o ON o.id = told.order_id
            JOIN orders_orderline l ON l.order_id = o.id AND l.cycle = o.cycle
            """,
            [ids],
        )
        cursor.execute(
            """
            UPDATE orders_stocklevel SET on_hand = on_hand - taken.units, reserved = reserved - taken.units
            FROM (
                SELECT o.warehouse_id, l.product_id, sum(l.quantity) AS units
                FROM orders_order o JOIN orders_orderline l ON l.order_id = o.id AND l.cycle = o.cycle
                WHERE o.id = ANY(%s) GROUP BY 1, 2
            ) AS taken
            WHERE orders_stocklevel.warehouse_id = taken.warehouse_id
              AND orders_stocklevel.product_id = taken.product_id
            """,
            [ids],
        )
