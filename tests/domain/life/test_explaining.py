"""Why an order is not on the road yet: each reason in words, and silence once it is."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.domain.actors import Actor
from orders.domain.life.explaining import read_line_stock, why_not_shipping
from orders.domain.life.moving import move_orders
from orders.models import ActorKind, City, Order
from tests.world import SYSTEM, World

pytestmark = pytest.mark.django_db

LAMIA = Actor(kind=ActorKind.USER, name="Lamia", source="dashboard", permissions=None)
DAY = dt.date(2026, 11, 18)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def known(world: World) -> City:
    return City.objects.create(country="MA", name="Casablanca", key="casablanca")


def why(order: Order) -> list[tuple[str, str]]:
    order = Order.objects.select_related("merchant").get(pk=order.pk)
    return [(reason.kind.value, reason.text) for reason in why_not_shipping(order)]


def test_a_new_order_that_lacks_nothing_waits_to_be_packed(world: World, known: City) -> None:
    assert why(world.order(city_place=known)) == [("packing", "Nothing is missing: it waits to be packed.")]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"call_center": "pending"}, "The call centre has not confirmed it yet."),
        (
            {"call_center": "no_answer", "call_attempts": 1},
            "The customer has not answered yet (1 call).",
        ),
        (
            {"call_center": "no_answer", "call_attempts": 3},
            "The customer has not answered yet (3 calls).",
        ),
        ({"call_center": "postponed"}, "The customer wants it later: call again."),
        (
            {"call_center": "postponed", "postponed_to": dt.date(2026, 12, 1)},
            "The customer wants it later: call again on 1 Dec 2026.",
        ),
        ({"call_center": "rejected"}, "The customer does not want it any more. Cancel it, or call again."),
    ],
)
def test_the_call_centre_is_named_while_it_has_not_confirmed(
    world: World, known: City, facts: dict, words: str
) -> None:
    assert why(world.order(city_place=known, **facts)) == [("call_center", words)]


def test_an_unknown_city_is_named(world: World) -> None:
    assert why(world.order(city="Kaza")) == [
        ("city", "“Kaza” is not a known city. Choose the right one before it goes to a company.")
    ]


def test_each_short_product_is_named_with_what_is_needed_and_there(world: World, known: City) -> None:
    world.order([("MUG", 4)], status="PACKED", city_place=known)
    order = world.order([("MUG", 5), ("MUG", 3), ("VASE", 11), ("LAMP", 1)], city_place=known)
    assert why(order) == [("stock", "Short of stock: MUG needs 8, 6 available; VASE needs 11, 10 available.")]


def test_several_reasons_stand_together(world: World) -> None:
    order = world.order([("VASE", 11)], city="Kaza", call_center="pending")
    assert [kind for kind, _text in why(order)] == ["call_center", "city", "stock"]


def test_a_packed_order_waits_to_be_handed_over_and_its_own_units_lack_nothing(
    world: World, known: City
) -> None:
    order = world.order([("MUG", 10)], city_place=known)
    at = dt.datetime(2026, 11, 18, 9, 5, tzinfo=dt.UTC)
    move_orders("pack", [order.pk], actor=SYSTEM, at=at)
    # 09:05 UTC is 10:05 in Casablanca.
    assert why(order) == [("shipping", "Packed since 18 Nov 2026 10:05; it waits to be handed over.")]


def test_an_order_at_its_company_says_since_when(world: World, known: City) -> None:
    order = world.order(city_place=known)
    at = dt.datetime(2026, 11, 18, 9, 5, tzinfo=dt.UTC)
    move_orders("push", [order.pk], actor=SYSTEM, at=at, company_key="eco", company_name="Ecotrack")
    assert why(order) == [("company", "Waiting for Ecotrack since 18 Nov 2026 10:05, and not packed yet.")]
    move_orders("pack", [order.pk], actor=SYSTEM, at=at)
    assert why(order) == [("company", "Waiting for Ecotrack since 18 Nov 2026 10:05.")]


def test_out_of_stock_says_since_when_and_whether_it_still_lacks(world: World, known: City) -> None:
    order = world.order([("VASE", 11)], city_place=known)
    move_orders("pack", [order.pk], actor=SYSTEM, occurred_on=DAY)
    assert why(order) == [
        ("out_of_stock", "Out of stock since 18 Nov 2026. Still short: VASE needs 11, 10 available.")
    ]
    world.receive(world.product("VASE"), 5)
    assert why(order) == [
        ("out_of_stock", "Out of stock since 18 Nov 2026. Everything it needs is there now: renew it.")
    ]


def test_a_canceled_order_says_by_whom_when_and_why(world: World) -> None:
    order = world.order()
    move_orders("cancel", [order.pk], actor=LAMIA, occurred_on=DAY, message="changed her mind")
    assert why(order) == [("canceled", "Canceled by Lamia on 18 Nov 2026: changed her mind")]


def test_a_rolled_back_order_says_why_and_what_is_missing_from_there(world: World) -> None:
    order = world.order(status="PACKED", city="Kaza")
    move_orders("rollback", [order.pk], actor=LAMIA, occurred_on=DAY, message="wrong bench")
    assert why(order)[0] == ("rolled_back", "Rolled back to New by Lamia on 18 Nov 2026: wrong bench")
    assert why(order)[1][0] == "city"


@pytest.mark.parametrize(
    "status", ["SHIPPED", "DELIVERED", "RETURNED", "RETURN_RECEIVED", "RETURNED_TO_STOCK"]
)
def test_an_order_on_the_road_or_beyond_has_nothing_to_explain(world: World, status: str) -> None:
    assert why(world.order(status=status, call_center="pending", city="Kaza")) == []


def test_products_that_no_shelf_counts_never_lack(world: World, known: City) -> None:
    world.product("GIFT", units=0, track_stock=False)
    assert why(world.order([("GIFT", 5)], city_place=known))[0][0] == "packing"


def test_goods_in_the_companys_own_warehouse_are_not_ours_to_lack(world: World, known: City) -> None:
    order = world.order([("VASE", 99)], city_place=known, from_stock=True)
    assert read_line_stock(order, order.lines.select_related("product")) == {}


def test_reading_costs_the_same_for_many_lines(world: World) -> None:
    counts = []
    for number in (1, 30):
        order = world.order([(f"P{place}", 1) for place in range(number)])
        order = Order.objects.select_related("merchant").get(pk=order.pk)
        with CaptureQueriesContext(connection) as statements:
            why_not_shipping(order)
        counts.append(len(statements))
    assert counts == [3, 3]
