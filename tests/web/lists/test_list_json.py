"""GET /orders and /orders/{status} as JSON: shape, filters, refusals, and what a seller never sees."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orders.models import City, CityAlias, OrderLine
from tests.personas import JSON
from tests.web.lists.making import NOON, make, references
from tests.world import World

pytestmark = pytest.mark.django_db


def test_an_order_and_the_facts_of_the_page_in_full(viewer: Client, atlas: World) -> None:
    order = make(
        atlas,
        name="Youssef El Idrissi",
        phone="06 61 23 45 67",
        external_reference="SHOP-9",
        total="399",
        tracking="ECO123",
        created_at=NOON,
        city="Casablanca",
    )
    answer = viewer.get("/orders", headers=JSON)
    assert answer.status_code == 200
    assert answer.json() == {
        "data": [
            {
                "id": str(order.pk),
                "reference": order.reference,
                "external_reference": "SHOP-9",
                "merchant": "atlas",
                "full_name": "Youssef El Idrissi",
                "phone": "06 61 23 45 67",
                "city": "Casablanca",
                "status": "NEW",
                "call_center": "confirmed",
                "payment_status": "awaiting",
                "total": 399,
                "currency": "MAD",
                "tracking": "ECO123",
                "created_at": "2026-11-10T12:00:00Z",
            }
        ],
        "meta": {"per_page": 50, "total": 1, "total_is_exact": True, "next": None, "prev": None},
    }


def test_a_total_with_cents_keeps_them_and_a_missing_fact_is_null(viewer: Client, atlas: World) -> None:
    make(atlas, total="399.50")
    (row,) = viewer.get("/orders", headers=JSON).json()["data"]
    assert (row["total"], row["external_reference"], row["tracking"]) == (399.5, None, None)
    assert isinstance(make(atlas, total="1").total, Decimal)


@pytest.mark.parametrize(
    ("tab", "statuses"),
    [
        ("NEW", {"NEW", "PICKED_UP", "PREPARING"}),
        ("PACKED", {"PACKED"}),
        ("WAITING_FOR_SHIPPING_COMPANY", {"WAITING_FOR_SHIPPING_COMPANY"}),
        ("SHIPPED", {"SHIPPED"}),
        ("DELIVERED", {"DELIVERED"}),
        ("RETURNED", {"RETURNED", "RETURN_RECEIVED", "RETURNED_TO_STOCK"}),
        ("CANCELED", {"CANCELED"}),
        ("OUT_OF_STOCK", {"OUT_OF_STOCK"}),
        ("ROLLBACK", {"ROLLBACK"}),
        ("shipped", {"SHIPPED"}),
        ("Waiting_For_Shipping_Company", {"WAITING_FOR_SHIPPING_COMPANY"}),
    ],
)
def test_a_tab_shows_its_statuses_and_no_other(
    viewer: Client, atlas: World, tab: str, statuses: set[str]
) -> None:
    for status in (
        "NEW",
        "PICKED_UP",
        "PREPARING",
        "PACKED",
        "WAITING_FOR_SHIPPING_COMPANY",
        "SHIPPED",
        "DELIVERED",
        "RETURNED",
        "RETURN_RECEIVED",
        "RETURNED_TO_STOCK",
        "CANCELED",
        "OUT_OF_STOCK",
    ):
        atlas.order(status=status, lines=())
    atlas.walk(atlas.order(status="PACKED", lines=()), "rollback")
    answer = viewer.get(f"/orders/{tab}", headers=JSON).json()
    assert {row["status"] for row in answer["data"]} == statuses
    assert answer["meta"]["total"] == len(statuses)


@pytest.mark.parametrize("word", ["PICKED_UP", "foo", "NEWS", "NE", "RETURN_RECEIVED", "1"])
def test_a_word_that_is_no_tab_is_404(viewer: Client, word: str) -> None:
    answer = viewer.get(f"/orders/{word}", headers=JSON)
    assert answer.status_code == 404
    assert "message" in answer.json()


@pytest.mark.parametrize("path", ["/orders/mark-orders-as-packed", "/orders/delete"])
def test_the_tabs_swallow_no_other_route(viewer: Client, path: str) -> None:
    assert viewer.get(path, headers=JSON).status_code in (403, 404, 405)


def test_a_deleted_order_is_on_no_list(viewer: Client, atlas: World) -> None:
    make(atlas, deleted_at=NOON)
    kept = make(atlas)
    answer = viewer.get("/orders", headers=JSON)
    assert references(answer) == [kept.reference]
    assert answer.json()["meta"]["total"] == 1


# --- filters ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("0661234567", "one"),
        ("+212661234567", "one"),
        ("00212 661-23-45-67", "one"),
        ("212 (0) 6 61 23 45 67", "one"),
        ("06.61.23.45.67", "one"),
        ("٠٦٦١٢٣٤٥٦٧", "one"),
        ("4567", "one"),
        ("34567", "one"),
        ("0555998877", "two"),
        ("8877", "two"),
    ],
)
@pytest.mark.parametrize("parameter", ["search", "phone"])
def test_a_phone_is_found_in_any_spelling_and_by_its_last_digits(
    viewer: Client, atlas: World, parameter: str, typed: str, found: str
) -> None:
    made = {
        "one": make(atlas, phone="06 61 23 45 67"),
        "two": make(atlas, phone="0700000001", second_phone="+212 555 99 88 77"),
    }
    answer = viewer.get("/orders", {parameter: typed}, headers=JSON)
    assert references(answer) == [made[found].reference]


@pytest.mark.parametrize(
    "typed",
    ["amina", "AMINA", "Tazi Amina", "ami taz", "Aminá", "el tazi", "amina  el   tazi", "am", "ta"],
)
def test_a_name_is_found_by_its_parts_in_any_order_and_case(viewer: Client, atlas: World, typed: str) -> None:
    wanted = make(atlas, name="Amina El Tazi")
    make(atlas, name="Youssef Berrada")
    assert references(viewer.get("/orders", {"search": typed}, headers=JSON)) == [wanted.reference]


@pytest.mark.parametrize("typed", ["فاطمة", "فاطمه", "فَاطِمَة", "الزهراء"])
def test_an_arabic_name_is_found_whatever_the_variants_of_its_letters(
    viewer: Client, atlas: World, typed: str
) -> None:
    wanted = make(atlas, name="فاطمة الزهراء")
    make(atlas, name="محمد")
    assert references(viewer.get("/orders", {"search": typed}, headers=JSON)) == [wanted.reference]


def test_two_letters_mean_the_beginning_of_a_word(viewer: Client, atlas: World) -> None:
    make(atlas, name="Salma Idrissi")
    assert references(viewer.get("/orders", {"search": "lm"}, headers=JSON)) == []


def test_one_box_finds_reference_tracking_and_external_reference(viewer: Client, atlas: World) -> None:
    order = make(
        atlas, reference="ORD-000837", tracking="ECO-77-XY", external_reference="shop#15", phone="0700000009"
    )
    make(atlas, reference="ORD-000838", tracking="", phone="0700000008", name="Nadia")
    for typed in (
        "ORD-000837",
        "ord-000837",
        "ORD000837",
        "000837",
        "837",
        "ORD-000837-1",
        "ECO-77-XY",
        "eco-77",
        "ECO-77",
        "shop#15",
        "shop",
    ):
        answer = viewer.get("/orders", {"search": typed}, headers=JSON)
        assert references(answer) == [order.reference], typed


def test_our_printed_code_finds_its_order(viewer: Client, atlas: World) -> None:
    from orders.domain.reading.codes import printed_code

    order = make(atlas)
    make(atlas)
    code = printed_code(order.pk, 1)
    assert references(viewer.get("/orders", {"search": code}, headers=JSON)) == [order.reference]


@pytest.mark.parametrize("typed", ["%", "_", "%%%", "___", "\\", "' OR 1=1--", "$$", "Am%na"])
@pytest.mark.parametrize("parameter", ["search", "city", "sku", "tracking", "phone"])
def test_wildcards_and_tricks_are_signs_like_any_other(
    viewer: Client, atlas: World, parameter: str, typed: str
) -> None:
    make(atlas, name="Amina Tazi", city="Safi", tracking="ECO1")
    assert references(viewer.get("/orders", {parameter: typed}, headers=JSON)) == []


@pytest.mark.parametrize("parameter", ["search", "city", "sku", "tracking", "phone"])
def test_what_holds_no_visible_sign_finds_nothing(viewer: Client, atlas: World, parameter: str) -> None:
    make(atlas, city="Safi", tracking="ECO1")
    for typed in ("\u200b", "\u2060\ufeff", "\u202e"):
        assert references(viewer.get("/orders", {parameter: typed}, headers=JSON)) == []


def test_a_percent_sign_in_a_tracking_is_found_as_such(viewer: Client, atlas: World) -> None:
    wanted = make(atlas, tracking="50%OFF")
    make(atlas, tracking="500OFF")
    assert references(viewer.get("/orders", {"tracking": "50%"}, headers=JSON)) == [wanted.reference]


def test_a_city_is_found_by_place_and_unknown_ones_as_typed(viewer: Client, atlas: World) -> None:
    fes = City.objects.create(country="MA", name="Fès", key="fes", name_ar="فاس", key_ar="فاس")
    tanger = City.objects.create(country="MA", name="Tanger", key="tanger")
    here = make(atlas, city="FES", city_place=fes)
    there = make(atlas, city="Tanger", city_place=tanger)
    typed = make(atlas, city="Fès el Bali")
    exact = make(atlas, city="fes")
    found = {
        word: set(references(viewer.get("/orders", {"city": word}, headers=JSON)))
        for word in ("Fès", "fes", "فاس", "tan", str(tanger.pk), "Bali", "Rabat")
    }
    assert found == {
        "Fès": {here.reference},
        "fes": {here.reference, exact.reference},
        "فاس": {here.reference},
        "tan": {there.reference},
        str(tanger.pk): {there.reference},
        "Bali": {typed.reference},
        "Rabat": set(),
    }


def test_a_merchants_own_spelling_of_a_city_counts_for_its_orders(
    viewer: Client, seller: Client, atlas: World
) -> None:
    casa = City.objects.create(country="MA", name="Casablanca", key="casablanca")
    CityAlias.objects.create(
        country="MA", merchant=atlas.merchant, spelling="Dar Beida", key="dar beida", city=casa
    )
    order = make(atlas, city="Casablanca", city_place=casa)
    World(slug="casbah")
    assert references(seller.get("/orders", {"city": "dar beida"}, headers=JSON)) == [order.reference]
    asked = {"city": "Dar Beida", "merchant": "atlas"}
    assert references(viewer.get("/orders", asked, headers=JSON)) == [order.reference]
    assert references(viewer.get("/orders", {"city": "Dar Beida"}, headers=JSON)) == []


def test_a_product_is_looked_for_in_the_present_cycle(viewer: Client, atlas: World) -> None:
    mug = make(atlas, lines=(("MUG", 1), ("LAMP", 1)))
    lamp = make(atlas, lines=(("LAMP", 1),))
    renewed = make(atlas, lines=(("MUG", 1),), cycle=2)
    OrderLine.objects.create(
        order=lamp, position=9, sku="GIFT", name="Gift", quantity=1, unit_price=0, total=0
    )
    found = {
        sku: set(references(viewer.get("/orders", {"sku": sku}, headers=JSON)))
        for sku in ("MUG", "mug", "LAMP", "GIFT", "MU")
    }
    assert renewed.reference not in found["MUG"]
    assert found == {
        "MUG": {mug.reference},
        "mug": {mug.reference},
        "LAMP": {mug.reference, lamp.reference},
        "GIFT": {lamp.reference},
        "MU": set(),
    }


def test_days_are_inclusive_and_the_merchants_own(viewer: Client, atlas: World, casbah: World) -> None:
    casbah.merchant.timezone = "Asia/Tokyo"
    casbah.merchant.save()
    # 15:30 in UTC on the 10th is the 11th in Tokyo and still the 10th in Casablanca.
    late = dt.datetime(2026, 11, 10, 15, 30, tzinfo=dt.UTC)
    ours = make(atlas, created_at=late)
    theirs = make(casbah, created_at=late)

    def on(day: str, **more: str) -> set[str]:
        return set(references(viewer.get("/orders", {"from": day, "to": day, **more}, headers=JSON)))

    assert on("2026-11-10") == {ours.reference, theirs.reference}
    assert on("2026-11-10", merchant="casbah") == set()
    assert on("2026-11-11", merchant="casbah") == {theirs.reference}
    assert on("2026-11-10", merchant="atlas") == {ours.reference}


def test_the_first_and_last_moment_of_a_day_belong_to_it(viewer: Client, atlas: World) -> None:
    zone = atlas.merchant.zone
    first = make(atlas, created_at=dt.datetime(2026, 11, 10, 0, 0, tzinfo=zone))
    last = make(atlas, created_at=dt.datetime(2026, 11, 10, 23, 59, 59, 999999, tzinfo=zone))
    make(atlas, created_at=dt.datetime(2026, 11, 9, 23, 59, 59, 999999, tzinfo=zone))
    make(atlas, created_at=dt.datetime(2026, 11, 11, 0, 0, tzinfo=zone))
    answer = viewer.get("/orders", {"from": "2026-11-10", "to": "2026-11-10"}, headers=JSON)
    assert references(answer) == [last.reference, first.reference]


def test_filters_combine(viewer: Client, atlas: World, casbah: World) -> None:
    wanted = make(atlas, name="Amina", city="Safi", call_center="pending", tracking="T1", created_at=NOON)
    make(atlas, name="Amina", city="Rabat", call_center="pending", tracking="T1", created_at=NOON)
    make(atlas, name="Amina", city="Safi", call_center="confirmed", tracking="T1", created_at=NOON)
    make(atlas, name="Salma", city="Safi", call_center="pending", tracking="T1", created_at=NOON)
    make(casbah, name="Amina", city="Safi", call_center="pending", tracking="T1", created_at=NOON)
    answer = viewer.get(
        "/orders/NEW",
        {
            "search": "amina",
            "city": "safi",
            "call_center": "pending",
            "payment": "awaiting",
            "tracking": "t1",
            "merchant": "atlas",
            "from": "2026-11-10",
            "to": "2026-11-10",
            "status": "new",
        },
        headers=JSON,
    )
    assert references(answer) == [wanted.reference]
    assert answer.json()["meta"]["total"] == 1


def test_problems_are_filters_too(viewer: Client, atlas: World) -> None:
    place = City.objects.create(country="MA", name="Safi", key="safi")
    lost = make(atlas, city="Nowhere")
    make(atlas, city="Safi", city_place=place)
    owing = make(atlas, city="Safi", city_place=place, lines=(("MUG", 2),))
    owing.lines.update(owed=1)
    assert references(viewer.get("/orders", {"problem": "city"}, headers=JSON)) == [lost.reference]
    assert references(viewer.get("/orders", {"problem": "owed"}, headers=JSON)) == [owing.reference]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"sort_by": "amount;drop"}, "sort_by"),
        ({"sort_by": "customer__user__password"}, "sort_by"),
        ({"sort_dir": "sideways"}, "sort_dir"),
        ({"per_page": "0"}, "per_page"),
        ({"per_page": "-1"}, "per_page"),
        ({"per_page": "ten"}, "per_page"),
        ({"per_page": "1.5"}, "per_page"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "WyJpZCJd:abc"}, "cursor"),
        ({"from": "10/11/2026"}, "from"),
        ({"to": "2026-02-30"}, "to"),
        ({"from": "9999-12-31"}, "from"),
        ({"from": "0001-01-01"}, "from"),
        ({"from": "2026-11-10", "to": "2026-11-09"}, "to"),
        ({"at": "yesterday"}, "at"),
        ({"at": "9999-12-31"}, "at"),
        ({"at": "2026-11-10", "sort_by": "total"}, "at"),
        ({"merchant": "nobody"}, "merchant"),
        ({"call_center": "maybe"}, "call_center"),
        ({"payment": "gold"}, "payment"),
        ({"status": "LOST"}, "status"),
        ({"search": "x" * 101}, "search"),
        ({"search": "a\x00b"}, "search"),
        ({"city": "a\x00b"}, "city"),
        ({"citty": "Safi"}, "citty"),
        ({"_connector": "OR"}, "_connector"),
        ({"merchant__slug": "atlas"}, "merchant__slug"),
        ({"status__in": "NEW"}, "status__in"),
    ],
)
def test_what_cannot_be_read_is_422_at_its_name(viewer: Client, query: dict[str, str], field: str) -> None:
    answer = viewer.get("/orders", query, headers=JSON)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert answer.json()["message"] == answer.json()["errors"][field][0]


def test_all_that_is_wrong_is_said_at_once(viewer: Client) -> None:
    answer = viewer.get(
        "/orders", {"from": "x", "sort_by": "x", "per_page": "x", "cursor": "x", "y": "z"}, headers=JSON
    )
    assert set(answer.json()["errors"]) == {"from", "sort_by", "per_page", "cursor", "y"}


def test_more_than_a_hundred_a_page_is_a_hundred(viewer: Client) -> None:
    assert viewer.get("/orders", {"per_page": "5000"}, headers=JSON).json()["meta"]["per_page"] == 100
    assert viewer.get("/orders", {"per_page": "7"}, headers=JSON).json()["meta"]["per_page"] == 7


# --- counts -------------------------------------------------------------------


def test_a_filtered_count_stops_and_says_so(
    viewer: Client, atlas: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.domain.lists.counting.COUNT_LIMIT", 3)
    for _ in range(5):
        make(atlas, name="Amina")
    answer = viewer.get("/orders", {"search": "amina"}, headers=JSON).json()
    assert len(answer["data"]) == 5
    assert (answer["meta"]["total"], answer["meta"]["total_is_exact"]) == (3, False)
    unfiltered = viewer.get("/orders", headers=JSON).json()["meta"]
    assert (unfiltered["total"], unfiltered["total_is_exact"]) == (5, True)


def test_a_merchants_count_is_its_own(viewer: Client, atlas: World, casbah: World) -> None:
    make(atlas), make(atlas), make(casbah)
    totals = {
        slug: viewer.get("/orders", {"merchant": slug}, headers=JSON).json()["meta"]["total"]
        for slug in ("atlas", "casbah", str(casbah.merchant.pk))
    }
    assert totals == {"atlas": 2, "casbah": 1, str(casbah.merchant.pk): 1}


# --- a seller ------------------------------------------------------------------


def everything_of(world: World) -> dict[str, Any]:
    place = City.objects.create(country="MA", name="Algiers", key="algiers")
    order = make(
        world,
        name="Meryem Xyzzy",
        phone="0799999999",
        second_phone="0788888888",
        city="Algiers",
        city_place=place,
        tracking="SECRET1",
        external_reference="SECRET-REF",
        call_center="rejected",
        payment_status="failed",
        lines=(("SECRETSKU", 1),),
        created_at=NOON,
    )
    return {
        "search": [
            "Meryem",
            "0799999999",
            "9999",
            "0788888888",
            "SECRET1",
            "SECRET-REF",
            order.reference,
            str(order.pk),
        ],
        "city": ["Algiers", str(place.pk)],
        "sku": ["SECRETSKU"],
        "phone": ["0799999999", "8888"],
        "tracking": ["SECRET"],
        "call_center": ["rejected"],
        "payment": ["failed"],
        "status": ["NEW"],
        "from": ["2026-11-10"],
        "to": ["2026-11-10"],
        "at": ["2026-11-10"],
        "problem": ["owed"],
        "sort_by": ["total"],
    }


def test_a_seller_sees_nothing_of_another_merchant_by_any_filter(
    seller: Client, viewer: Client, casbah: World
) -> None:
    tried = everything_of(casbah)
    for name, values in tried.items():
        for value in values:
            for path in ("/orders", "/orders/NEW"):
                answer = seller.get(path, {name: value}, headers=JSON)
                assert references(answer) == [], (name, value)
                assert answer.json()["meta"]["total"] == 0, (name, value)
                page = seller.get(path, {name: value}).content.decode()
                assert "Xyzzy" not in page, (name, value)
    # The same questions find it for staff: it is the merchant that hides it.
    assert references(viewer.get("/orders", {"search": "Meryem"}, headers=JSON)) != []


def test_another_merchants_name_is_as_unknown_as_one_that_is_not_there(seller: Client, casbah: World) -> None:
    make(casbah)
    other = seller.get("/orders", {"merchant": "casbah"}, headers=JSON)
    nobody = seller.get("/orders", {"merchant": "nobody"}, headers=JSON)
    assert (other.status_code, other.json()) == (nobody.status_code, nobody.json())
    assert other.status_code == 422


def test_a_cursor_of_staff_shows_a_seller_own_rows_alone(
    seller: Client, viewer: Client, atlas: World, casbah: World
) -> None:
    own = make(atlas)
    for _ in range(3):
        make(casbah)
    cursor = viewer.get("/orders", {"per_page": "1"}, headers=JSON).json()["meta"]["next"]
    assert references(seller.get("/orders", {"per_page": "1", "cursor": cursor}, headers=JSON)) in (
        [],
        [own.reference],
    )


# --- statements -----------------------------------------------------------------


def statements(client: Client, path: str, query: dict[str, str], headers: dict[str, str]) -> int:
    client.get(path, query, headers=headers)  # permissions and content types are looked up once
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(path, query, headers=headers).status_code == 200
    return len([one for one in captured.captured_queries if "django_session" not in one["sql"]])


@pytest.mark.parametrize(
    "query",
    [{}, {"search": "amina"}, {"city": "Safi"}, {"sku": "MUG"}, {"phone": "4567"}, {"from": "2026-11-01"}],
)
@pytest.mark.parametrize("headers", [JSON, {}], ids=["json", "page"])
def test_the_number_of_statements_does_not_depend_on_the_rows(
    manager: Client, atlas: World, casbah: World, query: dict[str, str], headers: dict[str, str]
) -> None:
    facts: dict[str, Any] = {"name": "Amina", "city": "Safi", "lines": (("MUG", 1),), "created_at": NOON}
    make(atlas, **facts)
    few = statements(manager, "/orders", query, headers)
    for _ in range(20):
        make(atlas, **facts)
        make(casbah, **facts)
    assert statements(manager, "/orders", query, headers) == few
    assert few <= 13
