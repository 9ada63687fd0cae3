"""The WedoCOD REST API: each example of its document, all or nothing, errors by index."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.models import Order, OrderEvent, OrderLine
from tests.api.conftest import Program, program
from tests.world import World, everything

pytestmark = pytest.mark.django_db
URL = "/api/web/1.0/orders"
NINE = {
    "NEW": "new",
    "PICKED_UP": "new",
    "PREPARING": "new",
    "PACKED": "packed",
    "WAITING_FOR_SHIPPING_COMPANY": "waiting_for_shipping_company",
    "SHIPPED": "shipped",
    "DELIVERED": "delivered",
    "RETURNED": "returned",
    "RETURN_RECEIVED": "returned",
    "RETURNED_TO_STOCK": "returned",
    "CANCELED": "canceled",
    "OUT_OF_STOCK": "out_of_stock",
}


@pytest.fixture
def shop(world: World) -> World:
    for sku in ("PROD-001", "PROD-002"):
        world.product(sku)
    return world


def example() -> dict:
    return {
        "orders": [
            {
                "full_name": "Youssef El Idrissi",
                "phone": "+212600000001",
                "city": "Casablanca",
                "address": "Rue 45, Maarif, Casablanca",
                "is_fees_paid_by_customer": True,
                "total": 399,
                "products": [{"sku": "PROD-001", "quantity": 1, "price": 399}],
            },
            {
                "full_name": "Amina Tazi",
                "phone": "+212600000002",
                "city": "Fes",
                "address": "Avenue Hassan II, Fes",
                "is_fees_paid_by_customer": False,
                "total": 598,
                "products": [{"sku": "PROD-002", "quantity": 2, "price": 299}],
            },
        ]
    }


class TestCreate:
    def test_the_documents_example(self, shop: World, atlas: Program) -> None:
        answer = atlas.post(URL, example())
        first, second = Order.objects.order_by("pk")
        assert answer.status_code == 200
        assert answer.json() == {
            "message": "Orders created successfully.",
            "data": [
                {"index": 0, "reference": first.reference, "external_reference": None},
                {"index": 1, "reference": second.reference, "external_reference": None},
            ],
        }
        assert (first.full_name, first.total, first.is_fees_paid_by_customer) == (
            "Youssef El Idrissi",
            399,
            True,
        )
        assert (second.city, second.total, second.is_fees_paid_by_customer) == ("Fes", 598, False)
        assert list(OrderLine.objects.order_by("pk").values_list("sku", "quantity", "total")) == [
            ("PROD-001", 1, 399),
            ("PROD-002", 2, 598),
        ]
        assert OrderEvent.objects.first().source == "api:web"

    def test_a_thousand_orders_of_ten_products_take_as_many_statements_as_two(
        self, shop: World, atlas: Program
    ) -> None:
        for number in range(10):
            shop.product(f"SKU-{number}")
        atlas.get(URL)
        order = example()["orders"][0] | {
            "products": [{"sku": f"SKU-{number}", "quantity": 1, "price": 10} for number in range(10)]
        }
        counts = []
        for amount in (2, 1000):
            with CaptureQueriesContext(connection) as captured:
                answer = atlas.post(URL, {"orders": [order] * amount})
            assert answer.status_code == 200
            assert [one["index"] for one in answer.json()["data"]] == list(range(amount))
            counts.append(len(captured))
        assert counts[0] == counts[1] <= 14
        assert OrderLine.objects.count() == 10_020

    def test_one_wrong_order_refuses_all_and_names_index_and_field(self, shop: World, atlas: Program) -> None:
        orders = example()["orders"] * 10
        orders[17] = orders[17] | {"products": [{"sku": "NOPE", "quantity": 0, "price": 1}]}
        before = everything()
        answer = atlas.post(URL, {"orders": orders})
        assert answer.status_code == 422
        assert set(answer.json()) == {"message", "errors"}
        assert set(answer.json()["errors"]) == {
            "orders.17.products.0.sku",
            "orders.17.products.0.quantity",
        }
        assert everything() == before

    def test_misshapen_and_wrong_orders_are_named_together(self, shop: World, atlas: Program) -> None:
        good = example()["orders"][0]
        orders = ["x", good | {"products": "y"}, good | {"products": [5]}, good | {"city": ""}, good]
        errors = atlas.post(URL, {"orders": orders}).json()["errors"]
        assert set(errors) == {"orders.0", "orders.1.products", "orders.2.products.0", "orders.3.city"}

    @pytest.mark.parametrize("orders", [None, [], {}, "x", 5])
    def test_there_have_to_be_orders(self, atlas: Program, orders: object) -> None:
        answer = atlas.post(URL, {"orders": orders})
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["orders"])

    def test_more_than_a_thousand_are_refused(self, shop: World, atlas: Program) -> None:
        answer = atlas.post(URL, {"orders": [example()["orders"][0]] * 1001})
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["orders"])
        assert not Order.objects.exists()

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("full_name", ""),
            ("full_name", "x" * 101),
            ("full_name", "\u200b\u200c"),
            ("phone", None),
            ("phone", "5" * 101),
            ("email", "nobody"),
            ("city", None),
            ("address", ""),
            ("address", "x" * 1001),
            ("shipment_way", "x"),
            ("shipment_way", -1),
            ("is_fees_paid_by_customer", None),
            ("is_fees_paid_by_customer", "yes"),
            ("total", 0),
            ("total", 1_000_000),
            ("total", None),
            ("total", True),
            ("total", 1.234),
            ("total", "1E+999999999"),
            ("total", "NaN"),
        ],
    )
    def test_a_wrong_field_is_named(self, shop: World, atlas: Program, field: str, value: object) -> None:
        orders = example()["orders"]
        orders[1][field] = value
        answer = atlas.post(URL, {"orders": orders})
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [f"orders.1.{field}"])
        assert not Order.objects.exists()

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("sku", None),
            ("sku", "X"),
            ("sku", ["PROD-001"]),
            ("quantity", 0),
            ("quantity", 1_000_000),
            ("quantity", 1.5),
            ("price", None),
            ("price", 0),
            ("price", 1_000_000),
            ("price", "1_000"),
        ],
    )
    def test_a_wrong_field_of_a_product_is_named(
        self, shop: World, atlas: Program, field: str, value: object
    ) -> None:
        orders = example()["orders"]
        orders[1]["products"][0][field] = value
        answer = atlas.post(URL, {"orders": orders})
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [f"orders.1.products.0.{field}"])

    def test_ten_products_are_taken_and_eleven_are_not(self, shop: World, atlas: Program) -> None:
        order = example()["orders"][0]
        line = order["products"][0]
        assert atlas.post(URL, {"orders": [order | {"products": [line] * 10}]}).status_code == 200
        answer = atlas.post(URL, {"orders": [order | {"products": [line] * 11}]})
        assert list(answer.json()["errors"]) == ["orders.0.products"]

    def test_an_unknown_city_joins_the_queue_and_another_merchants_sku_is_unknown(
        self, shop: World, atlas: Program
    ) -> None:
        order = example()["orders"][0]
        assert atlas.post(URL, {"orders": [order | {"city": "Atlantis"}]}).status_code == 200
        assert Order.objects.get().city_place is None
        World(slug="casbah").product("FOREIGN")
        order["products"][0]["sku"] = "FOREIGN"
        answer = atlas.post(URL, {"orders": [order]})
        assert list(answer.json()["errors"]) == ["orders.0.products.0.sku"]

    def test_a_reference_of_ones_own_comes_back_and_is_taken_once(self, shop: World, atlas: Program) -> None:
        order = example()["orders"][0] | {"external_reference": "S-1"}
        assert atlas.post(URL, {"orders": [order]}).json()["data"][0]["external_reference"] == "S-1"
        answer = atlas.post(URL, {"orders": [order]})
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["orders.0.external_reference"])
        assert Order.objects.count() == 1


class TestListAndShow:
    @time_machine.travel("2025-01-15T10:30:00Z", tick=False)
    def test_the_documents_row(self, shop: World, atlas: Program) -> None:
        atlas.post(URL, {"orders": example()["orders"][:1]})
        body = atlas.get(f"{URL}?per_page=25").json()
        assert body["data"] == [
            {
                "reference": Order.objects.get().reference,
                "full_name": "Youssef El Idrissi",
                "phone": "+212600000001",
                "city": "Casablanca",
                "status": "new",
                "total": 399,
                "created_at": "2025-01-15T10:30:00Z",
            }
        ]
        assert {name: body["meta"][name] for name in ("current_page", "per_page", "total")} == {
            "current_page": 1,
            "per_page": 25,
            "total": 1,
        }

    def test_statuses_are_the_nine_in_lower_case(self, world: World, atlas: Program) -> None:
        world.units = 100
        expected = {world.order(status=status).reference: word for status, word in NINE.items()}
        rolled_back = world.walk(world.order(status="SHIPPED"), "rollback")
        expected[rolled_back.reference] = "rollback"
        rows = atlas.get(f"{URL}?per_page=100").json()["data"]
        assert {row["reference"]: row["status"] for row in rows} == expected

    def test_key_words_are_looked_for_in_one_field_or_in_all_four(self, shop: World, atlas: Program) -> None:
        atlas.post(URL, example())
        first, second = (order.reference for order in Order.objects.order_by("pk"))

        def found(query: str) -> list[str]:
            return [row["reference"] for row in atlas.get(f"{URL}?{query}").json()["data"]]

        assert found("search_by=full_name&keyWord=EL%20IDR") == [first]
        assert found("search_by=city&keyWord=fES") == [second]
        assert found("search_by=phone&keyWord=0600000002") == [second]
        assert found("search_by=phone&keyWord=600-0000-01") == [first]
        assert found(f"search_by=reference&keyWord={second[-6:]}") == [second]
        assert found("search_by=city&keyWord=Tazi") == []
        assert found("keyWord=tazi") == [second]
        assert found("keyWord=casa") == [first]
        assert found("keyWord=") == [second, first]
        for wild in ("%25", "_", "%5C", "'%20OR%201=1--", "$$", "(a%2B)%2B$"):
            assert found(f"keyWord={wild}") == [], wild

    @pytest.mark.parametrize(
        ("query", "path"),
        [
            ("per_page=0", "per_page"),
            ("per_page=x", "per_page"),
            ("search_by=merchant__name&keyWord=x", "search_by"),
            ("keyWord=%00", "keyWord"),
            ("keyWord=" + "x" * 101, "keyWord"),
        ],
    )
    def test_a_question_that_makes_no_sense_is_refused(self, atlas: Program, query: str, path: str) -> None:
        answer = atlas.get(f"{URL}?{query}")
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [path])

    def test_show_has_the_lists_keys_products_and_history(self, world: World, atlas: Program) -> None:
        order = world.order(status="CANCELED")
        data = atlas.get(f"{URL}/{order.reference}/show").json()["data"]
        row = atlas.get(URL).json()["data"][0]
        assert {name: data[name] for name in row} == row
        assert data["products"] == [
            {"sku": "MUG", "name": "Mug", "quantity": 2, "price": 50, "total": 100},
        ]
        assert [(entry["action"], entry["from"], entry["to"]) for entry in data["history"]] == [
            ("cancel", "new", "canceled")
        ]

    def test_a_strangers_and_a_missing_order_look_alike(self, atlas: Program) -> None:
        theirs = World(slug="casbah").order()
        one, other = (atlas.get(f"{URL}/{ref}/show") for ref in (theirs.reference, "ORD-999999"))
        assert (one.status_code, one.content) == (404, other.content)


class TestUpdate:
    def update(self, program: Program, *asked: dict) -> object:
        return program.put(URL, {"orders": list(asked)})

    def test_moves_each_order_one_step_and_answers_by_index(self, world: World, atlas: Program) -> None:
        world.merchant.default_company_key = "ecotrack"
        world.merchant.save()
        steps = [
            ("NEW", "packed"),
            ("PACKED", "SHIPPED"),
            ("SHIPPED", "Delivered"),
            ("SHIPPED", "returned"),
            ("NEW", "canceled"),
            ("NEW", "out_of_stock"),
            ("CANCELED", "new"),
            ("SHIPPED", "rollback"),
            ("NEW", "waiting_for_shipping_company"),
        ]
        world.units = 100
        orders = [world.order(status=status) for status, _ in steps]
        asked = [
            {"reference": order.reference, "status": word}
            for order, (_, word) in zip(orders, steps, strict=True)
        ]
        answer = self.update(atlas, *asked)
        assert answer.status_code == 200, answer.json()
        assert answer.json()["data"] == [
            {"index": index, "reference": order.reference, "status": steps[index][1].lower()}
            for index, order in enumerate(orders)
        ]
        for order, (_, word) in zip(orders, steps, strict=True):
            order.refresh_from_db()
            assert order.tab.lower() == word.lower()
        assert orders[8].company_key == "ecotrack"
        assert OrderEvent.objects.filter(action="cancel", order=orders[4]).get().message == "through api"

    def test_days_and_reasons_are_kept_for_each(self, world: World, atlas: Program) -> None:
        one, two, three = (world.order(status="PACKED") for _ in range(3))
        answer = self.update(
            atlas,
            {"reference": one.reference, "status": "shipped", "action_date": "2026-01-02"},
            {"reference": two.reference, "status": "shipped", "action_date": "2026-01-02T23:30:00Z"},
            {"reference": three.reference, "status": "canceled", "description": "changed her mind"},
        )
        assert answer.status_code == 200, answer.json()
        ships = OrderEvent.objects.filter(action="ship").order_by("order_id")
        assert [event.occurred_on for event in ships] == [dt.date(2026, 1, 2), dt.date(2026, 1, 3)]
        assert OrderEvent.objects.get(action="cancel").message == "changed her mind"

    def test_one_that_may_not_move_refuses_all_by_index(self, world: World, atlas: Program) -> None:
        good, bad = world.order(), world.order(status="DELIVERED")
        theirs = World(slug="casbah").order()
        before = everything()
        for wrong, path in (
            ({"reference": bad.reference, "status": "packed"}, "orders.1.status"),
            ({"reference": theirs.reference, "status": "packed"}, "orders.1.reference"),
            ({"reference": "ORD-999999", "status": "packed"}, "orders.1.reference"),
            ({"reference": good.reference, "status": "shipped"}, "orders.1.reference"),
            ({"reference": bad.reference, "status": "lost"}, "orders.1.status"),
            ({"reference": bad.reference, "status": 5}, "orders.1.status"),
            ({"reference": None, "status": "packed"}, "orders.1.reference"),
            ({"reference": "\x00", "status": "packed"}, "orders.1.reference"),
            ({"reference": ["x"], "status": "packed"}, "orders.1.reference"),
            ("x", "orders.1"),
        ):
            answer = self.update(atlas, {"reference": good.reference, "status": "packed"}, wrong)
            assert (answer.status_code, list(answer.json()["errors"])) == (422, [path]), wrong
            assert everything() == before

    def test_no_step_is_skipped(self, world: World, atlas: Program) -> None:
        order = world.order()
        before = everything()
        answer = self.update(atlas, {"reference": order.reference, "status": "delivered"})
        assert list(answer.json()["errors"]) == ["orders.0.status"]
        assert everything() == before

    def test_a_shortage_fails_the_whole_call(self, world: World, atlas: Program) -> None:
        good, short = world.order(), world.order([("MUG", 11)])
        before = everything()
        answer = self.update(
            atlas,
            {"reference": good.reference, "status": "packed"},
            {"reference": short.reference, "status": "packed"},
        )
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["orders.1.status"])
        assert everything() == before

    @pytest.mark.parametrize(
        "day", ["tomorrow", "x", "2026-02-30", "0000-00-00", "9999-12-31", 5, "2026-01-02T99:00:00Z"]
    )
    def test_a_wrong_day_is_named(self, world: World, atlas: Program, day: object) -> None:
        order = world.order()
        before = everything()
        if day == "tomorrow":
            day = (world.merchant.today() + dt.timedelta(days=1)).isoformat()
        answer = self.update(atlas, {"reference": order.reference, "status": "packed", "action_date": day})
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["orders.0.action_date"])
        assert everything() == before

    def test_the_status_it_has_already_is_no_error(self, world: World, atlas: Program) -> None:
        order = world.order(status="PACKED")
        before = everything()
        answer = self.update(atlas, {"reference": order.reference, "status": "packed"})
        assert (answer.status_code, everything() == before) == (200, True)

    def test_a_merchant_without_a_company_cannot_push(self, world: World, atlas: Program) -> None:
        order = world.order()
        answer = self.update(atlas, {"reference": order.reference, "status": "waiting_for_shipping_company"})
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["orders.0.status"])

    @pytest.mark.parametrize("orders", [None, [], {}, [{}] * 1001])
    def test_there_have_to_be_one_to_a_thousand(self, atlas: Program, orders: object) -> None:
        answer = atlas.put(URL, {"orders": orders})
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["orders"])

    def test_statements_do_not_grow_with_the_orders(self, world: World, atlas: Program) -> None:
        atlas.get(URL)
        world.units = 1000
        counts = []
        for amount in (2, 20):
            orders = [world.order(status="PACKED") for _ in range(amount)]
            days = [(timezone.now() - dt.timedelta(days=number)).date() for number in range(amount)]
            asked = [
                {
                    "reference": order.reference,
                    "status": ("shipped", "canceled")[number % 2],
                    "action_date": days[number].isoformat(),
                    "description": f"reason {number}",
                }
                for number, order in enumerate(orders)
            ]
            with CaptureQueriesContext(connection) as captured:
                answer = self.update(atlas, *asked)
            assert answer.status_code == 200, answer.json()
            counts.append(len(captured))
        assert counts[0] == counts[1]


class TestDelete:
    @pytest.mark.parametrize("status", list(NINE))
    def test_only_deletable_statuses(self, world: World, atlas: Program, status: str) -> None:
        order = world.order(status=status)
        before = everything()
        answer = atlas.delete(f"{URL}/{order.reference}")
        if status in {"NEW", "CANCELED", "OUT_OF_STOCK"}:
            assert (answer.status_code, answer.json()) == (200, {"message": "Order deleted successfully."})
            assert atlas.get(f"{URL}/{order.reference}/show").status_code == 404
            assert atlas.delete(f"{URL}/{order.reference}").status_code == 404
        else:
            assert (answer.status_code, list(answer.json()["errors"])) == (422, ["reference"])
            assert everything() == before

    def test_a_strangers_order_is_not_there(self, atlas: Program) -> None:
        theirs = World(slug="casbah").order()
        assert atlas.delete(f"{URL}/{theirs.reference}").status_code == 404
        theirs.refresh_from_db()
        assert theirs.deleted_at is None


def test_each_ability_opens_its_own_calls_only(world: World) -> None:
    order = world.order()
    calls = {
        "view": [("GET", URL), ("GET", f"{URL}/{order.reference}/show")],
        "create": [("POST", URL)],
        "update": [("PUT", URL)],
        "delete": [("DELETE", f"{URL}/{order.reference}")],
    }
    before = everything()
    for ability in calls:
        alone = program(world, ability)
        for needed, addresses in calls.items():
            if needed == ability:
                continue
            for method, address in addresses:
                answer = alone.call(method, address, {} if method in ("POST", "PUT") else None)
                assert answer.status_code == 403, (ability, method, address)
                assert answer["WWW-Authenticate"] == (
                    f'Bearer error="insufficient_scope", scope="orders.{needed}"'
                )
                assert answer.json()["code"] == "insufficient_scope"
    assert everything() == before
