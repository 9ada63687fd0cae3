"""The list as a page: tabs, chips, fields, heads, rows, the bulk bar, and the way out of nothing."""

from __future__ import annotations

import datetime as dt
import re
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.domain.actors import Actor
from orders.domain.lists.filtering import filtered_orders
from orders.domain.refusals import InvalidInput
from orders.models import Order, Tab, statuses_of
from orders.web.lists.bulk import actions_open_to_row
from tests.personas import HTMX, JSON, at_work, person
from tests.web.lists.making import NOON, make
from tests.world import World

pytestmark = pytest.mark.django_db

PART = {**HTMX, "HX-Target": "order-list"}


class _Reader(HTMLParser):
    """Collects what a test asks of a page: texts by class, links, fields, buttons."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str], list[str]]] = []
        self._open: list[tuple[str, dict[str, str], list[str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        entry = (tag, {name: value or "" for name, value in attrs}, [])
        self.tags.append(entry)
        if tag not in ("input", "meta", "link", "br", "img", "path", "circle", "rect", "line", "polyline"):
            self._open.append(entry)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Drawings: nothing inside them is text."""

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for _tag, _attrs, texts in self._open:
            texts.append(data)

    def of_class(self, name: str) -> list[tuple[str, dict[str, str]]]:
        return [
            (" ".join("".join(texts).split()), attrs)
            for _tag, attrs, texts in self.tags
            if name in attrs.get("class", "").split()
        ]

    def with_attribute(self, name: str) -> list[tuple[str, dict[str, str]]]:
        return [(" ".join("".join(texts).split()), attrs) for _, attrs, texts in self.tags if name in attrs]


def read(answer: object) -> _Reader:
    return _Reader(answer.content.decode())  # type: ignore[attr-defined]


def tabs_of(page: _Reader) -> list[str]:
    return [text for text, _ in page.of_class("tab")]


def test_tabs_carry_their_counts(viewer: Client, atlas: World) -> None:
    for status in ("NEW", "PICKED_UP", "PACKED", "RETURN_RECEIVED"):
        atlas.order(status=status, lines=())
    assert tabs_of(read(viewer.get("/orders"))) == [
        "All 4",
        "New 2",
        "Packed 1",
        "Waiting for company 0",
        "Shipped 0",
        "Delivered 0",
        "Returned 1",
        "Canceled 0",
        "Out of stock 0",
        "Rolled back 0",
    ]


def test_tabs_of_a_filtered_list_count_what_the_filter_finds(viewer: Client, atlas: World) -> None:
    make(atlas, name="Amina")
    make(atlas, name="Salma")
    page = read(viewer.get("/orders/PACKED?search=amina"))
    assert tabs_of(page)[:3] == ["All 1", "New 1", "Packed 0"]
    links = [attrs["href"] for _, attrs in page.of_class("tab")]
    assert links[:3] == ["/orders?search=amina", "/orders/NEW?search=amina", "/orders/PACKED?search=amina"]


