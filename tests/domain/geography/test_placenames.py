"""Cities and spellings as people edit them, and the orders that waited for their city."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orders.domain.actors import Actor
from orders.domain.geography import placenames
from orders.domain.geography.placenames import CityDraft, Taught
from orders.domain.refusals import InvalidInput, NotAllowed, NotThere
from orders.models import ActorKind, City, CityAlias, Order, OrderEvent, SettingChange
from tests.world import World

pytestmark = pytest.mark.django_db
MANAGER = Actor(ActorKind.USER, "Manager", "dashboard", permissions=frozenset({"managePlaces"}))
PACKER = Actor(ActorKind.USER, "Packer", "dashboard", permissions=frozenset({"view_order"}))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def casa() -> City:
    return City.objects.create(
        country="MA", name="Casablanca", name_ar="الدار البيضاء", key="casablanca", key_ar="الدار البيضا"
    )


def log() -> list[tuple[str, str, str, list[dict[str, str]]]]:
    return list(
        SettingChange.objects.order_by("id").values_list("subject", "subject_name", "verb", "changes")
    )


def city_of(order: Order) -> int | None:
    order.refresh_from_db()
    return order.city_place_id


class TestTeaching:
    def test_the_spelling_is_learned_and_the_waiting_orders_have_their_city(self, world, casa):
        waiting = [world.order(city="Kaza Blanka") for _ in range(3)]
        other = world.order(city="Tanja")
        assert placenames.teach_spelling("Kaza Blanka", casa.pk, actor=MANAGER) == Taught(True, 3)
        assert [city_of(order) for order in waiting] == [casa.pk] * 3
        assert city_of(other) is None
        assert OrderEvent.objects.filter(order=waiting[0], action="resolve_city").count() == 1
        assert log() == [
            (
                "spelling",
                "Kaza Blanka",
                "made",
                [{"field": "means", "from": "nothing", "to": "Casablanca"}],
            )
        ]

    def test_for_one_merchant_it_counts_in_that_merchants_orders_alone(self, world, casa):
        other = World(slug="casbah")
        mine, theirs = world.order(city="Kaza"), other.order(city="Kaza")
        taught = placenames.teach_spelling("Kaza", casa.pk, actor=MANAGER, merchant=world.merchant)
        assert taught == Taught(True, 1)
        assert (city_of(mine), city_of(theirs)) == (casa.pk, None)

    def test_taught_again_nothing_is_new(self, world, casa):
        placenames.teach_spelling("Kaza", casa.pk, actor=MANAGER)
        assert placenames.teach_spelling("KAZA", casa.pk, actor=MANAGER) == Taught(False, 0)
        assert CityAlias.objects.count() == 1
        assert len(log()) == 1

    def test_a_city_that_is_not_there_or_off_teaches_nothing(self, world, casa):
        City.objects.update(is_active=False)
        for city_id in (casa.pk, 999_999):
            with pytest.raises(InvalidInput) as refused:
                placenames.teach_spelling("Kaza", city_id, actor=MANAGER)
            assert list(refused.value.errors) == ["city"]
        assert not CityAlias.objects.exists()

    def test_forgotten_it_means_nothing_and_orders_keep_their_city(self, world, casa):
        order = world.order(city="Kaza")
        placenames.teach_spelling("Kaza", casa.pk, actor=MANAGER)
        alias = CityAlias.objects.get()
        assert placenames.forget_spelling(alias.pk, actor=MANAGER) == casa
        assert not CityAlias.objects.exists()
        assert city_of(order) == casa.pk
        assert [(name, verb) for _subject, name, verb, _changes in log()] == [
            ("Kaza", "made"),
            ("Kaza", "removed"),
        ]
        with pytest.raises(NotThere):
            placenames.forget_spelling(alias.pk, actor=MANAGER)


class TestCities:
    def test_a_new_city_is_found_by_both_names_and_settles_who_waited(self, world):
        order = world.order(city="أصيلة")
        city = placenames.add_city(CityDraft("MA", " Asilah ", "أصيلة", "Tanger-Tétouan"), actor=MANAGER)
        assert (city.name, city.key, city.key_ar) == ("Asilah", "asilah", "اصيله")
        assert city_of(order) == city.pk
        assert log() == [("city", "Asilah (Tanger-Tétouan)", "made", [])]

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": "---"}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"name": "a\x00"}, "name"),
            ({"country": "FR"}, "country"),
            ({"region_code": "12345678901"}, "region_code"),
        ],
    )
    def test_what_is_wrong_is_refused_at_its_field(self, wrong, field):
        with pytest.raises(InvalidInput) as refused:
            placenames.add_city(replace(CityDraft("MA", "Asilah"), **wrong), actor=MANAGER)
        assert list(refused.value.errors) == [field]
        assert not City.objects.exists()

    def test_a_name_stands_once_in_a_region(self, casa):
        with pytest.raises(InvalidInput) as refused:
            placenames.add_city(CityDraft("MA", "Casablanca"), actor=MANAGER)
        assert list(refused.value.errors) == ["name"]
        placenames.add_city(CityDraft("MA", "Casablanca", region="Elsewhere"), actor=MANAGER)
        assert City.objects.count() == 2

    def test_a_corrected_name_is_found_by_it_and_the_log_says_both(self, world, casa):
        order = world.order(city="Dar el Beida")
        placenames.update_city(casa.pk, CityDraft("", "Dar el Beïda"), actor=MANAGER)
        casa.refresh_from_db()
        assert (casa.key, casa.key_ar, casa.country) == ("dar el beida", "", "MA")
        assert city_of(order) == casa.pk
        assert log()[0][3][0] == {"field": "name", "from": "Casablanca", "to": "Dar el Beïda"}

    def test_a_city_switched_off_is_matched_to_nothing(self, world, casa):
        placenames.update_city(casa.pk, CityDraft("", "Casablanca", is_active=False), actor=MANAGER)
        order = world.order(city="Casablanca")
        placenames.add_city(CityDraft("MA", "Rabat"), actor=MANAGER)
        assert city_of(order) is None

    def test_a_search_finds_name_arabic_region_and_spelling(self, casa):
        rabat = City.objects.create(country="MA", name="Rabat", key="rabat", region="Rabat-Salé")
        alger = City.objects.create(country="DZ", name="Alger", key="alger", region="Alger")
        placenames.teach_spelling("Kaza", casa.pk, actor=MANAGER)

        def found(**said: str) -> list[str]:
            return [city.name for city in placenames.find_cities(**said)]

        assert found(search="CASA") == ["Casablanca"]
        assert found(search="البيضاء") == ["Casablanca"]
        assert found(search="kaza") == ["Casablanca"]
        assert found(search="salé") == [rabat.name]
        assert found(country="DZ") == [alger.name]
        assert found(search="%") == []
        assert found(search="\x00") == []
        assert [city.spellings for city in placenames.find_cities(search="casa")] == [1]
        assert found() == ["Alger", "Casablanca", "Rabat"]


def test_others_than_keepers_of_places_change_nothing(world, casa):
    alias = CityAlias.objects.create(country="MA", spelling="Kaza", key="kaza", city=casa)
    bound = replace(MANAGER, merchant_id=world.merchant.pk)
    for stranger in (PACKER, bound):
        for call in (
            lambda who=stranger: placenames.add_city(CityDraft("MA", "X"), actor=who),
            lambda who=stranger: placenames.update_city(casa.pk, CityDraft("", "X"), actor=who),
            lambda who=stranger: placenames.forget_spelling(alias.pk, actor=who),
            lambda who=stranger: placenames.teach_spelling("Y", casa.pk, actor=who),
        ):
            with pytest.raises(NotAllowed):
                call()
    casa.refresh_from_db()
    assert casa.name == "Casablanca"
    assert CityAlias.objects.count() == 1
    assert log() == []
