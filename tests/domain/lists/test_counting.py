"""Counts of tabs: exact, whether they are counted or read from history, at any size."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.domain.life.deleting import delete_orders
from orders.domain.life.history import Happening, record_events
from orders.domain.life.moving import move_orders
from orders.domain.lists import counting
from orders.domain.lists.counting import (
    TabTallies,
    Tally,
    count_matching,
    count_matching_by_tab,
    count_tabs,
    fold_counts,
    fold_counts_now,
)
from orders.models import EventType, FoldedCount, LedgerMark, Order, OrderEvent, Tab
from tests.world import SYSTEM, World

AT_ONCE = dt.timedelta(0)


def born(world: World, status: str = "NEW") -> Order:
    """An order that came in as orders do, with its event, walked to the status."""
    from tests.world import PATHS

    order = world.order(lines=())
    record_events(
        [
            Happening(
                order_id=order.pk,
                cycle=1,
                type=EventType.SHIPPING,
                action="create",
                occurred_on=dt.date(2026, 11, 1),
                to_status="NEW",
            )
        ],
        actor=SYSTEM,
        at=timezone.now(),
    )
    return world.walk(order, *PATHS[status])


def shown(tallies: TabTallies) -> dict[str, int]:
    return {tab.name: tallies.of(tab).value for tab in Tab if tallies.of(tab).value}


def counted_by_hand(merchant_id: int | None = None) -> dict[str, int]:
    found: dict[str, int] = {}
    for order in Order.objects.filter(deleted_at=None):
        if merchant_id in (None, order.merchant_id):
            name = Tab(order.tab).name
            found[name] = found.get(name, 0) + 1
    return found


@pytest.fixture
def from_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tab that holds anything counts as large."""
    monkeypatch.setattr(counting, "COUNTED_UP_TO", 0)


@pytest.mark.django_db
def test_small_tabs_are_counted(django_assert_max_num_queries) -> None:
    atlas, casbah = World(slug="atlas"), World(slug="casbah")
    for status in ("NEW", "PICKED_UP", "SHIPPED", "RETURN_RECEIVED", "RETURNED"):
        atlas.order(status=status, lines=())
    casbah.order(status="CANCELED", lines=())
    atlas.order(lines=(), deleted_at=timezone.now())
    with django_assert_max_num_queries(2):
        everybody = count_tabs(None)
    assert shown(everybody) == {"NEW": 2, "SHIPPED": 1, "RETURNED": 2, "CANCELED": 1}
    assert everybody.total == Tally(6)
    assert shown(count_tabs(atlas.merchant.pk)) == {"NEW": 2, "SHIPPED": 1, "RETURNED": 2}
    assert shown(count_tabs(casbah.merchant.pk)) == {"CANCELED": 1}
    assert count_tabs(casbah.merchant.pk).of(Tab.NEW) == Tally(0)


@pytest.mark.django_db(transaction=True)
def test_what_history_says_is_what_is_there_after_every_kind_of_change(from_history: None) -> None:
    atlas, casbah = World(slug="atlas"), World(slug="casbah")
    orders = [born(atlas) for _ in range(6)] + [born(casbah, "SHIPPED") for _ in range(3)]
    assert fold_counts_now()
    kept = dict(FoldedCount.objects.filter(count__gt=0).values_list("tab", "count"))
    assert kept == {"NEW": 6, "SHIPPED": 3}

    born(atlas, "DELIVERED")
    born(casbah)
    atlas.walk(orders[0], "pack", "ship")
    atlas.walk(orders[1], "cancel")
    atlas.walk(orders[1], "renew", "pick")
    atlas.walk(orders[2], "pack")
    atlas.walk(orders[2], "rollback")
    casbah.walk(orders[7], "return", "receive_return", "restock")
    delete_orders([orders[3].pk], actor=SYSTEM)
    move_orders("ship", [order.pk for order in orders], actor=SYSTEM)  # mostly refused

    for merchant_id in (None, atlas.merchant.pk, casbah.merchant.pk):
        assert shown(count_tabs(merchant_id)) == counted_by_hand(merchant_id)
    assert dict(FoldedCount.objects.filter(count__gt=0).values_list("tab", "count")) == kept


