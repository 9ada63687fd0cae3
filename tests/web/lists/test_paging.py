"""Pages by key: no gaps and no repeats, in every order, both ways, while rows come in."""

from __future__ import annotations

import datetime as dt
from itertools import cycle

import pytest
from django.test import Client

from orders.models import Order
from tests.personas import JSON
from tests.web.lists.making import NOON, make, references
from tests.world import World

pytestmark = pytest.mark.django_db

ORDERS = [(key, way) for key in ("created_at", "reference", "total") for way in ("asc", "desc")]


@pytest.fixture
def many(atlas: World) -> list[Order]:
    """Twenty-three orders with many ties: four moments, three totals."""
    hours, totals = cycle((0, 0, 1, 5)), cycle(("199", "199", "99.50", "1000"))
    return [
        make(
            atlas,
            reference=f"ORD-{number:06d}",
            created_at=NOON + dt.timedelta(hours=next(hours)),
            total=next(totals),
        )
        for number in range(1, 24)
    ]


def sorted_by_hand(orders: list[Order], key: str, way: str) -> list[str]:
    by = {
        "created_at": lambda order: (order.created_at, order.pk),
        "reference": lambda order: order.pk,
        "total": lambda order: (order.total, order.pk),
    }[key]
    return [order.reference for order in sorted(orders, key=by, reverse=way == "desc")]


def walk(
    client: Client, way_on: str, start: str | None = None, **query: str
) -> tuple[list[list[str]], str | None]:
    """All pages from `start` on, and the last cursor followed."""
    pages, cursor, last = [], start, start
    while True:
        asked = {**query, **({"cursor": cursor} if cursor else {})}
        answer = client.get("/orders", asked, headers=JSON)
        pages.append(references(answer))
        last, cursor = cursor, answer.json()["meta"][way_on]
        if cursor is None:
            return pages, last


@pytest.mark.parametrize(("key", "way"), ORDERS)
def test_all_pages_together_are_the_list(viewer: Client, many: list[Order], key: str, way: str) -> None:
    pages, _ = walk(viewer, "next", sort_by=key, sort_dir=way, per_page="5")
    assert [len(page) for page in pages] == [5, 5, 5, 5, 3]
    assert [one for page in pages for one in page] == sorted_by_hand(many, key, way)


@pytest.mark.parametrize(("key", "way"), ORDERS)
def test_the_way_back_shows_the_same_pages(viewer: Client, many: list[Order], key: str, way: str) -> None:
    query = {"sort_by": key, "sort_dir": way, "per_page": "5"}
    forwards, last = walk(viewer, "next", **query)
    back = viewer.get("/orders", {**query, "cursor": last or ""}, headers=JSON).json()["meta"]["prev"]
    backwards, _ = walk(viewer, "prev", back, **query)
    assert list(reversed(backwards)) == forwards[:-1]


@pytest.mark.parametrize(("key", "way"), ORDERS)
def test_rows_that_come_in_move_no_other_to_another_page(
    viewer: Client, atlas: World, many: list[Order], key: str, way: str
) -> None:
    expected = sorted_by_hand(many, key, way)
    query = {"sort_by": key, "sort_dir": way, "per_page": "4"}
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = viewer.get("/orders", {**query, **({"cursor": cursor} if cursor else {})}, headers=JSON)
        seen += references(answer)
        cursor = answer.json()["meta"]["next"]
        make(atlas, reference=f"NEW-{len(seen):06d}", created_at=NOON + dt.timedelta(hours=1), total="199")
    assert [one for one in seen if one.startswith("ORD")] == expected
    assert len(seen) == len(set(seen))


def test_a_row_that_leaves_takes_no_other_with_it(viewer: Client, many: list[Order]) -> None:
    first = viewer.get("/orders", {"per_page": "5"}, headers=JSON)
    expected = sorted_by_hand(many, "created_at", "desc")
    Order.objects.filter(reference__in=expected[3:6]).update(deleted_at=NOON)
    after = viewer.get("/orders", {"per_page": "5", "cursor": first.json()["meta"]["next"]}, headers=JSON)
    assert references(after) == expected[6:11]