def test_too_many_to_say_where_is_said_as_such(
    viewer: Client, atlas: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.domain.lists.counting.COUNT_LIMIT", 2)
    for _ in range(4):
        make(atlas, name="Amina")
    assert tabs_of(read(viewer.get("/orders/NEW?search=amina")))[:4] == [
        "All 1,000+",
        "New 2+",
        "Packed",
        "Waiting for company",
    ]


def test_each_filter_is_a_chip_that_can_be_taken_off(viewer: Client, atlas: World) -> None:
    make(atlas)
    page = read(
        viewer.get(
            "/orders/NEW?search=karim&city=Safi&from=2026-11-01&call_center=no_answer&merchant=atlas&sort_by=total"
        )
    )
    chips = page.of_class("chip")
    assert [text for text, _ in chips] == [
        "Search karim remove",
        "Merchant Atlas remove",
        "City Safi remove",
        "From 1 Nov 2026 remove",
        "Call centre No answer remove",
    ]
    assert dict(parse_qsl(urlsplit(chips[2][1]["href"]).query)) == {
        "search": "karim",
        "merchant": "atlas",
        "from": "2026-11-01",
        "call_center": "no_answer",
        "sort_by": "total",
        "sort_dir": "desc",
    }


def test_the_panel_keeps_what_was_asked(viewer: Client, atlas: World, casbah: World) -> None:
    page = viewer.get("/orders?city=Safi&call_center=pending&sort_by=total&search=x").content.decode()
    assert re.search(r'id="filter-city"\s+name="city"\s+value="Safi"', page)
    assert re.search(r'<option value="pending"\s+selected>', page)
    assert re.search(r'<input type="hidden"\s+name="sort_by"\s+value="total"', page)
    assert re.search(r'<input type="hidden"\s+name="search"\s+value="x"', page)


def test_a_row_shows_the_order_and_leads_to_it(viewer: Client, atlas: World) -> None:
    order = make(
        atlas, name="Amina & <b>co</b>", city="Safi", total="1399.50", lines=(("MUG", 2), ("LAMP", 1))
    )
    page = viewer.get("/orders").content.decode()
    (row,) = re.findall(r"<tbody>(.*?)</tbody>", page, re.DOTALL)
    assert f'href="/orders/{order.reference}/show"' in row
    assert "Amina &amp; &lt;b&gt;co&lt;/b&gt;" in row
    for shown in ("Safi", "1,399.50", "0661234567", "MUG", "+1", "Confirmed", "Awaiting", "New"):
        assert shown in row
    assert "<b>co</b>" not in page


def test_the_currency_is_named_once_or_on_every_row(viewer: Client, atlas: World, casbah: World) -> None:
    make(atlas)
    alone = read(viewer.get("/orders"))
    assert "Total MAD" in [text for text, _ in alone.of_class("cell-money")]
    make(casbah, currency="DZD")
    mixed = [text for text, _ in read(viewer.get("/orders")).of_class("cell-money")]
    assert mixed == ["Total", "100.00 DZD", "100.00 MAD"]


def test_headings_sort_and_say_how(viewer: Client, atlas: World) -> None:
    make(atlas)
    page = read(viewer.get("/orders?sort_by=total&sort_dir=desc&city=C"))
    words = ("Reference", "Total MAD", "Created")
    links = {text: attrs["href"] for text, attrs in page.with_attribute("href") if text in words}
    assert links == {
        "Reference": "/orders?city=C&sort_by=reference&sort_dir=desc",
        "Total MAD": "/orders?city=C&sort_by=total&sort_dir=asc",
        "Created": "/orders?city=C",
    }
    assert [(text, attrs["aria-sort"]) for text, attrs in page.with_attribute("aria-sort")] == [
        ("Total MAD", "descending")
    ]


def test_an_unreadable_address_says_what_is_wrong_and_shows_no_rows(viewer: Client, atlas: World) -> None:
    make(atlas)
    answer = viewer.get("/orders?from=yesterday&per_page=lots&search=%00")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "This list cannot be shown" in page
    assert "From: Write the date as YYYY-MM-DD." in page
    assert "<tbody>" not in page


def test_a_name_that_is_no_filter_is_let_pass_on_a_page(viewer: Client, atlas: World) -> None:
    make(atlas)
    assert viewer.get("/orders?utm_source=mail").status_code == 200


@pytest.mark.parametrize(
    ("path", "title", "way_out", "leads_to"),
    [
        ("/orders?city=Safi", "No order matches Safi", "Clear city", "/orders"),
        (
            "/orders/SHIPPED?city=Fès&phone=77",
            "No order matches Fès, 77 and Shipped",
            "Clear all filters",
            "/orders/SHIPPED",
        ),
        (
            "/orders/SHIPPED?search=karim",
            "No order matches karim and Shipped",
            "Look in all tabs",
            "/orders?search=karim",
        ),
        ("/orders/SHIPPED", "No order is here: Shipped", "Show all orders", "/orders"),
        ("/orders?at=2001-01-01", "No order was made that early", "Go to the first page", "/orders"),
    ],
)
def test_nothing_found_says_why_and_how_to_get_out(
    viewer: Client, atlas: World, path: str, title: str, way_out: str, leads_to: str
) -> None:
    make(atlas)
    answer = viewer.get(path)
    page = read(answer)
    assert answer.status_code == 200
    assert page.of_class("empty-title")[0][0] == title
    links = {
        " ".join("".join(texts).split()): attrs["href"]
        for tag, attrs, texts in page.tags
        if tag == "a" and "href" in attrs
    }
    assert links[way_out] == leads_to


def test_a_page_whose_rows_have_left_leads_to_the_first(viewer: Client, atlas: World) -> None:
    for _ in range(3):
        make(atlas, created_at=NOON)
    cursor = viewer.get("/orders?per_page=2", headers=JSON).json()["meta"]["next"]
    Order.objects.filter(pk__in=Order.objects.order_by("pk").values("pk")[:1]).update(deleted_at=NOON)
    answer = viewer.get("/orders", {"per_page": "2", "cursor": cursor})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/orders?per_page=2")


# --- parts ----------------------------------------------------------------------


def test_the_page_asks_for_its_part_and_gets_no_more(viewer: Client, atlas: World) -> None:
    make(atlas)
    answer = viewer.get("/orders/New?city=&search=karim&sort_dir=desc", headers=PART)
    part = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" not in part
    assert "<title>New · Packhouse</title>" in part
    assert 'id="order-list"' in part
    assert answer.headers["HX-Push-Url"] == "/orders/NEW?search=karim"


def test_the_pushed_address_shows_the_same_page_again(viewer: Client, atlas: World) -> None:
    for _ in range(3):
        make(atlas, created_at=NOON)
    cursor = viewer.get("/orders?per_page=2", headers=JSON).json()["meta"]["next"]
    answer = viewer.get("/orders", {"per_page": "2", "cursor": cursor, "city": ""}, headers=PART)
    pushed = answer.headers["HX-Push-Url"]
    assert dict(parse_qsl(urlsplit(pushed).query)) == {"per_page": "2", "cursor": cursor}
    assert viewer.get(pushed).status_code == 200


# --- bulk bar --------------------------------------------------------------------


def offered(client: Client, path: str) -> list[str]:
    return [attrs["data-action"] for _, attrs in read(client.get(path)).with_attribute("data-action")]


BAR = {
    "NEW": ["pick", "prepare", "pack", "mark_out_of_stock", "confirm", "cancel", "delete"],
    "PACKED": ["ship", "mark_out_of_stock", "confirm", "cancel", "rollback"],
    "WAITING_FOR_SHIPPING_COMPANY": [
        "pack",
        "ship",
        "mark_out_of_stock",
        "confirm",
        "cancel",
        "rollback",
    ],
    "SHIPPED": ["deliver", "return", "rollback"],
    "DELIVERED": ["return", "rollback"],
    "RETURNED": ["deliver", "receive_return", "restock", "renew", "rollback"],
    "CANCELED": ["renew", "rollback", "delete"],
    "OUT_OF_STOCK": ["renew", "confirm", "cancel", "delete"],
}


@pytest.mark.parametrize("tab", BAR)
def test_the_bulk_bar_offers_what_the_tab_allows(manager: Client, atlas: World, tab: str) -> None:
    atlas.order(status=tab, lines=())
    assert offered(manager, f"/orders/{tab}") == BAR[tab]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("viewer", []),
        ("packer", ["pick", "prepare", "pack", "mark_out_of_stock"]),
        ("shipper", []),
        ("callcentre", ["confirm", "cancel"]),
        ("returns", []),
    ],
)
def test_the_bulk_bar_offers_what_the_person_may(atlas: World, role: str, expected: list[str]) -> None:
    make(atlas)
    client = at_work(role)
    assert offered(client, "/orders/NEW") == expected
    assert ('name="ids"' in client.get("/orders/NEW").content.decode()) is bool(expected)


