"""The call centre's axis: what a call leaves behind, and what it leaves alone."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.domain.actors import Actor
from orders.domain.life import confirming
from orders.domain.life.confirming import confirm_orders, preview_confirm
from orders.domain.refusals import InvalidInput, Refusal
from orders.models import Order, OrderEvent
from tests.domain.life.test_rivals import in_thread
from tests.world import SYSTEM, World, everything

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("outcome", ["confirmed", "no_answer", "postponed", "rejected"])
def test_each_outcome_is_noted_with_an_attempt_and_an_event(world: World, outcome: str) -> None:
    order = world.order(call_center="pending")
    version = order.version

    report = confirm_orders([order.pk], outcome, "spoke to her brother", actor=SYSTEM)

    order.refresh_from_db()
    assert report.counts == {"done": 1, "already_done": 0, "refused": 0, "not_found": 0}
    assert (order.call_center, order.call_attempts, order.version) == (outcome, 1, version + 1)
    assert order.status == "NEW"
    event = OrderEvent.objects.get()
    assert (event.type, event.action, event.message) == ("call_center", "confirm", "spoke to her brother")
    assert event.before == {"call_center": "pending", "postponed_to": None}
    assert event.details == {"call_center": outcome, "attempt": 1, "postponed_to": None}
    assert (event.from_status, event.to_status) == ("", "")


def test_a_second_call_without_an_answer_counts_as_another_attempt(world: World) -> None:
    order = world.order(call_center="no_answer", call_attempts=1)
    report = confirm_orders([order.pk], "no_answer", actor=SYSTEM)
    order.refresh_from_db()
    assert (report.counts["done"], order.call_attempts) == (1, 2)


@pytest.mark.parametrize("outcome", ["confirmed", "rejected"])
def test_an_outcome_that_stands_is_already_done_and_leaves_nothing(world: World, outcome: str) -> None:
    order = world.order(call_center=outcome, call_attempts=1)
    before = everything()
    report = confirm_orders([order.pk], outcome, actor=SYSTEM)
    assert report.results[0].code == "already_done"
    assert everything() == before


def test_a_postponed_order_keeps_the_day_and_loses_it_when_confirmed(world: World) -> None:
    order = world.order(call_center="pending")
    day = world.merchant.today() + dt.timedelta(days=3)

    confirm_orders([order.pk], "postponed", actor=SYSTEM, postponed_to=day)
    order.refresh_from_db()
    assert (order.call_center, order.postponed_to) == ("postponed", day)
    assert OrderEvent.objects.latest("id").details["postponed_to"] == day.isoformat()

    confirm_orders([order.pk], "confirmed", actor=SYSTEM)
    order.refresh_from_db()
    assert (order.call_center, order.postponed_to, order.call_attempts) == ("confirmed", None, 2)


def test_a_day_sent_with_another_outcome_is_not_kept(world: World) -> None:
    order = world.order(call_center="pending")
    confirm_orders(
        [order.pk], "confirmed", actor=SYSTEM, postponed_to=world.merchant.today() + dt.timedelta(days=1)
    )
    order.refresh_from_db()
    assert order.postponed_to is None


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("NEW", "done"),
        ("PICKED_UP", "done"),
        ("PREPARING", "done"),
        ("PACKED", "done"),
        ("WAITING_FOR_SHIPPING_COMPANY", "done"),
        ("OUT_OF_STOCK", "done"),
        ("SHIPPED", "wrong_status"),
        ("DELIVERED", "wrong_status"),
        ("RETURNED", "wrong_status"),
        ("RETURN_RECEIVED", "wrong_status"),
        ("RETURNED_TO_STOCK", "wrong_status"),
        ("CANCELED", "canceled"),
    ],
)
def test_only_orders_that_are_not_on_the_road_can_be_called_about(
    world: World, status: str, code: str
) -> None:
    order = world.order(status=status, call_center="pending")
    before = everything()
    report = confirm_orders([order.pk], "confirmed", actor=SYSTEM)
    assert report.results[0].code == code
    assert report.results[0].status == status
    if code != "done":
        assert everything() == before


def test_a_rolled_back_order_counts_as_the_status_it_remembers(world: World) -> None:
    new = world.order(status="PACKED", call_center="pending")
    shipped = world.order(status="DELIVERED", call_center="pending")
    world.walk(new, "rollback")
    world.walk(shipped, "rollback")
    report = confirm_orders([new.pk, shipped.pk], "confirmed", actor=SYSTEM)
    assert [result.code for result in report.results] == ["done", "wrong_status"]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"outcome": "pending"}, "outcome"),
        ({"outcome": "maybe"}, "outcome"),
        ({"outcome": ""}, "outcome"),
        ({"outcome": "confirmed", "note": "x" * 1001}, "note"),
        ({"outcome": "postponed", "postponed_to": dt.date(2020, 1, 1)}, "postponed_to"),
    ],
)
def test_a_call_that_is_wrong_in_itself_changes_nothing(world: World, said: dict, field: str) -> None:
    order = world.order(call_center="pending")
    before = everything()
    with pytest.raises(InvalidInput) as refused:
        confirm_orders([order.pk], actor=SYSTEM, **said)
    assert list(refused.value.errors) == [field]
    assert everything() == before


def test_yesterday_on_the_merchants_own_clock_has_passed(world: World, monkeypatch) -> None:
    # 23:30 UTC on the 20th is half past midnight on the 21st in Casablanca.
    moment = dt.datetime(2026, 11, 20, 23, 30, tzinfo=dt.UTC)
    monkeypatch.setattr(timezone, "now", lambda: moment)
    order = world.order(call_center="pending")
    with pytest.raises(InvalidInput) as refused:
        confirm_orders([order.pk], "postponed", actor=SYSTEM, postponed_to=dt.date(2026, 11, 20))
    assert list(refused.value.errors) == ["postponed_to"]
    report = confirm_orders([order.pk], "postponed", actor=SYSTEM, postponed_to=dt.date(2026, 11, 21))
    assert report.counts["done"] == 1


def test_more_than_a_thousand_ids_are_refused(world: World) -> None:
    with pytest.raises(InvalidInput) as refused:
        confirm_orders(range(1, 1002), "confirmed", actor=SYSTEM)
    assert list(refused.value.errors) == ["ids"]


def test_every_id_is_answered_once_and_in_the_order_asked(world: World) -> None:
    first, second = world.order(call_center="pending"), world.order(status="CANCELED")
    report = confirm_orders([second.pk, 999_999, first.pk, second.pk], "confirmed", actor=SYSTEM)
    assert [(r.id, r.code) for r in report.results] == [
        (second.pk, "canceled"),
        (999_999, "unknown"),
        (first.pk, "done"),
    ]
    assert sum(report.counts.values()) == 3


def test_another_merchants_and_deleted_orders_are_unknown(world: World) -> None:
    theirs = World(slug="casbah").order(call_center="pending")
    gone = world.order(call_center="pending", deleted_at=timezone.now())
    actor = Actor(kind=SYSTEM.kind, name="x", source="test", merchant_id=world.merchant.pk, permissions=None)
    before = everything()
    report = confirm_orders([theirs.pk, gone.pk], "confirmed", actor=actor)
    assert [result.code for result in report.results] == ["unknown", "unknown"]
    assert everything() == before


def test_a_preview_says_the_same_and_writes_nothing(world: World) -> None:
    orders = [world.order(call_center="pending"), world.order(status="SHIPPED")]
    before = everything()
    preview = preview_confirm([order.pk for order in orders], "no_answer", actor=SYSTEM)
    assert everything() == before
    report = confirm_orders([order.pk for order in orders], "no_answer", actor=SYSTEM)
    assert [r.code for r in preview.results] == [r.code for r in report.results] == ["done", "wrong_status"]


def test_the_number_of_statements_does_not_grow_with_the_orders(world: World) -> None:
    counts = []
    for number in (1, 40):
        ids = [world.order(call_center="pending").pk for _ in range(number)]
        with CaptureQueriesContext(
            connection,
        ) as statements:
            confirm_orders(ids, "confirmed", actor=SYSTEM)
        counts.append(len([s for s in statements if "SAVEPOINT" not in s["sql"]]))
    assert counts == [3, 3]


def test_a_row_that_changed_since_it_was_read_is_not_written_over(world: World, monkeypatch) -> None:
    order = world.order(call_center="pending")
    write = confirming._write

    def late(*args) -> None:
        Order.objects.filter(pk=order.pk).update(version=order.version + 1)
        write(*args)

    monkeypatch.setattr(confirming, "_write", late)
    monkeypatch.setattr("orders.domain.rows.locking.TRIES", 1)
    with pytest.raises(Refusal) as refused:
        confirm_orders([order.pk], "confirmed", actor=SYSTEM)
    assert refused.value.code == "locked"
    assert OrderEvent.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_two_people_confirming_at_once_one_is_told_it_stands_already() -> None:
    order = World().order(call_center="pending")
    thread, theirs = in_thread(lambda: confirm_orders([order.pk], "confirmed", actor=SYSTEM))
    mine = confirm_orders([order.pk], "confirmed", actor=SYSTEM)
    thread.join(timeout=30)
    order.refresh_from_db()
    assert sorted([mine.results[0].code, theirs[0].results[0].code]) == ["already_done", "done"]
    assert (order.call_attempts, OrderEvent.objects.count()) == (1, 1)
