"""Two people, one order, the worst moment: exactly one of them moves it.

A rival comes in between reading and writing. On PostgreSQL that is a second
connection; the version's own guard is shown with the locks taken away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import connections

from orders.domain.actors import Actor
from orders.domain.life import moving
from orders.domain.life.moving import move_orders
from orders.domain.refusals import Locked, Refusal
from orders.domain.rows.locking import Conflict
from orders.models import Order, OrderEvent, StockLevel
from tests.world import SYSTEM, World, ledger_equals_stock

# Each action with a status it starts from, and where it leads.
ACTIONS = {
    "pick": ("NEW", "PICKED_UP"),
    "prepare": ("PICKED_UP", "PREPARING"),
    "pack": ("NEW", "PACKED"),
    "push": ("PACKED", "WAITING_FOR_SHIPPING_COMPANY"),
    "unpush": ("WAITING_FOR_SHIPPING_COMPANY", "NEW"),
    "ship": ("PACKED", "SHIPPED"),
    "deliver": ("SHIPPED", "DELIVERED"),
    "return": ("SHIPPED", "RETURNED"),
    "receive_return": ("RETURNED", "RETURN_RECEIVED"),
    "restock": ("RETURN_RECEIVED", "RETURNED_TO_STOCK"),
    "mark_out_of_stock": ("PACKED", "OUT_OF_STOCK"),
    "cancel": ("PACKED", "CANCELED"),
    "renew": ("CANCELED", "NEW"),
    "rollback": ("SHIPPED", "ROLLBACK"),
}


def in_thread(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Runs `work` with a connection of its own; what it returned or refused is kept."""
    answers: list[Any] = []

    def run() -> None:
        try:
            answers.append(work())
        except Refusal as refusal:
            answers.append(refusal)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, answers


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("action", ACTIONS)
def test_of_two_rivals_exactly_one_moves_the_order(action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    start, target = ACTIONS[action]
    order = world.order(status=start)
    events = OrderEvent.objects.count()
    write_orders = moving._write_orders
    rival: list[Any] = []

    def move() -> Any:
        return move_orders(action, [order.pk], actor=SYSTEM, message="because")

    def write_while_a_rival_waits(*args: Any) -> Any:
        monkeypatch.setattr(moving, "_write_orders", write_orders)
        rival.append(in_thread(move))
        return write_orders(*args)

    monkeypatch.setattr(moving, "_write_orders", write_while_a_rival_waits)
    mine = move()
    thread, answers = rival[0]
    thread.join(timeout=30)

    order.refresh_from_db()
    assert mine.counts["done"] == 1
    assert answers[0].counts["done"] == 0, answers[0].results
    assert order.status == target
    assert OrderEvent.objects.count() == events + 1
    assert ledger_equals_stock()


@pytest.mark.django_db(transaction=True)
def test_of_two_undos_exactly_one_takes_the_step_back(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    salma = Actor.of(world.person(is_superuser=True), source="scanner")
    order = world.order()
    world.walk(order, "pack", "ship", actor=salma)
    write_orders = moving._write_orders
    rival: list[Any] = []

    def undo() -> Any:
        return move_orders("undo", [order.pk], actor=salma)

    def write_while_a_rival_waits(*args: Any) -> Any:
        monkeypatch.setattr(moving, "_write_orders", write_orders)
        rival.append(in_thread(undo))
        return write_orders(*args)

    monkeypatch.setattr(moving, "_write_orders", write_while_a_rival_waits)
    mine = undo()
    thread, answers = rival[0]
    thread.join(timeout=30)

    # The second one finds another last step, the packing, and takes that back: two presses, two steps.
    assert [mine.results[0].status, answers[0].results[0].status] == ["PACKED", "NEW"]
    assert world.shelf() == (10, 0)
    assert OrderEvent.objects.filter(reverses__isnull=False).count() == 2
    assert ledger_equals_stock()


def come_in_between(monkeypatch: pytest.MonkeyPatch, rival: Callable[[], Any]) -> None:
    """Lets `rival` finish between the reading and the writing of the next move."""
    write_orders = moving._write_orders

    def late(*args: Any) -> Any:
        monkeypatch.setattr(moving, "_write_orders", write_orders)
        rival()
        return write_orders(*args)

    monkeypatch.setattr(moving, "_write_orders", late)


def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    read_orders, read_stand = moving._read_orders, moving.stock.read_stand
    monkeypatch.setattr(moving, "_read_orders", lambda call, ids, lock: read_orders(call, ids, lock=False))
    monkeypatch.setattr(moving.stock, "read_stand", lambda shelves, lock: read_stand(shelves, lock=False))


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_the_version_guard_alone_holds_when_locks_are_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    order = world.order(status="PACKED")
    without_locks(monkeypatch)
    answers: list[Any] = []

    def rival() -> None:
        thread, said = in_thread(lambda: move_orders("ship", [order.pk], actor=SYSTEM))
        thread.join(timeout=30)
        answers.extend(said)

    come_in_between(monkeypatch, rival)
    mine = move_orders("ship", [order.pk], actor=SYSTEM)

    assert answers[0].counts["done"] == 1
    assert mine.counts["already_done"] == 1
    assert world.shelf() == (8, 0)


@pytest.mark.django_db
def test_the_guard_notices_a_row_that_changed_since_it_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    order = world.order(status="PACKED")
    come_in_between(monkeypatch, lambda: Order.objects.filter(pk=order.pk).update(version=order.version + 1))
    monkeypatch.setattr("orders.domain.rows.locking.TRIES", 1)
    with pytest.raises(Refusal) as refused:
        move_orders("ship", [order.pk], actor=SYSTEM)
    assert refused.value.code == "locked"
    assert world.shelf() == (10, 2)


@pytest.mark.django_db
def test_control_without_the_guard_the_goods_leave_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the guard is for: with its condition taken out, a rival's shipment is doubled."""
    world = World()
    order = world.order(status="PACKED")
    write_orders = moving._write_orders

    def write_unguarded(call: Any, steps: Any) -> Any:
        for step in steps:
            now = Order.objects.get(pk=step.facts.id)
            step.facts = step.facts._replace(version=now.version, status=now.status)
        return write_orders(call, steps)

    def rival() -> None:
        move_orders("ship", [order.pk], actor=SYSTEM)
        monkeypatch.setattr(moving, "_write_orders", write_unguarded)

    def late(*args: Any) -> Any:
        monkeypatch.setattr(moving, "_write_orders", write_orders)
        rival()
        return write_unguarded(*args)

    monkeypatch.setattr(moving, "_write_orders", late)
    world.receive(world.product(), 10)
    monkeypatch.setattr(moving.stock, "write_levels", _write_levels_unguarded)

    move_orders("ship", [order.pk], actor=SYSTEM)

    assert OrderEvent.objects.filter(action="ship").count() == 2
    assert world.shelf() == (16, 0)


def _write_levels_unguarded(plans: Any, stand: Any) -> None:
    for plan in plans:
        for shelf, change in plan.on_hand.items():
            level = StockLevel.objects.get(warehouse_id=shelf.warehouse_id, product_id=shelf.product_id)
            StockLevel.objects.filter(pk=level.pk).update(
                on_hand=level.on_hand + change,
                reserved=max(level.reserved + plan.reserved.get(shelf, 0), 0),
            )


@pytest.mark.django_db
def test_a_level_is_never_written_below_what_is_reserved() -> None:
    world = World()
    order = world.order(status="PACKED")
    stand = moving.stock.read_stand([], lock=False)
    plan = moving.stock.StockPlan()
    shelf = moving.stock.Shelf(world.warehouse.pk, order.lines.get().product_id or 0)
    plan.on_hand[shelf] = -9
    plan.skus[shelf] = "MUG"
    with pytest.raises(Conflict):
        moving.stock.write_levels([plan], stand)
    assert world.shelf() == (10, 2)


@pytest.mark.django_db(transaction=True)
def test_twenty_benches_share_ten_units_and_none_is_sold_twice() -> None:
    world = World()
    orders = [world.order([("MUG", 1)], status="WAITING_FOR_SHIPPING_COMPANY") for _ in range(20)]
    twice = [order.pk for order in orders for _ in range(2)]
    chunks = [twice[start::8] for start in range(8)]

    def bench(ids: list[int]) -> list[str]:
        codes = []
        for order_id in ids:
            while True:
                with suppress(Locked):  # a bench tries again, as the page tells it to
                    codes.append(move_orders("ship", [order_id], actor=SYSTEM).results[0].code)
                    break
        return codes

    threads = [in_thread(lambda ids=chunk: bench(ids)) for chunk in chunks]
    for thread, _ in threads:
        thread.join(timeout=60)
    codes = [code for _, answers in threads for code in answers[0]]

    assert sorted(set(codes)) == ["already_done", "done", "out_of_stock", "wrong_status"]
    assert (codes.count("done"), codes.count("out_of_stock")) == (10, 10)
    assert world.shelf() == (0, 0)
    assert Order.objects.filter(status="SHIPPED").count() == 10
    assert ledger_equals_stock()


@pytest.mark.django_db(transaction=True)
def test_bulk_calls_in_opposite_orders_both_finish() -> None:
    world = World(units=1000)
    ids = [world.order().pk for _ in range(40)]
    there, answers_there = in_thread(lambda: move_orders("pack", ids, actor=SYSTEM))
    back, answers_back = in_thread(lambda: move_orders("pack", ids[::-1], actor=SYSTEM))
    there.join(timeout=30)
    back.join(timeout=30)
    counts = [answers[0].counts for answers in (answers_there, answers_back)]
    assert sorted((c["done"], c["already_done"]) for c in counts) == [(0, 40), (40, 0)]
    assert world.shelf() == (1000, 80)
