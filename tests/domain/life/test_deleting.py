"""Deleting: which orders may go, what stays of them, and what is never deleted."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.domain.actors import Actor
from orders.domain.goods.stock import Disposition
from orders.domain.life import deleting
from orders.domain.life.deleting import delete_orders, preview_delete
from orders.domain.life.moving import move_orders
from orders.domain.refusals import InvalidInput, Refusal
from orders.models import Order, OrderEvent
from tests.domain.life.test_rivals import in_thread
from tests.world import SYSTEM, World, everything

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("status", ["NEW", "CANCELED", "OUT_OF_STOCK"])
def test_an_order_that_may_go_is_deleted_softly_with_a_tombstone(world: World, status: str) -> None:
    order = world.order(status=status)
    version = order.version

    report = delete_orders([order.pk], actor=SYSTEM)

    order.refresh_from_db()
    assert report.counts == {"done": 1, "already_done": 0, "refused": 0, "not_found": 0}
    assert order.deleted_at is not None
    assert (order.status, order.version) == (status, version + 1)
    stone = OrderEvent.objects.latest("id")
    assert (stone.type, stone.action, stone.from_status, stone.to_status) == ("edit", "delete", status, "")
    assert order.lines.count() == 1


@pytest.mark.parametrize(
    "status",
    [
        "PICKED_UP",
        "PREPARING",
        "PACKED",
        "WAITING_FOR_SHIPPING_COMPANY",
        "SHIPPED",
        "DELIVERED",
        "RETURNED",
        "RETURN_RECEIVED",
        "RETURNED_TO_STOCK",
    ],
)
def test_any_other_status_is_refused_and_leaves_no_trace(world: World, status: str) -> None:
    order = world.order(status=status)
    before = everything()
    report = delete_orders([order.pk], actor=SYSTEM)
    assert (report.results[0].code, report.results[0].status) == ("wrong_status", status)
    assert everything() == before


def test_a_rolled_back_order_is_refused_whatever_it_remembers(world: World) -> None:
    order = world.order(status="PACKED")
    world.walk(order, "rollback")
    before = everything()
    assert delete_orders([order.pk], actor=SYSTEM).results[0].code == "wrong_status"
    assert everything() == before


def test_goods_of_an_earlier_cycle_still_out_keep_the_order(world: World) -> None:
    order = world.order([("MUG", 2)], status="RETURNED")
    world.walk(order, "renew")
    before = everything()

    report = delete_orders([order.pk], actor=SYSTEM)

    assert report.results[0].code == "locked"
    assert "2 × MUG" in report.results[0].message
    assert everything() == before


def test_goods_that_came_back_or_were_written_off_no_longer_keep_it(world: World) -> None:
    order = world.order([("MUG", 2)], status="RETURN_RECEIVED")
    line = order.lines.get()
    move_orders(
        "restock",
        [order.pk],
        actor=SYSTEM,
        dispositions={order.pk: {line.pk: Disposition(sound=1, damaged=1)}},
    )
    world.walk(order, "renew")
    assert delete_orders([order.pk], actor=SYSTEM).counts["done"] == 1


def test_a_shipment_taken_back_by_rollback_is_not_out(world: World) -> None:
    order = world.order([("MUG", 2)], status="SHIPPED")
    world.walk(order, "rollback", "cancel")
    assert delete_orders([order.pk], actor=SYSTEM).counts["done"] == 1


def test_an_order_that_holds_units_on_a_shelf_is_refused(world: World) -> None:
    order = world.order(reserved_warehouse=world.warehouse)
    before = everything()
    assert delete_orders([order.pk], actor=SYSTEM).results[0].code == "locked"
    assert everything() == before


def test_deleting_twice_is_already_done_and_leaves_one_tombstone(world: World) -> None:
    order = world.order()
    delete_orders([order.pk], actor=SYSTEM)
    before = everything()
    assert delete_orders([order.pk], actor=SYSTEM).results[0].code == "already_done"
    assert everything() == before


def test_the_reference_stays_taken(world: World) -> None:
    order = world.order()
    delete_orders([order.pk], actor=SYSTEM)
    assert Order.objects.filter(reference=order.reference).exists()


def test_a_deleted_order_can_no_longer_be_moved(world: World) -> None:
    order = world.order()
    delete_orders([order.pk], actor=SYSTEM)
    before = everything()
    assert move_orders("pack", [order.pk], actor=SYSTEM).results[0].code == "unknown"
    assert everything() == before


def test_every_id_is_answered_once_and_in_the_order_asked(world: World) -> None:
    free, packed = world.order(), world.order(status="PACKED")
    report = delete_orders([packed.pk, 999_999, free.pk, packed.pk], actor=SYSTEM)
    assert [(r.id, r.code) for r in report.results] == [
        (packed.pk, "wrong_status"),
        (999_999, "unknown"),
        (free.pk, "done"),
    ]


def test_another_merchants_order_is_unknown_and_stays(world: World) -> None:
    theirs = World(slug="casbah").order()
    actor = Actor(kind=SYSTEM.kind, name="x", source="test", merchant_id=world.merchant.pk, permissions=None)
    before = everything()
    assert delete_orders([theirs.pk], actor=actor).results[0].code == "unknown"
    assert everything() == before


def test_more_than_a_thousand_ids_are_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        delete_orders(range(1, 1002), actor=SYSTEM)
    assert list(refused.value.errors) == ["ids"]


def test_a_preview_says_the_same_and_writes_nothing(world: World) -> None:
    ids = [world.order().pk, world.order(status="PACKED").pk]
    before = everything()
    preview = preview_delete(ids, actor=SYSTEM)
    assert everything() == before
    report = delete_orders(ids, actor=SYSTEM)
    assert [r.code for r in preview.results] == [r.code for r in report.results] == ["done", "wrong_status"]


def test_the_number_of_statements_does_not_grow_with_the_orders(world: World) -> None:
    counts = []
    for number in (1, 40):
        ids = [world.order().pk for _ in range(number)]
        with CaptureQueriesContext(connection) as statements:
            delete_orders(ids, actor=SYSTEM)
        counts.append(len([s for s in statements if "SAVEPOINT" not in s["sql"]]))
    assert counts == [4, 4]


def test_a_row_that_changed_since_it_was_read_is_not_deleted(world: World, monkeypatch) -> None:
    order = world.order()
    write = deleting._write

    def late(*args, **said) -> None:
        Order.objects.filter(pk=order.pk).update(version=order.version + 1)
        write(*args, **said)

    monkeypatch.setattr(deleting, "_write", late)
    monkeypatch.setattr("orders.domain.rows.locking.TRIES", 1)
    with pytest.raises(Refusal) as refused:
        delete_orders([order.pk], actor=SYSTEM)
    assert refused.value.code == "locked"
    order.refresh_from_db()
    assert order.deleted_at is None


@pytest.mark.django_db(transaction=True)
def test_an_order_packed_and_deleted_at_once_is_one_of_the_two() -> None:
    world = World()
    orders = [world.order() for _ in range(10)]
    ids = [order.pk for order in orders]
    thread, packed = in_thread(lambda: [move_orders("pack", [i], actor=SYSTEM).results[0].code for i in ids])
    deleted = [delete_orders([i], actor=SYSTEM).results[0].code for i in reversed(ids)][::-1]
    thread.join(timeout=30)
    outcomes = set(zip(packed[0], deleted, strict=True))
    assert outcomes <= {("done", "wrong_status"), ("unknown", "done"), ("out_of_stock", "done")}
    for order in Order.objects.filter(pk__in=ids):
        assert (order.deleted_at is None) == (order.status == "PACKED")
