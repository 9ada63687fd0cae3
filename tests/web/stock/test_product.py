"""One product: its page with the ledger, its form, and what may not be done to it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Product, SettingChange, Warehouse
from tests.personas import JSON, at_work
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


class TestPage:
    def test_the_ledger_says_who_why_and_what_lay_there_after(self, world):
        mug = world.product("MUG", units=10)
        order = world.order([("MUG", 2)], status="SHIPPED")
        client = at_work("manager")
        client.post(
            f"/products/{mug.pk}/adjust", {"warehouse": world.warehouse.pk, "delta": -1, "reason": "Broken"}
        )
        page = client.get(f"/products/{mug.pk}").content.decode()
        assert f'href="/orders/{order.reference}/show"' in page
        assert "Broken" in page
        assert "Manager" in page
        assert page.count(order.reference) >= 2  # still out, and in the ledger

    def test_a_warehouse_has_its_own_ledger(self, world):
        mug = world.product("MUG", units=10)
        rabat = Warehouse.objects.create(code="rabat", name="Rabat")
        world.receive(mug, 4444, warehouse=rabat)
        client = at_work("viewer")
        assert "4,444" in client.get(f"/products/{mug.pk}?warehouse=rabat").content.decode()
        only = client.get(f"/products/{mug.pk}?warehouse=rabat").content.decode().split('id="ledger"')[1]
        assert "+10<" not in only

    def test_the_ledger_goes_on_over_pages(self, world):
        mug = world.product("MUG", units=1)
        for _ in range(60):
            world.receive(mug, 1)
        client = at_work("viewer")
        first = client.get(f"/products/{mug.pk}").content.decode()
        assert first.count("cell-badge") >= 50
        older = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
        page = client.get(f"/products/{mug.pk}{older.removeprefix(f'/products/{mug.pk}').split('#')[0]}")
        ledger = page.content.decode().split('id="ledger"')[1]
        assert ledger.count("+1<") == 11

    @pytest.mark.parametrize("query", ["?before=x", "?before=-1", "?warehouse=nowhere"])
    def test_an_address_that_cannot_be_read_is_refused(self, world, query):
        mug = world.product("MUG")
        assert at_work("viewer").get(f"/products/{mug.pk}{query}").status_code == 422

    def test_another_merchants_product_is_not_there(self, world):
        lamp = World(slug="casbah").product("LAMP")
        seller = at_work("seller", merchant=world.merchant)
        assert seller.get(f"/products/{lamp.pk}").status_code == 404
        assert seller.get("/products/999999").status_code == 404
        assert seller.get("/products/99999999999999999999").status_code == 404

    def test_actions_are_offered_to_who_may_take_them(self, world):
        mug = world.product("MUG")
        assert "/receive" not in at_work("viewer").get(f"/products/{mug.pk}").content.decode()
        assert f"/products/{mug.pk}/receive" in at_work("manager").get(f"/products/{mug.pk}").content.decode()

    @pytest.mark.parametrize("orders", [1, 25])
    def test_statements_do_not_grow_with_the_ledger(self, world, orders):
        for _ in range(orders):
            world.product("MUG", units=100)
            world.order([("MUG", 1)], status="SHIPPED")
        mug = world.product("MUG")
        client = at_work("viewer")
        client.get(f"/products/{mug.pk}")
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/products/{mug.pk}")
        assert len(captured) <= 15


class TestMaking:
    said = {
        "sku": "TEA-01",
        "name": "Théière",
        "price": "129,90",
        "ean": "4006381333931",
        "track_stock": "on",
        "is_active": "on",
    }

    def test_a_product_is_made_and_shown(self, world):
        answer = at_work("manager").post("/products/new", self.said | {"merchant": world.merchant.pk})
        product = Product.objects.get(sku="TEA-01")
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/products/{product.pk}")
        assert (str(product.price), product.merchant_id, product.track_stock) == (
            "129.90",
            world.merchant.pk,
            True,
        )

    def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(self, world):
        answer = at_work("manager").post(
            "/products/new",
            self.said | {"merchant": world.merchant.pk, "ean": "4006381333930", "price": "cheap"},
        )
        page = answer.content.decode()
        assert answer.status_code == 422
        assert "Write an amount with at most two decimals" in page
        assert 'value="TEA-01"' in page
        assert 'value="cheap"' in page
        assert not Product.objects.exists()
        answer = at_work("manager", username="other").post(
            "/products/new", self.said | {"merchant": world.merchant.pk, "ean": "4006381333930"}
        )
        assert answer.status_code == 422
        assert "The last digit does not fit the others" in answer.content.decode()

    def test_programs_make_them_too(self, world):
        client = at_work("manager")
        answer = client.post(
            "/products/new",
            {"merchant": world.merchant.pk, "sku": "TEA-02", "name": "Tea", "price": 12.5},
            content_type="application/json",
            headers=JSON,
        )
        assert answer.status_code == 201
        data = answer.json()["data"]
        assert (data["sku"], data["price"], data["track_stock"]) == ("TEA-02", 12.5, True)
        answer = client.post(
            "/products/new",
            {"merchant": world.merchant.pk, "sku": "TEA-02", "name": "Tea", "price": 12.5},
            content_type="application/json",
            headers=JSON,
        )
        assert answer.status_code == 422
        assert list(answer.json()["errors"]) == ["sku"]

    def test_who_may_not_manage_stock_makes_nothing(self, world):
        for role in ("viewer", "packer", "seller"):
            client = at_work(role)
            assert client.get("/products/new").status_code == 403
            assert (
                client.post("/products/new", self.said | {"merchant": world.merchant.pk}).status_code == 403
            )
        assert not Product.objects.exists()


class TestEditing:
    def form(self, client, product) -> dict[str, str]:
        page = client.get(f"/products/{product.pk}/edit").content.decode()
        edition = page.split('name="edition" value="')[1].split('"')[0]
        return {
            "sku": product.sku,
            "name": product.name,
            "price": "50.00",
            "ean": "",
            "track_stock": "on",
            "is_active": "on",
            "edition": edition,
        }

    def test_the_change_is_kept_and_told_on_the_page(self, world):
        mug = world.product("MUG")
        client = at_work("manager")
        answer = client.post(f"/products/{mug.pk}/edit", self.form(client, mug) | {"price": "55"})
        assert answer.status_code == 302
        mug.refresh_from_db()
        assert str(mug.price) == "55.00"
        page = client.get(f"/products/{mug.pk}").content.decode()
        assert "50.00" in page.split("Changes")[1]

    def test_a_page_that_is_too_old_shows_both_values_and_may_be_sent_again(self, world):
        mug = world.product("MUG")
        client = at_work("manager")
        old = self.form(client, mug)
        client.post(f"/products/{mug.pk}/edit", self.form(client, mug) | {"price": "55"})
        answer = client.post(f"/products/{mug.pk}/edit", old | {"price": "60"})
        page = answer.content.decode()
        assert answer.status_code == 409
        assert "55.00" in page
        assert 'value="60"' in page
        mug.refresh_from_db()
        assert str(mug.price) == "55.00"
        again = old | {"price": "60", "edition": page.split('name="edition" value="')[1].split('"')[0]}
        assert client.post(f"/products/{mug.pk}/edit", again).status_code == 302
        mug.refresh_from_db()
        assert str(mug.price) == "60.00"

    def test_a_page_without_its_edition_is_not_taken(self, world):
        mug = world.product("MUG")
        client = at_work("manager")
        said = self.form(client, mug) | {"edition": "", "price": "60"}
        assert client.post(f"/products/{mug.pk}/edit", said).status_code == 409

    def test_programs_change_what_they_name(self, world):
        mug = world.product("MUG")
        answer = at_work("manager").post(
            f"/products/{mug.pk}/edit", {"price": "61.00"}, content_type="application/json", headers=JSON
        )
        assert answer.status_code == 200
        assert answer.json()["data"]["price"] == 61
        mug.refresh_from_db()
        assert (mug.name, mug.track_stock) == ("Mug", True)

    def test_another_merchants_product_stays_as_it_is(self, world):
        lamp = World(slug="casbah").product("LAMP")
        client = at_work("manager", merchant=world.merchant)
        answer = client.post(
            f"/products/{lamp.pk}/edit", {"sku": "X", "name": "X", "price": "1", "edition": ""}
        )
        assert answer.status_code == 404
        lamp.refresh_from_db()
        assert lamp.sku == "LAMP"
        assert not SettingChange.objects.exists()