@pytest.mark.django_db(transaction=True)
def test_without_the_events_since_the_fold_the_count_would_be_wrong(
    from_history: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    for _ in range(3):
        born(world)
    assert fold_counts_now()
    born(world)
    assert count_tabs(None).of(Tab.NEW) == Tally(4)
    monkeypatch.setattr(counting, "_changes", lambda moves: {})
    assert count_tabs(None).of(Tab.NEW) == Tally(3)


@pytest.mark.django_db(transaction=True)
def test_a_merchant_that_came_after_the_fold_counts_too(from_history: None) -> None:
    world = World()
    born(world)
    assert fold_counts_now()
    late = World(slug="late")
    born(late, "PACKED")
    assert shown(count_tabs(None)) == {"NEW": 1, "PACKED": 1}
    assert shown(count_tabs(late.merchant.pk)) == {"PACKED": 1}


@pytest.mark.django_db(transaction=True)
def test_a_fold_mends_what_a_change_without_its_event_has_bent(from_history: None) -> None:
    world = World()
    born(world)
    assert fold_counts_now()
    Order.objects.update(status="PACKED")  # nobody may do this: see the test of the one writer
    assert count_tabs(None).of(Tab.NEW) == Tally(1)
    assert fold_counts_now()
    assert shown(count_tabs(None)) == {"PACKED": 1}


@pytest.mark.django_db(transaction=True)
def test_counting_costs_the_same_however_much_there_is(from_history: None) -> None:
    world = World()
    born(world)
    assert fold_counts_now()
    with CaptureQueriesContext(connection) as few:
        count_tabs(None)
    for _ in range(10):
        born(world, "SHIPPED")
    assert fold_counts_now()
    with CaptureQueriesContext(connection) as many:
        count_tabs(None)
    assert len(few) == len(many) <= 3


@pytest.mark.django_db(transaction=True)
def test_a_sweep_folds_at_most_once_in_a_while() -> None:
    born(World())
    now = timezone.now()
    assert fold_counts(now=now) is False  # the first sweep only marks where history stands
    assert LedgerMark.objects.count() == 1
    assert fold_counts(now=now + dt.timedelta(seconds=59)) is False
    assert not FoldedCount.objects.exists()
    assert fold_counts(now=now + dt.timedelta(seconds=60)) is True
    assert FoldedCount.objects.count() == 9
    assert fold_counts(now=now + dt.timedelta(seconds=61)) is False
    assert fold_counts(now=now + dt.timedelta(seconds=121)) is True


@pytest.mark.django_db(transaction=True)
def test_a_fold_takes_the_same_statements_for_any_number_of_orders() -> None:
    world = World()
    born(world)
    now = timezone.now()
    fold_counts(now=now)
    with CaptureQueriesContext(connection) as few:
        assert fold_counts(now=now, at_most_every=AT_ONCE)
    for _ in range(10):
        born(World(slug=f"m{_}"), "SHIPPED")
    with CaptureQueriesContext(connection) as many:
        assert fold_counts(now=now, at_most_every=AT_ONCE)
    assert len(few) == len(many) <= 12


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_event_written_late_below_the_mark_is_not_lost(from_history: None) -> None:
    world = World()
    for _ in range(3):
        born(world)
    written, folded = Event(), Event()

    def write_slowly() -> None:
        try:
            with transaction.atomic():
                born(world, "CANCELED")  # its events have their ids, and nobody sees them yet
                written.set()
                folded.wait(10)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(write_slowly)
        assert written.wait(10)
        born(world)  # later events, seen at once: the mark lies above the slow ones
        assert fold_counts_now(patience=AT_ONCE) is False
        assert not FoldedCount.objects.exists()
        folded.set()
        slow.result()
    assert fold_counts(now=timezone.now() + dt.timedelta(seconds=60)) is True
    assert FoldedCount.objects.first().event_id < OrderEvent.objects.latest("pk").pk + 1
    assert shown(count_tabs(None)) == counted_by_hand() == {"NEW": 4, "CANCELED": 1}


@pytest.mark.django_db
def test_a_filters_count_stops_where_nobody_reads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "COUNT_LIMIT", 3)
    world = World()
    for _ in range(3):
        world.order(lines=())
    assert count_matching(Order.objects.all()) == Tally(3)
    assert count_matching_by_tab(Order.objects.all()) == TabTallies({Tab.NEW: Tally(3)})
    world.order(lines=())
    assert count_matching(Order.objects.all()) == Tally(3, is_exact=False)
    assert str(count_matching(Order.objects.all())) == "3+"
    assert count_matching_by_tab(Order.objects.all()) is None


def test_tallies_read_well() -> None:
    assert str(Tally(1234567)) == "1,234,567"
    assert str(counting.STOPPED) == "1,000+"
