"""Which orders a queryset finds: probes by index, rows that follow a row, parts of names."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from orders.models import Order
from orders.models.querysets import name_holds, phone_ends, tracking_begins
from tests.world import World

pytestmark = pytest.mark.django_db
NOON = dt.datetime(2026, 11, 10, 12, tzinfo=dt.UTC)


@pytest.fixture
def world() -> World:
    return World()


def test_deleted_orders_and_other_merchants_are_out_of_sight(world: World) -> None:
    other = World(slug="casbah")
    own, foreign = world.order(lines=()), other.order(lines=())
    world.order(lines=(), deleted_at=NOON)
    assert list(Order.objects.visible_to(world.merchant.pk)) == [own]
    assert set(Order.objects.visible_to(None)) == {own, foreign}


def test_a_probe_finds_each_condition_once_in_one_statement(world: World) -> None:
    one = world.order(lines=(), tracking="A1", external_reference="A1")
    two = world.order(lines=(), tracking="A2")
    world.order(lines=(), tracking="B")
    conditions = [Q(tracking__startswith="A"), Q(external_reference="A1")]
    with CaptureQueriesContext(connection) as captured:
        found = Order.objects.alive().probe(conditions, limit=10)
    assert found == [one.pk, two.pk]
    assert len(captured) == 1


def test_a_probe_gives_up_beyond_its_limit(world: World) -> None:
    for _ in range(3):
        world.order(lines=(), tracking="A")
    assert len(Order.objects.probe([Q(tracking="A")], limit=3) or []) == 3
    assert Order.objects.probe([Q(tracking="A")], limit=2) is None
    assert Order.objects.probe([], limit=2) == []


def test_no_condition_finds_nothing(world: World) -> None:
    world.order(lines=())
    assert not Order.objects.any_of([]).exists()


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("field", ["created_at", "total", "id"])
def test_the_rows_that_follow_a_row_are_the_rest_of_the_list(
    world: World, field: str, descending: bool
) -> None:
    for hour, total in ((1, 10), (1, 10), (2, 10), (2, 20), (3, 10)):
        world.order(lines=(), created_at=NOON + dt.timedelta(hours=hour), total=Decimal(total))
    listed = list(Order.objects.sorted_by(field, descending=descending))
    for place, order in enumerate(listed):
        following = Order.objects.beyond(field, getattr(order, field), order.pk, descending=descending)
        assert list(following.sorted_by(field, descending=descending)) == listed[place + 1 :]


@pytest.mark.parametrize(
    ("words", "is_found"),
    [
        (["amina"], True),
        (["min"], True),
        (["tazi", "amina"], True),
        (["am"], True),
        (["ta"], True),
        (["el"], True),
        (["mi"], False),
        (["zi"], False),
        (["a"], True),
        (["z"], False),
        (["amina", "salma"], False),
        (["%"], False),
        (["a_i"], False),
        (["ami%a"], False),
    ],
)
def test_names_are_found_by_parts_and_short_ones_by_beginnings(
    world: World, words: list[str], is_found: bool
) -> None:
    world.order(lines=(), search_name="amina el tazi")
    assert Order.objects.filter(name_holds(words)).exists() is is_found


def test_an_empty_number_or_tracking_ends_and_begins_nothing(world: World) -> None:
    world.order(lines=(), phone_reversed="123", second_phone_reversed="", tracking="")
    assert not Order.objects.filter(phone_ends("")[1]).exists()
    assert not Order.objects.filter(tracking_begins("")).exists()


def test_counts_stop_at_their_limit(world: World) -> None:
    for _ in range(3):
        world.order(lines=())
    assert Order.objects.count_up_to(3) == (3, True)
    assert Order.objects.count_up_to(2) == (2, False)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("conditions", "index"),
    [
        ("search_name LIKE '%xyz%'", "order_name_trigrams"),
        ("phone_reversed LIKE '7654%'", "order_phone_tail"),
        (
            "second_phone_reversed LIKE '7654%' AND NOT (second_phone_reversed = '')",
            "order_second_phone_tail",
        ),
        ("tracking LIKE 'ECO1%' AND NOT (tracking = '')", "order_tracking"),
        ("external_reference LIKE 'SHOP1%'", "order_external_reference"),
    ],
)
def test_each_way_to_search_has_its_index(conditions: str, index: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN SELECT id FROM orders_order WHERE {conditions} LIMIT 1001")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert index in plan
