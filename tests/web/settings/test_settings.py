"""Settings in the browser: who may open what, forms that keep what was typed, and what follows at once."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from orders.models import City, CityAlias, Merchant, SettingChange, User, Warehouse
from tests.personas import HTMX, JSON, at_work, person
from tests.world import World

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-enough-secret"

ADMIN_PAGES = (
    "/settings/people",
    "/settings/people/new",
    "/settings/roles",
    "/settings/roles/new",
    "/settings/merchants",
    "/settings/merchants/new",
    "/settings/warehouses",
    "/settings/warehouses/new",
    "/settings/changes",
)
PLACE_PAGES = ("/settings/places", "/settings/places/new", "/settings/places/unknown")


def page_of(client: Client, path: str, **more: object) -> str:
    answer = client.get(path, **more)
    assert answer.status_code == 200, path
    return answer.content.decode()


class TestWhoMayOpenWhat:
    @pytest.mark.parametrize(
        ("role", "opens"),
        [
            ("admin", {*ADMIN_PAGES, *PLACE_PAGES, "/settings"}),
            ("manager", {*PLACE_PAGES, "/settings"}),
            ("viewer", set()),
            ("packer", set()),
            ("shipper", set()),
            ("returns", set()),
            ("callcentre", set()),
            ("driver", set()),
            ("seller", set()),
        ],
    )
    def test_each_role_opens_exactly_its_pages(self, role, opens):
        client = at_work(role)
        for path in (*ADMIN_PAGES, *PLACE_PAGES, "/settings"):
            assert client.get(path).status_code == (200 if path in opens else 403), path
        assert client.get("/settings/profile").status_code == 200

    def test_posting_needs_the_same_right(self):
        target = person("viewer", username="target")
        group = Group.objects.get(name="viewer")
        world = World()
        client = at_work("manager")
        before = list(User.objects.values()), SettingChange.objects.count()
        for path in (
            "/settings/people/new",
            f"/settings/people/{target.pk}",
            f"/settings/people/{target.pk}/password",
            "/settings/roles/new",
            f"/settings/roles/{group.pk}",
            f"/settings/roles/{group.pk}/remove",
            "/settings/merchants/new",
            f"/settings/merchants/{world.merchant.pk}",
            "/settings/warehouses/new",
            f"/settings/warehouses/{world.warehouse.pk}",
        ):
            assert client.post(path, {}).status_code == 403, path
        assert (list(User.objects.values()), SettingChange.objects.count()) == before

    def test_a_merchants_account_sets_nothing_up_whatever_its_role(self):
        client = at_work("admin", merchant=World().merchant)
        for path in (*ADMIN_PAGES[:-1], *PLACE_PAGES):
            assert client.get(path).status_code == 403, path

    def test_the_first_page_leads_to_what_may_be_opened(self):
        page = page_of(at_work("manager"), "/settings")
        assert 'href="/settings/places"' in page
        assert 'href="/settings/people"' not in page
        page = page_of(at_work("admin"), "/settings")
        assert 'href="/settings/people"' in page
        assert "Administration" not in page

    def test_strangers_log_in_first(self, client):
        assert client.get("/settings").status_code == 302
        assert client.get("/settings/people", headers=JSON).status_code == 401

    def test_what_is_not_there_is_404(self):
        client = at_work("admin")
        for path in (
            "/settings/people/999999",
            "/settings/roles/999999",
            "/settings/merchants/999999",
            "/settings/warehouses/999999",
            "/settings/places/999999",
            "/settings/people/99999999999999999999999",
        ):
            assert client.get(path).status_code == 404, path


class TestPeople:
    def test_a_new_person_logs_in_and_may_do_what_the_role_says(self):
        admin = at_work("admin")
        answer = admin.post(
            "/settings/people/new",
            {
                "username": "salma",
                "password": PASSWORD,
                "language": "en",
                "is_active": "on",
                "roles": [Group.objects.get(name="viewer").pk],
            },
            follow=True,
        )
        assert answer.redirect_chain == [("/settings/people", 302)]
        assert "salma can log in now." in answer.content.decode()
        client = Client()
        assert client.post("/login", {"username": "salma", "password": PASSWORD}).status_code == 302
        assert client.get("/orders").status_code == 200
        assert client.get("/settings").status_code == 403

    def test_what_is_wrong_is_said_and_what_was_typed_stays_but_the_password(self):
        answer = at_work("admin").post(
            "/settings/people/new", {"username": "two words", "password": "qwpz9x", "language": "en"}
        )
        page = answer.content.decode()
        assert answer.status_code == 422
        assert 'value="two words"' in page
        assert "without blanks" in page
        assert "at least 12 characters" in page
        assert "qwpz9x" not in page
        assert User.objects.count() == 1

    def test_somebody_switched_off_is_out_at_once_and_stays_in_the_list(self):
        packer = person("packer", password=PASSWORD)
        at_bench = Client()
        at_bench.force_login(packer)
        assert at_bench.get("/orders").status_code == 200
        at_work("admin").post(
            f"/settings/people/{packer.pk}", {"username": "packer", "language": "en"}, follow=True
        )
        assert at_bench.get("/orders").status_code == 302
        assert Client().post("/login", {"username": "packer", "password": PASSWORD}).status_code == 200
        assert "Switched off" in page_of(at_work("admin", username="other"), "/settings/people")

    def test_a_new_password_logs_the_person_out_everywhere(self):
        packer = person("packer")
        at_bench = Client()
        at_bench.force_login(packer)
        admin = at_work("admin")
        answer = admin.post(f"/settings/people/{packer.pk}/password", {"password": "short"})
        assert answer.status_code == 422
        assert at_bench.get("/orders").status_code == 200
        admin.post(f"/settings/people/{packer.pk}/password", {"password": PASSWORD})
        assert at_bench.get("/orders").status_code == 302
        assert Client().post("/login", {"username": "packer", "password": PASSWORD}).status_code == 302

    def test_nobody_locks_themselves_out(self):
        admin = person("admin")
        client = Client()
        client.force_login(admin)
        answer = client.post(f"/settings/people/{admin.pk}", {"username": "admin", "language": "en"})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert "You cannot switch off your own account" in page
        assert "you lock yourself out" in page
        admin.refresh_from_db()
        assert admin.is_active
        assert admin.groups.count() == 1

    def test_an_account_that_may_do_more_is_shown_but_not_offered(self):
        boss = User.objects.create_superuser("boss")
        client = at_work("admin")
        page = page_of(client, f"/settings/people/{boss.pk}")
        assert "You cannot change this account" in page
        assert "Set a new password" not in page
        assert client.post(f"/settings/people/{boss.pk}/password", {"password": PASSWORD}).status_code == 403
        boss.refresh_from_db()
        assert not boss.check_password(PASSWORD)

    def test_there_is_no_way_to_delete_anybody(self):
        packer = person("packer")
        client = at_work("admin")
        assert client.delete(f"/settings/people/{packer.pk}").status_code == 405
        assert client.post(f"/settings/people/{packer.pk}/delete").status_code == 404

    def test_the_search_finds_by_name(self):
        person("packer", last_name="Benali")
        page = page_of(at_work("admin"), "/settings/people?search=benali")
        assert ">packer<" in page
        assert "Nobody matches" in page_of(at_work("admin", username="b"), "/settings/people?search=zebra")

    def test_changes_stand_beside_the_person(self):
        packer = person("packer")
        client = at_work("admin")
        said = {"username": "packer", "first_name": "Omar", "language": "en", "is_active": "on"}
        client.post(f"/settings/people/{packer.pk}", said)
        page = page_of(client, f"/settings/people/{packer.pk}")
        assert re.search(r"first name: <bdi class=\"muted\">Packer</bdi> → <bdi>Omar</bdi>", page)
        assert "Omar" in page_of(client, "/settings/changes")


class TestProfile:
    def test_everybody_changes_their_own_name_and_nothing_else(self):
        driver = person("driver")
        client = Client()
        client.force_login(driver)
        answer = client.post(
            "/settings/profile",
            {
                "first_name": "Driss",
                "last_name": "",
                "language": "en",
                "is_superuser": "on",
                "username": "root",
                "roles": [Group.objects.get(name="admin").pk],
            },
        )
        assert answer.status_code == 302
        assert answer.cookies["django_language"].value == "en"
        driver.refresh_from_db()
        assert (driver.first_name, driver.username, driver.is_superuser) == ("Driss", "driver", False)
        assert [group.name for group in driver.groups.all()] == ["driver"]

    def test_it_says_what_one_may_do_and_leads_to_the_password(self):
        page = page_of(at_work("returns"), "/settings/profile")
        assert "Take returns back and put them to stock" in page
        assert 'href="/password"' in page


class TestRoles:
    def test_a_role_is_told_in_plain_words_and_edited_for_everybody(self):
        packer = person("packer")
        role = Group.objects.get(name="packer")
        client = at_work("admin")
        assert "Pick, prepare and pack" in page_of(client, "/settings/roles")
        answer = client.post(
            f"/settings/roles/{role.pk}", {"name": "packer", "rights": ["view_order", "printLabels"]}
        )
        assert answer.status_code == 302
        assert not User.objects.get(pk=packer.pk).has_perm("orders.markAsPackedByScanner")
        assert User.objects.get(pk=packer.pk).has_perm("orders.printLabels")
        page = page_of(client, f"/settings/roles/{role.pk}")
        assert 'value="printLabels" checked' in " ".join(page.split())

    def test_a_refused_role_keeps_its_ticks(self):
        answer = at_work("admin").post("/settings/roles/new", {"name": "viewer", "rights": ["printLabels"]})
        page = " ".join(answer.content.decode().split())
        assert answer.status_code == 422
        assert 'value="printLabels" checked' in page
        assert "There is a role named viewer already." in page

    def test_a_role_that_nobody_has_is_removed(self):
        client = at_work("admin")
        empty = Group.objects.get(name="driver")
        assert client.post(f"/settings/roles/{empty.pk}/remove").status_code == 302
        assert not Group.objects.filter(name="driver").exists()
        held = Group.objects.get(name="admin")
        assert client.post(f"/settings/roles/{held.pk}/remove").status_code == 422
        assert client.get(f"/settings/roles/{held.pk}/remove").status_code == 405


class TestMerchantsAndWarehouses:
    def test_a_warehouse_then_a_merchant_are_made(self):
        client = at_work("admin")
        client.post("/settings/warehouses/new", {"code": "rabat", "name": "Rabat", "is_active": "on"})
        rabat = Warehouse.objects.get(code="rabat")
        answer = client.post(
            "/settings/merchants/new",
            {
                "slug": "sahara",
                "name": "Sahara",
                "country": "DZ",
                "currency": "dzd",
                "timezone": "Africa/Algiers",
                "default_warehouse": rabat.pk,
                "confirm_by_phone": "on",
                "is_active": "on",
            },
        )
        assert answer.status_code == 302
        merchant = Merchant.objects.get(slug="sahara")
        assert (merchant.currency, merchant.confirm_by_phone, merchant.timezone) == (
            "DZD",
            True,
            "Africa/Algiers",
        )
        assert "Sahara" in page_of(client, "/settings/merchants")
        assert "Rabat" in page_of(client, "/settings/warehouses")

    def test_a_page_shows_what_there_is_and_saves_it_unchanged(self):
        world = World()
        client = at_work("admin")
        page = page_of(client, f"/settings/merchants/{world.merchant.pk}")
        assert 'value="Atlas"' in page
        assert '<option value="Africa/Casablanca" selected' in page
        answer = client.post(
            f"/settings/merchants/{world.merchant.pk}",
            {
                "name": "Atlas",
                "country": "MA",
                "currency": "MAD",
                "timezone": "Africa/Casablanca",
                "default_warehouse": world.warehouse.pk,
                "is_active": "on",
            },
        )
        assert answer.status_code == 302
        assert not SettingChange.objects.exists()

    def test_what_orders_rest_on_is_refused_at_its_field(self):
        world = World()
        world.order()
        answer = at_work("admin").post(
            f"/settings/merchants/{world.merchant.pk}",
            {
                "name": "Atlas",
                "country": "DZ",
                "currency": "MAD",
                "timezone": "Africa/Casablanca",
                "default_warehouse": world.warehouse.pk,
                "is_active": "on",
            },
        )
        assert answer.status_code == 422
        assert "There are orders already" in answer.content.decode()
        answer = at_work("admin", username="b").post(
            f"/settings/warehouses/{world.warehouse.pk}", {"name": "Casablanca"}
        )
        assert answer.status_code == 422
        assert "Give them another warehouse first" in answer.content.decode()


class TestPlaces:
    @pytest.fixture
    def world(self) -> World:
        return World()

    @pytest.fixture
    def casa(self) -> City:
        return City.objects.create(country="MA", name="Casablanca", key="casablanca", name_ar="كازا")

    def test_the_likeliest_city_is_one_click_away_and_the_orders_have_it(self, world, casa):
        orders = [world.order(city="Kasablanca") for _ in range(2)]
        client = at_work("manager")
        page = page_of(client, "/settings/places/unknown")
        assert "Kasablanca" in page
        assert f'name="city_id" value="{casa.pk}"' in " ".join(page.split())
        answer = client.post(
            "/settings/places/unknown/choose",
            {"spelling": "Kasablanca", "merchant": world.merchant.pk, "city_id": casa.pk},
            follow=True,
        )
        page = answer.content.decode()
        assert "“Kasablanca” means Casablanca from now on. 2 waiting orders have their city." in page
        assert "Every city is known" in page
        for order in orders:
            order.refresh_from_db()
            assert order.city_place_id == casa.pk

    def test_the_number_beside_a_spelling_is_the_list_it_leads_to(self, world, casa):
        for _ in range(2):
            world.order(city="Kasablanca")
        world.order(city="Tanja")
        client = at_work("manager")
        page = page_of(client, "/settings/places/unknown")
        url = re.search(r'href="(/orders\?[^"]+Kasablanca[^"]+)"', page)[1].replace("&amp;", "&")
        assert client.get(url, headers=JSON).json()["meta"]["total"] == 2

    def test_another_city_is_written_by_its_name(self, world, casa):
        world.order(city="Darb")
        client = at_work("manager")
        query = f"?spelling=Darb&merchant={world.merchant.pk}"
        sheet = page_of(client, f"/settings/places/unknown/choose{query}", headers=HTMX)
        assert "<!doctype" not in sheet.lower()
        said = {"spelling": "Darb", "merchant": world.merchant.pk, "city_id": ""}
        answer = client.post("/settings/places/unknown/choose", said | {"city": "Nowhere"})
        assert answer.status_code == 422
        assert "Choose a city from the list" in answer.content.decode()
        assert 'value="Nowhere"' in answer.content.decode()
        assert not CityAlias.objects.exists()
        answer = client.post(
            "/settings/places/unknown/choose",
            said | {"city": "CASABLANCA", "only_merchant": "1"},
            headers=HTMX,
        )
        assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/settings/places/unknown")
        alias = CityAlias.objects.get()
        assert (alias.city_id, alias.merchant_id) == (casa.pk, world.merchant.pk)

    def test_what_was_written_counts_more_than_what_was_ticked(self, world, casa):
        rabat = City.objects.create(country="MA", name="Rabat", key="rabat")
        world.order(city="Kasablanca")
        at_work("manager").post(
            "/settings/places/unknown/choose",
            {
                "spelling": "Kasablanca",
                "merchant": world.merchant.pk,
                "city_id": casa.pk,
                "city": "Rabat",
            },
        )
        assert CityAlias.objects.get().city_id == rabat.pk

    def test_suggestions_are_options_of_a_list(self, world, casa):
        page = page_of(at_work("manager"), "/settings/places/suggest?q=casa&country=MA")
        assert f'data-value="{casa.pk}"' in page
        assert "option" not in page_of(at_work("callcentre"), "/settings/places/suggest?q=")
        assert at_work("viewer").get("/settings/places/suggest?q=casa").status_code == 403

    def test_a_city_is_added_searched_changed_and_given_spellings(self, world, casa):
        client = at_work("manager")
        client.post(
            "/settings/places/new", {"country": "MA", "name": "Asilah", "region": "Nord", "is_active": "on"}
        )
        asilah = City.objects.get(name="Asilah")
        assert "Asilah" in page_of(client, "/settings/places?search=asil")
        client.post(
            f"/settings/places/{asilah.pk}/spellings", {"spelling": "Arzila", "merchant": world.merchant.pk}
        )
        page = page_of(client, f"/settings/places/{asilah.pk}")
        assert "Arzila" in page
        alias = CityAlias.objects.get()
        assert alias.merchant_id == world.merchant.pk
        client.post(f"/settings/places/spellings/{alias.pk}/forget")
        assert not CityAlias.objects.exists()
        answer = client.post(f"/settings/places/{asilah.pk}", {"name": "", "is_active": "on"})
        assert answer.status_code == 422
        assert [entry.verb for entry in SettingChange.objects.order_by("id")] == ["made", "made", "removed"]

    def test_no_spelling_no_page(self, world):
        client = at_work("manager")
        assert client.get("/settings/places/unknown/choose").status_code == 422
        assert client.post("/settings/places/unknown/choose", {"spelling": ""}).status_code == 422
        assert client.get("/settings/places/spellings/1/forget").status_code == 405


class TestChanges:
    def test_they_are_narrowed_and_go_on_over_pages(self):
        world = World()
        client = at_work("admin")
        for number in range(55):
            client.post(
                f"/settings/warehouses/{world.warehouse.pk}", {"name": f"Hall {number}", "is_active": "on"}
            )
        client.post("/settings/roles/new", {"name": "night", "rights": []})
        page = page_of(client, "/settings/changes")
        assert page.count("timeline-mark") == 50
        assert "night" in page
        assert "night" not in page_of(client, "/settings/changes?subject=warehouse")
        older = re.search(r'href="(\?[^"]*before=\d+)"', page)[1]
        assert page_of(client, f"/settings/changes{older}").count("timeline-mark") == 6

    def test_what_was_typed_is_escaped(self):
        client = at_work("admin")
        client.post("/settings/roles/new", {"name": "<script>alert(1)</script>", "rights": []})
        for path in ("/settings/changes", "/settings/roles"):
            assert "<script>alert" not in page_of(client, path)
