"""One order's page and its JSON: what it says, to whom, and what it offers."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.domain.actors import Actor
from orders.domain.life.deleting import delete_orders
from orders.domain.life.editing import add_note, edit_order
from orders.models import City, Order, OrderEvent
from tests.personas import JSON, at_work, person
from tests.world import SYSTEM, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> World:
    return World()


@pytest.fixture
def manager(world: World) -> Client:
    return at_work("manager")


def page_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def words_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def data_of(client: Client, order: Order) -> dict[str, Any]:
    return client.get(f"/orders/{order.pk}/show", headers=JSON).json()["data"]


def test_the_json_of_an_order_has_exactly_these_fields(world: World, manager: Client) -> None:
    order = world.order(
        [("MUG", 2)],
        external_reference="WEB-7",
        second_phone="0522000000",
        email="k@example.org",
        area="Maarif",
        notes="fragile",
        total=Decimal("110.50"),
        city_place=City.objects.create(country="MA", name="Casablanca", key="casablanca"),
        created_at=dt.datetime(2026, 11, 19, 9, 30, tzinfo=dt.UTC),
    )
    world.walk(order, "pick", actor=Actor.of(person("packer"), source="scanner", station="bench-1"))
    recorded = OrderEvent.objects.get().recorded_at.astimezone(dt.UTC)
    assert manager.get(f"/orders/{order.reference}/show", headers=JSON).json() == {
        "data": {
            "id": str(order.pk),
            "reference": order.reference,
            "external_reference": "WEB-7",
            "merchant": "atlas",
            "full_name": "Karim Mansouri",
            "phone": "0661234567",
            "city": "Casablanca",
            "status": "PICKED_UP",
            "call_center": "confirmed",
            "payment_status": "awaiting",
            "total": 110.5,
            "currency": "MAD",
            "tracking": None,
            "created_at": "2026-11-19T09:30:00Z",
            "second_phone": "0522000000",
            "email": "k@example.org",
            "area": "Maarif",
            "address": "123 Bd Mohammed V",
            "notes": "fragile",
            "cycle": 1,
            "warehouse": "atlas-casa",
            "version": 2,
            "allowed": ["prepare", "pack", "push", "mark_out_of_stock", "cancel"],
            "why_not_shipping": "Nothing is missing: it waits to be packed.",
            "products": [
                {
                    "id": str(order.lines.get().product_id),
                    "sku": "MUG",
                    "name": "Mug",
                    "quantity": 2,
                    "price": 50,
                    "total": 100,
                }
            ],
            "history": [
                {
                    "type": "shipping",
                    "from": "NEW",
                    "to": "PICKED_UP",
                    "action": "pick",
                    "message": "because",
                    "actor": "Packer",
                    "source": "scanner",
                    "occurred_on": recorded.astimezone(world.merchant.zone).date().isoformat(),
                    "recorded_at": recorded.strftime("%Y-%m-%dT%H:%M:%SZ"),
                }
            ],
        }
    }


def test_an_order_on_the_road_has_nothing_to_explain(world: World, manager: Client) -> None:
    assert data_of(manager, world.order(status="SHIPPED"))["why_not_shipping"] is None


def test_history_comes_newest_first_and_a_call_says_what_it_reached(world: World, manager: Client) -> None:
    order = world.order(call_center="pending")
    manager.post("/orders/confirm", {"ids": order.pk, "outcome": "no_answer", "note": "rang twice"})
    world.walk(order, "pack")
    history = data_of(manager, order)["history"]
    assert [(h["type"], h["action"], h["from"], h["to"]) for h in history] == [
        ("shipping", "pack", "NEW", "PACKED"),
        ("call_center", "confirm", "pending", "no_answer"),
    ]
    assert (history[1]["message"], history[1]["source"]) == ("rang twice", "dashboard")


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", []),
        ("packer", ["pick", "pack", "mark_out_of_stock"]),
        ("callcentre", ["cancel"]),
        ("shipper", ["push"]),
        ("manager", ["pick", "pack", "push", "mark_out_of_stock", "cancel"]),
    ],
)
def test_only_what_the_person_may_do_is_allowed(world: World, role: str, allowed: list[str]) -> None:
    assert data_of(at_work(role), world.order())["allowed"] == allowed


def test_the_page_offers_the_steps_that_may_be_taken_next(world: World, manager: Client) -> None:
    order = world.order(status="PACKED")
    page = page_of(manager.get(f"/orders/{order.pk}/show"))
    sheets = re.findall(
        rf'<a class="button ?([a-z-]*)" href="/orders/actions/(\w+)/sheet\?ids={order.pk}', page
    )
    assert ("button-primary", "ship") in sheets
    assert [name for css, name in sheets if css == "button-danger"] == ["cancel", "rollback"]
    # Handing over to a company is the shipping door's, not this page's.
    assert "push" not in [name for _css, name in sheets]
    assert f'href="/orders/{order.pk}/edit"' in page


def test_the_page_offers_nothing_to_those_who_only_see(world: World) -> None:
    order = world.order()
    page = page_of(at_work("viewer").get(f"/orders/{order.pk}/show"))
    assert order.reference in page
    for offered in ("/orders/actions/", "/edit", "/note", "/orders/undo"):
        assert offered not in page


def test_one_may_undo_ones_own_last_step_from_the_page(world: World, manager: Client) -> None:
    order = world.order()
    assert "/orders/undo" not in page_of(manager.get(f"/orders/{order.pk}/show"))
    manager.post("/orders/pick-orders", {"ids": order.pk})
    assert "Undo “Picked”" in words_of(manager.get(f"/orders/{order.pk}/show"))
    assert "/orders/undo" not in page_of(at_work("packer").get(f"/orders/{order.pk}/show"))


def test_the_page_says_who_did_what_through_which_door_and_when(world: World, manager: Client) -> None:
    order = world.order(call_center="pending")
    actor = Actor.of(person("shipper", username="samira"), source="scanner", station="dock-1")
    world.walk(order, "pack", actor=actor)
    edit_order(order.pk, actor=actor.through("dashboard"), changes={"notes": "call first"})
    add_note(order.pk, "she is away until Monday", actor=actor.through("api:v1"))
    text = words_of(manager.get(f"/orders/{order.pk}/show"))
    assert "Packed from New" in text
    assert "Samira · Scanner, dock-1" in text
    assert "Samira · Dashboard" in text
    assert "Notes – call first" in text
    assert "Samira · API v1" in text
    assert "she is away until Monday" in text


def test_a_step_recorded_later_names_the_day_it_happened(world: World, manager: Client) -> None:
    order = world.order()
    day = world.merchant.today() - dt.timedelta(days=3)
    manager.post("/orders/mark-orders-as-packed", {"ids": order.pk, "date": day.isoformat()})
    page = page_of(manager.get(f"/orders/{order.pk}/show"))
    assert re.search(rf'happened on <time class="nowrap" datetime="{day.isoformat()}"', page)


def test_a_step_taken_back_is_struck_out(world: World, manager: Client) -> None:
    order = world.order(status="SHIPPED")
    world.walk(order, "rollback")
    page = page_of(manager.get(f"/orders/{order.pk}/show"))
    struck = re.findall(r'<li class="is-reversed">.*?</li>', page)
    assert len(struck) == 1
    assert "Shipped" in struck[0]
    assert "Rolled back to Packed" in words_of(manager.get(f"/orders/{order.pk}/show"))


def test_a_difference_between_total_and_lines_is_shown(world: World, manager: Client) -> None:
    order = world.order([("MUG", 2)], total=Decimal(120), prepaid=Decimal(20), amount_due=Decimal(100))
    text = words_of(manager.get(f"/orders/{order.pk}/show"))
    assert "Difference 20.00" in text
    assert "The customer pays 120.00" in text
    assert "The courier collects 100.00" in text
    assert "Difference" not in words_of(manager.get(f"/orders/{world.order().pk}/show"))


def test_stock_stands_beside_each_line(world: World, manager: Client) -> None:
    short = world.order([("VASE", 12)])
    text = words_of(manager.get(f"/orders/{short.pk}/show"))
    assert "Short of stock: VASE needs 12, 10 available." in text
    assert "reserved" in words_of(manager.get(f"/orders/{world.order(status='PACKED').pk}/show"))
    assert "8 available" in words_of(manager.get(f"/orders/{world.order().pk}/show"))


def test_other_orders_of_the_same_phone_are_named_and_twins_marked(world: World, manager: Client) -> None:
    phone = {"phone_e164": "+212661234567", "phone_reversed": "765432166212"}
    old = world.order(
        [("LAMP", 1)], status="DELIVERED", **phone, created_at=timezone.now() - dt.timedelta(days=9)
    )
    twin = world.order([("MUG", 1)], **phone)
    order = world.order([("MUG", 1)], **phone)
    stranger = World(slug="casbah").order([("MUG", 1)], **phone)
    text = words_of(manager.get(f"/orders/{order.pk}/show"))
    assert re.search(rf"{twin.reference} New .* probably the same order {old.reference} Delivered", text)
    assert text.count("probably the same order") == 1
    assert stranger.reference not in text


def test_goods_of_an_earlier_parcel_are_named_while_they_are_out(world: World, manager: Client) -> None:
    order = world.order([("MUG", 2)], status="RETURNED")
    world.walk(order, "renew")
    text = words_of(manager.get(f"/orders/{order.pk}/show"))
    assert "Goods of an earlier parcel are still out 2 × MUG (cycle 1)" in text


@pytest.mark.parametrize("named", ["reference", "lower", "id"])
def test_an_order_is_found_by_id_and_by_reference(world: World, manager: Client, named: str) -> None:
    order = world.order()
    names = {"reference": order.reference, "lower": order.reference.lower(), "id": str(order.pk)}
    assert manager.get(f"/orders/{names[named]}/show").status_code == 200


@pytest.mark.parametrize(
    "named", ["999999", "ORD-999999", "nothing", "0", "-1", "99999999999999999999", "1e3"]
)
@pytest.mark.parametrize("headers", [{}, JSON])
def test_what_is_not_there_is_404(manager: Client, named: str, headers: dict[str, str]) -> None:
    assert manager.get(f"/orders/{named}/show", headers=headers).status_code == 404


def test_another_merchants_order_is_not_there_in_the_same_words(world: World) -> None:
    theirs = World(slug="casbah").order()
    seller = at_work("seller", merchant=world.merchant)
    hidden = seller.get(f"/orders/{theirs.pk}/show", headers=JSON)
    missing = seller.get("/orders/999999/show", headers=JSON)
    assert (hidden.status_code, hidden.json()) == (404, missing.json())
    assert seller.get(f"/orders/{theirs.reference}/show").status_code == 404


def test_a_deleted_order_is_a_tombstone_to_those_who_may_delete_and_gone_for_others(
    world: World, manager: Client
) -> None:
    order = world.order()
    delete_orders([order.pk], actor=Actor.of(person("admin"), source="dashboard"))
    answer = manager.get(f"/orders/{order.pk}/show")
    text = words_of(answer)
    assert "This order is deleted Admin deleted it." in text
    for offered in ("/orders/actions/", "/edit", "/note"):
        assert offered not in page_of(answer)
    data = data_of(manager, order)
    assert (data["allowed"], data["why_not_shipping"], data["history"][0]["action"]) == ([], None, "delete")
    assert at_work("viewer").get(f"/orders/{order.pk}/show").status_code == 404


def test_texts_are_shown_as_texts(world: World, manager: Client) -> None:
    evil = '<script>alert(1)</script><img src=x onerror="alert(2)">'
    order = world.order(full_name=evil, city=evil, area=evil, address=evil, notes=evil, second_phone=evil)
    order.lines.update(sku=evil[:60], name=evil)
    add_note(order.pk, evil, actor=SYSTEM)
    edit_order(order.pk, actor=SYSTEM, changes={"notes": evil + "!"})
    world.walk(order, "cancel")
    page = manager.get(f"/orders/{order.pk}/show").content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_number_of_statements_does_not_grow_with_lines_and_history(world: World, manager: Client) -> None:
    small = world.order([("A", 1)])
    large = world.order([(f"P{place}", 1) for place in range(25)])
    for number in range(30):
        add_note(large.pk, f"note {number}", actor=SYSTEM)
    counts = []
    for order in (small, large):
        with CaptureQueriesContext(connection) as statements:
            assert manager.get(f"/orders/{order.pk}/show").status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1]


# --- notes ----------------------------------------------------------------------------


def test_a_note_is_added_and_stands_in_the_history(world: World, manager: Client) -> None:
    order = world.order(status="DELIVERED")
    answer = manager.post(f"/orders/{order.pk}/note", {"note": "she says thanks"})
    assert (answer.status_code, answer["Location"]) == (302, f"/orders/{order.pk}/show#history")
    assert "she says thanks" in words_of(manager.get(f"/orders/{order.pk}/show"))


@pytest.mark.parametrize("note", ["", "   ", "x" * 1001])
def test_an_empty_or_endless_note_is_refused(world: World, manager: Client, note: str) -> None:
    order = world.order()
    answer = manager.post(f"/orders/{order.pk}/note", {"note": note}, headers=JSON)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["note"])
    assert OrderEvent.objects.count() == 0