def test_rows_name_what_may_be_done_with_them(manager: Client, atlas: World) -> None:
    atlas.order(status="SHIPPED", lines=())
    ((_, row),) = read(manager.get("/orders")).with_attribute("data-can")
    assert row["data-can"].split() == ["deliver", "return", "rollback"]


def test_every_row_of_a_tab_is_served_by_the_tabs_bar() -> None:
    for tab, actions in BAR.items():
        of_rows = {
            action
            for status in statuses_of(Tab(tab))
            for is_packed in (False, True)
            for action in actions_open_to_row(status, "", is_packed).split()
        }
        assert of_rows == set(actions), tab


def test_all_that_match_is_offered_only_beyond_the_page(manager: Client, atlas: World) -> None:
    for _ in range(3):
        make(atlas, created_at=NOON)
    assert "all_matching" not in manager.get("/orders").content.decode()
    page = manager.get("/orders?per_page=2").content.decode()
    assert "all 3 that match" in page


def frozen_of(client: Client, path: str) -> str:
    return next(
        attrs["value"]
        for _, attrs in read(client.get(path)).with_attribute("name")
        if attrs["name"] == "filter"
    )


def test_all_that_match_means_what_was_seen_and_nothing_later(
    manager: Client, atlas: World, casbah: World
) -> None:
    seen = [make(atlas, city="Safi"), make(atlas, city="Safi")]
    make(atlas, city="Rabat"), make(casbah, city="Safi")
    frozen = frozen_of(manager, "/orders/NEW?city=Safi&merchant=atlas")
    make(atlas, city="Safi")  # comes in after the look
    found = filtered_orders(frozen, actor=Actor.of(person("packer"), source="dashboard"))
    assert {order.pk for order in found} == {order.pk for order in seen}


