"""Goods that arrive, are corrected, are counted: levels, ledger, refusals, rivals."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from orders.domain.actors import Actor
from orders.domain.goods.stocktaking import (
    Count,
    ShortShelves,
    adjust_stock,
    count_stock,
    receive_stock,
)
from orders.domain.life.moving import move_orders
from orders.domain.refusals import InvalidInput, NotAllowed, StaleVersion
from orders.models import ActorKind, Product, StockLevel, StockMovement, Warehouse
from tests.world import SYSTEM, World, everything, ledger_equals_stock

CLERK = Actor(ActorKind.USER, "Salma", "dashboard", permissions=frozenset({"manageStock"}))
PACKER = Actor(ActorKind.USER, "Omar", "dashboard", permissions=frozenset({"markAsPackedByScanner"}))


def last_movement() -> StockMovement:
    return StockMovement.objects.latest("id")


def ledger(product: Product) -> list[tuple[str, int, int]]:
    return list(
        StockMovement.objects.filter(product=product).order_by("id").values_list("kind", "delta", "quantity")
    )


@pytest.fixture
def world(db) -> World:
    return World()


class TestReceive:
    def test_units_land_on_the_shelf_with_a_ledger_row_that_names_who_why_and_where(self, world):
        mug = world.product("MUG", units=10)
        postings = receive_stock(
            [(mug.pk, 5)], warehouse_id=world.warehouse.pk, actor=CLERK, reason="Delivery 77"
        )
        assert [(p.sku, p.delta, p.on_hand, p.reserved, p.is_repeat) for p in postings] == [
            ("MUG", 5, 15, 0, False)
        ]
        assert world.shelf("MUG") == (15, 0)
        row = last_movement()
        assert (row.kind, row.delta, row.quantity, row.reason) == ("receive", 5, 5, "Delivery 77")
        assert (row.actor_kind, row.actor_name, row.source) == ("user", "Salma", "dashboard")
        assert row.warehouse_id == world.warehouse.pk
        assert (row.event_id, row.line_id, row.nonce) == (None, None, None)
        assert ledger_equals_stock()

    def test_a_shelf_that_was_never_used_is_made(self, world):
        mug = world.product("MUG", units=10)
        rabat = Warehouse.objects.create(code="rabat", name="Rabat")
        receive_stock([(mug.pk, 3)], warehouse_id=rabat.pk, actor=CLERK)
        assert world.shelf("MUG", warehouse=rabat) == (3, 0)
        assert world.shelf("MUG") == (10, 0)
        assert ledger_equals_stock()

    def test_a_product_named_twice_adds_up_to_one_row(self, world):
        mug, cup = world.product("MUG", units=1), world.product("CUP", units=1)
        postings = receive_stock(
            [(mug.pk, 2), (cup.pk, 4), (mug.pk, 3)], warehouse_id=world.warehouse.pk, actor=CLERK
        )
        assert [(p.sku, p.delta, p.on_hand) for p in postings] == [("MUG", 5, 6), ("CUP", 4, 5)]
        assert ledger(mug) == [("receive", 1, 1), ("receive", 5, 5)]

    @pytest.mark.parametrize("quantity", [0, -1, 10_000_001])
    def test_a_quantity_out_of_range_is_refused_on_its_line_and_nothing_changes(self, world, quantity):
        mug, cup = world.product("MUG"), world.product("CUP")
        before = everything()
        with pytest.raises(InvalidInput) as refused:
            receive_stock([(mug.pk, 1), (cup.pk, quantity)], warehouse_id=world.warehouse.pk, actor=CLERK)
        assert refused.value.errors == {"lines.1.quantity": ["Write a whole number from 1 to 10,000,000."]}
        assert everything() == before

    def test_a_shelf_never_holds_more_than_can_be_kept(self, world):
        mug = world.product("MUG", units=1)
        before = everything()
        with pytest.raises(InvalidInput) as refused:
            receive_stock([(mug.pk, 10_000_000)], warehouse_id=world.warehouse.pk, actor=CLERK)
        assert list(refused.value.errors) == ["lines.0.quantity"]
        assert everything() == before

    def test_an_unknown_product_another_merchants_and_one_not_counted_are_refused_together(self, world):
        mug = world.product("MUG")
        service = world.product("GIFTWRAP", units=0, track_stock=False)
        other = World(slug="casbah").product("LAMP")
        seller = Actor(
            ActorKind.USER,
            "Seller",
            "dashboard",
            merchant_id=world.merchant.pk,
            permissions=frozenset({"manageStock"}),
        )
        before = everything()
        with pytest.raises(InvalidInput) as refused:
            receive_stock(
                [(mug.pk, 1), (other.pk, 1), (service.pk, 1), (999_999, 1)],
                warehouse_id=world.warehouse.pk,
                actor=seller,
            )
        assert refused.value.errors == {
            "lines.1.product": ["There is no such product; choose one from the list."],
            "lines.2.product": [
                "GIFTWRAP is not counted. Switch “track stock” on first, on the product's page."
            ],
            "lines.3.product": ["There is no such product; choose one from the list."],
        }
        assert everything() == before

    def test_an_unknown_or_closed_warehouse_is_refused(self, world):
        mug = world.product("MUG")
        closed = Warehouse.objects.create(code="old", name="Old hall", is_active=False)
        before = everything()
        with pytest.raises(InvalidInput) as refused:
            receive_stock([(mug.pk, 1)], warehouse_id=999_999, actor=CLERK)
        assert refused.value.errors == {
            "warehouse": ["There is no such warehouse; choose one from the list."]
        }
        with pytest.raises(InvalidInput) as refused:
            receive_stock([(mug.pk, 1)], warehouse_id=closed.pk, actor=CLERK)
        assert refused.value.errors == {"warehouse": ["Old hall is closed; choose another warehouse."]}
        assert everything() == before

    def test_a_person_without_the_right_is_refused(self, world):
        mug = world.product("MUG")
        before = everything()
        for call in (
            lambda: receive_stock([(mug.pk, 1)], warehouse_id=world.warehouse.pk, actor=PACKER),
            lambda: adjust_stock([(mug.pk, 1)], warehouse_id=world.warehouse.pk, actor=PACKER, reason="x"),
            lambda: count_stock([Count(mug.pk, 1)], warehouse_id=world.warehouse.pk, actor=PACKER),
        ):
            with pytest.raises(NotAllowed):
                call()
        assert everything() == before

    def test_nothing_named_is_refused(self, world):
        with pytest.raises(InvalidInput) as refused:
            receive_stock([], warehouse_id=world.warehouse.pk, actor=CLERK)
        assert refused.value.errors == {"lines": ["Name at least one product."]}

    def test_the_same_form_sent_twice_counts_once_and_says_so(self, world):
        mug = world.product("MUG", units=10)
        said = {"warehouse_id": world.warehouse.pk, "actor": CLERK, "nonce": "form-1"}
        receive_stock([(mug.pk, 5)], **said)
        again = receive_stock([(mug.pk, 5)], **said)
        assert [(p.delta, p.on_hand, p.is_repeat) for p in again] == [(5, 15, True)]
        assert world.shelf("MUG") == (15, 0)
        assert StockMovement.objects.filter(nonce="form-1").count() == 1
        receive_stock([(mug.pk, 5)], **said | {"nonce": "form-2"})
        assert world.shelf("MUG") == (20, 0)


class TestAdjust:
    def test_units_are_added_and_taken_away_with_their_reason(self, world):
        mug = world.product("MUG", units=10)
        postings = adjust_stock(
            [(mug.pk, -3)], warehouse_id=world.warehouse.pk, actor=CLERK, reason="  Broken in the aisle "
        )
        assert [(p.delta, p.on_hand) for p in postings] == [(-3, 7)]
        row = last_movement()
        assert (row.kind, row.delta, row.quantity, row.reason) == ("adjust", -3, 3, "Broken in the aisle")
        assert ledger_equals_stock()

    def test_no_reason_is_refused(self, world):
        mug = world.product("MUG")
        before = everything()
        with pytest.raises(InvalidInput) as refused:
            adjust_stock([(mug.pk, 1)], warehouse_id=world.warehouse.pk, actor=CLERK, reason="  ")
        assert refused.value.errors == {"reason": ["Say why; the reason stands in the ledger."]}
        assert everything() == before

    @pytest.mark.parametrize("delta", [0, 10_000_001, -10_000_001])
    def test_nothing_and_far_too_much_are_refused(self, world, delta):
        mug = world.product("MUG")
        before = everything()
        with pytest.raises(InvalidInput) as refused:
            adjust_stock([(mug.pk, delta)], warehouse_id=world.warehouse.pk, actor=CLERK, reason="x")
        assert list(refused.value.errors) == ["lines.0.delta"]
        assert everything() == before

    def test_units_that_orders_hold_stay_and_the_orders_are_named(self, world):
        mug = world.product("MUG", units=10)
        held = [world.order([("MUG", 2)], status="PACKED") for _ in range(4)]
        before = everything()
        with pytest.raises(ShortShelves) as refused:
            adjust_stock([(mug.pk, -3)], warehouse_id=world.warehouse.pk, actor=CLERK, reason="lost")
        named = ", ".join(order.reference for order in held[:3])
        assert refused.value.message == (
            f"MUG: 10 on hand in Casablanca, 8 of them reserved for {named} and others."
            " At most 2 can be taken away; cancel or roll back those orders first."
        )
        assert refused.value.code == "insufficient_stock"
        assert everything() == before
        adjust_stock([(mug.pk, -2)], warehouse_id=world.warehouse.pk, actor=CLERK, reason="lost")
        assert world.shelf("MUG") == (8, 8)

    def test_a_shelf_never_falls_below_nothing(self, world):
        mug = world.product("MUG", units=2)
        before = everything()
        with pytest.raises(ShortShelves) as refused:
            adjust_stock([(mug.pk, -3)], warehouse_id=world.warehouse.pk, actor=CLERK, reason="lost")
        assert refused.value.message == ("MUG: only 2 on hand in Casablanca, so no more can be taken away.")
        assert everything() == before

    def test_one_short_line_stops_all_of_them(self, world):
        mug, cup = world.product("MUG", units=5), world.product("CUP", units=1)
        before = everything()
        with pytest.raises(ShortShelves) as refused:
            adjust_stock(
                [(mug.pk, -1), (cup.pk, -2)],
                warehouse_id=world.warehouse.pk,
                actor=CLERK,
                reason="lost",
            )
        assert list(refused.value.errors) == ["lines.1.quantity"]
        assert everything() == before

    def test_a_closed_warehouse_can_still_be_emptied(self, world):
        mug = world.product("MUG", units=5)
        Warehouse.objects.update(is_active=False)
        adjust_stock([(mug.pk, -5)], warehouse_id=world.warehouse.pk, actor=CLERK, reason="moved out")
        assert world.shelf("MUG") == (0, 0)


class TestCount:
    @pytest.mark.parametrize(("counted", "delta"), [(12, 2), (7, -3), (10, 0), (0, -10)])
    def test_the_answer_and_the_ledger_say_how_far_off_the_shelf_was(self, world, counted, delta):
        mug = world.product("MUG", units=10)
        postings = count_stock(
            [Count(mug.pk, counted, seen=10)], warehouse_id=world.warehouse.pk, actor=CLERK
        )
        assert [(p.delta, p.on_hand) for p in postings] == [(delta, counted)]
        assert world.shelf("MUG") == (counted, 0)
        assert ledger(mug)[-1] == ("count", delta, abs(delta))
        assert ledger_equals_stock()

    def test_a_count_of_a_shelf_that_moved_meanwhile_is_refused_with_the_newer_number(self, world):
        mug = world.product("MUG", units=10)
        world.order([("MUG", 2)], status="SHIPPED")
        before = everything()
        with pytest.raises(StaleVersion) as refused:
            count_stock([Count(mug.pk, 10, seen=10)], warehouse_id=world.warehouse.pk, actor=CLERK)
        assert refused.value.current == {"MUG": {"on_hand": 8, "reserved": 0}}
        assert refused.value.message == (
            "MUG moved while it was counted: the page said 10 on hand, now there are 8."
            " Count again, then send the new number."
        )
        assert everything() == before

    def test_without_what_was_seen_the_count_stands(self, world):
        mug = world.product("MUG", units=10)
        count_stock([Count(mug.pk, 4)], warehouse_id=world.warehouse.pk, actor=CLERK)
        assert world.shelf("MUG") == (4, 0)

    def test_fewer_than_orders_hold_is_refused(self, world):
        mug = world.product("MUG", units=10)
        order = world.order([("MUG", 4)], status="PACKED")
        before = everything()
        with pytest.raises(ShortShelves) as refused:
            count_stock([Count(mug.pk, 3, seen=10)], warehouse_id=world.warehouse.pk, actor=CLERK)
        assert order.reference in refused.value.message
        assert everything() == before
        count_stock([Count(mug.pk, 4, seen=10)], warehouse_id=world.warehouse.pk, actor=CLERK)
        assert world.shelf("MUG") == (4, 4)

    def test_a_product_counted_twice_in_one_list_is_refused(self, world):
        mug = world.product("MUG")
        with pytest.raises(InvalidInput) as refused:
            count_stock([Count(mug.pk, 1), Count(mug.pk, 1)], warehouse_id=world.warehouse.pk, actor=CLERK)
        assert list(refused.value.errors) == ["lines.1.product"]

    @pytest.mark.parametrize("counted", [-1, 10_000_001])
    def test_a_number_out_of_range_is_refused(self, world, counted):
        mug = world.product("MUG")
        with pytest.raises(InvalidInput) as refused:
            count_stock([Count(mug.pk, counted)], warehouse_id=world.warehouse.pk, actor=CLERK)
        assert refused.value.errors == {"lines.0.counted": ["Write a whole number from 0 to 10,000,000."]}


@pytest.mark.parametrize("products", [1, 40])
def test_statements_do_not_grow_with_the_products(world, products):
    made = [world.product(f"P{number:03d}", units=5) for number in range(products)]
    pallet = Warehouse.objects.create(code="new", name="New hall")
    calls: list[Any] = [
        lambda: receive_stock([(p.pk, 2) for p in made], warehouse_id=pallet.pk, actor=CLERK, nonce="n"),
        lambda: adjust_stock(
            [(p.pk, -1) for p in made], warehouse_id=world.warehouse.pk, actor=CLERK, reason="x"
        ),
        lambda: count_stock([Count(p.pk, 9, 4) for p in made], warehouse_id=world.warehouse.pk, actor=CLERK),
    ]
    counted = []
    for call in calls:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            call()
        counted.append(len([q for q in captured if "SAVEPOINT" not in q["sql"]]))
    # products, warehouse, missing shelves, lock, (what the nonce did before,) levels, ledger
    assert counted == [7, 6, 6]
    assert ledger_equals_stock()


@pytest.mark.django_db(transaction=True)
class TestRivals:
    """Several people and orders at one shelf at once, on the database under test."""

    def run(self, *works: Any) -> list[Any]:
        """What each work returned or raised, all let go at the same moment."""
        gate = threading.Barrier(len(works))
        answers: list[Any] = [None] * len(works)

        def at_once(place: int, work: Any) -> None:
            try:
                gate.wait(timeout=20)
                answers[place] = work()
            except Exception as error:
                answers[place] = error
            finally:
                connections.close_all()

        threads = [threading.Thread(target=at_once, args=pair) for pair in enumerate(works)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        return answers

    def test_twelve_rivals_leave_the_shelf_equal_to_the_ledger(self):
        world = World()
        mug = world.product("MUG", units=10)
        home = world.warehouse.pk

        def receive() -> Any:
            return receive_stock([(mug.pk, 3)], warehouse_id=home, actor=CLERK)

        def take() -> Any:
            return adjust_stock([(mug.pk, -4)], warehouse_id=home, actor=CLERK, reason="lost")

        answers = self.run(*[receive] * 6, *[take] * 6)
        refused = [answer for answer in answers if isinstance(answer, ShortShelves)]
        done = [answer for answer in answers if isinstance(answer, list)]
        assert len(refused) + len(done) == 12, answers
        taken = sum(1 for answer in done if answer[0].delta == -4)
        assert world.shelf("MUG") == (10 + 6 * 3 - taken * 4, 0)
        assert ledger_equals_stock()

    def test_packing_and_taking_away_never_leave_less_than_is_reserved(self):
        world = World()
        mug = world.product("MUG", units=4)
        orders = [world.order([("MUG", 2)]) for _ in range(4)]
        home = world.warehouse.pk

        def pack(order: Any) -> Any:
            return lambda: move_orders("pack", [order.pk], actor=SYSTEM)

        def take() -> Any:
            return adjust_stock([(mug.pk, -2)], warehouse_id=home, actor=CLERK, reason="lost")

        self.run(*[pack(order) for order in orders], take, take)
        level = StockLevel.objects.get(product=mug)
        assert level.on_hand >= level.reserved
        packed = sum(1 for order in orders if type(order).objects.get(pk=order.pk).status == "PACKED")
        assert level.reserved == 2 * packed
        assert ledger_equals_stock()

    def test_a_double_click_receives_once(self):
        world = World()
        mug = world.product("MUG", units=1)

        def receive() -> Any:
            return receive_stock([(mug.pk, 5)], warehouse_id=world.warehouse.pk, actor=CLERK, nonce="double")

        answers = self.run(*[receive] * 4)
        assert sorted(answer[0].is_repeat for answer in answers) == [False, True, True, True]
        assert world.shelf("MUG") == (6, 0)
        assert ledger_equals_stock()

    def test_two_first_deliveries_to_a_new_shelf_both_land(self):
        world = World()
        mug = world.product("MUG", units=1)
        hall = Warehouse.objects.create(code="new", name="New hall")

        def receive() -> Any:
            return receive_stock([(mug.pk, 5)], warehouse_id=hall.pk, actor=CLERK)

        self.run(*[receive] * 5)
        assert world.shelf("MUG", warehouse=hall) == (25, 0)
        assert ledger_equals_stock()

    def test_of_two_counts_from_the_same_page_the_second_is_stale(self):
        world = World()
        mug = world.product("MUG", units=10)

        def count(counted: int) -> Any:
            return lambda: count_stock(
                [Count(mug.pk, counted, seen=10)], warehouse_id=world.warehouse.pk, actor=CLERK
            )

        answers = self.run(count(7), count(8))
        assert sorted(type(answer).__name__ for answer in answers) == ["StaleVersion", "list"]
        assert ledger_equals_stock()


@pytest.mark.django_db(transaction=True)
def test_a_failure_after_the_levels_leaves_neither_level_nor_ledger(monkeypatch):
    world = World()
    mug = world.product("MUG", units=10)
    before = everything()

    def fail(*_args: Any, **_facts: Any) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr("orders.domain.goods.stocktaking._write_ledger", fail)
    with pytest.raises(RuntimeError):
        receive_stock([(mug.pk, 5)], warehouse_id=world.warehouse.pk, actor=CLERK)
    assert everything() == before
    assert not transaction.get_connection().in_atomic_block
