"""The city that people mean: exact, in Arabic, by a learned spelling, by the wilaya beside it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.domain.actors import Actor
from orders.domain.geography.gazetteer import load_places
from orders.domain.geography.places import (
    learn_alias,
    list_unresolved,
    resolve_cities,
    settle_waiting_orders,
    suggest_cities,
)
from orders.domain.refusals import InvalidInput, NotAllowed, NotThere
from orders.models import City, CityAlias, Merchant, Order, OrderEvent
from tests.world import SYSTEM, World

ORDERS = Path(__file__).resolve().parents[2] / "data" / "orders_3000.csv"

pytestmark = pytest.mark.django_db


@pytest.fixture
def atlas() -> Merchant:
    load_places()
    return World().merchant


@pytest.fixture
def casbah() -> Merchant:
    load_places()
    merchant = World(slug="casbah").merchant
    merchant.country, merchant.currency = "DZ", "DZD"
    merchant.save()
    return merchant


def labels(merchant: Merchant, *names: str) -> dict[str, str]:
    return {name: place.label for name, place in resolve_cities(names, merchant=merchant).items()}


@pytest.mark.parametrize(
    "typed",
    ["Casablanca", " CASABLANCA  ", "casablanca\u200e", "الدار البيضاء", "الدَّار البيضا", "Casa", "كازا"],
)
def test_a_moroccan_city_is_found_in_either_script(atlas: Merchant, typed: str) -> None:
    assert labels(atlas, typed) == {typed: "Casablanca (Casablanca-Settat)"}


def test_every_city_of_the_3000_orders_is_found_in_one_statement(atlas: Merchant) -> None:
    with ORDERS.open(encoding="utf-8", newline="") as file:
        typed = {row["city"] for row in csv.DictReader(file)}
    assert len(typed) == 532
    with CaptureQueriesContext(connection) as statements:
        found = resolve_cities(typed, merchant=atlas)
    assert typed - set(found) == set()
    assert len(statements) == 1


def test_an_unknown_name_means_nothing(atlas: Merchant) -> None:
    assert labels(atlas, "Nowhere at all", "", "x" * 5000) == {}


def test_a_city_of_another_country_is_not_meant(atlas: Merchant, casbah: Merchant) -> None:
    assert labels(atlas, "Oran") == {}
    assert labels(casbah, "Oran") == {"Oran": "Oran (Oran)"}


def test_a_name_that_several_communes_share_is_not_guessed(casbah: Merchant) -> None:
    assert labels(casbah, "Ain Beida", "عين البيضاء") == {}


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("Ain Beida, Oum El Bouaghi", "Ain Beida (Oum El Bouaghi)"),
        ("Aïn Beïda (Oum el-Bouaghi)", "Ain Beida (Oum El Bouaghi)"),
        ("ain beida wilaya oum el bouaghi", "Ain Beida (Oum El Bouaghi)"),
        ("Ain Beida 04", "Ain Beida (Oum El Bouaghi)"),
        ("عين البيضاء، أم البواقي", "Ain Beida (Oum El Bouaghi)"),
        ("Ain Beida - Ouargla", "Ain Beida (Ouargla)"),
        ("Bab Ezzouar, Alger", "Bab Ezzouar (Alger)"),
    ],
)
def test_the_wilaya_beside_it_decides(casbah: Merchant, typed: str, label: str) -> None:
    assert labels(casbah, typed) == {typed: label}


def test_a_wilaya_that_has_no_such_commune_decides_nothing(casbah: Merchant) -> None:
    assert labels(casbah, "Ain Beida, Tlemcen", "Oran, Alger") == {}


def test_two_communes_of_one_name_in_one_wilaya_are_not_guessed_either(casbah: Merchant) -> None:
    City.objects.create(country="DZ", region="Ouargla", name="Ain-Beida", key="ain beida")
    assert labels(casbah, "Ain Beida, Ouargla") == {}


@pytest.mark.parametrize("count", [1, 1500])
def test_two_statements_are_enough_for_any_number_of_names(casbah: Merchant, count: int) -> None:
    names = ["Ain Beida, Ouargla", *(f"Nowhere {number} at all" for number in range(count))]
    with CaptureQueriesContext(connection) as statements:
        found = resolve_cities(names, merchant=casbah)
    assert list(found) == ["Ain Beida, Ouargla"]
    assert len(statements) == 2


def test_a_closed_city_is_not_meant_any_more(atlas: Merchant) -> None:
    City.objects.filter(name="Azrou").update(is_active=False)
    assert labels(atlas, "Azrou") == {}


# --- suggestions ----------------------------------------------------------------------


def suggested(country: str, typed: str) -> list[str]:
    return [place.label for place in suggest_cities([typed], country=country)[typed]]


@pytest.mark.parametrize(
    ("country", "typed", "first"),
    [
        ("MA", "casablnca", "Casablanca (Casablanca-Settat)"),
        ("MA", "Marakech", "Marrakech (Marrakech-Safi)"),
        ("MA", "casa", "Casablanca (Casablanca-Settat)"),
        ("DZ", "Constantin", "Constantine (Constantine)"),
        ("DZ", "قسنطينه", "Constantine (Constantine)"),
        ("DZ", "setiff", "Setif (Sétif)"),
    ],
)
def test_the_likeliest_city_is_suggested_first(country: str, typed: str, first: str) -> None:
    load_places()
    assert suggested(country, typed)[0] == first


def test_cities_that_share_the_name_are_suggested_with_their_wilaya() -> None:
    load_places()
    assert suggested("DZ", "Ain Beida")[:2] == ["Ain Beida (Ouargla)", "Ain Beida (Oum El Bouaghi)"]


def test_at_most_five_are_suggested_and_none_for_nonsense() -> None:
    load_places()
    assert len(suggested("DZ", "Ain")) == 5
    assert suggested("DZ", "zzzzzzzz") == []
    assert suggested("DZ", "") == []


# --- learned spellings -----------------------------------------------------------------


def azrou() -> City:
    return City.objects.get(name="Azrou")


def test_a_learned_spelling_counts_for_everybody(atlas: Merchant) -> None:
    alias = learn_alias("  Azro  du Moyen Atlas ", azrou(), actor=SYSTEM)
    assert alias is not None
    assert alias.spelling == "Azro du Moyen Atlas"
    other = World(slug="other").merchant
    assert labels(atlas, "AZRO DU MOYEN-ATLAS") == {"AZRO DU MOYEN-ATLAS": "Azrou (Fès-Meknès)"}
    assert labels(other, "azro du moyen atlas") == {"azro du moyen atlas": "Azrou (Fès-Meknès)"}


def test_a_merchants_own_spelling_beats_everybodys_and_counts_for_it_alone(atlas: Merchant) -> None:
    other = World(slug="other").merchant
    learn_alias("Centre", City.objects.get(name="Rabat"), actor=SYSTEM)
    learn_alias("Centre", azrou(), actor=SYSTEM, merchant=atlas)
    assert labels(atlas, "centre") == {"centre": "Azrou (Fès-Meknès)"}
    assert labels(other, "centre") == {"centre": "Rabat (Rabat-Salé-Kénitra)"}


def test_a_spelling_learned_again_points_to_the_new_city(atlas: Merchant) -> None:
    learn_alias("Centre", azrou(), actor=SYSTEM)
    learn_alias("CENTRE", City.objects.get(name="Rabat"), actor=SYSTEM)
    assert CityAlias.objects.filter(key="centre").count() == 1
    assert labels(atlas, "centre") == {"centre": "Rabat (Rabat-Salé-Kénitra)"}


def test_a_spelling_that_means_the_city_already_is_not_learned(atlas: Merchant) -> None:
    before = CityAlias.objects.count()
    assert learn_alias("AZROU", azrou(), actor=SYSTEM) is None
    assert CityAlias.objects.count() == before


def test_an_alias_decides_between_communes_that_share_a_name(casbah: Merchant) -> None:
    ouargla = City.objects.get(name="Ain Beida", region="Ouargla")
    learn_alias("Ain Beida", ouargla, actor=SYSTEM, merchant=casbah)
    assert labels(casbah, "Aïn Beïda") == {"Aïn Beïda": "Ain Beida (Ouargla)"}


@pytest.mark.parametrize("spelling", ["", "   ", "'", "\u200b", "x" * 101, "a\x00b"])
def test_an_unusable_spelling_is_refused(atlas: Merchant, spelling: str) -> None:
    before = CityAlias.objects.count()
    with pytest.raises(InvalidInput) as refusal:
        learn_alias(spelling, azrou(), actor=SYSTEM)
    assert list(refusal.value.errors) == ["spelling"]
    assert CityAlias.objects.count() == before


def actor(*permissions: str, merchant: Merchant | None = None) -> Actor:
    return Actor(
        kind=SYSTEM.kind,
        name="Salma",
        source="dashboard",
        merchant_id=merchant.pk if merchant else None,
        permissions=frozenset(permissions),
    )


def test_who_may_teach_whom(atlas: Merchant) -> None:
    other = World(slug="other").merchant
    city = azrou()
    with pytest.raises(NotAllowed):
        learn_alias("Centre", city, actor=actor("change_order"))
    with pytest.raises(NotAllowed):
        learn_alias("Centre", city, actor=actor(), merchant=atlas)
    with pytest.raises(NotAllowed):
        learn_alias("Centre", city, actor=actor("managePlaces", merchant=atlas))
    with pytest.raises(NotThere):
        learn_alias("Centre", city, actor=actor("managePlaces", merchant=atlas), merchant=other)
    assert not CityAlias.objects.filter(key="centre").exists()
    assert learn_alias("Centre", city, actor=actor("managePlaces")) is not None
    assert learn_alias("Milieu", city, actor=actor("change_order"), merchant=atlas) is not None


# --- orders that wait for their city -----------------------------------------------------


def waiting(world: World, *cities: str, status: str = "NEW") -> list[Order]:
    return [world.order(city=city, status=status) for city in cities]


def test_the_spellings_that_orders_wait_with_are_listed_most_frequent_first() -> None:
    load_places()
    world = World()
    waiting(world, "Centre", "Azro", "Azro")
    waiting(world, "Long gone", status="DELIVERED")
    waiting(World(slug="other"), "Theirs")
    assert [(row.city, row.orders) for row in list_unresolved(merchant_id=world.merchant.pk)] == [
        ("Azro", 2),
        ("Centre", 1),
    ]
    assert [row.city for row in list_unresolved(limit=1)] == ["Azro"]


def test_orders_get_their_city_once_its_spelling_is_known() -> None:
    load_places()
    world = World()
    azro, also, unknown = waiting(world, "Azro", "AZRO", "Nowhere at all")
    (shipped,) = waiting(world, "Azro", status="SHIPPED")
    (deleted,) = waiting(world, "Azro")
    Order.objects.filter(pk=deleted.pk).update(deleted_at="2026-11-01T08:00:00Z")
    learn_alias("Azro", azrou(), actor=SYSTEM)

    assert settle_waiting_orders(actor=SYSTEM) == 2

    for order in (azro, also, unknown, shipped, deleted):
        order.refresh_from_db()
    city = azrou()
    assert (azro.city_place, also.city_place) == (city, city)
    assert (azro.city, azro.version) == ("Azro", 2)  # what was typed stays
    assert (unknown.city_place, shipped.city_place, deleted.city_place) == (None, None, None)
    event = OrderEvent.objects.get(order=azro)
    assert (event.type, event.action, event.before) == ("edit", "resolve_city", {"city_place_id": None})
    assert event.details == {"city_place_id": city.pk}
    assert not OrderEvent.objects.filter(order=unknown).exists()
    assert settle_waiting_orders(actor=SYSTEM) == 0


def test_only_the_merchants_orders_are_settled_when_one_is_named() -> None:
    load_places()
    mine, theirs = World(), World(slug="other")
    waiting(mine, "Azrou")
    (other,) = waiting(theirs, "Azrou")
    assert settle_waiting_orders(actor=SYSTEM, merchant_id=mine.merchant.pk) == 1
    other.refresh_from_db()
    assert other.city_place is None


@pytest.mark.parametrize("cities", [("Azrou",), ("Azrou", "Rabat", "Salé", "Fès", "Zagora") * 4])
def test_settling_takes_seven_statements_at_most(cities: Sequence[str]) -> None:
    load_places()
    waiting(World(), *cities)
    with CaptureQueriesContext(connection) as statements:
        assert settle_waiting_orders(actor=SYSTEM) == len(cities)
    assert len(statements) <= 7


# --- the places that come with the product -------------------------------------------------


def loaded() -> str:
    out = StringIO()
    call_command("load_places", stdout=out)
    return out.getvalue().strip()


def test_the_places_of_both_countries_are_loaded_once() -> None:
    assert loaded() == "Loaded 1934 cities and 24 other spellings; there are 1934 and 24 now."
    rows = list(City.objects.order_by("pk").values_list())
    assert loaded() == "Nothing new: 1934 cities and 24 other spellings."
    assert list(City.objects.order_by("pk").values_list()) == rows
    assert City.objects.filter(country="MA").count() == 393
    assert City.objects.filter(country="DZ").count() == 1541
    assert City.objects.exclude(key_ar="").filter(country="MA").count() == 212
    oran = City.objects.get(name="Oran")
    assert (oran.region, oran.region_ar, oran.region_code, oran.key_ar) == ("Oran", "وهران", "31", "وهران")


def test_loading_takes_the_same_statements_whatever_is_missing() -> None:
    with CaptureQueriesContext(connection) as first:
        load_places()
    City.objects.filter(name="Azrou").delete()
    with CaptureQueriesContext(connection) as second:
        load_places()
    assert len(first) == len(second) <= 12


def test_what_people_changed_stays() -> None:
    load_places()
    City.objects.filter(name="Azrou").update(is_active=False, name_ar="أزرو الجديدة")
    City.objects.create(country="MA", region="Fès-Meknès", name="Azrou El Jadida", key="azrou el jadida")
    load_places()
    azrou_now = azrou()
    assert (azrou_now.is_active, azrou_now.name_ar) == (False, "أزرو الجديدة")
    assert City.objects.filter(name="Azrou El Jadida").exists()


def test_keys_made_by_an_older_folding_are_brought_up_to_date() -> None:
    load_places()
    City.objects.filter(name="Azrou").update(key="AZROU!")
    CityAlias.objects.filter(spelling="Casa").update(key="CASA!")
    load_places()
    assert azrou().key == "azrou"
    assert CityAlias.objects.get(spelling="Casa").key == "casa"
