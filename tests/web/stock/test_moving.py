"""Receiving, adjusting and counting in the browser, and a whole delivery at once."""

from __future__ import annotations

from typing import Any

import pytest

from orders.models import Product, StockMovement, Warehouse
from tests.personas import HTMX, JSON, at_work
from tests.world import World, everything, ledger_equals_stock

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def nonce_of(page: str) -> str:
    return page.split('name="nonce"')[1].split('value="')[1].split('"', maxsplit=1)[0]


class TestOneProduct:
    def test_the_form_stands_alone_and_as_a_sheet(self, world):
        mug = world.product("MUG")
        client = at_work("manager")
        for kind, button in (("receive", "Receive"), ("adjust", "Adjust"), ("count", "Save the count")):
            page = client.get(f"/products/{mug.pk}/{kind}").content.decode()
            sheet = client.get(f"/products/{mug.pk}/{kind}", headers=HTMX).content.decode()
            assert "<!doctype" in page.lower()
            assert "<!doctype" not in sheet.lower()
            assert button in sheet
            assert nonce_of(sheet)

    def test_receiving_adds_units_and_leads_back_to_the_product(self, world):
        mug = world.product("MUG", units=10)
        client = at_work("manager")
        answer = client.post(
            f"/products/{mug.pk}/receive",
            {"warehouse": world.warehouse.pk, "quantity": "5", "reason": "Note 7", "nonce": "n1"},
            follow=True,
        )
        assert answer.redirect_chain == [(f"/products/{mug.pk}", 302)]
        assert "MUG in Casablanca: +5, 15 on hand now." in answer.content.decode()
        assert world.shelf("MUG") == (15, 0)
        row = StockMovement.objects.latest("id")
        assert (row.kind, row.reason, row.actor_name, row.source) == (
            "receive",
            "Note 7",
            "Manager",
            "dashboard",
        )

    def test_a_sheet_is_answered_with_where_to_go(self, world):
        mug = world.product("MUG", units=10)
        answer = at_work("manager").post(
            f"/products/{mug.pk}/receive",
            {"warehouse": world.warehouse.pk, "quantity": "5", "nonce": "n1"},
            headers=HTMX,
        )
        assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, f"/products/{mug.pk}")

    def test_a_double_click_counts_once(self, world):
        mug = world.product("MUG", units=10)
        client = at_work("manager")
        said = {"warehouse": world.warehouse.pk, "quantity": "5", "nonce": "n1"}
        client.post(f"/products/{mug.pk}/receive", said)
        answer = client.post(f"/products/{mug.pk}/receive", said, follow=True)
        assert "MUG was booked already: this form came twice. 15 on hand." in answer.content.decode()
        assert world.shelf("MUG") == (15, 0)

    @pytest.mark.parametrize("quantity", ["", "0", "-1", "1.5", "many", "10000001", "٣x"])
    def test_a_quantity_that_is_none_is_said_at_its_field(self, world, quantity):
        mug = world.product("MUG")
        before = everything()
        answer = at_work("manager").post(
            f"/products/{mug.pk}/receive", {"warehouse": world.warehouse.pk, "quantity": quantity}
        )
        assert answer.status_code == 422
        assert "id_quantity_error" in answer.content.decode()
        assert everything() == before

    def test_adjusting_needs_a_reason(self, world):
        mug = world.product("MUG", units=10)
        client = at_work("manager")
        said = {"warehouse": world.warehouse.pk, "delta": "-2", "nonce": "n1"}
        before = everything()
        answer = client.post(f"/products/{mug.pk}/adjust", said)
        assert answer.status_code == 422
        assert "id_reason_error" in answer.content.decode()
        assert everything() == before
        client.post(f"/products/{mug.pk}/adjust", said | {"reason": "Broken"})
        assert world.shelf("MUG") == (8, 0)

    def test_units_that_orders_hold_stay_and_the_sheet_names_the_orders(self, world):
        mug = world.product("MUG", units=3)
        order = world.order([("MUG", 2)], status="PACKED")
        before = everything()
        answer = at_work("manager").post(
            f"/products/{mug.pk}/adjust",
            {"warehouse": world.warehouse.pk, "delta": "-2", "reason": "Broken", "nonce": "n1"},
            headers=HTMX,
        )
        page = answer.content.decode()
        assert answer.status_code == 409
        assert order.reference in page
        assert 'value="-2"' in page
        assert everything() == before

    def test_a_count_says_how_far_off_the_shelf_was(self, world):
        mug = world.product("MUG", units=10)
        client = at_work("manager")
        page = client.get(f"/products/{mug.pk}/count?warehouse=atlas-casa").content.decode()
        assert 'name="seen" value="10"' in page
        answer = client.post(
            f"/products/{mug.pk}/count",
            {"warehouse": world.warehouse.pk, "seen": "10", "counted": "7", "nonce": "n1"},
            follow=True,
        )
        assert "MUG counted in Casablanca: -3 against the ledger, 7 on hand now." in answer.content.decode()
        assert world.shelf("MUG") == (7, 0)

    def test_a_count_of_a_shelf_that_moved_shows_the_newer_number_and_asks_again(self, world):
        mug = world.product("MUG", units=10)
        world.order([("MUG", 4)], status="SHIPPED")
        before = everything()
        said = {"warehouse": world.warehouse.pk, "seen": "10", "counted": "10", "nonce": "n1"}
        client = at_work("manager")
        answer = client.post(f"/products/{mug.pk}/count", said)
        page = answer.content.decode()
        assert answer.status_code == 409
        assert "now there are 6" in page
        assert 'name="seen" value="6"' in page
        assert everything() == before
        answer = client.post(f"/products/{mug.pk}/count", said, headers=JSON)
        assert answer.status_code == 409
        assert answer.json()["current"] == {"MUG": {"on_hand": 6, "reserved": 0}}

    def test_a_shelf_never_used_is_counted_from_nothing(self, world):
        mug = world.product("MUG")
        rabat = Warehouse.objects.create(code="rabat", name="Rabat")
        client = at_work("manager")
        page = client.get(f"/products/{mug.pk}/count?warehouse=rabat").content.decode()
        assert 'name="seen" value="0"' in page
        client.post(
            f"/products/{mug.pk}/count", {"warehouse": rabat.pk, "seen": "0", "counted": "3", "nonce": "n"}
        )
        assert world.shelf("MUG", warehouse=rabat) == (3, 0)

    def test_programs_are_answered_in_numbers(self, world):
        mug = world.product("MUG", units=10)
        answer = at_work("manager").post(
            f"/products/{mug.pk}/receive",
            {"warehouse": "atlas-casa", "quantity": 5},
            content_type="application/json",
            headers=JSON,
        )
        assert answer.status_code == 200
        assert answer.json() == {
            "data": {
                "warehouse": "atlas-casa",
                "sku": "MUG",
                "delta": 5,
                "on_hand": 15,
                "reserved": 0,
                "available": 15,
                "is_repeat": False,
            }
        }

    def test_what_is_not_counted_is_not_moved(self, world):
        gift = world.product("GIFT", units=0, track_stock=False)
        before = everything()
        answer = at_work("manager").post(
            f"/products/{gift.pk}/receive", {"warehouse": world.warehouse.pk, "quantity": "5"}
        )
        assert answer.status_code == 422
        assert "GIFT is not counted" in answer.content.decode()
        assert everything() == before

    @pytest.mark.parametrize(
        "role", ["viewer", "packer", "shipper", "returns", "callcentre", "driver", "seller"]
    )
    def test_others_than_stock_keepers_move_nothing(self, world, role):
        mug = world.product("MUG")
        client = at_work(role)
        before = everything()
        for kind in ("receive", "adjust", "count"):
            assert client.get(f"/products/{mug.pk}/{kind}").status_code == 403
            said = {
                "warehouse": world.warehouse.pk,
                "quantity": "5",
                "delta": "1",
                "counted": "1",
                "reason": "x",
            }
            assert client.post(f"/products/{mug.pk}/{kind}", said).status_code == 403
        assert client.post("/stock/receive", {"lines": "MUG 1"}).status_code == 403
        assert everything() == before

    def test_another_merchants_product_is_not_there(self, world):
        lamp = World(slug="casbah").product("LAMP")
        client = at_work("manager", merchant=world.merchant)
        before = everything()
        answer = client.post(
            f"/products/{lamp.pk}/receive", {"warehouse": world.warehouse.pk, "quantity": "5"}
        )
        assert answer.status_code == 404
        assert everything() == before

    def test_other_methods_are_refused(self, world):
        mug = world.product("MUG")
        answer = at_work("manager").delete(f"/products/{mug.pk}/receive")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "HEAD, GET, POST")
        assert at_work("manager", username="other").get(f"/products/{mug.pk}/steal").status_code == 404


