"""The sheet of an action: what it says would happen, what it asks, and that it changes nothing."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orders.models import Warehouse
from orders.web.actions.bulk_actions import BULK_ACTIONS
from tests.personas import HTMX, at_work
from tests.world import World, everything

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


def test_the_sheet_sorts_the_orders_by_what_would_become_of_them(world: World, manager: Client) -> None:
    world.product(units=20)
    fresh = [world.order() for _ in range(3)]
    scarce = world.order([("VASE", 99)])
    gone = world.order(status="CANCELED")
    shipped = [world.order(status="SHIPPED") for _ in range(2)]
    packed = world.order(status="PACKED")
    before = everything()
    ids = [order.pk for order in (*fresh, scarce, gone, *shipped, packed)]

    answer = manager.post("/orders/actions/pack/sheet", {"ids": [*ids, 999_999]})

    text = words_of(answer)
    assert "3 orders will be packed" in text
    assert "1 lacks stock and goes to “Out of stock”" in text
    assert f"{scarce.reference} goes to “Out of stock”. Short of stock: VASE needs 99" in text
    assert "1 is canceled" in text
    assert "2 are “Shipped”" in text
    assert "1 is so already" in text
    assert "1 is not there" in text
    assert "Pack 3 orders" in text
    assert everything() == before


def test_the_sheet_holds_the_usual_day_and_the_warehouse_where_the_units_lie(
    world: World, manager: Client
) -> None:
    elsewhere = Warehouse.objects.create(code="rabat", name="Rabat")
    world.product(units=100)
    world.receive(world.product(), 10, warehouse=elsewhere)
    ids = [world.order(status="PACKED", warehouse=elsewhere).pk for _ in range(2)]
    ids.append(world.order(status="PACKED").pk)
    page = page_of(manager.post("/orders/actions/ship/sheet", {"ids": ids}))
    assert f'name="date" value="{world.merchant.today().isoformat()}"' in page
    assert re.search(rf'<option value="{elsewhere.pk}" selected>', page)
    assert "1 was packed in another warehouse" in page
    assert "Ship 2 orders" in page


def test_another_warehouse_changes_what_would_happen(world: World, manager: Client) -> None:
    elsewhere = Warehouse.objects.create(code="rabat", name="Rabat")
    order = world.order(status="PACKED")
    text = words_of(
        manager.post("/orders/actions/ship/sheet", {"ids": order.pk, "warehouseId": elsewhere.pk})
    )
    assert "1 was packed in another warehouse" in text
    assert "Nothing here can be done with these orders." in text
    assert "Ship 0 orders" not in text


def test_a_sheet_opens_by_link_for_one_order(world: World, manager: Client) -> None:
    order = world.order()
    answer = manager.get(f"/orders/actions/pack/sheet?ids={order.pk}", headers=HTMX)
    page = page_of(answer)
    assert answer.status_code == 200
    assert "<html" not in page
    assert 'action="/orders/mark-orders-as-packed"' in page
    assert f'<input type="hidden" name="ids" value="{order.pk}">' in page
    assert "<h1>" in page_of(manager.get(f"/orders/actions/pack/sheet?ids={order.pk}"))


def test_when_everything_lacks_stock_the_button_says_so(world: World, manager: Client) -> None:
    order = world.order([("VASE", 99)])
    text = words_of(manager.get(f"/orders/actions/pack/sheet?ids={order.pk}"))
    assert "Mark 1 order out of stock" in text


@pytest.mark.parametrize("action", ["cancel", "rollback"])
def test_a_reason_is_asked_for_where_one_is_needed(world: World, manager: Client, action: str) -> None:
    order = world.order(status="PACKED")
    page = page_of(manager.get(f"/orders/actions/{action}/sheet?ids={order.pk}"))
    assert re.search(r'<textarea name="description"[^>]*required', page)
    assert "button-danger-final" in page


def test_the_outcome_of_a_call_is_chosen_before(world: World, manager: Client) -> None:
    order = world.order(call_center="pending")
    page = page_of(manager.get(f"/orders/actions/confirm/sheet?ids={order.pk}&outcome=no_answer"))
    assert re.search(r'<input type="radio" name="outcome" value="no_answer"[^>]*checked', page)
    assert "Note 1 call" in page


def test_returned_units_are_asked_for_by_line(world: World, manager: Client) -> None:
    order = world.order([("MUG", 3)], status="RETURN_RECEIVED")
    line = order.lines.get()
    page = page_of(manager.get(f"/orders/actions/restock/sheet?ids={order.pk}"))
    assert re.search(rf'name="lines\[{line.pk}\]\[sound\]" value="3"', page)
    assert re.search(rf'name="lines\[{line.pk}\]\[damaged\]" value="0"', page)


def test_units_that_do_not_add_up_come_back_at_their_line(world: World, manager: Client) -> None:
    order = world.order([("MUG", 3)], status="RETURN_RECEIVED")
    line = order.lines.get()
    answer = manager.post(
        "/orders/restock-orders",
        {"ids": order.pk, f"lines[{line.pk}][sound]": "1", f"lines[{line.pk}][damaged]": "1"},
    )
    page = page_of(answer)
    assert answer.status_code == 422
    assert re.search(rf'name="lines\[{line.pk}\]\[damaged\]" value="1"', page)
    assert f"3 units of MUG went out with {order.reference}; you named 2." in page


def test_all_that_match_are_carried_by_the_filter_as_it_stood(world: World, manager: Client) -> None:
    first = world.order()
    page = page_of(
        manager.post(
            "/orders/actions/pick/sheet", {"all_matching": "1", "filter": "tab=NEW", "ids": first.pk}
        )
    )
    frozen = re.search(r'name="filter" value="([^"]*)"', page)
    assert frozen is not None
    late = world.order()
    answer = manager.post(
        "/orders/pick-orders",
        {"all_matching": "1", "filter": frozen[1].replace("&amp;", "&")},
        headers={"Accept": "application/json"},
    )
    assert [result["id"] for result in answer.json()["results"]] == [str(first.pk)]
    late.refresh_from_db()
    assert late.status == "NEW"


def test_a_large_selection_is_counted_by_status(
    world: World, manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.web.actions.selecting.MAX_IDS", 2)
    for status in ("NEW", "NEW", "PICKED_UP", "PACKED", "SHIPPED", "SHIPPED"):
        world.order(status=status)
    with CaptureQueriesContext(connection) as statements:
        answer = manager.post("/orders/actions/pack/sheet", {"all_matching": "1", "filter": ""})
    text = words_of(answer)
    assert "3 orders will be packed" in text
    assert "1 is so already" in text
    assert "2 are “Shipped”" in text
    assert "worked through in the background" in text
    assert "Pack 3 orders" in text
    assert not any("orders_stocklevel" in statement["sql"] for statement in statements)


def test_the_preview_costs_the_same_for_many_orders(world: World, manager: Client) -> None:
    world.product(units=1000)
    counts = []
    for number in (2, 60):
        ids = [world.order().pk for _ in range(number)]
        with CaptureQueriesContext(connection) as statements:
            manager.post("/orders/actions/pack/sheet", {"ids": ids})
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_an_action_that_is_none_has_no_sheet(manager: Client) -> None:
    assert manager.get("/orders/actions/fly/sheet?ids=1").status_code == 404


@pytest.mark.parametrize("action", BULK_ACTIONS)
def test_a_sheet_is_open_to_those_who_may_do_what_it_is_for(world: World, action: str) -> None:
    order = world.order()
    assert at_work("manager").get(f"/orders/actions/{action}/sheet?ids={order.pk}").status_code == 200
    assert at_work("viewer").get(f"/orders/actions/{action}/sheet?ids={order.pk}").status_code == 403


def test_a_sheet_without_orders_says_so(manager: Client) -> None:
    answer = manager.get("/orders/actions/pack/sheet", headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert list(json.loads(answer.content)["errors"]) == ["ids"]


def test_another_merchants_orders_are_not_previewed(world: World) -> None:
    theirs = World(slug="casbah").order()
    packer = at_work("packer", merchant=world.merchant)
    text = words_of(packer.get(f"/orders/actions/pack/sheet?ids={theirs.pk}"))
    assert "1 is not there" in text
    assert theirs.reference not in text