def test_the_first_page_has_nothing_before_it_and_the_last_nothing_after(
    viewer: Client, many: list[Order]
) -> None:
    meta = viewer.get("/orders", {"per_page": "23"}, headers=JSON).json()["meta"]
    assert (meta["prev"], meta["next"]) == (None, None)
    second = viewer.get(
        "/orders",
        {
            "per_page": "12",
            "cursor": viewer.get("/orders", {"per_page": "12"}, headers=JSON).json()["meta"]["next"],
        },
        headers=JSON,
    ).json()["meta"]
    assert second["next"] is None
    back = viewer.get("/orders", {"per_page": "12", "cursor": second["prev"]}, headers=JSON).json()["meta"]
    assert back["prev"] is None
    assert back["next"] is not None


def test_filters_and_tab_hold_on_every_page(viewer: Client, atlas: World) -> None:
    wanted = [make(atlas, name="Amina").reference for _ in range(7)]
    for _ in range(7):
        make(atlas, name="Salma")
    pages, _ = walk(viewer, "next", search="amina", per_page="3")
    assert sorted(one for page in pages for one in page) == sorted(wanted)


def test_a_cursor_of_another_order_is_refused(viewer: Client, many: list[Order]) -> None:
    cursor = viewer.get("/orders", {"per_page": "5"}, headers=JSON).json()["meta"]["next"]
    for other in ({"sort_by": "total"}, {"sort_dir": "asc"}):
        answer = viewer.get("/orders", {"per_page": "5", "cursor": cursor, **other}, headers=JSON)
        assert answer.status_code == 422
        assert list(answer.json()["errors"]) == ["cursor"]


def test_an_altered_cursor_is_refused(viewer: Client, many: list[Order]) -> None:
    cursor = viewer.get("/orders", {"per_page": "5"}, headers=JSON).json()["meta"]["next"]
    for altered in (cursor[:-1], "A" + cursor[1:], cursor + "x", cursor.split(":")[0]):
        assert viewer.get("/orders", {"per_page": "5", "cursor": altered}, headers=JSON).status_code == 422


@pytest.mark.parametrize(
    ("way", "at", "first", "has_earlier"),
    [
        ("desc", "2026-11-09", "9c", True),
        ("desc", "2026-11-30", "10b", True),
        ("desc", "2026-11-01", None, False),
        ("asc", "2026-11-09", "9a", True),
        ("asc", "2026-11-10", "10a", True),
        ("asc", "2026-11-30", None, False),
    ],
)
def test_a_list_by_creation_jumps_to_a_day(
    viewer: Client, atlas: World, way: str, at: str, first: str | None, has_earlier: bool
) -> None:
    zone = atlas.merchant.zone
    for name, day, hour in (
        ("8a", 8, 9),
        ("9a", 9, 0),
        ("9b", 9, 12),
        ("9c", 9, 23),
        ("10a", 10, 0),
        ("10b", 10, 9),
    ):
        make(atlas, reference=name, created_at=dt.datetime(2026, 11, day, hour, tzinfo=zone))
    answer = viewer.get("/orders", {"at": at, "sort_dir": way, "per_page": "2"}, headers=JSON)
    found = references(answer)
    assert (found[0] if found else None) == first
    assert (answer.json()["meta"]["prev"] is not None) is has_earlier


def test_the_page_before_a_jump_is_there(viewer: Client, atlas: World) -> None:
    zone = atlas.merchant.zone
    for day in (8, 9, 10, 11):
        make(atlas, reference=f"D-{day}", created_at=dt.datetime(2026, 11, day, 9, tzinfo=zone))
    meta = viewer.get("/orders", {"at": "2026-11-09", "per_page": "2"}, headers=JSON).json()["meta"]
    before = viewer.get("/orders", {"per_page": "2", "cursor": meta["prev"]}, headers=JSON)
    assert references(before) == ["D-11", "D-10"]


def test_references_sort_as_numbers(viewer: Client, atlas: World) -> None:
    small = make(atlas, reference="ORD-999999")
    large = make(atlas, reference="ORD-1000000")
    answer = viewer.get("/orders", {"sort_by": "reference", "sort_dir": "desc"}, headers=JSON)
    assert references(answer) == [large.reference, small.reference]
