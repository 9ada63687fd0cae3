"""A small warehouse to try rules in: one merchant, one shelf of each product, orders in any status.

What people may do stands in tests/personas.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import count
from typing import Any

from django.forms.models import model_to_dict

from orders.domain.actors import Actor
from orders.domain.life.moving import move_orders
from orders.models import (
    ActorKind,
    Merchant,
    MovementKind,
    Order,
    OrderEvent,
    OrderLine,
    Product,
    Status,
    StockLevel,
    StockMovement,
    User,
    Warehouse,
)

SYSTEM = Actor.system("test")

# How an order gets to each status, starting as NEW.
PATHS: dict[str, tuple[str, ...]] = {
    "NEW": (),
    "PICKED_UP": ("pick",),
    "PREPARING": ("pick", "prepare"),
    "PACKED": ("pack",),
    "WAITING_FOR_SHIPPING_COMPANY": ("push",),
    "SHIPPED": ("pack", "ship"),
    "DELIVERED": ("pack", "ship", "deliver"),
    "RETURNED": ("pack", "ship", "return"),
    "RETURN_RECEIVED": ("pack", "ship", "return", "receive_return"),
    "RETURNED_TO_STOCK": ("pack", "ship", "return", "receive_return", "restock"),
    "CANCELED": ("cancel",),
    "OUT_OF_STOCK": ("mark_out_of_stock",),
}


class World:
    """One merchant's warehouse in Casablanca, with `units` of each product it is asked for."""

    def __init__(self, *, slug: str = "atlas", units: int = 10) -> None:
        self.units = units
        self.warehouse = Warehouse.objects.create(code=f"{slug}-casa", name="Casablanca")
        self.merchant = Merchant.objects.create(
            slug=slug, name=slug.title(), country="MA", currency="MAD", default_warehouse=self.warehouse
        )
        self._numbers = count(1)

    def product(self, sku: str = "MUG", *, units: int | None = None, **facts: Any) -> Product:
        """The product, made with its stock and the ledger row that says where it came from."""
        found = Product.objects.filter(merchant=self.merchant, sku=sku).first()
        if found is not None:
            return found
        product = Product.objects.create(
            merchant=self.merchant, sku=sku, name=sku.title(), price=Decimal(50), **facts
        )
        self.receive(product, self.units if units is None else units)
        return product

    def receive(self, product: Product, units: int, *, warehouse: Warehouse | None = None) -> None:
        warehouse = warehouse or self.warehouse
        level, _ = StockLevel.objects.get_or_create(warehouse=warehouse, product=product)
        StockLevel.objects.filter(pk=level.pk).update(on_hand=level.on_hand + units)
        StockMovement.objects.create(
            warehouse=warehouse,
            product=product,
            kind=MovementKind.RECEIVE,
            delta=units,
            quantity=units,
            actor_kind=ActorKind.SYSTEM,
            actor_name="test",
            source="test",
            recorded_at="2026-11-01T08:00:00Z",
        )

    def order(
        self,
        lines: Sequence[tuple[str, int]] = (("MUG", 2),),
        *,
        status: str = "NEW",
        actor: Actor = SYSTEM,
        **facts: Any,
    ) -> Order:
        """An order of (sku, quantity) lines, walked to the status; each unit costs 50 MAD."""
        number = next(self._numbers)
        total = Decimal(sum(50 * quantity for _, quantity in lines))
        values: dict[str, Any] = {
            "merchant": self.merchant,
            "reference": f"ORD-0{self.merchant.pk % 100:02d}{number:03d}",
            "source": "test",
            "currency": "MAD",
            "total": total,
            "amount_due": total,
            "full_name": "Karim Mansouri",
            "phone": "0661234567",
            "country": "MA",
            "city": "Casablanca",
            "address": "123 Bd Mohammed V",
            "warehouse": self.warehouse,
        } | facts
        order = Order.objects.create(**values)
        OrderLine.objects.bulk_create(
            OrderLine(
                order=order,
                position=position,
                product=self.product(sku),
                sku=sku,
                name=sku.title(),
                quantity=quantity,
                unit_price=Decimal(50),
                total=Decimal(50 * quantity),
            )
            for position, (sku, quantity) in enumerate(lines, start=1)
        )
        self.walk(order, *PATHS[status], actor=actor)
        return order

    def walk(self, order: Order, *actions: str, actor: Actor = SYSTEM) -> Order:
        """Takes the order through the actions, each of which has to work."""
        for action in actions:
            report = move_orders(action, [order.pk], actor=actor, message="because")
            assert report.counts["done"] == 1, report.results[0].message
        order.refresh_from_db()
        return order

    def shelf(self, sku: str = "MUG", *, warehouse: Warehouse | None = None) -> tuple[int, int]:
        """(on hand, reserved) of the product."""
        level = StockLevel.objects.get(
            product__sku=sku, product__merchant=self.merchant, warehouse=warehouse or self.warehouse
        )
        return level.on_hand, level.reserved

    def person(self, username: str = "salma", **facts: Any) -> User:
        return User.objects.create_user(username=username, first_name=username.title(), **facts)


def everything() -> dict[str, list[dict[str, Any]]]:
    """All rows that an action may touch, to show that a refusal touched none."""
    return {
        model.__name__: [
            model_to_dict(row) | {"updated_at": getattr(row, "updated_at", None)}
            for row in model._default_manager.order_by("pk")
        ]
        for model in (Order, OrderLine, OrderEvent, StockLevel, StockMovement)
    }


def ledger_equals_stock() -> bool:
    """Whether every level equals the sum of its movements."""
    sums: dict[tuple[int, int], int] = {}
    for warehouse_id, product_id, delta in StockMovement.objects.values_list(
        "warehouse_id", "product_id", "delta"
    ):
        sums[warehouse_id, product_id] = sums.get((warehouse_id, product_id), 0) + delta
    levels = {
        (warehouse_id, product_id): on_hand
        for warehouse_id, product_id, on_hand in StockLevel.objects.values_list(
            "warehouse_id", "product_id", "on_hand"
        )
    }
    return all(levels.get(key, 0) == total for key, total in sums.items()) and set(levels) <= set(sums)


ALL_STATUSES = [status.value for status in Status if status != Status.ROLLBACK]
