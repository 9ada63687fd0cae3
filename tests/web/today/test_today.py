"""Today: every number is the number of the list it leads to; who sees what; the pictures."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.domain.life.moving import move_orders
from orders.models import City, Job, Order
from tests.personas import JSON, at_work, person
from tests.world import PATHS, SYSTEM, World

pytestmark = pytest.mark.django_db

FIGURE = re.compile(
    r'href="(?P<url>[^"]+)"\s+data-figure="(?P<key>[^"]+)".*?figure-value">(?P<value>[^<]+)<', re.DOTALL
)


@pytest.fixture
def world() -> World:
    return World(units=1000)


@pytest.fixture
def fes(world: World) -> City:
    return City.objects.create(country="MA", name="Fès", key="fes", region="Fès-Meknès")


def figures(page: str) -> dict[str, tuple[int, str]]:
    """What Today shows: the number and the address by the queue's key."""
    return {
        found["key"]: (int(found["value"].replace(",", "").rstrip("+")), unescape(found["url"]))
        for found in FIGURE.finditer(page)
    }


def today_of(client) -> str:
    answer = client.get("/")
    assert answer.status_code == 200
    return answer.content.decode()


def made_days_ago(order: Order, days: int) -> Order:
    Order.objects.filter(pk=order.pk).update(created_at=timezone.now() - dt.timedelta(days=days))
    return order


def several(world: World, status: str, count: int, **facts: object) -> list[Order]:
    """So many orders walked to the status together."""
    orders = [world.order(**facts) for _ in range(count)]
    for action in PATHS[status]:
        report = move_orders(action, [order.pk for order in orders], actor=SYSTEM, message="because")
        assert report.counts["done"] == count
    return orders


def fill(world: World, city: City) -> None:
    """Some of everything; `city` is known, the orders without it wait for theirs."""
    known = {"city_place": city, "city": "Fès"}
    for count, facts in (
        (3, {"call_center": "pending"}),
        (2, {"call_center": "no_answer"}),
        (4, {}),
    ):
        for _ in range(count):
            world.order(**known, **facts)
    for status, count in (
        ("PICKED_UP", 1),
        ("PACKED", 5),
        ("WAITING_FOR_SHIPPING_COMPANY", 2),
        ("SHIPPED", 3),
        ("DELIVERED", 4),
        ("RETURNED", 2),
        ("RETURN_RECEIVED", 1),
        ("RETURNED_TO_STOCK", 2),
        ("CANCELED", 1),
        ("OUT_OF_STOCK", 2),
    ):
        several(world, status, count, **known)
    made_days_ago(world.order(status="SHIPPED", **known), 12)
    world.walk(world.order(status="PACKED", **known), "rollback")
    world.order(city="Kaza Blanka")
    world.product("RARE", units=1)
    owing = world.order([("RARE", 3)], status="WAITING_FOR_SHIPPING_COMPANY", **known)
    move_orders("ship", [owing.pk], actor=SYSTEM, shortage="owe")


class TestNumbers:
    def test_each_number_is_the_number_of_the_list_it_leads_to(self, world, fes):
        fill(world, fes)
        client = at_work("manager")
        shown = figures(today_of(client))
        assert {key: value for key, (value, _url) in shown.items()} == {
            "to_confirm": 3,
            "no_answer": 2,
            "to_pack": 6,  # four new, one picked, one whose city is not known
            "to_ship": 5,
            "waiting_for_company": 2,
            "long_out": 1,
            "to_receive": 2,
            "to_restock": 1,
            "out_of_stock": 2,
            "rolled_back": 1,
            "unknown_city": 1,
            "owed": 1,
        }
        for key, (value, url) in shown.items():
            answer = client.get(url, headers=JSON)
            assert answer.status_code == 200, url
            assert answer.json()["meta"]["total"] == value, key

    def test_one_merchants_numbers_are_that_merchants_lists(self, world, fes):
        fill(world, fes)
        other = World(slug="casbah", units=100)
        other.order(status="PACKED")
        client = at_work("manager")
        page = client.get("/?merchant=casbah").content.decode()
        shown = figures(page)
        assert shown["to_ship"][0] == 1
        assert shown["to_confirm"][0] == 0
        for value, url in shown.values():
            assert client.get(url, headers=JSON).json()["meta"]["total"] == value

    def test_a_seller_sees_own_numbers_alone(self, world, fes):
        fill(world, fes)
        other = World(slug="casbah", units=100)
        other.order(status="PACKED")
        seller = at_work("seller", merchant=other.merchant)
        page = today_of(seller)
        assert "Packed, to ship" in page
        assert re.search(r'Packed, to ship\s*<span class="figure">1</span>', page)
        assert "To confirm" not in page
        assert seller.get("/?merchant=atlas").status_code == 200

    def test_the_same_while_nothing_waits(self, world):
        shown = figures(today_of(at_work("manager")))
        assert {value for value, _url in shown.values()} == {0}


