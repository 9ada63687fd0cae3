"""Products and stock as lists: the page, the JSON of both routes, filters, pages, who sees what."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Product, Warehouse
from tests.personas import JSON, at_work
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def stock(client, query=""):
    answer = client.get(f"/stock{query}", headers=JSON)
    assert answer.status_code == 200
    return answer.json()


def products(client, query=""):
    answer = client.get(f"/products{query}", headers=JSON)
    assert answer.status_code == 200
    return answer.json()


class TestStockJson:
    def test_a_row_a_shelf_says_what_is_there_promised_and_out(self, world):
        world.product("MUG", units=10)
        world.order([("MUG", 2)], status="PACKED")
        world.order([("MUG", 3)], status="SHIPPED")
        world.order([("MUG", 1)])
        assert stock(at_work("viewer"), "?sku=MUG") == {
            "data": [
                {
                    "warehouse": "atlas-casa",
                    "sku": "MUG",
                    "on_hand": 7,
                    "reserved": 2,
                    "available": 5,
                    "promised": 1,
                    "still_out": 3,
                }
            ],
            "meta": {"per_page": 50, "next": None, "prev": None},
        }

    def test_a_warehouse_narrows_by_id_code_or_name(self, world):
        mug = world.product("MUG", units=10)
        rabat = Warehouse.objects.create(code="rabat", name="Rabat")
        world.receive(mug, 4, warehouse=rabat)
        client = at_work("viewer")
        assert [(row["warehouse"], row["on_hand"]) for row in stock(client, "?sku=MUG")["data"]] == [
            ("atlas-casa", 10),
            ("rabat", 4),
        ]
        for said in (rabat.pk, "rabat", "RABAT", "Rabat"):
            (row,) = stock(client, f"?sku=MUG&warehouse={said}")["data"]
            assert (row["warehouse"], row["on_hand"]) == ("rabat", 4)

    def test_a_product_that_lies_nowhere_has_a_row_of_nothing_at_its_merchants_warehouse(self, world):
        Product.objects.create(merchant=world.merchant, sku="NEW", name="New", price=1)
        assert stock(at_work("viewer"), "?sku=NEW")["data"] == [
            {
                "warehouse": "atlas-casa",
                "sku": "NEW",
                "on_hand": 0,
                "reserved": 0,
                "available": 0,
                "promised": 0,
                "still_out": 0,
            }
        ]

    def test_an_unknown_sku_has_no_row(self, world):
        world.product("MUG")
        assert stock(at_work("viewer"), "?sku=NOPE")["data"] == []

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("?warehouse=nowhere", "warehouse"),
            ("?merchant=nobody", "merchant"),
            ("?per_page=0", "per_page"),
            ("?per_page=-3", "per_page"),
            ("?per_page=many", "per_page"),
            ("?cursor=forged", "cursor"),
        ],
    )
    def test_what_cannot_be_read_is_422_on_its_name(self, world, query, field):
        for path in ("/stock", "/products"):
            answer = at_work("viewer", username=f"viewer{path[1:]}").get(path + query, headers=JSON)
            assert answer.status_code == 422
            assert list(answer.json()["errors"]) == [field]

    def test_a_seller_sees_own_products_alone(self, world):
        world.product("MUG")
        other = World(slug="casbah")
        other.product("LAMP")
        seller = at_work("seller", merchant=world.merchant)
        assert [row["sku"] for row in stock(seller)["data"]] == ["MUG"]
        assert stock(seller, "?sku=LAMP")["data"] == []
        answer = seller.get("/stock?merchant=casbah", headers=JSON)
        assert answer.status_code == 422
        assert answer.json()["errors"] == {"merchant": ["There is no such merchant."]}

    def test_nobody_without_the_right_to_see_orders_sees_stock(self, world):
        driver = at_work("driver")
        assert driver.get("/stock", headers=JSON).status_code == 403
        assert driver.get("/products", headers=JSON).status_code == 403
        assert driver.get("/stock/owed").status_code == 403


class TestProductsJson:
    def test_each_product_as_programs_read_it(self, world):
        mug = world.product("MUG")
        Product.objects.filter(pk=mug.pk).update(price="12.50")
        world.product("CUP")
        assert products(at_work("callcentre"))["data"] == [
            {
                "id": str(Product.objects.get(sku="CUP").pk),
                "sku": "CUP",
                "name": "Cup",
                "price": 50,
                "currency": "MAD",
                "merchant": "atlas",
            },
            {
                "id": str(mug.pk),
                "sku": "MUG",
                "name": "Mug",
                "price": 12.5,
                "currency": "MAD",
                "merchant": "atlas",
            },
        ]

    def test_search_and_merchant_narrow(self, world):
        world.product("MUG")
        Product.objects.filter(sku="MUG").update(name="Théière", search_name="theiere")
        World(slug="casbah").product("MUG")
        client = at_work("viewer")
        assert [row["merchant"] for row in products(client, "?search=THEIERE")["data"]] == ["atlas"]
        assert [row["merchant"] for row in products(client, "?merchant=casbah")["data"]] == ["casbah"]
        assert [row["merchant"] for row in products(client, "?search=mu")["data"]] == ["atlas", "casbah"]

    def test_pages_lead_to_each_other(self, world):
        for number in range(5):
            world.product(f"P{number}")
        client = at_work("viewer")
        first = products(client, "?per_page=2")
        second = products(client, f"?per_page=2&cursor={first['meta']['next']}")
        third = products(client, f"?per_page=2&cursor={second['meta']['next']}")
        assert [[row["sku"] for row in page["data"]] for page in (first, second, third)] == [
            ["P0", "P1"],
            ["P2", "P3"],
            ["P4"],
        ]
        assert (first["meta"]["prev"], third["meta"]["next"]) == (None, None)
        back = products(client, f"?per_page=2&cursor={third['meta']['prev']}")
        assert [row["sku"] for row in back["data"]] == ["P2", "P3"]

    def test_more_than_a_hundred_a_page_is_a_hundred(self, world):
        world.product("MUG")
        assert products(at_work("viewer"), "?per_page=5000")["meta"]["per_page"] == 100

    def test_a_browser_is_shown_the_stock_list(self, world):
        answer = at_work("viewer").get("/products?search=mug")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/stock?search=mug")


class TestPage:
    def test_the_numbers_stand_in_the_row_with_what_is_wrong(self, world):
        world.product("MUG", units=3)
        world.order([("MUG", 5)])
        page = at_work("viewer").get("/stock").content.decode()
        assert ">MUG<" in page
        assert "Short" in page
        assert "Receive goods" not in page

    def test_who_may_manage_stock_is_offered_to(self, world):
        page = at_work("manager").get("/stock").content.decode()
        assert 'href="/stock/receive"' in page
        assert 'href="/products/new"' in page

    def test_low_and_none_are_tabs_of_their_own(self, world):
        world.product("MANY", units=50)
        world.product("FEW", units=2)
        world.product("GONE", units=0)
        client = at_work("viewer")
        low = client.get("/stock?stock=low").content.decode()
        assert low.index(">GONE<") < low.index(">FEW<")
        assert ">MANY<" not in low
        none = client.get("/stock?stock=none").content.decode()
        assert ">GONE<" in none
        assert ">FEW<" not in none

    def test_nothing_found_says_so_and_offers_the_way_out(self, world):
        world.product("MUG")
        page = at_work("viewer").get("/stock?search=zebra").content.decode()
        assert "No product matches" in page
        assert 'href="/stock"' in page

    def test_what_was_typed_is_escaped(self, world):
        world.product("MUG")
        Product.objects.update(name="<script>alert(1)</script>")
        page = at_work("viewer").get("/stock?search=%3Cb%3E").content.decode()
        assert "<script>alert" not in page
        assert "<b>" not in page.split("data-rows")[0].split('name="search"')[1][:200]

    @pytest.mark.parametrize("count", [1, 30])
    def test_statements_do_not_grow_with_the_products(self, world, count):
        for number in range(count):
            world.order([(f"P{number}", 1)], status="SHIPPED")
        client = at_work("viewer")
        client.get("/stock")
        with CaptureQueriesContext(connection) as captured:
            client.get("/stock")
        assert len(captured) <= 14
        self.__class__.seen = getattr(self.__class__, "seen", len(captured))
        assert len(captured) == self.__class__.seen

    def test_owed_units_are_listed_with_their_order(self, world):
        world.product("MUG", units=1)
        order = world.order([("MUG", 3)], status="WAITING_FOR_SHIPPING_COMPANY")
        from orders.domain.life.moving import move_orders
        from tests.world import SYSTEM

        move_orders("ship", [order.pk], actor=SYSTEM, shortage="owe")
        page = at_work("viewer").get("/stock/owed").content.decode()
        assert order.reference in page
        assert ">2<" in page
