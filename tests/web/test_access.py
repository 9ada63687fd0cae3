"""Who gets into which page: every route declares its permission, and what is taken away is gone at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from orders.models import User
from orders.web.access import actor_of, requires, wants_json
from tests.personas import HTMX, JSON, at_work, person
from tests.world import World

pytestmark = pytest.mark.django_db

# Routes that anybody may ask, each for its reason; everything else names a permission.
OPEN_TO_ALL = {
    "login": "whoever is not logged in has to get in",
    "logout": "leaving needs no right",
    "healthz": "asked by whoever watches over the process",
    "readyz": "asked by whoever watches over the process",
    "choose-theme": "the log-in page has colours too",
}
# Doors with guards of their own: the administration lets superusers in, programs show a token.
GUARDED_APART = ("admin/", "api/")
# Pages for everybody who is logged in, whatever their role.
FOR_EVERYBODY = {
    "today",  # where everybody arrives: it shows to each what they may see
    "settings-profile",
    "password_change",
    "password_change_done",
    "running-jobs",
}


def routes(patterns: list[URLPattern | URLResolver], above: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        path = above + str(pattern.pattern)
        if path.startswith(GUARDED_APART):
            continue
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        else:
            yield path, pattern


ROUTES = list(routes(get_resolver().url_patterns))


@pytest.mark.parametrize(("path", "pattern"), ROUTES, ids=[path or "/" for path, _ in ROUTES])
def test_every_route_declares_who_may_enter(path: str, pattern: URLPattern) -> None:
    if pattern.name in OPEN_TO_ALL or path.startswith("style/"):
        return
    declared = getattr(pattern.callback, "required_permissions", None)
    assert declared is not None, f"/{path} lets everybody in: put @requires on its view"
    if not declared:
        assert pattern.name in FOR_EVERYBODY, f"/{path} names no permission"


def test_the_walk_sees_the_routes_of_the_dashboard() -> None:
    paths = {path for path, _ in ROUTES}
    assert {"orders", "orders/<tab:tab>", "orders/mark-orders-as-packed", "orders/delete", "login"} <= paths


@requires("view_order", ("exportOrders", "importOrders"), methods=("GET", "POST"))
def a_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


def test_a_stranger_is_sent_to_the_login_page_and_back() -> None:
    answer = Client().get("/orders?city=F%C3%A8s")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/login?next=%2Forders%3Fcity%3DF%25C3%25A8s"


def test_a_stranger_who_posts_is_led_back_to_the_page_that_posted() -> None:
    answer = Client().post(
        "/orders/mark-orders-as-packed",
        {"ids": "1"},
        headers={"Referer": "http://testserver/orders/NEW?city=Safi"},
    )
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/login?next=%2Forders%2FNEW%3Fcity%3DSafi"


@pytest.mark.parametrize(
    "referer", ["https://evil.example/orders", "//evil.example", "javascript:alert(1)", ""]
)
def test_a_stranger_is_never_led_to_another_host(referer: str) -> None:
    answer = Client().post("/orders/mark-orders-as-packed", headers={"Referer": referer})
    assert answer.headers["Location"] == "/login"


@pytest.mark.parametrize("next_address", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_the_login_page_leads_to_no_other_host(next_address: str) -> None:
    person("viewer", password="demo-packhouse")
    answer = Client().post(
        f"/login?next={next_address}", {"username": "viewer", "password": "demo-packhouse"}
    )
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/"


def test_a_program_that_is_not_logged_in_gets_401() -> None:
    answer = Client().get("/orders", headers=JSON)
    assert answer.status_code == 401
    assert answer.json() == {"message": "Log in first."}


def test_an_open_page_whose_session_ended_is_led_to_the_login_page() -> None:
    answer = Client().get(
        "/orders", headers={**HTMX, "HX-Current-URL": "http://testserver/orders/NEW?city=Safi"}
    )
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login?next=%2Forders%2FNEW%3Fcity%3DSafi"


def test_an_open_page_that_posts_keeps_what_was_typed_when_its_session_ended() -> None:
    answer = Client().post("/orders/mark-orders-as-packed", {"ids": "1"}, headers=HTMX)
    assert answer.status_code == 401
    assert "HX-Redirect" not in answer.headers
    assert answer.headers["X-Login"] == "/login"


def test_a_missing_permission_is_403_in_every_form() -> None:
    driver = at_work("driver")
    page = driver.get("/orders")
    assert page.status_code == 403
    assert "You are not allowed to do this" in page.content.decode()
    program = driver.get("/orders", headers=JSON)
    assert program.status_code == 403
    assert program.json() == {
        "message": "You are not allowed to do this. Ask an admin for the right.",
        "code": "not_allowed",
    }
    part = driver.get("/orders", headers=HTMX)
    assert part.status_code == 403
    assert part.headers["Content-Type"].startswith("text/plain")


def test_all_permissions_are_needed_and_any_one_of_a_tuple() -> None:
    def enter(role: str) -> int:
        request = RequestFactory().get("/", headers=JSON)
        request.user = person(role)
        try:
            return a_page(request).status_code
        except Exception as refusal:
            return {"NotAllowed": 403}[type(refusal).__name__]

    assert {role: enter(role) for role in ("viewer", "packer", "shipper", "driver", "manager")} == {
        "viewer": 403,
        "packer": 200,
        "shipper": 200,
        "driver": 403,
        "manager": 200,
    }


def test_another_method_is_405_and_names_those_that_work() -> None:
    manager = at_work("manager")
    assert manager.post("/orders").status_code == 405
    assert manager.post("/orders").headers["Allow"] == "HEAD, GET"
    answer = manager.get("/orders/mark-orders-as-packed", headers=JSON)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert answer.json() == {"message": "This address answers POST only."}


def test_a_permission_taken_away_is_gone_at_the_next_request() -> None:
    viewer = at_work("viewer")
    assert viewer.get("/orders").status_code == 200
    User.objects.get(username="viewer").groups.clear()
    assert viewer.get("/orders").status_code == 403
    User.objects.get(username="viewer").groups.add(Group.objects.get(name="viewer"))
    assert viewer.get("/orders").status_code == 200


def test_a_disabled_person_is_a_stranger_at_the_next_request() -> None:
    viewer = at_work("viewer")
    assert viewer.get("/orders").status_code == 200
    User.objects.filter(username="viewer").update(is_active=False)
    assert viewer.get("/orders").status_code == 302


def test_a_post_without_its_csrf_key_is_403_and_does_nothing() -> None:
    order = World().order()
    client = Client(enforce_csrf_checks=True)
    client.force_login(person("manager"))
    answer = client.post(
        "/orders/mark-orders-as-packed", {"ids": order.pk, "date": "2026-11-01"}, headers=JSON
    )
    assert answer.status_code == 403
    order.refresh_from_db()
    assert order.status == "NEW"


@pytest.mark.parametrize(
    ("headers", "content_type", "expected"),
    [
        ({"Accept": "application/json"}, "", True),
        ({"Accept": "application/json, text/plain;q=0.5"}, "", True),
        ({"Accept": "*/*"}, "", False),
        ({"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, "", False),
        ({"Accept": "text/html"}, "application/json", True),
        ({}, "application/json", True),
        ({}, "application/x-www-form-urlencoded", False),
        ({"HX-Request": "true", "Accept": "*/*"}, "application/x-www-form-urlencoded", False),
    ],
)
def test_a_program_is_told_from_a_browser(headers: dict[str, str], content_type: str, expected: bool) -> None:
    request = RequestFactory().post("/orders", data=b"{}", content_type=content_type, headers=headers)
    assert wants_json(request) is expected


def test_pages_are_kept_by_nobody_between_two_people() -> None:
    answer = at_work("viewer").get("/orders")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert {"Accept", "HX-Request", "Cookie"} <= {name.strip() for name in answer.headers["Vary"].split(",")}


def test_the_actor_is_the_person_with_their_merchant_and_rights() -> None:
    world = World()
    request = RequestFactory().get("/")
    request.user = person("seller", merchant=world.merchant)
    actor = actor_of(request, "scanner", station="bench-1")
    assert (actor.name, actor.merchant_id, actor.source, actor.station) == (
        "Seller",
        world.merchant.pk,
        "scanner",
        "bench-1",
    )
    assert actor.permissions == {"view_order", "importOrders", "exportOrders", "add_order"}
    assert actor_of(request).source == "dashboard"
