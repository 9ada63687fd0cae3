"""Fills an empty PostgreSQL database with N orders whose history and stock add up.

The rows are made by the server itself; `manage.py audit` finds nothing in them.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from orders.models import Merchant, Warehouse

PRODUCTS = 2000

Shares = Sequence[tuple[str, int, tuple[str, ...]]]

# Of a hundred orders, how many are where; every status has the steps that lead there.
GROWN: Shares = (
    ("DELIVERED", 55, ("pack", "ship", "deliver")),
    ("RETURNED_TO_STOCK", 14, ("pack", "ship", "return", "receive_return", "restock")),
    ("CANCELED", 10, ("cancel",)),
    ("SHIPPED", 9, ("pack", "ship")),
    ("NEW", 6, ()),
    ("PACKED", 3, ("pack",)),
    ("WAITING_FOR_SHIPPING_COMPANY", 2, ("push",)),
    ("OUT_OF_STOCK", 1, ("mark_out_of_stock",)),
)
STEPS = {
    "pack": ("NEW", "PACKED"),
    "push": ("NEW", "WAITING_FOR_SHIPPING_COMPANY"),
    "ship": ("PACKED", "SHIPPED"),
    "deliver": ("SHIPPED", "DELIVERED"),
    "return": ("SHIPPED", "RETURNED"),
    "receive_return": ("RETURNED", "RETURN_RECEIVED"),
    "restock": ("RETURN_RECEIVED", "RETURNED_TO_STOCK"),
    "cancel": ("NEW", "CANCELED"),
    "mark_out_of_stock": ("NEW", "OUT_OF_STOCK"),
}


# A morning with much to hand over.
PACKED: Shares = (("PACKED", 80, ("pack",)), ("NEW", 20, ()))


def fill(orders: int, shares: Shares = GROWN) -> None:
    """Two merchants, one warehouse, 2,000 products, `orders` orders of two lines over the last year."""
    warehouse = Warehouse.objects.create(code="bench", name="Bench")
    for slug, country, currency in (("atlas", "MA", "MAD"), ("casbah", "DZ", "DZD")):
        Merchant.objects.create(
            slug=slug, name=slug.title(), country=country, currency=currency, default_warehouse=warehouse
        )
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SET work_mem = '256MB'")
        for sql in _statements(orders, shares):
            cursor.execute(sql)
        cursor.execute("VACUUM ANALYZE")


def _statements(orders: int, shares: Shares) -> list[str]:
    bounds, upper = [], 0
    for status, share, _ in shares:
        upper += share
        bounds.append(f"WHEN s.slot < {upper} THEN '{status}'")
    writes = " ".join(f"WHEN '{status}' THEN {len(steps)}" for status, _, steps in shares)
    statements = [
        f"""
        INSERT INTO orders_product (merchant_id, sku, ean, name, search_name, price, track_stock, is_active,
            created_at, updated_at)
        SELECT m.id, 'SKU-' || lpad(g::text, 5, '0'), '', 'Product ' || g, 'product ' || g, 50, true, true,
            now(), now()
        FROM orders_merchant m CROSS JOIN generate_series(0, {PRODUCTS - 1}) g
        """,
        f"""
        INSERT INTO orders_order (id, merchant_id, reference, source, created_at, updated_at, version,
            status, remembered_status, status_changed_at, call_center, call_attempts, payment_status,
            payment_method, currency, total, prepaid, amount_due, amount_collected, full_name, search_name,
            phone, phone_e164, phone_reversed, second_phone, second_phone_reversed, email, country, city, area,
            address, notes, is_fees_paid_by_customer, cycle, warehouse_id, packed_at, reserved_warehouse_id,
            company_key, company_name, company_status, tracking, pushed_at, from_stock)
        SELECT s.g, m.id, 'ORD-' || lpad(s.g::text, greatest(6, length(s.g::text)), '0'), 'api:v1', s.at, s.at, 1, s.status, '', s.at,
            'confirmed', 0, 'awaiting', 'cod', m.currency, s.total, 0, s.total,
            0, s.name, lower(s.name), '06' || s.digits, '+2126' || s.digits, reverse('2126' || s.digits),
            '', '', '', m.country, s.city, '', 'Rue ' || s.g, '', true, 1, w.id,
            CASE WHEN s.status = 'PACKED' THEN s.at END,
            CASE WHEN s.status = 'PACKED' THEN w.id END,
            '', '', '', CASE WHEN s.status IN ('SHIPPED', 'DELIVERED') THEN 'F-' || s.g ELSE '' END, NULL, false
        FROM (
            SELECT s.*, CASE {" ".join(bounds)} END AS status FROM (
                SELECT g, (g::bigint * 7919) % 100 AS slot,
                    now() - interval '370 days' * (1 - g / {orders}.0) - interval '1 minute' AS at,
                    200 + (g * 31) % 900 AS total,
                    lpad(((g::bigint * 2654435761) % 100000000)::text, 8, '0') AS digits,
                    (ARRAY['Karim', 'Salma', 'Youssef', 'Amina', 'Omar', 'Hind', 'Nabil', 'Imane'])[1 + g % 8]
                    || ' ' ||
                    (ARRAY['Mansouri', 'El Fassi', 'Rhazi', 'Amrani', 'Tazi', 'Bennis', 'Alaoui'])[1 + g % 7]
                    || ' ' || g % 997 AS name,
                    (ARRAY['Casablanca', 'Rabat', 'Fès', 'Agadir', 'Oran', 'Alger'])[1 + g % 6] AS city
                FROM generate_series(1, {orders}) g
            ) s
        ) s
        JOIN orders_merchant m ON m.slug = CASE WHEN s.g % 3 = 0 THEN 'casbah' ELSE 'atlas' END
        CROSS JOIN orders_warehouse w
        """,
        f"SELECT setval(pg_get_serial_sequence('orders_order', 'id'), {orders})",
        f"""
        INSERT INTO orders_orderline (order_id, cycle, position, product_id, sku, name, quantity, unit_price,
            total, owed)
        SELECT o.id, 1, p.position, r.id, r.sku, r.name, 1 + (o.id + p.position) % 3, 50,
            50 * (1 + (o.id + p.position) % 3), 0
        FROM orders_order o CROSS JOIN (VALUES (1), (2)) AS p(position)
        JOIN orders_product r ON r.merchant_id = o.merchant_id
            AND r.sku = 'SKU-' || lpad(((o.id * 13 + p.position * 7) % {PRODUCTS})::text, 5, '0')
        """,
        _event("create", "", "NEW", [status for status, _, _ in shares], 0),
    ]
    for depth in range(5):
        by_action: dict[str, list[str]] = {}
        for status, _, steps in shares:
            if depth < len(steps):
                by_action.setdefault(steps[depth], []).append(status)
        for action, statuses in by_action.items():
            source, target = STEPS[action]
            statements.append(_event(action, source, target, statuses, depth + 1))
    for action, sign, kind in (("ship", "-", "ship"), ("restock", "", "return")):
        statements.append(
            f"""
            INSERT INTO orders_stockmovement (warehouse_id, product_id, kind, delta, quantity, event_id, line_id,
                reason, actor_kind, actor_name, source, recorded_at)
            SELECT o.warehouse_id, l.product_id, '{kind}', {sign}l.quantity, l.quantity, e.id, l.id, '', 'system',
                'Packhouse', 'bench', e.recorded_at
            FROM orders_orderevent e JOIN orders_order o ON o.id = e.order_id
            JOIN orders_orderline l ON l.order_id = o.id WHERE e.action = '{action}'
            """
        )
    statements += [
        """
        INSERT INTO orders_stockmovement (warehouse_id, product_id, kind, delta, quantity, reason, actor_kind,
            actor_name, source, recorded_at)
        SELECT w.id, p.id, 'receive', 5000000, 5000000, '', 'system', 'Packhouse', 'bench', now()
        FROM orders_product p CROSS JOIN orders_warehouse w
        """,
        """
        INSERT INTO orders_stocklevel (warehouse_id, product_id, on_hand, reserved)
        SELECT m.warehouse_id, m.product_id, sum(m.delta), COALESCE(min(r.units), 0)
        FROM orders_stockmovement m
        LEFT JOIN (
            SELECT l.product_id, o.reserved_warehouse_id, sum(l.quantity) AS units
            FROM orders_order o JOIN orders_orderline l ON l.order_id = o.id
            WHERE o.reserved_warehouse_id IS NOT NULL GROUP BY 1, 2
        ) r ON r.product_id = m.product_id AND r.reserved_warehouse_id = m.warehouse_id
        GROUP BY m.warehouse_id, m.product_id
        """,
        f"UPDATE orders_order SET version = 1 + CASE status {writes} END WHERE status <> 'NEW'",
        """
        UPDATE orders_order SET payment_status = 'collected', amount_collected = amount_due
        WHERE status = 'DELIVERED'
        """,
    ]
    return statements


def _event(action: str, source: str, target: str, statuses: list[str], hours: int) -> str:
    among = ", ".join(f"'{status}'" for status in statuses)
    return f"""
        INSERT INTO orders_orderevent (order_id, cycle, type, action, from_status, to_status,
            remembered_status, before, message, details, actor_kind, actor_name, source, station, occurred_on,
            recorded_at)
        SELECT id, 1, 'shipping', '{action}', '{source}', '{target}', '', '{{}}', 'because', '{{}}', 'system',
            'Packhouse', 'bench', '', created_at::date, created_at + interval '{hours} hours'
        FROM orders_order WHERE status IN ({among}) ORDER BY id
        """
