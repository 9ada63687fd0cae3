"""A new order by hand: what it takes, the warning before a duplicate, one order however often it is sent."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from orders.domain.actors import Actor
from orders.domain.incoming.intake import LineDraft, OrderDraft
from orders.domain.incoming.submitting import AlreadySubmitted, submit_order
from orders.domain.refusals import InvalidInput
from orders.models import City, Order, OrderEvent, Submission
from tests.domain.life.test_rivals import in_thread
from tests.personas import JSON, at_work, person
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> World:
    world = World()
    world.product("MUG")
    world.product("LAMP")
    City.objects.create(country="MA", name="Fès", key="fes")
    return world


@pytest.fixture
def clerk(world: World) -> Client:
    return at_work("callcentre")


def page_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def form_of(world: World, **more: Any) -> dict[str, Any]:
    fields = {
        "nonce": "n-1",
        "merchant": str(world.merchant.pk),
        "full_name": "Salma Tazi",
        "phone": "0612345678",
        "city": "Fes",
        "address": "4 rue Ibn Sina",
        "products[0][product]": "MUG",
        "products[0][quantity]": "2",
        "products[0][price]": "",
        "total": "",
    } | more
    return {name: value for name, value in fields.items() if value is not None}


def test_an_order_is_made_with_its_total_computed(world: World, clerk: Client) -> None:
    answer = clerk.post("/orders/new", form_of(world))
    order = Order.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/orders/{order.pk}/show")
    assert (order.status, order.source, order.merchant_id) == ("NEW", "dashboard", world.merchant.pk)
    assert (order.total, order.amount_due) == (Decimal(100), Decimal(100))
    assert order.city_place is not None
    assert order.city_place.name == "Fès"
    assert order.created_by is not None
    assert order.created_by.username == "callcentre"
    assert list(order.lines.values_list("sku", "quantity", "unit_price")) == [("MUG", 2, Decimal(50))]
    assert OrderEvent.objects.get().action == "create"


def test_several_lines_and_a_total_of_ones_own(world: World, clerk: Client) -> None:
    lamp = world.product("LAMP")
    clerk.post(
        "/orders/new",
        form_of(
            world,
            total="180",
            **{
                "products[0][price]": "45.5",
                "products[3][id]": str(lamp.pk),
                "products[3][product]": "LAMP · Lamp",
                "products[3][quantity]": "1",
                "products[4][product]": "",
                "products[4][quantity]": "1",
            },
        ),
    )
    order = Order.objects.get()
    assert order.total == Decimal(180)
    assert list(order.lines.values_list("sku", "quantity", "total")) == [
        ("MUG", 2, Decimal(91)),
        ("LAMP", 1, Decimal(50)),
    ]


def test_rows_are_offered_for_a_browser_without_script_each_with_its_own_name(clerk: Client) -> None:
    page = clerk.get("/orders/new").content.decode().split("<template")[0]
    assert re.findall(r'name="products\[(\d+)\]\[product\]"', page) == ["0", "1", "2", "3", "4"]


def test_a_city_nobody_knows_joins_the_queue(world: World, clerk: Client) -> None:
    clerk.post("/orders/new", form_of(world, city="Nowhere"))
    order = Order.objects.get()
    assert (order.city, order.city_place_id) == ("Nowhere", None)


def test_mistakes_come_back_beside_their_fields_with_all_that_was_typed(world: World, clerk: Client) -> None:
    answer = clerk.post(
        "/orders/new",
        form_of(
            world,
            full_name="",
            total="much",
            **{"products[0][product]": "HAT", "products[0][quantity]": "0"},
        ),
    )
    page = page_of(answer)
    assert answer.status_code == 422
    assert "The customer&#x27;s name is missing." in page
    assert "Atlas has no product with the SKU “HAT”." in page
    assert "The quantity is below 1." in page
    assert "This is not an amount of money." in page
    assert 'value="4 rue Ibn Sina"' in page
    assert 'value="HAT"' in page
    assert 'name="nonce" value="n-1"' in page
    assert Order.objects.count() == 0


def test_an_order_without_products_is_refused(world: World, clerk: Client) -> None:
    answer = clerk.post("/orders/new", form_of(world, **{"products[0][product]": ""}))
    assert answer.status_code == 422
    assert "The order has no product." in page_of(answer)


def test_a_probable_duplicate_is_asked_about_first(world: World, clerk: Client) -> None:
    clerk.post("/orders/new", form_of(world))
    first = Order.objects.get()
    answer = clerk.post("/orders/new", form_of(world, nonce="n-2", phone="+212 612 345 678"))
    page = page_of(answer)
    assert answer.status_code == 409
    assert "Is this the same order once more?" in page
    assert f"/orders/{first.pk}/show" in page
    assert Order.objects.count() == 1

    confirm = re.search(r'name="confirm_duplicate" value="(\d)"', page)
    assert confirm is not None
    answer = clerk.post("/orders/new", form_of(world, nonce="n-2", confirm_duplicate=confirm[1]))
    assert answer.status_code == 302
    assert Order.objects.count() == 2


def test_another_product_or_another_merchant_is_no_duplicate(world: World, clerk: Client) -> None:
    clerk.post("/orders/new", form_of(world))
    clerk.post("/orders/new", form_of(world, nonce="n-2", **{"products[0][product]": "LAMP"}))
    casbah = World(slug="casbah")
    casbah.product("MUG")
    clerk.post("/orders/new", form_of(casbah, nonce="n-3"))
    assert Order.objects.count() == 3


def test_the_same_form_sent_twice_makes_one_order(world: World, clerk: Client) -> None:
    first = clerk.post("/orders/new", form_of(world))
    second = clerk.post("/orders/new", form_of(world))
    assert first["Location"] == second["Location"]
    assert (Order.objects.count(), Submission.objects.count()) == (1, 1)


def test_the_same_form_with_other_values_is_led_to_the_order_it_made(world: World, clerk: Client) -> None:
    made = clerk.post("/orders/new", form_of(world))["Location"]
    again = clerk.post("/orders/new", form_of(world, full_name="Somebody Else"), follow=True)
    assert again.redirect_chain == [(made, 302)]
    assert "made" in page_of(again)
    assert Order.objects.get().full_name == "Salma Tazi"


def test_a_refused_form_keeps_its_nonce_for_the_next_try(world: World, clerk: Client) -> None:
    clerk.post("/orders/new", form_of(world, full_name=""))
    assert Submission.objects.count() == 0
    assert clerk.post("/orders/new", form_of(world)).status_code == 302


def test_two_people_may_use_the_same_nonce(world: World, clerk: Client) -> None:
    clerk.post("/orders/new", form_of(world))
    at_work("manager").post("/orders/new", form_of(world, phone="0698765432"))
    assert Order.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_double_click_makes_one_order_even_at_the_same_moment() -> None:
    world = World()
    world.product("MUG")
    actor = Actor.of(person("callcentre"), source="dashboard")
    draft = OrderDraft(
        full_name="Salma",
        phone="0612345678",
        city="Fes",
        address="here",
        lines=(LineDraft(sku="MUG", quantity=1),),
    )
    for number in range(5):

        def send(nonce: str = f"n-{number}") -> Any:
            return submit_order(draft, merchant=world.merchant, actor=actor, nonce=nonce)

        thread, theirs = in_thread(send)
        mine = send()
        thread.join(timeout=30)
        assert mine.order_id == theirs[0].order_id
        assert sorted([mine.is_new, theirs[0].is_new]) == [False, True]
    assert Order.objects.count() == 5


def test_a_nonce_says_what_it_was_used_for(world: World) -> None:
    actor = Actor.of(person("callcentre"), source="dashboard")
    lines = (LineDraft(sku="MUG", quantity=1),)
    draft = OrderDraft(full_name="A", phone="0612345678", city="Fes", address="x", lines=lines)
    made = submit_order(draft, merchant=world.merchant, actor=actor, nonce="n")
    other = OrderDraft(full_name="B", phone="0612345678", city="Fes", address="x", lines=lines)
    with pytest.raises(AlreadySubmitted) as refused:
        submit_order(other, merchant=world.merchant, actor=actor, nonce="n")
    assert refused.value.order_id == made.order_id
    for nonce in ("", "x" * 65):
        with pytest.raises(InvalidInput):
            submit_order(draft, merchant=world.merchant, actor=actor, nonce=nonce)


# --- whose order ----------------------------------------------------------------------


def test_staff_choose_the_merchant_and_the_last_choice_is_remembered(world: World, clerk: Client) -> None:
    casbah = World(slug="casbah")
    casbah.product("RUG")
    assert not re.search(r'<option value="\d+" selected>', page_of(clerk.get("/orders/new")))
    clerk.post("/orders/new", form_of(casbah, **{"products[0][product]": "RUG"}))
    assert Order.objects.get().merchant_id == casbah.merchant.pk
    assert re.search(rf'<option value="{casbah.merchant.pk}" selected>', page_of(clerk.get("/orders/new")))


def test_a_sellers_order_is_the_sellers_own(world: World) -> None:
    casbah = World(slug="casbah")
    casbah.product("MUG")
    seller = at_work("seller", merchant=world.merchant)
    assert "Casbah" not in page_of(seller.get("/orders/new"))
    answer = seller.post("/orders/new", form_of(casbah), headers=JSON)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["merchant"])
    assert seller.post("/orders/new", form_of(world, merchant=None)).status_code == 302
    assert Order.objects.get().merchant_id == world.merchant.pk


# --- JSON -----------------------------------------------------------------------------


def test_a_program_gets_201_and_the_order(world: World, clerk: Client) -> None:
    body = {
        "merchant": "atlas",
        "full_name": "Salma Tazi",
        "phone": "0612345678",
        "city": "Fes",
        "address": "4 rue Ibn Sina",
        "products": [{"sku": "MUG", "quantity": 2, "price": 40}],
    }
    answer = clerk.post(
        "/orders/new", json.dumps(body), content_type="application/json", headers={"Idempotency-Key": "k-1"}
    )
    assert answer.status_code == 201, answer.content
    data = answer.json()["data"]
    assert (data["status"], data["total"], data["products"][0]["sku"]) == ("NEW", 80, "MUG")
    again = clerk.post(
        "/orders/new", json.dumps(body), content_type="application/json", headers={"Idempotency-Key": "k-1"}
    )
    assert (again.status_code, again.json()["data"]["id"]) == (200, data["id"])
    twin = clerk.post("/orders/new", json.dumps(body), content_type="application/json")
    assert (twin.status_code, twin.json()["code"]) == (409, "duplicate")
    assert [found["id"] for found in twin.json()["duplicates"]] == [data["id"]]
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ({"quantity": 2, "total": 90}, 201, 90),
        ({"quantity": 3, "total": 10}, 422, ["products.0.total"]),
        ({"quantity": 2, "total": "much"}, 422, ["products.0.price"]),
        ({"quantity": 0, "total": 90}, 422, ["products.0.quantity"]),
    ],
)
def test_a_programs_line_total_is_never_passed_over(
    world: World, clerk: Client, line: dict[str, Any], status: int, said: Any
) -> None:
    body = {
        "merchant": "atlas",
        "full_name": "Salma Tazi",
        "phone": "0612345678",
        "city": "Fes",
        "address": "4 rue Ibn Sina",
        "products": [{"sku": "MUG"} | line],
    }
    answer = clerk.post("/orders/new", json.dumps(body), content_type="application/json")
    assert answer.status_code == status, answer.content
    found = answer.json()["data"]["total"] if status == 201 else list(answer.json()["errors"])
    assert found == said
    assert Order.objects.count() == (status == 201)


def test_a_programs_mistakes_are_named_by_field(world: World, clerk: Client) -> None:
    answer = clerk.post(
        "/orders/new",
        json.dumps({"merchant": "atlas", "products": [{"sku": "HAT", "quantity": 1}]}),
        content_type="application/json",
    )
    assert answer.status_code == 422
    assert sorted(answer.json()["errors"]) == ["address", "city", "full_name", "phone", "products.0.sku"]


# --- suggestions ----------------------------------------------------------------------


def options_of(answer: Any) -> list[tuple[str, str]]:
    return re.findall(r'data-value="(\d+)"\s+data-text="([^"]*)"', answer.content.decode())


def test_cities_are_suggested_for_the_merchants_country(world: World, clerk: Client) -> None:
    fes = City.objects.get(name="Fès")
    inner = City.objects.create(country="MA", name="Sidi Fès", key="sidi fes", key_ar="سيدي فاس")
    City.objects.create(country="DZ", name="Fesdis", key="fesdis")
    url = f"/places/suggest?merchant={world.merchant.pk}"
    assert options_of(clerk.get(f"{url}&q=FÈS")) == [(str(fes.pk), "Fès"), (str(inner.pk), "Sidi Fès")]
    assert options_of(clerk.get(f"{url}&q=فاس")) == [(str(inner.pk), "Sidi Fès")]
    assert options_of(clerk.get(f"{url}&q=")) == []


def test_a_shared_name_is_suggested_with_its_region(world: World, clerk: Client) -> None:
    for region in ("Batna", "Oran"):
        City.objects.create(country="DZ", name="Aïn Touta", region=region, key="ain touta")
    found = options_of(clerk.get("/places/suggest?country=DZ&q=ain"))
    assert [words for _id, words in found] == ["Aïn Touta, Batna", "Aïn Touta, Oran"]


def test_products_are_suggested_by_sku_and_name_of_one_merchant(world: World, clerk: Client) -> None:
    theirs = World(slug="casbah").product("MUG-2")
    world.product("MUG-OLD", is_active=False)
    mug = world.product("MUG")
    url = f"/products/suggest?merchant={world.merchant.pk}&q="
    assert options_of(clerk.get(f"{url}mug")) == [(str(mug.pk), "MUG · Mug")]
    seller = at_work("seller", merchant=world.merchant)
    answer = seller.get(f"/products/suggest?merchant={theirs.merchant_id}&q=mug")
    assert options_of(answer) == [(str(mug.pk), "MUG · Mug")]