class TestDelivery:
    def send(self, client: Any, world: World, lines: str, **more: Any) -> Any:
        said = {"merchant": world.merchant.pk, "warehouse": world.warehouse.pk, "lines": lines, "nonce": "d1"}
        return client.post("/stock/receive", said | more, follow=True)

    def test_lines_name_sku_or_ean_and_how_many(self, world):
        world.product("MUG", units=1)
        cup = world.product("CUP 7", units=1)
        world.product("71053", units=1)
        Product.objects.filter(pk=cup.pk).update(ean="4006381333931")
        answer = self.send(
            at_work("manager"), world, "MUG 12\n4006381333931;3\n\nMUG\t2\n71053\nCUP 7\n  CUP 7   4 \n"
        )
        assert "23 units of 3 products received in Casablanca." in answer.content.decode()
        assert [world.shelf(sku)[0] for sku in ("MUG", "CUP 7", "71053")] == [15, 9, 2]
        assert ledger_equals_stock()

    def test_scanning_piece_by_piece_adds_up(self, world):
        world.product("MUG", units=0)
        self.send(at_work("manager"), world, "MUG\nMUG\nMUG\n")
        assert world.shelf("MUG") == (3, 0)
        assert StockMovement.objects.filter(kind="receive", delta=3).count() == 1

    def test_a_line_nobody_knows_stops_all_and_is_named(self, world):
        world.product("MUG", units=1)
        World(slug="casbah").product("LAMP")
        before = everything()
        answer = self.send(at_work("manager"), world, "MUG 2\nLAMP 3\nNONSENSE")
        page = answer.content.decode()
        assert answer.status_code == 422
        assert "line 2: LAMP 3; line 3: NONSENSE" in page
        assert "MUG 2" in page
        assert everything() == before

    def test_sent_twice_it_counts_once(self, world):
        world.product("MUG", units=1)
        client = at_work("manager")
        self.send(client, world, "MUG 2")
        answer = self.send(client, world, "MUG 2")
        assert "This delivery was booked already" in answer.content.decode()
        assert world.shelf("MUG") == (3, 0)

    def test_nothing_named_and_a_closed_warehouse_are_refused(self, world):
        world.product("MUG", units=1)
        closed = Warehouse.objects.create(code="old", name="Old", is_active=False)
        client = at_work("manager")
        before = everything()
        assert self.send(client, world, "  \n ").status_code == 422
        assert self.send(client, world, "MUG 0").status_code == 422
        assert self.send(client, world, "MUG 1", warehouse=closed.pk).status_code == 422
        assert everything() == before

    def test_the_form_proposes_the_persons_own_warehouse(self, world):
        rabat = Warehouse.objects.create(code="rabat", name="Rabat")
        World(slug="casbah")
        page = at_work("manager", warehouse=rabat).get("/stock/receive").content.decode()
        assert f'value="{rabat.pk}" selected' in page
        page = at_work("manager", username="other").get("/stock/receive").content.decode()
        assert f'value="{world.warehouse.pk}" selected' in page

    def test_programs_send_it_too(self, world):
        world.product("MUG", units=1)
        answer = at_work("manager").post(
            "/stock/receive",
            {"merchant": world.merchant.pk, "warehouse": "atlas-casa", "lines": "MUG 4"},
            content_type="application/json",
            headers=JSON,
        )
        assert answer.status_code == 200
        assert [(row["sku"], row["delta"], row["on_hand"]) for row in answer.json()["data"]] == [
            ("MUG", 4, 5)
        ]
