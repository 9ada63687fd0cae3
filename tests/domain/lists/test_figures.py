"""The numbers of Today, asked of the domain: zones, maturity, samples, permissions on queues."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from orders.domain.actors import Actor
from orders.domain.lists.figures import QUEUES, CityRate, count_by_day, count_waiting, rate_cities
from orders.domain.lists.filtering import merchants_of, read_filter
from orders.domain.setup.people import RIGHT_WORDS
from orders.models import ActorKind, City, Order, Tab
from tests.world import World

LOOKER = Actor(ActorKind.USER, "Hind", "dashboard", permissions=frozenset({"view_order"}))


@pytest.fixture
def world(db) -> World:
    return World(units=100)


def everything(actor: Actor = LOOKER, **asked: str):
    return read_filter(asked, actor=actor, merchants=merchants_of(actor))


def test_every_queue_names_rights_that_exist():
    assert {name for queue in QUEUES for name in queue.permissions} <= RIGHT_WORDS.keys()
    assert len({queue.key for queue in QUEUES}) == len(QUEUES)


def test_a_day_is_the_merchants_day(world):
    world.merchant.timezone = "Pacific/Auckland"
    world.merchant.save()
    order = world.order()
    # 11:30 in the evening in Casablanca is noon of the next day in Auckland.
    Order.objects.filter(pk=order.pk).update(created_at=dt.datetime(2026, 11, 18, 22, 30, tzinfo=dt.UTC))
    with time_machine.travel(dt.datetime(2026, 11, 19, 0, 30, tzinfo=dt.UTC), tick=False):
        by_day = count_by_day(everything(merchant="atlas"), days=3)
    assert by_day.days == (dt.date(2026, 11, 17), dt.date(2026, 11, 18), dt.date(2026, 11, 19))
    assert by_day.of(dt.date(2026, 11, 19)) == 1
    assert by_day.of(dt.date(2026, 11, 19), Tab.NEW) == 1
    assert by_day.total() == 1


def test_days_begin_and_end_at_midnight(world):
    zone = ZoneInfo("Africa/Casablanca")
    with time_machine.travel(dt.datetime(2026, 11, 20, 12, tzinfo=zone), tick=False):
        for moment in (
            dt.datetime(2026, 11, 18, 23, 59, 59, tzinfo=zone),
            dt.datetime(2026, 11, 19, 0, 0, tzinfo=zone),
            dt.datetime(2026, 11, 19, 23, 59, 59, tzinfo=zone),
            dt.datetime(2026, 11, 20, 0, 0, tzinfo=zone),
        ):
            Order.objects.filter(pk=world.order().pk).update(created_at=moment)
        by_day = count_by_day(everything(), days=2)
    assert [by_day.of(day) for day in by_day.days] == [2, 1]
    assert by_day.tabs == [Tab.NEW]


def test_rates_come_by_sample_and_name_the_region_of_twins(world):
    Order.objects.update(created_at=timezone.now())
    first = City.objects.create(country="DZ", name="El Hadjar", key="el hadjar", region="Annaba")
    second = City.objects.create(country="DZ", name="El Hadjar", key="el hadjar", region="Guelma")
    third = City.objects.create(country="MA", name="Fès", key="fes")
    for city, delivered, returned in ((first, 1, 1), (second, 1, 0), (third, 2, 1), (None, 1, 0)):
        for status, count in (("DELIVERED", delivered), ("RETURNED", returned)):
            for _ in range(count):
                world.order(status=status, city_place=city)
    Order.objects.update(created_at=timezone.now() - dt.timedelta(days=10))
    rates = rate_cities(everything(), limit=2)
    assert rates.cities == (
        CityRate(third.pk, "Fès", 2, 1),
        CityRate(first.pk, "El Hadjar (Annaba)", 1, 1),
    )
    # Parcels to cities that nobody knows count among all.
    assert (rates.overall.delivered, rates.overall.returned, rates.overall.percent) == (5, 2, 71)
    assert (rates.last - rates.first).days == 29


def test_an_actor_of_one_merchant_counts_that_merchants_orders(world):
    world.order(status="PACKED")
    other = World(slug="casbah", units=10)
    seller = Actor(
        ActorKind.USER,
        "Seller",
        "dashboard",
        merchant_id=other.merchant.pk,
        permissions=frozenset({"view_order"}),
    )
    waiting = count_waiting(actor=seller, merchants=merchants_of(seller))
    assert {one.queue.key: one.tally.value for one in waiting if one.tally.value} == {}
    assert count_by_day(everything(seller)).total() == 0
    waiting = count_waiting(actor=LOOKER, merchants=merchants_of(LOOKER))
    assert {one.queue.key: one.tally.value for one in waiting if one.tally.value} == {
        "to_ship": 1,
        "unknown_city": 1,
    }
