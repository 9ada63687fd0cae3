"""Every action on many orders through its route: what it answers, what it does, what it refuses."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orders import tasks
from orders.models import Job, JobItem, Order, OrderEvent
from tests.personas import HTMX, JSON, at_work
from tests.world import World, everything

pytestmark = pytest.mark.django_db

# The route, the status an order starts from, where it leads, and what has to be said with it.
ROUTES = {
    "/orders/pick-orders": ("NEW", "PICKED_UP", {}),
    "/orders/prepare-orders": ("PICKED_UP", "PREPARING", {}),
    "/orders/mark-orders-as-packed": ("NEW", "PACKED", {"date": "DAY"}),
    "/orders/mark-orders-as-shipped": ("PACKED", "SHIPPED", {"date": "DAY", "warehouseId": "WAREHOUSE"}),
    "/orders/mark-orders-as-delivered": ("SHIPPED", "DELIVERED", {"date": "DAY"}),
    "/orders/mark-orders-as-returned": ("SHIPPED", "RETURNED", {"date": "DAY"}),
    "/orders/receive-returns": ("RETURNED", "RETURN_RECEIVED", {}),
    "/orders/restock-orders": ("RETURN_RECEIVED", "RETURNED_TO_STOCK", {}),
    "/orders/mark-orders-as-out-of-stock": ("PACKED", "OUT_OF_STOCK", {}),
    "/orders/mark-orders-as-canceled": ("NEW", "CANCELED", {"description": "changed her mind"}),
    "/orders/renew-orders": ("CANCELED", "NEW", {}),
    "/orders/rollback-orders": ("SHIPPED", "ROLLBACK", {"description": "wrong bench"}),
}


@pytest.fixture
def world(db: None) -> World:
    return World()


@pytest.fixture
def manager(world: World) -> Client:
    return at_work("manager")


def told(world: World, said: dict[str, str]) -> dict[str, str]:
    words = {"DAY": world.merchant.today().isoformat(), "WAREHOUSE": str(world.warehouse.pk)}
    return {name: words.get(text, text) for name, text in said.items()}


@pytest.mark.parametrize("body", ["ids repeated", "ids[]", "json numbers", "json texts"])
@pytest.mark.parametrize("route", ROUTES)
def test_each_route_moves_orders_from_every_kind_of_body(
    world: World, manager: Client, route: str, body: str
) -> None:
    status, target, said = ROUTES[route]
    orders = [world.order(status=status) for _ in range(2)]
    ids = [order.pk for order in orders]
    fields = told(world, said)
    if body == "ids repeated":
        answer = manager.post(route, {"ids": ids, **fields}, headers=JSON)
    elif body == "ids[]":
        answer = manager.post(route, {"ids[]": ids, **fields}, headers=JSON)
    else:
        listed: list[Any] = ids if body == "json numbers" else [str(id) for id in ids]
        answer = manager.post(route, json.dumps({"ids": listed, **fields}), content_type="application/json")

    assert answer.status_code == 200, answer.content
    assert {order.status for order in Order.objects.all()} == {target}
    assert [answer.json()[name] for name in ("requested", "done", "refused")] == [2, 2, 0]


def test_the_answer_is_the_report_with_every_order_and_counts_that_add_up(
    world: World, manager: Client
) -> None:
    fresh = world.order([("MUG", 2)])
    scarce = world.order([("VASE", 11)])
    packed = world.order(status="PACKED")
    gone = world.order(status="CANCELED")
    answer = manager.post(
        "/orders/mark-orders-as-packed",
        {
            "ids": [fresh.pk, 999_999, scarce.pk, packed.pk, gone.pk, fresh.pk],
            "date": world.merchant.today().isoformat(),
        },
        headers=JSON,
    )
    assert answer.json() == {
        "requested": 5,
        "done": 1,
        "already_done": 1,
        "refused": 2,
        "not_found": 1,
        "results": [
            {
                "id": str(fresh.pk),
                "reference": fresh.reference,
                "outcome": "done",
                "code": "done",
                "message": f"{fresh.reference} is Packed now.",
                "status": "PACKED",
            },
            {
                "id": "999999",
                "reference": None,
                "outcome": "not_found",
                "code": "unknown",
                "message": "There is no such order.",
                "status": None,
            },
            {
                "id": str(scarce.pk),
                "reference": scarce.reference,
                "outcome": "refused",
                "code": "out_of_stock",
                "message": f"{scarce.reference} goes to “Out of stock”."
                " Short of stock: VASE needs 11, 10 available.",
                "status": "OUT_OF_STOCK",
            },
            {
                "id": str(packed.pk),
                "reference": packed.reference,
                "outcome": "already_done",
                "code": "already_done",
                "message": f"{packed.reference} is Packed already.",
                "status": "PACKED",
            },
            {
                "id": str(gone.pk),
                "reference": gone.reference,
                "outcome": "refused",
                "code": "canceled",
                "message": f"{gone.reference} is canceled."
                " Put it aside; renew it if the customer wants it after all.",
                "status": "CANCELED",
            },
        ],
    }


def test_the_day_it_happened_is_kept_beside_the_moment_it_was_recorded(world: World, manager: Client) -> None:
    order = world.order()
    day = world.merchant.today() - dt.timedelta(days=2)
    manager.post("/orders/mark-orders-as-packed", {"ids": order.pk, "date": day.isoformat()}, headers=JSON)
    event = OrderEvent.objects.get(action="pack")
    assert (event.occurred_on, event.source, event.actor_name) == (day, "dashboard", "Manager")


@pytest.mark.parametrize(
    ("route", "missing", "field"),
    [
        ("/orders/mark-orders-as-packed", "date", "date"),
        ("/orders/mark-orders-as-shipped", "date", "date"),
        ("/orders/mark-orders-as-shipped", "warehouseId", "warehouseId"),
        ("/orders/mark-orders-as-delivered", "date", "date"),
        ("/orders/mark-orders-as-returned", "date", "date"),
        ("/orders/mark-orders-as-canceled", "description", "description"),
        ("/orders/rollback-orders", "description", "description"),
    ],
)
def test_what_a_route_needs_is_named_when_it_is_missing(
    world: World, manager: Client, route: str, missing: str, field: str
) -> None:
    status, _target, said = ROUTES[route]
    order = world.order(status=status)
    fields = {name: text for name, text in told(world, said).items() if name != missing}
    before = everything()
    answer = manager.post(route, {"ids": order.pk, **fields}, headers=JSON)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert everything() == before


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"date": "tomorrow"}, "date"),
        ({"date": "2026-13-01"}, "date"),
        ({"date": "20/11/2026"}, "date"),
        ({"date": "9999-01-01"}, "date"),
        ({"warehouseId": "x"}, "warehouseId"),
        ({"warehouseId": "999999"}, "warehouseId"),
        ({"ids": ""}, "ids"),
        ({"ids": "abc"}, "ids"),
        ({"ids": "1.5"}, "ids"),
    ],
)
def test_a_call_that_is_wrong_in_itself_is_refused_as_a_whole(
    world: World, manager: Client, fields: dict[str, str], field: str
) -> None:
    order = world.order(status="PACKED")
    call = {
        "ids": str(order.pk),
        "date": world.merchant.today().isoformat(),
        "warehouseId": str(world.warehouse.pk),
    } | fields
    before = everything()
    answer = manager.post("/orders/mark-orders-as-shipped", call, headers=JSON)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert everything() == before


def test_everything_wrong_with_a_call_is_named_at_once(world: World, manager: Client) -> None:
    answer = manager.post("/orders/mark-orders-as-shipped", {"warehouseId": "x"}, headers=JSON)
    assert sorted(answer.json()["errors"]) == ["date", "ids", "warehouseId"]


def test_tomorrow_is_refused_and_today_is_the_merchants(world: World, manager: Client) -> None:
    order = world.order()
    tomorrow = world.merchant.today() + dt.timedelta(days=1)
    answer = manager.post(
        "/orders/mark-orders-as-packed", {"ids": order.pk, "date": tomorrow.isoformat()}, headers=JSON
    )
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["date"]


@pytest.mark.parametrize("length", [1000, 1001])
def test_a_reason_has_at_most_a_thousand_characters(world: World, manager: Client, length: int) -> None:
    order = world.order()
    answer = manager.post(
        "/orders/mark-orders-as-canceled", {"ids": order.pk, "description": "x" * length}, headers=JSON
    )
    assert answer.status_code == (200 if length == 1000 else 422)
    order.refresh_from_db()
    assert order.status == ("CANCELED" if length == 1000 else "NEW")


@pytest.mark.parametrize("number", [1000, 1001])
def test_more_than_a_thousand_ids_are_refused(world: World, manager: Client, number: int) -> None:
    answer = manager.post(
        "/orders/renew-orders",
        json.dumps({"ids": list(range(1, number + 1))}),
        content_type="application/json",
    )
    assert answer.status_code == (200 if number == 1000 else 422)
    if number == 1000:
        assert (answer.json()["requested"], answer.json()["not_found"]) == (1000, 1000)
    else:
        assert list(answer.json()["errors"]) == ["ids"]


def test_another_merchants_orders_are_not_found_and_stay_as_they_are(world: World) -> None:
    theirs = World(slug="casbah").order()
    own = world.order()
    seller = at_work("callcentre", merchant=world.merchant)
    before = [row for row in everything()["Order"] if row["id"] == theirs.pk]
    answer = seller.post(
        "/orders/mark-orders-as-canceled", {"ids": [own.pk, theirs.pk], "description": "x"}, headers=JSON
    )
    assert [result["code"] for result in answer.json()["results"]] == ["done", "unknown"]
    assert [row for row in everything()["Order"] if row["id"] == theirs.pk] == before


# --- confirm and delete ---------------------------------------------------------------


def test_a_call_outcome_is_noted_with_its_note_and_day(world: World, manager: Client) -> None:
    order = world.order(call_center="pending")
    day = world.merchant.today() + dt.timedelta(days=2)
    answer = manager.post(
        "/orders/confirm",
        json.dumps(
            {
                "ids": [order.pk],
                "outcome": "postponed",
                "note": "after the feast",
                "postponed_to": day.isoformat(),
            }
        ),
        content_type="application/json",
    )
    order.refresh_from_db()
    assert answer.json()["done"] == 1
    assert (order.call_center, order.postponed_to, order.call_attempts) == ("postponed", day, 1)
    event = OrderEvent.objects.get()
    assert (event.type, event.message) == ("call_center", "after the feast")


@pytest.mark.parametrize("outcome", ["", "pending", "maybe"])
def test_an_outcome_that_is_none_is_refused(world: World, manager: Client, outcome: str) -> None:
    order = world.order(call_center="pending")
    answer = manager.post("/orders/confirm", {"ids": order.pk, "outcome": outcome}, headers=JSON)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["outcome"]


@pytest.mark.parametrize("body", ["delete form", "delete json", "delete query", "post form"])
def test_orders_are_deleted_by_delete_and_by_post(world: World, manager: Client, body: str) -> None:
    order, packed = world.order(), world.order(status="PACKED")
    ids = [order.pk, packed.pk]
    if body == "delete json":
        answer = manager.delete("/orders/delete", json.dumps({"ids": ids}), content_type="application/json")
    elif body == "delete form":
        answer = manager.delete(
            "/orders/delete",
            "&".join(f"ids={id}" for id in ids),
            content_type="application/x-www-form-urlencoded",
            headers=JSON,
        )
    elif body == "delete query":
        answer = manager.delete(f"/orders/delete?ids={ids[0]}&ids={ids[1]}", headers=JSON)
    else:
        answer = manager.post("/orders/delete", {"ids": ids}, headers=JSON)
    assert [(r["outcome"], r["code"]) for r in answer.json()["results"]] == [
        ("done", "done"),
        ("refused", "wrong_status"),
    ]
    assert Order.objects.get(pk=order.pk).is_deleted
    assert not Order.objects.get(pk=packed.pk).is_deleted


# --- undo -----------------------------------------------------------------------------


def test_a_step_is_undone_by_who_took_it_and_nobody_else(world: World, manager: Client) -> None:
    order = world.order()
    manager.post(
        "/orders/mark-orders-as-packed",
        {"ids": order.pk, "date": world.merchant.today().isoformat()},
        headers=JSON,
    )
    assert world.shelf() == (10, 2)

    packer = at_work("packer")
    refused = packer.post("/orders/undo", {"ids": order.pk}, headers=JSON).json()["results"][0]
    assert (refused["code"], refused["status"]) == ("not_allowed", "PACKED")

    done = manager.post("/orders/undo", {"ids": order.pk}, headers=JSON).json()["results"][0]
    assert (done["code"], done["status"]) == ("done", "NEW")
    assert world.shelf() == (10, 0)


# --- the return bench -----------------------------------------------------------------


@pytest.fixture
def returned(world: World) -> Order:
    return world.order([("MUG", 3), ("LAMP", 2)], status="RETURN_RECEIVED")


@pytest.mark.parametrize("named", ["order id and sku", "reference and sku", "id and sku", "line", "bare id"])
def test_what_was_seen_decides_what_goes_back(
    world: World, manager: Client, returned: Order, named: str
) -> None:
    mug = returned.lines.get(sku="MUG")
    names: dict[str, dict[str, Any]] = {
        "order id and sku": {"order": returned.pk, "sku": "MUG"},
        "reference and sku": {"order": returned.reference, "sku": "MUG"},
        "id and sku": {"id": str(returned.pk), "sku": "MUG"},
        "line": {"line": mug.pk},
        "bare id": {"id": mug.pk},
    }
    answer = manager.post(
        "/orders/restock-orders",
        json.dumps({"lines": [{**names[named], "sound": 1, "damaged": 1, "missing": 1}]}),
        content_type="application/json",
    )
    assert answer.json()["done"] == 1, answer.content
    # 3 and 2 had left; one mug and, unsaid, both lamps came back.
    assert (world.shelf("MUG"), world.shelf("LAMP")) == ((8, 0), (10, 0))
    kinds = OrderEvent.objects.get(action="restock").movements.values_list("kind", "delta", "quantity")
    assert sorted(kinds) == [("damaged", 0, 1), ("missing", 0, 1), ("return", 1, 1), ("return", 2, 2)]


def test_a_form_says_by_line_what_was_seen(world: World, manager: Client, returned: Order) -> None:
    mug = returned.lines.get(sku="MUG")
    answer = manager.post(
        "/orders/restock-orders",
        {
            "ids": returned.pk,
            f"lines[{mug.pk}][sound]": "0",
            f"lines[{mug.pk}][not_ours]": "3",
        },
        headers=JSON,
    )
    assert answer.json()["done"] == 1
    assert world.shelf("MUG") == (7, 0)


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([{"order": "ORD", "sku": "MUG", "sound": 3}], "lines.0"),
        ([{"order": "OWN", "sku": "HAT", "sound": 3}], "lines.0"),
        ([{"order": "OWN", "sku": "MUG", "sound": -1}], "lines.0.sound"),
        ([{"order": "OWN", "sku": "MUG", "sound": "many"}], "lines.0.sound"),
        (["MUG"], "lines.0"),
    ],
)
def test_lines_that_cannot_be_meant_are_named(
    world: World, manager: Client, returned: Order, lines: list[Any], field: str
) -> None:
    sent = [
        {**line, "order": returned.pk if line["order"] == "OWN" else line["order"]}
        if isinstance(line, dict)
        else line
        for line in lines
    ]
    before = everything()
    answer = manager.post(
        "/orders/restock-orders", json.dumps({"lines": sent}), content_type="application/json"
    )
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert everything() == before


@pytest.mark.parametrize(("lines", "field"), [("MUG", "lines"), ({}, "lines"), (None, "lines"), ([], "ids")])
def test_lines_that_are_no_list_or_an_empty_one_are_refused(
    manager: Client, returned: Order, lines: Any, field: str
) -> None:
    before = everything()
    answer = manager.post(
        "/orders/restock-orders", json.dumps({"lines": lines}), content_type="application/json"
    )
    assert answer.status_code == 422, answer.content
    assert list(answer.json()["errors"]) == [field]
    assert everything() == before


def test_units_that_do_not_add_up_are_refused(world: World, manager: Client, returned: Order) -> None:
    mug = returned.lines.get(sku="MUG")
    before = everything()
    answer = manager.post(
        "/orders/restock-orders",
        json.dumps({"lines": [{"line": mug.pk, "sound": 4}]}),
        content_type="application/json",
    )
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [f"lines.{mug.pk}"]
    assert everything() == before


def test_another_merchants_line_is_no_line(world: World) -> None:
    theirs = World(slug="casbah").order(status="RETURN_RECEIVED")
    bench = at_work("returns", merchant=world.merchant)
    before = everything()
    answer = bench.post(
        "/orders/restock-orders",
        json.dumps({"lines": [{"line": theirs.lines.get().pk, "sound": 2}]}),
        content_type="application/json",
    )
    assert answer.status_code == 422
    assert everything() == before


# --- all that match -------------------------------------------------------------------


def test_all_that_match_are_done_at_once_up_to_a_thousand(world: World, manager: Client) -> None:
    for _ in range(3):
        world.order()
    packed = world.order(status="PACKED")
    answer = manager.post(
        "/orders/mark-orders-as-canceled",
        json.dumps({"all_matching": True, "filter": "tab=NEW", "description": "closed"}),
        content_type="application/json",
    )
    assert (answer.status_code, answer.json()["requested"], answer.json()["done"]) == (200, 3, 3)
    packed.refresh_from_db()
    assert packed.status == "PACKED"


def test_the_filter_may_come_as_an_object_or_as_the_lists_address(world: World, manager: Client) -> None:
    for phone in ("0661000001", "0661000002"):
        world.order(phone=phone, phone_reversed=phone[:0:-1] + "212")
    answer = manager.post(
        "/orders/pick-orders",
        json.dumps({"all_matching": True, "filter": {"tab": "NEW", "phone": "0661000001"}}),
        content_type="application/json",
    )
    assert answer.json()["done"] == 1
    answer = manager.post(
        "/orders/pick-orders?tab=NEW&phone=0661000002&per_page=25", {"all_matching": "1"}, headers=JSON
    )
    assert answer.json()["done"] == 1


def test_a_misspelt_filter_never_means_all_orders(world: World, manager: Client) -> None:
    world.order()
    before = everything()
    answer = manager.post(
        "/orders/pick-orders",
        json.dumps({"all_matching": True, "filter": "ctiy=Fes"}),
        content_type="application/json",
    )
    assert answer.status_code == 422
    assert everything() == before


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """Three orders are many here."""
    monkeypatch.setattr("orders.web.actions.selecting.MAX_IDS", 3)
    return 3


def test_more_that_match_go_to_the_background(world: World, manager: Client, few: int) -> None:
    for _ in range(few + 1):
        world.order()
    answer = manager.post(
        "/orders/mark-orders-as-packed",
        json.dumps({"all_matching": True, "filter": "tab=NEW", "date": world.merchant.today().isoformat()}),
        content_type="application/json",
    )
    job = Job.objects.get()
    assert answer.status_code == 202
    assert answer.json() == {"job": {"id": str(job.pk), "url": reverse("job-show", args=[job.pk])}}
    assert (job.kind, job.requested, JobItem.objects.filter(job=job).count()) == ("bulk_action", 4, 4)
    assert set(Order.objects.values_list("status", flat=True)) == {"NEW"}


def newest_job() -> str:
    return reverse("job-show", args=[Job.objects.latest("id").pk])


@pytest.mark.parametrize(
    ("route", "said", "shows"),
    [
        ("/orders/mark-orders-as-canceled", {"description": "closed"}, {"status": "CANCELED"}),
        ("/orders/confirm", {"outcome": "no_answer", "note": "rang"}, {"call_center": "no_answer"}),
        ("/orders/delete", {}, {"deleted_at__isnull": False}),
    ],
)
def test_what_went_to_the_background_is_done_there(
    world: World,
    manager: Client,
    few: int,
    monkeypatch: pytest.MonkeyPatch,
    route: str,
    said: dict[str, str],
    shows: dict[str, Any],
) -> None:
    monkeypatch.setattr("orders.domain.life.bulk.CHUNK", 2)
    for _ in range(few + 2):
        world.order()
    refused = world.order(status="SHIPPED")
    answer = manager.post(
        route, json.dumps({"all_matching": True, "filter": "", **said}), content_type="application/json"
    )
    assert answer.status_code == 202, answer.content
    tasks.run_job(int(answer.json()["job"]["id"]))
    job = Job.objects.get()
    assert (job.state, job.requested, job.done, job.failed) == ("done", 6, 5, 1)
    assert Order.objects.filter(**shows).count() == 5
    refused.refresh_from_db()
    assert (refused.status, refused.deleted_at) == ("SHIPPED", None)


def test_a_browser_is_led_to_the_job(world: World, manager: Client, few: int) -> None:
    for _ in range(few + 1):
        world.order()
    call = {"all_matching": "1", "filter": "tab=NEW", "date": world.merchant.today().isoformat()}
    page = manager.post("/orders/mark-orders-as-packed", call)
    assert (page.status_code, page["Location"]) == (302, newest_job())
    part = manager.post("/orders/mark-orders-as-packed", call, headers=HTMX)
    assert (part.status_code, part["HX-Redirect"]) == (204, newest_job())


def test_a_large_job_without_its_reason_is_not_started(world: World, manager: Client, few: int) -> None:
    for _ in range(few + 1):
        world.order()
    answer = manager.post(
        "/orders/mark-orders-as-canceled",
        json.dumps({"all_matching": True, "filter": "tab=NEW"}),
        content_type="application/json",
    )
    assert answer.status_code == 422
    assert Job.objects.count() == 0


# --- the browser ----------------------------------------------------------------------


def page_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_a_browser_gets_the_report_with_reasons_undo_and_the_way_back(world: World, manager: Client) -> None:
    fresh, gone = world.order(), world.order(status="CANCELED")
    answer = manager.post(
        "/orders/mark-orders-as-packed",
        {
            "ids": [fresh.pk, gone.pk, 999_999],
            "date": world.merchant.today().isoformat(),
            "back": "/orders/NEW?city=Fes",
        },
    )
    page = page_of(answer)
    assert answer.status_code == 200
    assert "<title>1 order packed · Packhouse</title>" in re.sub(
        r"\s*</?title>\s*", lambda m: m[0].strip(), page
    )
    assert re.search(rf"{gone.reference}</bdi>.*<span>is canceled. Put it aside", page)
    assert "999999" in page
    assert 'href="/orders/NEW?city=Fes"' in page
    assert re.search(rf'<form action="/orders/undo"[^>]*>.*name="ids" value="{fresh.pk}".*Undo 1 step', page)
    assert f'name="ids" value="{gone.pk}"' not in page


def test_the_report_in_a_sheet_lets_the_list_forget_the_selection(world: World, manager: Client) -> None:
    order = world.order()
    answer = manager.post("/orders/pick-orders", {"ids": order.pk}, headers=HTMX)
    assert json.loads(answer["HX-Trigger"]) == {"selection-clear": True}
    assert "<html" not in answer.content.decode()
    refused = manager.post("/orders/pick-orders", {"ids": order.pk}, headers=HTMX)
    assert "HX-Trigger" not in refused


def test_a_step_that_is_never_undone_offers_no_undo(world: World, manager: Client) -> None:
    order = world.order(status="CANCELED")
    page = page_of(manager.post("/orders/renew-orders", {"ids": order.pk}))
    assert "1 order renewed" in page
    assert "/orders/undo" not in page


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_form_with_a_mistake_comes_back_with_what_was_typed(
    world: World, manager: Client, headers: dict[str, str]
) -> None:
    order = world.order()
    answer = manager.post(
        "/orders/mark-orders-as-packed", {"ids": order.pk, "date": "2999-01-01"}, headers=headers
    )
    page = page_of(answer)
    assert answer.status_code == 422
    assert 'value="2999-01-01"' in page
    assert "is in the future; choose today or an earlier day." in page
    assert f'name="ids" value="{order.pk}"' in page
    order.refresh_from_db()
    assert order.status == "NEW"


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/x",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "https:evil.example",
    ],
)
def test_the_way_back_never_leads_to_another_host(world: World, manager: Client, back: str) -> None:
    order = world.order()
    page = page_of(manager.post("/orders/pick-orders", {"ids": order.pk, "back": back}))
    assert "evil" not in page
    assert "javascript:" not in page


# --- how much it costs ----------------------------------------------------------------


@pytest.mark.parametrize("headers", [JSON, {}])
def test_the_number_of_statements_does_not_grow_with_the_orders(
    world: World, manager: Client, headers: dict[str, str]
) -> None:
    world.product(units=1000)
    counts = []
    for number in (2, 60):
        ids = [world.order().pk for _ in range(number)]
        with CaptureQueriesContext(connection) as statements:
            manager.post(
                "/orders/mark-orders-as-packed",
                {"ids": ids, "date": world.merchant.today().isoformat()},
                headers=headers,
            )
        counts.append(len(statements))
    assert counts[0] == counts[1]
