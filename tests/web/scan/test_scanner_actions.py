"""The scanners' routes: their answers, statuses and refusals (WedoCOD dashboard, scanner operations)."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.models import Order, OrderEvent, ScanAttempt, User, Warehouse
from tests.personas import JSON, at_work, person
from tests.world import World, everything

pytestmark = pytest.mark.django_db

TODAY = timezone.localdate

PACK = "/orders/mark-orders-as-packed-by-scanner"
SHIP = "/orders/mark-orders-as-shipped-by-scanner"
DELIVER = "/orders/mark-orders-as-delivered-by-scanner"
RETURN = "/orders/mark-orders-as-returned-by-scanner"
CANCEL = "/orders/mark-orders-as-canceled-by-scanner"
RECEIVE = "/orders/receive-returns-by-scanner"
RESTOCK = "/orders/restock-orders-by-scanner"


@pytest.fixture
def world(db: None) -> World:
    return World()


@pytest.fixture
def manager(world: World) -> Client:
    return at_work("manager")


def said(order: Order, world: World, **more: Any) -> dict[str, Any]:
    """A call with everything that any of the routes asks for."""
    fields = {
        "reference": order.reference,
        "date": TODAY().isoformat(),
        "warehouseId": str(world.warehouse.pk),
        "description": "because",
    }
    return {name: value for name, value in (fields | more).items() if value is not None}


@pytest.mark.parametrize(
    ("path", "status", "target"),
    [
        (PACK, "NEW", "PACKED"),
        (SHIP, "PACKED", "SHIPPED"),
        (DELIVER, "SHIPPED", "DELIVERED"),
        (RETURN, "SHIPPED", "RETURNED"),
        (CANCEL, "NEW", "CANCELED"),
        (RECEIVE, "RETURNED", "RETURN_RECEIVED"),
        (RESTOCK, "RETURN_RECEIVED", "RETURNED_TO_STOCK"),
    ],
)
@pytest.mark.parametrize("body", ["form", "json"])
def test_a_scan_moves_the_order_from_a_form_and_from_json(
    world: World, manager: Client, path: str, status: str, target: str, body: str
) -> None:
    order = world.order(status=status)
    if body == "form":
        answer = manager.post(path, said(order, world), headers=JSON)
    else:
        answer = manager.post(path, json.dumps(said(order, world)), content_type="application/json")
    order.refresh_from_db()
    assert answer.status_code == 200
    assert answer.json()["outcome"] == answer.json()["code"] == "done"
    assert answer.json()["order"] == {"id": str(order.pk), "reference": order.reference, "status": target}
    assert set(answer.json()) == {"outcome", "code", "message", "order"}
    assert order.status == target
    event = OrderEvent.objects.latest("id")
    assert (event.source, event.actor_name, event.occurred_on) == ("scanner", "Manager", TODAY())


def test_the_day_sent_is_the_day_it_happened(world: World, manager: Client) -> None:
    order = world.order()
    day = TODAY() - dt.timedelta(days=2)
    manager.post(PACK, said(order, world, date=day.isoformat()), headers=JSON)
    assert OrderEvent.objects.latest("id").occurred_on == day


def test_the_warehouse_sent_is_where_the_goods_leave(world: World, manager: Client) -> None:
    rabat = Warehouse.objects.create(code="rabat", name="Rabat")
    world.receive(world.product("MUG"), 5, warehouse=rabat)
    order = world.order()
    manager.post(PACK, said(order, world, warehouseId=str(rabat.pk)), headers=JSON)
    assert world.shelf(warehouse=rabat) == (5, 2)
    assert world.shelf() == (10, 0)


@pytest.mark.parametrize("cycle", [1, "1"])
def test_the_cycle_sent_names_the_earlier_parcel_at_the_return_bench(
    world: World, manager: Client, cycle: int | str
) -> None:
    order = world.walk(world.order(status="RETURNED"), "renew")
    assert world.shelf() == (8, 0)
    answer = manager.post(
        RESTOCK, json.dumps(said(order, world, cycle=cycle)), content_type="application/json"
    )
    order.refresh_from_db()
    assert (answer.status_code, answer.json()["outcome"]) == (200, "done")
    assert (order.status, order.cycle, world.shelf()) == ("NEW", 2, (10, 0))


def test_a_cycle_that_no_parcel_had_is_unknown(world: World, manager: Client) -> None:
    order = world.walk(world.order(status="RETURNED"), "renew")
    before = everything()
    answer = manager.post(RESTOCK, json.dumps(said(order, world, cycle=3)), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown")
    assert everything() == before


def test_already_done_is_200_and_says_so(world: World, manager: Client) -> None:
    order = world.order(status="PACKED")
    answer = manager.post(PACK, said(order, world), headers=JSON)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "already_done")


def test_a_resent_nonce_is_200_with_the_first_words(world: World, manager: Client) -> None:
    order = world.order()
    first = manager.post(PACK, said(order, world, nonce="n-1"), headers=JSON)
    world.walk(order, "ship")
    again = manager.post(PACK, said(order, world, nonce="n-1"), headers=JSON)
    assert again.status_code == 200
    assert again.json() == {
        "outcome": "duplicate_ignored",
        "code": "duplicate_ignored",
        "message": first.json()["message"],
        "order": first.json()["order"],
        "first": {"outcome": "done", "code": "done"},
    }
    order.refresh_from_db()
    assert order.status == "SHIPPED"


def test_a_refusal_is_409_with_the_orders_status(world: World, manager: Client) -> None:
    order = world.order(status="CANCELED")
    before = everything()
    answer = manager.post(PACK, said(order, world), headers=JSON)
    assert answer.status_code == 409
    assert (answer.json()["outcome"], answer.json()["code"]) == ("refused", "canceled")
    assert answer.json()["order"]["status"] == "CANCELED"
    assert everything() == before


def test_a_shortage_is_409_and_the_order_is_out_of_stock(world: World, manager: Client) -> None:
    order = world.order([("MUG", 11)])
    answer = manager.post(PACK, said(order, world), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (409, "out_of_stock")
    assert answer.json()["order"]["status"] == "OUT_OF_STOCK"


def test_an_unknown_code_is_404(world: World, manager: Client) -> None:
    order = world.order()
    answer = manager.post(PACK, said(order, world, reference="ORD-999999"), headers=JSON)
    assert answer.status_code == 404
    assert answer.json()["outcome"] == answer.json()["code"] == "unknown"
    assert answer.json()["order"] is None


def test_an_ambiguous_code_is_409_with_its_candidates(world: World, manager: Client) -> None:
    orders = [w.order(external_reference="1024") for w in (world, World(slug="casbah"))]
    answer = manager.post(PACK, said(orders[0], world, reference="1024"), headers=JSON)
    assert (answer.status_code, answer.json()["outcome"]) == (409, "ambiguous")
    assert [c["reference"] for c in answer.json()["candidates"]] == [o.reference for o in orders]
    assert {o.status for o in Order.objects.all()} == {"NEW"}


def test_joined_codes_are_409_and_not_readable(world: World, manager: Client) -> None:
    first, second = world.order(), world.order()
    joined = first.reference + second.reference
    answer = manager.post(PACK, said(first, world, reference=joined), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (409, "invalid")


def test_another_merchants_order_is_404_like_a_missing_one(world: World) -> None:
    other = World(slug="casbah")
    order = other.order()
    client = at_work("manager", merchant=world.merchant)
    missing = client.post(PACK, said(order, world, reference="ORD-999999"), headers=JSON)
    hidden = client.post(PACK, said(order, world), headers=JSON)
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.json()["message"].replace(order.reference, "ORD-999999") == missing.json()["message"]
    order.refresh_from_db()
    assert order.status == "NEW"


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        (PACK, "reference"),
        (PACK, "date"),
        (SHIP, "reference"),
        (SHIP, "date"),
        (SHIP, "warehouseId"),
        (DELIVER, "date"),
        (RETURN, "date"),
        (CANCEL, "reference"),
        (CANCEL, "description"),
        (RECEIVE, "reference"),
        (RESTOCK, "reference"),
    ],
)
def test_a_call_without_a_field_it_needs_is_422_on_that_field(
    world: World, manager: Client, path: str, missing: str
) -> None:
    order = world.order(status="PACKED")
    before = everything()
    answer = manager.post(path, said(order, world, **{missing: None}), headers=JSON)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [missing]
    assert answer.json()["message"]
    assert everything() == before


@pytest.mark.parametrize(
    ("path", "field"),
    [(CANCEL, "date"), (RECEIVE, "date"), (RESTOCK, "date"), (PACK, "warehouseId"), (DELIVER, "warehouseId")],
)
def test_what_a_route_does_not_need_may_be_left_out(
    world: World, manager: Client, path: str, field: str
) -> None:
    start = {CANCEL: "NEW", RECEIVE: "RETURNED", RESTOCK: "RETURN_RECEIVED", DELIVER: "SHIPPED", PACK: "NEW"}
    order = world.order(status=start[path])
    answer = manager.post(path, said(order, world, **{field: None}), headers=JSON)
    assert answer.json()["outcome"] == "done"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("date", "2099-01-01"),
        ("date", "20-11-2026"),
        ("date", "2026-02-30"),
        ("warehouseId", "999999"),
        ("warehouseId", "x"),
        ("reference", "  "),
        ("nonce", "not a nonce"),
        ("nonce", "n" * 65),
    ],
)
def test_a_value_that_cannot_be_is_422_on_its_field(
    world: World, manager: Client, field: str, value: str
) -> None:
    order = world.order(status="PACKED")
    before = everything()
    answer = manager.post(SHIP, said(order, world, **{field: value}), headers=JSON)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert everything() == before


def test_everything_wrong_with_a_call_is_said_at_once(manager: Client) -> None:
    answer = manager.post(SHIP, {}, headers=JSON)
    assert set(answer.json()["errors"]) == {"reference", "date", "warehouseId"}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", ()),
        ("packer", (PACK,)),
        ("shipper", (SHIP, DELIVER)),
        ("returns", (RETURN, RECEIVE, RESTOCK)),
        ("callcentre", (CANCEL,)),
        ("seller", ()),
        ("driver", ()),
        ("manager", (PACK, SHIP, DELIVER, RETURN, CANCEL, RECEIVE, RESTOCK)),
    ],
)
def test_each_role_scans_what_it_may_and_nothing_else(
    world: World, role: str, allowed: tuple[str, ...]
) -> None:
    client = at_work(role)
    for path in (PACK, SHIP, DELIVER, RETURN, CANCEL, RECEIVE, RESTOCK):
        order = world.order([("FREE", 1)])
        before = Order.objects.get(pk=order.pk).status
        answer = client.post(path, said(order, world), headers=JSON)
        if path not in allowed:
            assert answer.status_code == 403, path
            assert Order.objects.get(pk=order.pk).status == before
        else:
            assert answer.status_code in (200, 409), path
    assert ScanAttempt.objects.count() == len(allowed)


def test_a_stranger_is_asked_to_log_in(world: World) -> None:
    order = world.order()
    assert Client().post(PACK, said(order, world), headers=JSON).status_code == 401
    page = Client().post(PACK, said(order, world))
    assert (page.status_code, page["Location"]) == (302, "/login")
    assert not ScanAttempt.objects.exists()


def test_without_its_csrf_token_a_scan_is_refused(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person("manager"))
    order = world.order()
    before = everything()
    assert client.post(PACK, said(order, world), headers=JSON).status_code == 403
    assert everything() == before


@pytest.mark.parametrize("path", [PACK, SHIP, DELIVER, RETURN, CANCEL, RECEIVE, RESTOCK])
def test_scanner_routes_answer_post_only(manager: Client, path: str) -> None:
    answer = manager.get(path, headers=JSON)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_a_disabled_person_scans_nothing(world: World) -> None:
    client = at_work("manager")
    User.objects.update(is_active=False)
    assert client.post(PACK, said(world.order(), world), headers=JSON).status_code == 401


def statements(client: Client, path: str, fields: dict[str, Any], **headers: str) -> int:
    """Statements of one request beside transaction control and the session's own."""
    with CaptureQueriesContext(connection) as captured:
        client.post(path, fields, headers=headers or JSON)
    control = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")
    return sum(
        not query["sql"].startswith(control) and "django_session" not in query["sql"]
        for query in captured.captured_queries
    )


def test_a_scan_takes_at_most_fifteen_statements_however_many_lines(world: World, manager: Client) -> None:
    small = world.order([("MUG", 1)], status="PACKED")
    large = world.order([(f"SKU{n}", 1) for n in range(20)], status="PACKED")
    counts = [statements(manager, SHIP, said(o, world, nonce=f"n-{o.pk}")) for o in (small, large)]
    assert counts[0] == counts[1]
    assert counts[0] <= 15


def test_the_benches_part_takes_two_more_however_many_scans_it_lists(world: World, manager: Client) -> None:
    part = {"HX-Request": "true", "Accept": "text/html"}
    orders = [world.order([("MUG", 1)], status="PACKED") for _ in range(9)]
    first = statements(manager, SHIP, said(orders[0], world), **part)
    for order in orders[1:8]:
        manager.post(SHIP, said(order, world), headers=JSON)
    assert statements(manager, SHIP, said(orders[8], world), **part) == first
    assert first <= 17
