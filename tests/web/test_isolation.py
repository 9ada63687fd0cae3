"""Every dashboard route against strangers: another merchant, nobody, the wrong role or method, no CSRF key.

The table below is written by hand; a route that is missing in it fails, so that none is forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from orders.domain.actors import Actor
from orders.domain.setup.tokens import TokenDraft, issue_token
from orders.models import City, CityAlias, Job, JobFile, User
from tests.personas import JSON, ROLES, person
from tests.world import World, everything

pytestmark = pytest.mark.django_db

# Asked without a login, or guarded by something else than roles: tests/web/test_access.py says why.
APART = {"healthz", "readyz", "login", "logout", "theme"}
APART_BELOW = ("admin/", "api/", "style/")

EVERYBODY = frozenset(ROLES)
SEE = EVERYBODY - {"driver"}
MANAGE = frozenset({"manager", "admin"})
ADMIN = frozenset({"admin"})
PACK = MANAGE | {"packer"}
SHIP = MANAGE | {"shipper"}
TAKE_BACK = MANAGE | {"returns"}
CALL = MANAGE | {"callcentre"}
MAKE = CALL | {"seller"}
IMPORT = MANAGE | {"packer", "seller"}
EXPORT = MANAGE | {"shipper", "seller"}
STEP = PACK | SHIP | TAKE_BACK | CALL


@dataclass(frozen=True)
class Route:
    """How a route is asked. `{order}` and the like stand for a row: one's own, or another merchant's.

    `theirs` says what another merchant's row gets: 404, `unknown` in a report, 403 where somebody
    bound to a merchant may not enter at all, or "" where the route names no row that belongs to a
    merchant.
    """

    method: str
    address: str
    roles: frozenset[str]
    data: Mapping[str, str] = field(default_factory=dict)
    theirs: int | str = ""
    others: tuple[str, ...] = ()  # methods that work as well


def _bulk(address: str, roles: frozenset[str], **data: str) -> Route:
    return Route("POST", address, roles, {"ids": "{order}", **data}, theirs="unknown")


def _scanned(address: str, roles: frozenset[str], **data: str) -> Route:
    said = {"reference": "{reference}", "date": "{day}", "warehouseId": "{warehouse}", **data}
    return Route("POST", address, roles, said, theirs=404)


def _page(address: str, roles: frozenset[str], *, theirs: int | str = "", posts: bool = False) -> Route:
    return Route("GET", address, roles, theirs=theirs, others=("POST",) if posts else ())


ROUTES: dict[str, Route] = {
    "": _page("/", EVERYBODY),
    "running-jobs": _page("/running-jobs", EVERYBODY),
    # Lists and one order.
    "orders": _page("/orders", SEE),
    "orders/<tab:tab>": _page("/orders/NEW", SEE),
    "orders/<str:order>/show": _page("/orders/{order}/show", SEE, theirs=404),
    "orders/new": _page("/orders/new", MAKE, posts=True),
    "orders/<str:order>/edit": _page("/orders/{order}/edit", CALL, theirs=404),
    "orders/<str:order>/note": Route("POST", "/orders/{order}/note", CALL, {"note": "x"}, theirs=404),
    "orders/<str:status>/<str:item>/update": Route(
        "PATCH", "/orders/NEW/{order}/update", CALL, {"full_name": "x"}, theirs=404, others=("POST",)
    ),
    "places/suggest": _page("/places/suggest?q=fes", MAKE),
    "products/suggest": _page("/products/suggest?q=mug", MAKE),
    # Actions on many orders.
    "orders/actions/<slug:action>/sheet": Route(
        "GET",
        "/orders/actions/pack/sheet",
        PACK,
        {"ids": "{order}"},
        theirs="unknown",
        others=("POST",),
    ),
    "orders/pick-orders": _bulk("/orders/pick-orders", PACK),
    "orders/prepare-orders": _bulk("/orders/prepare-orders", PACK),
    "orders/mark-orders-as-packed": _bulk("/orders/mark-orders-as-packed", PACK, date="{day}"),
    "orders/mark-orders-as-shipped": _bulk(
        "/orders/mark-orders-as-shipped", SHIP, date="{day}", warehouseId="{warehouse}"
    ),
    "orders/mark-orders-as-delivered": _bulk("/orders/mark-orders-as-delivered", SHIP, date="{day}"),
    "orders/mark-orders-as-returned": _bulk("/orders/mark-orders-as-returned", TAKE_BACK, date="{day}"),
    "orders/receive-returns": _bulk("/orders/receive-returns", TAKE_BACK),
    "orders/restock-orders": _bulk("/orders/restock-orders", TAKE_BACK),
    "orders/mark-orders-as-out-of-stock": _bulk("/orders/mark-orders-as-out-of-stock", PACK),
    "orders/mark-orders-as-canceled": _bulk("/orders/mark-orders-as-canceled", CALL, description="x"),
    "orders/renew-orders": _bulk("/orders/renew-orders", MANAGE),
    "orders/rollback-orders": _bulk("/orders/rollback-orders", MANAGE, description="x"),
    "orders/undo": _bulk("/orders/undo", STEP),
    "orders/confirm": _bulk("/orders/confirm", CALL, outcome="no_answer"),
    "orders/delete": Route(
        "DELETE", "/orders/delete", MANAGE, {"ids": "{order}"}, theirs="unknown", others=("POST",)
    ),
    # Scanners.
    "scan": _page("/scan", STEP),
    "scan/<str:mode>": _page("/scan/pack", PACK),
    "scan/<str:mode>/undo": Route("POST", "/scan/pack/undo", PACK, {"attempt": "1"}),
    "scan/<str:mode>/choices": Route("POST", "/scan/pack/choices", PACK),
    "orders/mark-orders-as-packed-by-scanner": _scanned("/orders/mark-orders-as-packed-by-scanner", PACK),
    "orders/mark-orders-as-shipped-by-scanner": _scanned("/orders/mark-orders-as-shipped-by-scanner", SHIP),
    "orders/mark-orders-as-delivered-by-scanner": _scanned(
        "/orders/mark-orders-as-delivered-by-scanner", SHIP
    ),
    "orders/mark-orders-as-returned-by-scanner": _scanned(
        "/orders/mark-orders-as-returned-by-scanner", TAKE_BACK
    ),
    "orders/mark-orders-as-canceled-by-scanner": _scanned(
        "/orders/mark-orders-as-canceled-by-scanner", CALL, description="x"
    ),
    "orders/receive-returns-by-scanner": _scanned("/orders/receive-returns-by-scanner", TAKE_BACK),
    "orders/restock-orders-by-scanner": _scanned("/orders/restock-orders-by-scanner", TAKE_BACK),
    # Products and stock.
    "stock": _page("/stock", SEE),
    "stock/owed": _page("/stock/owed", SEE),
    "stock/receive": _page("/stock/receive", MANAGE, posts=True),
    "products": _page("/products", SEE),
    "products/new": _page("/products/new", MANAGE, posts=True),
    "products/import": _page("/products/import", MANAGE, posts=True),
    "products/<int:product_id>": _page("/products/{product}", SEE, theirs=404),
    "products/<int:product_id>/edit": _page("/products/{product}/edit", MANAGE, theirs=404, posts=True),
    "^products/(?P<product_id>[0-9]{1,18})/(?P<kind>receive|adjust|count)$": _page(
        "/products/{product}/receive", MANAGE, theirs=404, posts=True
    ),
    # Files and background work: one's own only.
    "orders/import": _page("/orders/import", IMPORT, posts=True),
    "orders/export": Route("POST", "/orders/export", EXPORT, {"file_extension": "csv"}),
    "orders/mark-orders-as-returned-by-import": Route(
        "POST", "/orders/mark-orders-as-returned-by-import", TAKE_BACK
    ),
    "orders/mark-orders-as-delivered-by-import": Route(
        "POST", "/orders/mark-orders-as-delivered-by-import", SHIP
    ),
    "jobs/": _page("/jobs/", SEE),
    "jobs/mark": _page("/jobs/mark", SHIP | TAKE_BACK),
    "jobs/<int:job_id>/": _page("/jobs/{job}/", SEE, theirs=404),
    "jobs/<int:job_id>/commit": Route("POST", "/jobs/{job}/commit", SEE, theirs=404),
    "jobs/<int:job_id>/cancel": Route("POST", "/jobs/{job}/cancel", SEE, theirs=404),
    "jobs/<int:job_id>/retry": Route("POST", "/jobs/{job}/retry", SEE, theirs=404),
    "jobs/<int:job_id>/files/<int:file_id>/": _page("/jobs/{job}/files/{file}/", SEE, theirs=404),
    # Settings.
    "settings": _page("/settings", MANAGE),
    "settings/changes": _page("/settings/changes", ADMIN),
    "settings/profile": _page("/settings/profile", EVERYBODY, posts=True),
    "password": _page("/password", EVERYBODY, posts=True),
    "password/done": _page("/password/done", EVERYBODY),
    "settings/people": _page("/settings/people", ADMIN),
    "settings/people/new": _page("/settings/people/new", ADMIN, posts=True),
    "settings/people/<int:user_id>": _page("/settings/people/{user}", ADMIN, theirs=403, posts=True),
    "settings/people/<int:user_id>/password": _page(
        "/settings/people/{user}/password", ADMIN, theirs=403, posts=True
    ),
    "settings/roles": _page("/settings/roles", ADMIN),
    "settings/roles/new": _page("/settings/roles/new", ADMIN, posts=True),
    "settings/roles/<int:role_id>": _page("/settings/roles/{role}", ADMIN, posts=True),
    "settings/roles/<int:role_id>/remove": Route("POST", "/settings/roles/{role}/remove", ADMIN),
    "settings/merchants": _page("/settings/merchants", ADMIN),
    "settings/merchants/new": _page("/settings/merchants/new", ADMIN, posts=True),
    "settings/merchants/<int:merchant_id>": _page(
        "/settings/merchants/{merchant}", ADMIN, theirs=403, posts=True
    ),
    "settings/warehouses": _page("/settings/warehouses", ADMIN),
    "settings/warehouses/new": _page("/settings/warehouses/new", ADMIN, posts=True),
    "settings/warehouses/<int:warehouse_id>": _page("/settings/warehouses/{warehouse}", ADMIN, posts=True),
    "settings/places": _page("/settings/places", MANAGE),
    "settings/places/new": _page("/settings/places/new", MANAGE, posts=True),
    "settings/places/suggest": _page("/settings/places/suggest?q=fes", MAKE),
    "settings/places/unknown": _page("/settings/places/unknown", MANAGE),
    "settings/places/unknown/choose": _page("/settings/places/unknown/choose", MANAGE, posts=True),
    "settings/places/<int:city_id>": _page("/settings/places/{city}", MANAGE, posts=True),
    "settings/places/<int:city_id>/spellings": Route(
        "POST", "/settings/places/{city}/spellings", MANAGE, {"spelling": "fez"}
    ),
    "settings/places/spellings/<int:alias_id>/forget": Route(
        "POST", "/settings/places/spellings/{alias}/forget", MANAGE, theirs=403
    ),
    "settings/tokens": _page("/settings/tokens", ADMIN),
    "settings/tokens/new": _page("/settings/tokens/new", ADMIN, posts=True),
    "settings/tokens/<int:token_id>/rotate": Route(
        "POST", "/settings/tokens/{token}/rotate", ADMIN, theirs=404
    ),
    "settings/tokens/<int:token_id>/revoke": _page(
        "/settings/tokens/{token}/revoke", ADMIN, theirs=404, posts=True
    ),
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def walk(patterns: list[URLPattern | URLResolver], above: str = "") -> Iterator[str]:
    for pattern in patterns:
        path = above + str(pattern.pattern)
        if path.startswith(APART_BELOW) or path in APART:
            continue
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, path)
        else:
            yield path


def test_every_route_of_the_dashboard_stands_in_the_table() -> None:
    assert sorted(set(walk(get_resolver().url_patterns))) == sorted(ROUTES)


every_route = pytest.mark.parametrize("route", ROUTES.values(), ids=[path or "/" for path in ROUTES])


class Side:
    """One merchant with a row of every kind."""

    def __init__(self, slug: str) -> None:
        world = World(slug=slug)
        order = world.order(call_center="pending")
        owner = person("manager", username=f"{slug}-owner", merchant=world.merchant)
        city = City.objects.create(country="MA", name=f"Fès {slug}", key=f"fes {slug}")
        alias = CityAlias.objects.create(
            country="MA", merchant=world.merchant, spelling="fez", key="fez", city=city
        )
        now = timezone.now()
        job = Job.objects.create(kind=Job.Kind.EXPORT_ORDERS, owner=owner, created_at=now)
        file = JobFile.objects.create(
            job=job, name="orders.csv", path="x", size=1, created_at=now, expires_at=now
        )
        token = issue_token(
            TokenDraft(world.merchant.pk, "ci", frozenset({"view"})), actor=Actor.system("test")
        ).token
        self.world = world
        self.rows: dict[str, object] = {
            "order": order.pk,
            "reference": order.reference,
            "product": world.product().pk,
            "warehouse": world.warehouse.pk,
            "merchant": world.merchant.pk,
            "job": job.pk,
            "file": file.pk,
            "user": owner.pk,
            "role": Group.objects.get(name="viewer").pk,
            "city": city.pk,
            "alias": alias.pk,
            "token": token.pk,
            "day": world.merchant.today().isoformat(),
        }

    def filled(self, text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: str(self.rows[found[1]]), text)

    def ask(
        self, client: Client, route: Route, *, method: str = "", headers: Mapping[str, str] = JSON
    ) -> Any:
        """The route asked about this merchant's rows."""
        address = self.filled(route.address)
        data = {name: self.filled(text) for name, text in route.data.items()}
        method = method or route.method
        if method in ("GET", "POST"):
            return getattr(client, method.lower())(address, data, headers=headers)
        body = "&".join(f"{name}={text}" for name, text in data.items())
        return client.generic(
            method, address, body, content_type="application/x-www-form-urlencoded", headers=headers
        )