class TestForWhom:
    def test_what_a_person_may_act_on_is_prominent_and_the_rest_is_said_small(self, world, fes):
        fill(world, fes)
        page = today_of(at_work("packer"))
        assert set(figures(page)) == {"to_pack", "rolled_back"}
        small = page.split("Waiting for others")[1]
        assert re.search(r'To confirm\s*<span class="figure">3</span>', small)
        assert set(figures(today_of(at_work("returns")))) == {"long_out", "to_receive", "to_restock"}
        assert set(figures(today_of(at_work("callcentre")))) == {
            "to_confirm",
            "no_answer",
            "out_of_stock",
            "unknown_city",
        }

    def test_who_may_only_look_sees_what_waits(self, world, fes):
        fill(world, fes)
        page = today_of(at_work("viewer"))
        assert figures(page) == {}
        assert "What waits" in page

    def test_who_may_not_see_orders_sees_none(self, world, fes):
        fill(world, fes)
        page = today_of(at_work("driver"))
        assert figures(page) == {}
        assert "Nothing waits for you here" in page
        assert "Orders by day" not in page

    def test_a_stranger_logs_in_first(self, client):
        answer = client.get("/")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/login?next=%2F")


class TestJobs:
    def job(self, owner, state, **facts):
        return Job.objects.create(
            kind=Job.Kind.IMPORT_ORDERS, state=state, owner=owner, created_at=timezone.now(), **facts
        )

    def test_own_jobs_that_run_wait_or_failed_lately_are_shown(self, world):
        manager = person("manager")
        client = at_work("viewer")
        client.force_login(manager)
        stranger = person("packer")
        now = timezone.now()
        self.job(manager, Job.State.QUEUED)
        self.job(manager, Job.State.RUNNING)
        self.job(manager, Job.State.PREVIEWED)
        self.job(manager, Job.State.DONE, finished_at=now)
        self.job(manager, Job.State.FAILED, finished_at=now)
        self.job(manager, Job.State.FAILED, finished_at=now - dt.timedelta(days=8))
        self.job(stranger, Job.State.PREVIEWED)
        shown = figures(today_of(client))
        assert (shown["jobs_running"][0], shown["jobs_previewed"][0], shown["jobs_failed"][0]) == (2, 1, 1)

    def test_no_jobs_no_figures(self, world):
        assert not any(key.startswith("jobs") for key in figures(today_of(at_work("manager"))))


class TestPictures:
    def test_orders_by_day_stand_in_the_table_with_links_to_their_lists(self, world, fes):
        fill(world, fes)
        for days in (3, 3, 13):
            made_days_ago(world.order(status="DELIVERED", city_place=fes, city="Fès"), days)
        made_days_ago(world.order(status="DELIVERED", city_place=fes), 14)
        client = at_work("viewer")
        page = today_of(client)
        assert "<svg" in page
        table = page.split("<tbody>")[1].split("</tbody>")[0]
        links = re.findall(r'href="([^"]+)"><span class="figure">([\d,]+)<', table)
        assert len(links) >= 10
        for url, value in links:
            total = client.get(unescape(url), headers=JSON).json()["meta"]["total"]
            assert total == int(value.replace(",", "")), url
        day = timezone.localdate() - dt.timedelta(days=3)
        assert f"/orders/DELIVERED?from={day}&amp;to={day}" in table

    def test_delivery_rates_look_at_matured_parcels_and_name_their_sample(self, world, fes):
        rabat = City.objects.create(country="MA", name="Rabat", key="rabat")
        for city, status, count, days in (
            (fes, "DELIVERED", 3, 20),
            (fes, "RETURNED", 1, 20),
            (rabat, "DELIVERED", 1, 7),
            (rabat, "RETURNED_TO_STOCK", 1, 36),
            # Too young, too old, still on the road: none of these counts.
            (fes, "DELIVERED", 5, 6),
            (fes, "RETURNED", 5, 37),
            (fes, "SHIPPED", 5, 20),
        ):
            for order in several(world, status, count, city_place=city, city=city.name):
                made_days_ago(order, days)
        client = at_work("viewer")
        page = today_of(client)
        rates = page.split('id="rates"')[1]
        assert "75% of 4" in rates
        assert "50% of 2" in rates
        assert "67% of 6" in rates  # all cities together
        table = rates.split("<tbody>")[1].split("</tbody>")[0]
        names = re.findall(r"<bdi>([^<]+)</bdi>", table)
        assert names == ["All cities", "Fès", "Rabat"]
        links = re.findall(r'href="([^"]+)"><span class="figure">([\d,]+)<', table)
        assert len(links) == 6
        for url, value in links:
            assert client.get(unescape(url), headers=JSON).json()["meta"]["total"] == int(value), url

    def test_nothing_to_draw_says_so(self, world):
        page = today_of(at_work("viewer"))
        assert "No orders in these days" in page
        assert "No parcel of these weeks has ended yet" in page

    def test_the_picture_carries_no_style_of_its_own(self, world, fes):
        fill(world, fes)
        page = today_of(at_work("viewer"))
        assert " style=" not in page
        assert "<style" not in page
        assert not re.search(r"\son[a-z]+=", page)

    def test_a_citys_name_is_escaped(self, world):
        city = City.objects.create(country="MA", name="<b>Fès", key="fes")
        made_days_ago(world.order(status="DELIVERED", city_place=city), 20)
        page = today_of(at_work("viewer"))
        assert "<b>F" not in page
        assert "&lt;b&gt;F" in page


class TestStatements:
    counts: list[int] = []

    @pytest.mark.parametrize("times", [1, 4])
    def test_they_do_not_grow_with_the_orders(self, world, fes, times):
        fill(world, fes)
        for number in range(times * 5):
            world.order(status="DELIVERED", city_place=fes, city="Fès", external_reference=f"x{number}")
        client = at_work("manager")
        today_of(client)
        with CaptureQueriesContext(connection) as captured:
            today_of(client)
        self.counts.append(len(captured))
        assert len(set(self.counts)) == 1
        assert len(captured) <= 25
