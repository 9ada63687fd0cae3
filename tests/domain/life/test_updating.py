"""What an order says and where it stands, changed together; many orders each their own way, all or none."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from orders.domain.life.moving import move_orders
from orders.domain.life.transitions import Action
from orders.domain.life.updating import Asked, StepRefused, change_order, move_together
from orders.domain.refusals import InvalidInput, Locked, NotThere, Refusal
from orders.models import Order, OrderEvent
from tests.world import SYSTEM, World, everything


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.django_db
class TestChanging:
    def test_an_edit_and_a_step_are_both_made(self, world: World) -> None:
        order = world.order()
        change_order(order.pk, actor=SYSTEM, changes={"address": "2 Rue"}, action=Action.PICK, message="why")
        order.refresh_from_db()
        assert (order.address, order.status) == ("2 Rue", "PICKED_UP")
        assert list(OrderEvent.objects.order_by("id").values_list("type", "action")) == [
            ("edit", "edit"),
            ("shipping", "pick"),
        ]

    def test_a_refused_step_takes_the_edit_back(self, world: World) -> None:
        order = world.order()
        before = everything()
        with pytest.raises(StepRefused) as refused:
            change_order(order.pk, actor=SYSTEM, changes={"address": "2 Rue"}, action=Action.DELIVER)
        assert (refused.value.code, refused.value.status) == ("wrong_status", "NEW")
        assert everything() == before

    def test_a_refused_edit_takes_no_step(self, world: World) -> None:
        order = world.order()
        before = everything()
        with pytest.raises(InvalidInput):
            change_order(order.pk, actor=SYSTEM, changes={"address": ""}, action=Action.PICK)
        assert everything() == before

    def test_a_shortage_keeps_the_edit_out_and_the_order_is_out_of_stock(self, world: World) -> None:
        order = world.order([("MUG", 11)])
        with pytest.raises(StepRefused) as refused:
            change_order(order.pk, actor=SYSTEM, changes={"address": "2 Rue"}, action=Action.PACK)
        order.refresh_from_db()
        assert (refused.value.code, order.status, order.address) == (
            "out_of_stock",
            "OUT_OF_STOCK",
            "123 Bd Mohammed V",
        )

    def test_an_order_that_was_moved_meanwhile_is_left_alone(self, world: World) -> None:
        order = world.order(status="PICKED_UP")
        before = everything()
        with pytest.raises(Locked):
            change_order(order.pk, actor=SYSTEM, changes={}, action=Action.PICK, standing_in="NEW")
        assert everything() == before

    def test_an_order_that_is_not_there_is_unknown(self, world: World) -> None:
        with pytest.raises(NotThere):
            change_order(999_999, actor=SYSTEM, changes={"address": "2 Rue"})


@pytest.mark.django_db
class TestTogether:
    def ask(self, world: World, *asked: Asked) -> dict[str, str]:
        return move_together(asked, merchant=world.merchant, actor=SYSTEM)

    def test_each_goes_its_own_way_on_its_own_day_for_its_own_reason(self, world: World) -> None:
        one, two = world.order(status="PACKED"), world.order()
        statuses = self.ask(
            world,
            Asked("orders.0", one.reference, Action.SHIP, dt.date(2026, 1, 2)),
            Asked("orders.1", two.reference, Action.CANCEL, dt.date(2026, 1, 3), "changed her mind"),
        )
        assert statuses == {one.reference: "SHIPPED", two.reference: "CANCELED"}
        newest = OrderEvent.objects.order_by("-id").values_list("action", "occurred_on", "message")[:2]
        assert set(newest) == {
            ("ship", dt.date(2026, 1, 2), ""),
            ("cancel", dt.date(2026, 1, 3), "changed her mind"),
        }

    def test_everything_that_is_wrong_is_named_at_once_and_nothing_moves(self, world: World) -> None:
        good, shipped, short = world.order(), world.order(status="SHIPPED"), world.order([("MUG", 11)])
        before = everything()
        with pytest.raises(InvalidInput) as refused:
            self.ask(
                world,
                Asked("orders.0", good.reference, Action.PACK),
                Asked("orders.1", shipped.reference, Action.CANCEL, message="x"),
                Asked("orders.2", short.reference, Action.PACK),
            )
        assert set(refused.value.errors) == {"orders.1.status", "orders.2.status"}
        assert everything() == before

    def test_the_same_order_twice_counts_once(self, world: World) -> None:
        order = world.order()
        asked = (Asked(f"orders.{index}", order.reference, Action.PACK) for index in range(2))
        assert self.ask(world, *asked) == {order.reference: "PACKED"}
        assert world.shelf() == (10, 2)


@pytest.mark.django_db
def test_days_of_single_orders_may_not_lie_ahead_either(world: World) -> None:
    order = world.order()
    before = everything()
    tomorrow = world.merchant.today() + dt.timedelta(days=1)
    with pytest.raises(InvalidInput) as refused:
        move_orders("pack", [order.pk], actor=SYSTEM, days={order.pk: tomorrow})
    assert list(refused.value.errors) == ["date"]
    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_rivals_on_the_same_orders_move_each_once() -> None:
    world = World(units=100)
    orders = [world.order() for _ in range(6)]
    references = [order.reference for order in orders]
    workers = 6
    start = Barrier(workers)

    def work(number: int) -> str:
        mine = references if number % 2 else references[::-1]
        asked = [Asked(f"orders.{index}", one, Action.PACK) for index, one in enumerate(mine)]
        start.wait()
        try:
            move_together(asked, merchant=world.merchant, actor=SYSTEM)
        except Refusal as refusal:
            return str(refusal.code)
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(workers) as pool:
        came = Counter(pool.map(work, range(workers)))
    assert came["done"] >= 1
    assert set(came) <= {"done", "locked"}
    assert set(Order.objects.values_list("status", flat=True)) == {"PACKED"}
    assert OrderEvent.objects.filter(action="pack").count() == 6
    assert world.shelf() == (100, 12)