@pytest.fixture
def ours(db: None) -> Side:
    return Side("atlas")


def logged_in(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


@every_route
def test_each_role_enters_where_the_table_says_and_nowhere_else(ours: Side, route: Route) -> None:
    entered = set()
    for role in ROLES:
        merchant = ours.world.merchant if role == "seller" else None
        answer = ours.ask(logged_in(person(role, merchant=merchant)), route)
        assert answer.status_code < 500, (role, answer.content)
        if answer.status_code != 403:
            entered.add(role)
    assert entered == route.roles


@every_route
def test_who_holds_no_role_enters_nowhere_but_where_everybody_does(ours: Side, route: Route) -> None:
    answer = ours.ask(logged_in(person("")), route)
    assert (answer.status_code != 403) == (route.roles == EVERYBODY)


@every_route
def test_a_stranger_is_sent_to_the_login_page_and_a_program_gets_401(ours: Side, route: Route) -> None:
    before = everything()
    program = ours.ask(Client(), route)
    assert program.status_code == 401
    browser = ours.ask(Client(), route, headers={"Accept": "text/html"})
    assert browser.status_code == 302
    assert browser["Location"].startswith("/login")
    assert everything() == before


@every_route
def test_a_method_the_route_does_not_have_is_405_and_changes_nothing(ours: Side, route: Route) -> None:
    client = logged_in(person("admin"))
    before = everything()
    for method in METHODS:
        if method not in (route.method, *route.others):
            answer = ours.ask(client, route, method=method)
            assert answer.status_code == 405, method
            assert route.method in answer["Allow"]
    assert everything() == before


@every_route
def test_whatever_may_write_needs_the_csrf_key(ours: Side, route: Route) -> None:
    client = logged_in(person("admin"), enforce_csrf_checks=True)
    before = everything()
    for method in (route.method, *route.others):
        if method != "GET":
            assert ours.ask(client, route, method=method).status_code == 403, method
    assert everything() == before


with_rows = {path: route for path, route in ROUTES.items() if route.theirs}


@pytest.mark.parametrize("route", with_rows.values(), ids=list(with_rows))
def test_another_merchants_row_is_not_there_and_stays_as_it_is(ours: Side, route: Route) -> None:
    theirs = Side("casbah")
    bound = person("admin", merchant=ours.world.merchant)
    bound.groups.add(*Group.objects.all())
    before = everything()
    for method in (route.method, *route.others):
        answer = theirs.ask(logged_in(bound), route, method=method)
        if route.theirs == "unknown":
            _assert_unknown(answer)
        else:
            assert answer.status_code == route.theirs, (method, answer.content)
    assert everything() == before


def _assert_unknown(answer: Any) -> None:
    """A report says of the order no more than of one that never was; a sheet likewise."""
    assert answer.status_code == 200, answer.content
    if answer["Content-Type"].startswith("application/json"):
        report = answer.json()
        assert (report["requested"], report["not_found"]) == (1, 1)
        assert report["results"][0]["message"] == "There is no such order."
        assert report["results"][0]["reference"] is None
    else:
        assert "1 is not there" in " ".join(answer.content.decode().split())