def test_a_frozen_filter_in_another_persons_hands_shows_their_rows_alone(
    manager: Client, atlas: World, casbah: World
) -> None:
    own, _other = make(atlas), make(casbah)
    frozen = frozen_of(manager, "/orders")
    seller = Actor.of(person("seller", merchant=atlas.merchant), source="dashboard")
    assert [order.pk for order in filtered_orders(frozen, actor=seller)] == [own.pk]


@pytest.mark.parametrize(
    "frozen",
    [
        "tab=LOST",
        "up_to=x",
        "up_to=99999999999999999999",
        "citty=Safi",
        "from=x",
        "status__in=NEW",
        "sku=&" * 5000 + "city=Safi",
    ],
    ids=lambda frozen: frozen[:20],
)
def test_a_frozen_filter_that_cannot_be_read_matches_nothing_by_mistake(atlas: World, frozen: str) -> None:
    make(atlas)
    with pytest.raises(InvalidInput):
        filtered_orders(frozen, actor=Actor.system())


def test_bulk_buttons_and_boxes_belong_to_one_form_that_works_without_script(
    manager: Client, atlas: World
) -> None:
    order = make(atlas)
    page = read(manager.get("/orders/NEW"))
    (box,) = [attrs for _, attrs in page.with_attribute("name") if attrs["name"] == "ids"]
    assert (box["form"], box["value"]) == ("bulk", str(order.pk))
    (pack,) = [attrs for _, attrs in page.with_attribute("data-action") if attrs["data-action"] == "pack"]
    assert pack["formaction"] == "/orders/actions/pack/sheet"
    answer = manager.post(
        pack["formaction"], {"ids": box["value"], "filter": frozen_of(manager, "/orders/NEW")}
    )
    assert answer.status_code == 200
    assert order.reference in answer.content.decode() or "1 order" in answer.content.decode()


# --- who sees what of the frame ---------------------------------------------------


def test_staff_choose_a_merchant_and_a_seller_has_none_to_choose(
    viewer: Client, seller: Client, atlas: World, casbah: World
) -> None:
    make(atlas), make(casbah)
    assert 'id="where-merchant"' in viewer.get("/orders").content.decode()
    page = seller.get("/orders").content.decode()
    assert 'id="where-merchant"' not in page
    assert "Casbah" not in page
    assert tabs_of(read(seller.get("/orders")))[:2] == ["All 1", "New 1"]


def test_lines_cost_one_statement_for_the_page(viewer: Client, atlas: World) -> None:
    for _ in range(5):
        make(atlas, lines=(("MUG", 1), ("LAMP", 2)))
    with CaptureQueriesContext(connection) as captured:
        viewer.get("/orders")
    assert len([one for one in captured.captured_queries if "orders_orderline" in one["sql"]]) == 1


def test_ages_are_words(viewer: Client, atlas: World) -> None:
    make(atlas, created_at=timezone.now() - dt.timedelta(hours=3, minutes=5))
    assert "3 h ago" in viewer.get("/orders").content.decode()
