"""What lies on the shelves, what is promised, what is still out, and the ledger's balance."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.domain.actors import Actor
from orders.domain.goods.shelves import (
    NOTHING,
    Position,
    ProductFilter,
    ShelfFacts,
    add_up,
    find_products,
    list_owed,
    list_products,
    list_units_out,
    read_ledger,
    read_shelves,
)
from orders.domain.goods.stock import Disposition, Shelf
from orders.domain.goods.stocktaking import adjust_stock
from orders.domain.life.moving import move_orders
from orders.models import Order, OrderLine, Product, Warehouse
from tests.world import SYSTEM, World


@pytest.fixture
def world(db) -> World:
    return World()


def facts(world: World, sku: str = "MUG") -> ShelfFacts:
    product = world.product(sku)
    return read_shelves([product.pk]).get(Shelf(world.warehouse.pk, product.pk), NOTHING)


def walk(order: Order, *actions: str, **said: object) -> None:
    for action in actions:
        report = move_orders(action, [order.pk], actor=SYSTEM, message="because", **said)
        assert report.counts["done"] == 1, report.results[0].message


class TestPromised:
    @pytest.mark.parametrize(
        ("status", "promised", "reserved"),
        [
            ("NEW", 2, 0),
            ("PICKED_UP", 2, 0),
            ("PREPARING", 2, 0),
            ("WAITING_FOR_SHIPPING_COMPANY", 2, 0),
            ("PACKED", 0, 2),
            ("SHIPPED", 0, 0),
            ("DELIVERED", 0, 0),
            ("CANCELED", 0, 0),
            ("OUT_OF_STOCK", 0, 0),
        ],
    )
    def test_open_orders_that_are_not_packed_promise_their_units(self, world, status, promised, reserved):
        world.order([("MUG", 2)], status=status)
        found = facts(world)
        assert (found.promised, found.reserved) == (promised, reserved)

    def test_a_waiting_order_that_is_packed_promises_nothing_more(self, world):
        order = world.order([("MUG", 2)], status="WAITING_FOR_SHIPPING_COMPANY")
        walk(order, "pack")
        assert facts(world) == ShelfFacts(on_hand=10, reserved=2)

    def test_a_pack_rolled_back_promises_again(self, world):
        order = world.order([("MUG", 2)], status="PACKED")
        walk(order, "rollback")
        assert facts(world) == ShelfFacts(on_hand=10, promised=2)

    def test_deleted_orders_and_goods_at_the_company_promise_nothing(self, world):
        world.order([("MUG", 2)], deleted_at="2026-11-20T08:00:00Z")
        world.order([("MUG", 2)], from_stock=True)
        assert facts(world) == ShelfFacts(on_hand=10)

    def test_a_renewed_order_promises_its_new_trip_only(self, world):
        order = world.order([("MUG", 2)], status="CANCELED")
        walk(order, "renew")
        assert facts(world) == ShelfFacts(on_hand=10, promised=2)


class TestStillOut:
    @pytest.mark.parametrize(
        ("status", "out", "on_hand"),
        [
            ("PACKED", 0, 10),
            ("SHIPPED", 2, 8),
            ("DELIVERED", 0, 8),
            ("RETURNED", 2, 8),
            ("RETURN_RECEIVED", 2, 8),
            ("RETURNED_TO_STOCK", 0, 10),
        ],
    )
    def test_units_are_out_until_delivered_or_back(self, world, status, out, on_hand):
        world.order([("MUG", 2)], status=status)
        found = facts(world)
        assert (found.still_out, found.on_hand) == (out, on_hand)

    def test_a_customers_return_is_out_again(self, world):
        order = world.order([("MUG", 2)], status="DELIVERED")
        walk(order, "return")
        assert facts(world).still_out == 2

    def test_the_first_parcel_of_a_renewed_order_stays_out_beside_the_second(self, world):
        order = world.order([("MUG", 2)], status="RETURNED")
        walk(order, "renew")
        assert facts(world) == ShelfFacts(on_hand=8, promised=2, still_out=2)
        walk(order, "pack", "ship")
        assert facts(world) == ShelfFacts(on_hand=6, still_out=4)
        assert [(out.cycle, out.units) for out in list_units_out(world.product("MUG").pk)] == [
            (1, 2),
            (2, 2),
        ]
        walk(order, "deliver")
        assert facts(world) == ShelfFacts(on_hand=6, still_out=2)

    def test_a_delivery_rolled_back_is_out_again_and_a_shipment_rolled_back_is_not(self, world):
        delivered = world.order([("MUG", 2)], status="DELIVERED")
        walk(delivered, "rollback")
        shipped = world.order([("MUG", 1)], status="SHIPPED")
        walk(shipped, "rollback")
        found = facts(world)
        assert (found.still_out, found.on_hand, found.reserved) == (2, 8, 1)

    def test_what_was_written_off_at_the_bench_is_not_out(self, world):
        order = world.order([("MUG", 3)], status="RETURN_RECEIVED")
        line = OrderLine.objects.get(order=order)
        walk(
            order,
            "restock",
            dispositions={order.pk: {line.pk: Disposition(sound=1, damaged=1, missing=1)}},
        )
        walk(order, "renew")
        assert facts(world) == ShelfFacts(on_hand=8, promised=3)

    def test_a_write_off_that_was_undone_is_out_again(self, world):
        clerk = Actor.of(world.person(is_superuser=True), source="dashboard")
        order = world.order([("MUG", 3)], status="RETURN_RECEIVED")
        line = OrderLine.objects.get(order=order)
        seen = {order.pk: {line.pk: Disposition(sound=1, damaged=2)}}
        assert move_orders("restock", [order.pk], actor=clerk, dispositions=seen).counts["done"] == 1
        assert facts(world).still_out == 0
        assert move_orders("undo", [order.pk], actor=clerk).counts["done"] == 1
        assert facts(world) == ShelfFacts(on_hand=7, still_out=3)

    def test_units_restocked_elsewhere_are_out_nowhere(self, world):
        rabat = Warehouse.objects.create(code="rabat", name="Rabat")
        order = world.order([("MUG", 2)], status="RETURN_RECEIVED")
        walk(order, "restock", warehouse_id=rabat.pk)
        shelves = read_shelves([world.product("MUG").pk])
        assert {shelf.warehouse_id: facts for shelf, facts in shelves.items()} == {
            world.warehouse.pk: ShelfFacts(on_hand=8),
            rabat.pk: ShelfFacts(on_hand=2),
        }

    def test_the_orders_behind_the_number_are_named(self, world):
        order = world.order([("MUG", 2)], status="SHIPPED")
        world.order([("MUG", 2)], status="DELIVERED")
        (out,) = list_units_out(world.product("MUG").pk)
        assert (out.reference, out.cycle, out.present_cycle, out.status) == (
            order.reference,
            1,
            1,
            "SHIPPED",
        )
        assert (out.warehouse_id, out.units) == (world.warehouse.pk, 2)


def test_shelves_add_up_by_product_and_narrow_to_a_warehouse(world):
    mug = world.product("MUG", units=10)
    rabat = Warehouse.objects.create(code="rabat", name="Rabat")
    world.receive(mug, 4, warehouse=rabat)
    world.order([("MUG", 2)], warehouse=rabat)
    shelves = read_shelves([mug.pk])
    assert add_up(shelves) == {mug.pk: ShelfFacts(on_hand=14, promised=2)}
    assert read_shelves([mug.pk], warehouse_id=rabat.pk) == {
        Shelf(rabat.pk, mug.pk): ShelfFacts(on_hand=4, promised=2)
    }
    assert read_shelves([]) == {}


@pytest.mark.parametrize("orders", [1, 25])
def test_statements_do_not_grow_with_products_or_orders(world, orders):
    made = [world.product(f"P{number}") for number in range(orders)]
    for product in made:
        world.order([(product.sku, 1)], status="SHIPPED")
    with CaptureQueriesContext(connection) as captured:
        read_shelves([product.pk for product in made])
    assert len(captured) == 3
    with CaptureQueriesContext(connection) as captured:
        list_products(ProductFilter(), limit=50)
    assert len(captured) == 1


class TestList:
    def skus(self, **wanted: object) -> list[str]:
        return [row.sku for row in list_products(ProductFilter(**wanted), limit=50).rows]

    def test_rows_carry_the_merchant_and_its_currency(self, world):
        world.product("MUG")
        (row,) = list_products(ProductFilter(), limit=50).rows
        assert (row.sku, row.name, str(row.price), row.currency, row.merchant) == (
            "MUG",
            "Mug",
            "50.00",
            "MAD",
            "atlas",
        )

    def test_the_search_finds_sku_name_and_ean(self, world):
        world.product("TEA-01")
        Product.objects.filter(sku="TEA-01").update(
            name="Théière dorée", search_name="theiere doree", ean="4006381333931"
        )
        world.product("CUP-02")
        assert self.skus(search="tea-0") == ["TEA-01"]
        assert self.skus(search="doree THEIERE") == ["TEA-01"]
        assert self.skus(search="400638") == ["TEA-01"]
        assert self.skus(search="381333") == []
        assert self.skus(search="nothing") == []
        assert self.skus(search="%") == []
        assert self.skus(search="\x00") == []
        assert self.skus(sku="CUP-02") == ["CUP-02"]
        assert self.skus(sku="CUP") == []

    def test_another_merchants_products_stay_away(self, world):
        world.product("MUG")
        other = World(slug="casbah")
        other.product("LAMP")
        assert self.skus() == ["LAMP", "MUG"]
        assert self.skus(merchant_id=world.merchant.pk) == ["MUG"]

    def test_low_and_none_leave_out_what_is_not_counted_or_not_sold(self, world):
        world.product("ENOUGH", units=11)
        world.product("LOW", units=10)
        world.product("NONE", units=1)
        world.order([("NONE", 1)], status="PACKED")
        world.product("GIFT", units=0, track_stock=False)
        world.product("OLD", units=0, is_active=False)
        assert self.skus(stock="low") == ["LOW", "NONE"]
        assert self.skus(stock="none") == ["NONE"]
        rabat = Warehouse.objects.create(code="rabat", name="Rabat")
        assert self.skus(stock="none", warehouse_id=rabat.pk) == ["ENOUGH", "LOW", "NONE"]
        assert self.skus(with_inactive=False) == ["ENOUGH", "GIFT", "LOW", "NONE"]

    @pytest.mark.parametrize("order", ["sku", "available"])
    def test_pages_meet_without_gap_or_overlap_in_both_directions(self, world, order):
        for number in range(7):
            world.product(f"P{number}", units=number % 3)
        twin = World(slug="casbah")
        twin.product("P3", units=0)
        whole = [row.id for row in list_products(ProductFilter(), limit=50, order=order).rows]
        assert len(whole) == 8
        seen: list[int] = []
        after: Position | None = None
        pages = []
        while True:
            page = list_products(ProductFilter(), limit=3, order=order, after=after)
            pages.append(page)
            seen += [row.id for row in page.rows]
            if page.next is None:
                break
            after = page.next
        assert seen == whole
        assert [len(page.rows) for page in pages] == [3, 3, 2]
        assert pages[0].prev is None
        back = list_products(ProductFilter(), limit=3, order=order, before=pages[2].prev)
        assert [row.id for row in back.rows] == whole[3:6]
        first = list_products(ProductFilter(), limit=3, order=order, before=back.prev)
        assert [row.id for row in first.rows] == whole[:3]
        assert first.prev is None
        assert first.next is not None

    def test_the_least_available_come_first(self, world):
        world.product("A", units=5)
        world.product("B", units=0)
        world.product("C", units=2)
        rows = list_products(ProductFilter(), limit=50, order="available").rows
        assert [(row.sku, row.available) for row in rows] == [("B", 0), ("C", 2), ("A", 5)]

    def test_a_search_that_means_nothing_finds_nothing(self, world):
        world.product("MUG")
        assert not find_products(ProductFilter(search="---")).exists()


class TestLedger:
    def test_each_row_says_what_lay_there_after_it(self, world):
        mug = world.product("MUG", units=10)
        order = world.order([("MUG", 2)], status="SHIPPED")
        clerk = Actor.system("dashboard")
        adjust_stock([(mug.pk, -3)], warehouse_id=world.warehouse.pk, actor=clerk, reason="Broken")
        rows = read_ledger(mug.pk).rows
        assert [(row.kind, row.delta, row.balance) for row in rows] == [
            ("adjust", -3, 5),
            ("ship", -2, 8),
            ("receive", 10, 10),
        ]
        assert [row.reference for row in rows] == ["", order.reference, ""]
        assert (rows[0].reason, rows[0].actor_name, rows[0].source) == ("Broken", "Packhouse", "dashboard")
        assert rows[0].warehouse == "Casablanca"
        assert rows[1].cycle == 1

    def test_the_balance_goes_on_over_pages_both_ways(self, world):
        mug = world.product("MUG", units=1)
        for _ in range(6):
            world.receive(mug, 1)
        newest = read_ledger(mug.pk, limit=3)
        assert [row.balance for row in newest.rows] == [7, 6, 5]
        assert newest.newer is None
        middle = read_ledger(mug.pk, before=newest.older, limit=3)
        assert [row.balance for row in middle.rows] == [4, 3, 2]
        assert middle.newer == 0
        last = read_ledger(mug.pk, before=middle.older, limit=3)
        assert [row.balance for row in last.rows] == [1]
        assert last.older is None
        again = read_ledger(mug.pk, before=last.newer, limit=3)
        assert [row.balance for row in again.rows] == [4, 3, 2]

    def test_a_warehouse_has_a_balance_of_its_own(self, world):
        mug = world.product("MUG", units=10)
        rabat = Warehouse.objects.create(code="rabat", name="Rabat")
        world.receive(mug, 4, warehouse=rabat)
        world.receive(mug, 1)
        assert [row.balance for row in read_ledger(mug.pk).rows] == [15, 14, 10]
        assert [row.balance for row in read_ledger(mug.pk, warehouse_id=rabat.pk).rows] == [4]
        assert [row.balance for row in read_ledger(mug.pk, warehouse_id=world.warehouse.pk).rows] == [11, 10]


def test_owed_units_are_listed_with_their_order(world):
    world.product("MUG", units=1)
    order = world.order([("MUG", 3)], status="WAITING_FOR_SHIPPING_COMPANY")
    walk(order, "ship", shortage="owe")
    (line,) = list_owed(None, limit=10)
    assert (line.reference, line.sku, line.quantity, line.owed) == (order.reference, "MUG", 3, 2)
    assert list_owed(world.merchant.pk, limit=10) == [line]
    assert list_owed(World(slug="casbah").merchant.pk, limit=10) == []
    # One unit left the shelf; the two that are owed never did.
    assert facts(world).still_out == 1
