"""Moving orders: stock, money, reversals, and what a call answers for each order."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.domain.actors import Actor
from orders.domain.goods.stock import Disposition
from orders.domain.life.moving import BatchRefused, move_orders
from orders.domain.refusals import InvalidInput
from orders.models import ActorKind, Order, OrderEvent, OrderLine, StockMovement, User, Warehouse
from tests.world import SYSTEM, World, everything, ledger_equals_stock

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def staff(user: User, *permissions: str) -> Actor:
    return Actor(
        kind=ActorKind.USER,
        name=user.display_name,
        source="dashboard",
        user_id=user.pk,
        permissions=frozenset(permissions) or None,
    )


class TestStock:
    def test_the_last_units_go_to_the_lowest_ids_and_each_order_takes_all_or_none(self, world: World) -> None:
        first = world.order([("MUG", 6)])
        second = world.order([("MUG", 5), ("CUP", 1)])
        third = world.order([("MUG", 4)])

        report = move_orders("pack", [third.pk, second.pk, first.pk], actor=SYSTEM)

        by_id = {result.id: result for result in report.results}
        assert [result.id for result in report.results] == [third.pk, second.pk, first.pk]
        assert by_id[first.pk].code == by_id[third.pk].code == "done"
        assert by_id[second.pk].code == "out_of_stock"
        assert by_id[second.pk].status == "OUT_OF_STOCK"
        assert "MUG needs 5, 4 available" in by_id[second.pk].message
        assert report.counts == {"done": 2, "already_done": 0, "refused": 1, "not_found": 0}
        assert world.shelf("MUG") == (10, 10)
        assert world.shelf("CUP") == (10, 0)

    def test_a_shortage_names_each_sku_in_history(self, world: World) -> None:
        order = world.order([("MUG", 11), ("CUP", 12), ("PEN", 1)])
        move_orders("pack", [order.pk], actor=SYSTEM)
        event = OrderEvent.objects.latest("id")
        assert (event.action, event.from_status, event.to_status) == (
            "mark_out_of_stock",
            "NEW",
            "OUT_OF_STOCK",
        )
        assert event.details == {
            "attempted": "pack",
            "short": [
                {"sku": "MUG", "needed": 11, "available": 10},
                {"sku": "CUP", "needed": 12, "available": 10},
            ],
        }

    def test_two_lines_of_one_product_are_counted_together(self, world: World) -> None:
        order = world.order([("MUG", 6), ("MUG", 5)])
        report = move_orders("pack", [order.pk], actor=SYSTEM)
        assert report.results[0].code == "out_of_stock"
        assert world.shelf() == (10, 0)

    def test_shipping_what_was_never_packed_needs_free_units(self, world: World) -> None:
        world.order([("MUG", 9)], status="PACKED")
        order = world.order([("MUG", 2)], status="WAITING_FOR_SHIPPING_COMPANY")
        report = move_orders("ship", [order.pk], actor=SYSTEM)
        assert report.results[0].code == "out_of_stock"
        assert world.shelf() == (10, 9)

    def test_a_company_that_took_what_was_short_leaves_units_owed(self, world: World) -> None:
        order = world.order([("MUG", 12)], status="WAITING_FOR_SHIPPING_COMPANY")
        report = move_orders("ship", [order.pk], actor=SYSTEM, shortage="owe")
        assert report.results[0].status == "SHIPPED"
        assert world.shelf() == (0, 0)
        assert OrderLine.objects.get(order=order).owed == 2
        assert ledger_equals_stock()
        world.walk(order, "rollback")
        assert OrderLine.objects.get(order=order).owed == 0
        assert world.shelf() == (10, 0)

    def test_products_that_no_shelf_counts_are_skipped(self, world: World) -> None:
        world.product("GIFT", units=0, track_stock=False)
        order = world.order([("GIFT", 3)], status="SHIPPED")
        assert order.status == "SHIPPED"
        assert not StockMovement.objects.filter(event__order=order).exists()

    def test_goods_in_the_companys_own_warehouse_move_nothing_here(self, world: World) -> None:
        order = world.order()
        move_orders("push", [order.pk], actor=SYSTEM, company_key="ecotrack", from_stock=True)
        world.walk(order, "ship", "return", "receive_return", "restock")
        assert world.shelf() == (10, 0)
        assert StockMovement.objects.filter(event__isnull=False).count() == 0

    def test_a_packed_order_ships_from_the_warehouse_that_holds_its_units(self, world: World) -> None:
        other = Warehouse.objects.create(code="rabat", name="Rabat")
        order = world.order(status="PACKED")
        before = everything()
        result = move_orders("ship", [order.pk], actor=SYSTEM, warehouse_id=other.pk).results[0]
        assert result.code == "other_warehouse"
        assert "Casablanca" in result.message
        assert everything() == before

    def test_an_order_never_packed_ships_from_the_warehouse_named(self, world: World) -> None:
        other = Warehouse.objects.create(code="rabat", name="Rabat")
        world.receive(world.product(), 5, warehouse=other)
        order = world.order(status="WAITING_FOR_SHIPPING_COMPANY")
        move_orders("ship", [order.pk], actor=SYSTEM, warehouse_id=other.pk)
        order.refresh_from_db()
        assert order.warehouse == other
        assert world.shelf(warehouse=other) == (3, 0)
        assert world.shelf() == (10, 0)

    def test_a_reversal_that_the_shelf_no_longer_allows_changes_nothing(self, world: World) -> None:
        order = world.walk(world.order([("MUG", 6)]), "pack", "cancel")
        world.order([("MUG", 7)], status="PACKED")
        before = everything()
        result = move_orders("rollback", [order.pk], actor=SYSTEM, message="wrong one").results[0]
        assert result.code == "insufficient_stock"
        assert "MUG needs 6, 3 available" in result.message
        assert everything() == before

    def test_ship_return_renew_ship_keeps_the_ledger(self, world: World) -> None:
        order = world.order()
        world.walk(order, "pack", "ship", "return", "receive_return", "restock", "renew", "pack", "ship")
        assert world.shelf() == (8, 0)
        assert order.cycle == 2
        assert list(
            StockMovement.objects.filter(event__order=order).order_by("id").values_list("kind", "delta")
        ) == [("ship", -2), ("return", 2), ("ship", -2)]
        assert ledger_equals_stock()


class TestReturns:
    def test_only_sound_units_go_back_and_the_rest_is_written_off(self, world: World) -> None:
        order = world.order([("MUG", 5)], status="RETURN_RECEIVED")
        line = order.lines.get()
        seen = {order.pk: {line.pk: Disposition(sound=2, damaged=1, missing=1, not_ours=1)}}
        move_orders("restock", [order.pk], actor=SYSTEM, dispositions=seen)
        assert world.shelf() == (7, 0)
        assert list(
            StockMovement.objects.filter(event__order=order, line=line)
            .order_by("id")
            .values_list("kind", "delta", "quantity")
        ) == [("ship", -5, 5), ("return", 2, 2), ("damaged", 0, 1), ("missing", 0, 1), ("not_ours", 0, 1)]

    @pytest.mark.parametrize("sound", [0, 1, 3])
    def test_every_unit_that_went_out_has_to_be_accounted_for(self, world: World, sound: int) -> None:
        order = world.order(status="RETURN_RECEIVED")
        line = order.lines.get()
        before = everything()
        with pytest.raises(InvalidInput) as refused:
            move_orders(
                "restock",
                [order.pk],
                actor=SYSTEM,
                dispositions={order.pk: {line.pk: Disposition(sound=sound)}},
            )
        assert refused.value.errors == {
            f"lines.{line.pk}": [f"2 units of MUG went out with {order.reference}; you named {sound}."]
        }
        assert everything() == before

    def test_a_line_of_another_order_is_refused(self, world: World) -> None:
        order = world.order(status="RETURN_RECEIVED")
        stranger = world.order(status="RETURN_RECEIVED").lines.get()
        seen = {order.pk: {stranger.pk: Disposition(sound=2)}}
        with pytest.raises(InvalidInput) as refused:
            move_orders("restock", [order.pk], actor=SYSTEM, dispositions=seen)
        assert f"lines.{stranger.pk}" in refused.value.errors


class TestMoney:
    def test_a_prepaid_order_is_left_at_delivery_and_refunded_on_return(self, world: World) -> None:
        order = world.order(
            payment_method="card", payment_status="collected", prepaid=Decimal(100), amount_due=Decimal(0)
        )
        world.walk(order, "pack", "ship", "deliver")
        assert (order.payment_status, order.amount_collected) == ("collected", Decimal(0))
        world.walk(order, "return")
        assert order.payment_status == "refunded"

    def test_a_company_that_reports_the_cash_itself_leaves_it_awaited(self, world: World) -> None:
        order = world.order(status="SHIPPED")
        move_orders("deliver", [order.pk], actor=SYSTEM, payment_by_company=True)
        order.refresh_from_db()
        assert (order.status, order.payment_status) == ("DELIVERED", "awaiting")

    def test_rolling_back_a_delivery_takes_the_cash_back_off_the_books(self, world: World) -> None:
        order = world.walk(world.order(), "pack", "ship", "deliver")
        assert (order.payment_status, order.amount_collected) == ("collected", Decimal(100))
        world.walk(order, "rollback")
        assert (order.payment_status, order.amount_collected) == ("awaiting", Decimal(0))


class TestUndo:
    def test_takes_back_ones_own_last_step_with_its_goods(self, world: World) -> None:
        salma = staff(world.person())
        order = world.order(status="PACKED")
        world.walk(order, "ship", actor=salma)
        world.walk(order, "undo", actor=salma)
        assert (order.status, world.shelf()) == ("PACKED", (10, 2))
        event = OrderEvent.objects.latest("id")
        assert (event.action, event.from_status, event.to_status) == ("undo", "SHIPPED", "PACKED")
        assert event.reverses is not None
        assert event.reverses.action == "ship"
        assert ledger_equals_stock()

    def test_reaches_back_step_by_step(self, world: World) -> None:
        salma = staff(world.person())
        order = world.order()
        world.walk(order, "pack", "ship", "undo", "undo", actor=salma)
        assert (order.status, order.packed_at, world.shelf()) == ("NEW", None, (10, 0))

    def test_of_a_step_from_rollback_goes_back_to_rollback(self, world: World) -> None:
        salma = staff(world.person())
        order = world.walk(world.order(), "pack", "ship", "rollback")
        world.walk(order, "ship", "undo", actor=salma)
        assert (order.status, order.remembered_status, world.shelf()) == ("ROLLBACK", "PACKED", (10, 2))

    @pytest.mark.parametrize("minutes", [14, 16])
    def test_ends_after_fifteen_minutes(self, world: World, minutes: int) -> None:
        salma = staff(world.person())
        order = world.order()
        world.walk(order, "pack", actor=salma)
        later = timezone.now() + dt.timedelta(minutes=minutes)
        result = move_orders("undo", [order.pk], actor=salma, at=later).results[0]
        assert result.code == ("done" if minutes < 15 else "not_allowed")

    def test_of_somebody_elses_step_is_refused(self, world: World) -> None:
        order = world.order()
        world.walk(order, "pack", actor=staff(world.person("salma")))
        before = everything()
        result = move_orders("undo", [order.pk], actor=staff(world.person("omar"))).results[0]
        assert (result.code, everything() == before) == ("not_allowed", True)

    def test_needs_what_the_step_needed(self, world: World) -> None:
        person = world.person()
        order = world.order()
        world.walk(order, "pack", actor=staff(person))
        before = everything()
        result = move_orders("undo", [order.pk], actor=staff(person, "view_order")).results[0]
        assert (result.code, everything() == before) == ("not_allowed", True)

    def test_takes_back_no_renewal_and_no_rollback(self, world: World) -> None:
        salma = staff(world.person())
        renewed = world.order(status="CANCELED")
        world.walk(renewed, "renew", actor=salma)
        rolled_back = world.order(status="PACKED")
        world.walk(rolled_back, "rollback", actor=salma)
        report = move_orders("undo", [renewed.pk, rolled_back.pk], actor=salma)
        assert [result.code for result in report.results] == ["not_allowed", "wrong_status"]

    def test_of_a_push_the_company_knows_of_is_refused(self, world: World) -> None:
        salma = staff(world.person())
        order = world.order()
        world.walk(order, "push", actor=salma)
        Order.objects.filter(pk=order.pk).update(tracking="F-1")
        assert move_orders("undo", [order.pk], actor=salma).results[0].code == "not_allowed"


class TestRenewal:
    def test_begins_a_cycle_with_its_own_lines_and_leaves_the_old_goods_out(self, world: World) -> None:
        order = world.order([("MUG", 2), ("CUP", 1)], status="RETURNED")
        Order.objects.filter(pk=order.pk).update(tracking="F-1", company_status="RETURNED")
        world.walk(order, "renew")
        assert (order.cycle, order.packed_at, order.tracking, order.company_status) == (2, None, "", "")
        assert list(order.lines.filter(cycle=2).values_list("position", "sku", "quantity")) == [
            (1, "MUG", 2),
            (2, "CUP", 1),
        ]
        assert order.lines.filter(cycle=1).count() == 2
        assert world.shelf() == (8, 0)


class TestTheCall:
    def test_the_same_id_twice_counts_once(self, world: World) -> None:
        order = world.order()
        report = move_orders("pack", [order.pk, order.pk], actor=SYSTEM)
        assert report.as_json()["requested"] == 1

    def test_strangers_and_deleted_orders_are_unknown(self, world: World) -> None:
        stranger = World(slug="casbah").order()
        deleted = world.order(deleted_at=timezone.now())
        before = everything()
        seller = Actor(
            kind=ActorKind.USER,
            name="Seller",
            source="dashboard",
            merchant_id=world.merchant.pk,
            permissions=None,
        )
        report = move_orders("pack", [stranger.pk, deleted.pk, 999_999], actor=seller)
        assert [result.code for result in report.results] == ["unknown", "unknown", "unknown"]
        assert report.counts["not_found"] == 3
        assert everything() == before

    def test_more_than_a_thousand_ids_are_refused(self) -> None:
        with pytest.raises(InvalidInput) as refused:
            move_orders("pack", range(1, 1002), actor=SYSTEM)
        assert list(refused.value.errors) == ["ids"]

    @pytest.mark.parametrize("action", ["cancel", "rollback"])
    @pytest.mark.parametrize("message", ["", "   ", "x" * 1001])
    def test_a_reason_is_needed_and_has_an_end(self, world: World, action: str, message: str) -> None:
        order = world.order(status="PACKED")
        before = everything()
        with pytest.raises(InvalidInput) as refused:
            move_orders(action, [order.pk], actor=SYSTEM, message=message)
        assert list(refused.value.errors) == ["description"]
        assert everything() == before

    def test_tomorrow_is_refused_and_yesterday_is_kept_beside_the_moment(self, world: World) -> None:
        order = world.order()
        today = world.merchant.today()
        before = everything()
        with pytest.raises(InvalidInput) as refused:
            move_orders("pack", [order.pk], actor=SYSTEM, occurred_on=today + dt.timedelta(days=1))
        assert list(refused.value.errors) == ["date"]
        assert everything() == before
        move_orders("pack", [order.pk], actor=SYSTEM, occurred_on=today - dt.timedelta(days=1))
        event = OrderEvent.objects.latest("id")
        assert event.occurred_on == today - dt.timedelta(days=1)
        assert event.recorded_at.astimezone(world.merchant.zone).date() == today

    def test_the_day_is_the_merchants(self, world: World) -> None:
        # 23:30 UTC is half past midnight of the next day in Casablanca.
        at = dt.datetime(2026, 11, 20, 23, 30, tzinfo=dt.UTC)
        order = world.order()
        move_orders("pack", [order.pk], actor=SYSTEM, at=at)
        assert OrderEvent.objects.latest("id").occurred_on == dt.date(2026, 11, 21)

    def test_an_unknown_warehouse_is_refused(self, world: World) -> None:
        order = world.order()
        with pytest.raises(InvalidInput) as refused:
            move_orders("ship", [order.pk], actor=SYSTEM, warehouse_id=9999)
        assert list(refused.value.errors) == ["warehouseId"]

    def test_all_or_nothing_changes_nothing_when_one_may_not_move(self, world: World) -> None:
        good, bad = world.order(), world.order(status="SHIPPED")
        before = everything()
        with pytest.raises(BatchRefused) as refused:
            move_orders("pack", [good.pk, bad.pk], actor=SYSTEM, all_or_nothing=True)
        assert [result.code for result in refused.value.report.results] == ["done", "wrong_status"]
        assert everything() == before

    def test_history_says_who_when_and_through_which_door(self, world: World) -> None:
        person = world.person("salma")
        order = world.order()
        actor = Actor(
            kind=ActorKind.USER,
            name="Salma B.",
            source="scanner",
            user_id=person.pk,
            station="bench-2",
            permissions=None,
        )
        move_orders("pack", [order.pk], actor=actor)
        event = OrderEvent.objects.latest("id")
        assert (event.actor_kind, event.actor_name, event.user_id, event.source, event.station) == (
            "user",
            "Salma B.",
            person.pk,
            "scanner",
            "bench-2",
        )


STATEMENTS = {"pack": 6, "ship": 8, "deliver": 3, "cancel": 6, "renew": 4, "rollback": 9, "restock": 8}
STARTS = {
    "pack": "NEW",
    "ship": "PACKED",
    "deliver": "SHIPPED",
    "cancel": "PACKED",
    "renew": "CANCELED",
    "rollback": "SHIPPED",
    "restock": "RETURN_RECEIVED",
}


@pytest.mark.parametrize("action", STATEMENTS)
def test_the_number_of_statements_does_not_grow_with_the_orders(world: World, action: str) -> None:
    world.units = 1000
    few = [world.order([("MUG", 2), ("CUP", 1)], status=STARTS[action]).pk for _ in range(2)]
    many = [world.order([("MUG", 2), ("CUP", 1)], status=STARTS[action]).pk for _ in range(20)]
    place = world.warehouse.pk if action == "ship" else None
    for ids in (few, many):
        with CaptureQueriesContext(connection) as captured:
            report = move_orders(action, ids, actor=SYSTEM, warehouse_id=place, message="because")
        issued = [q["sql"] for q in captured if not q["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN"))]
        assert report.counts["done"] == len(ids)
        assert len(issued) == STATEMENTS[action], issued
