"""The order list in a real browser: filters, tabs and pages without a reload, selection that comes back."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import Page, expect

from orders.models import Order
from tests.browser.conftest import OpenPage, Shoot
from tests.web.lists.making import NOON, make
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def orders() -> list[Order]:
    """Thirty orders of atlas, two of them packed, to three cities; four of casbah."""
    atlas, casbah = World(slug="atlas"), World(slug="casbah")
    cities = ("Casablanca", "Safi", "Fès")
    made = [
        make(
            atlas,
            name=f"Customer {number}",
            city=cities[number % 3],
            created_at=NOON + dt.timedelta(minutes=number),
            lines=(("MUG", 1),),
        )
        for number in range(30)
    ]
    for number in range(4):
        make(casbah, name=f"Client {number}", city="Safi", created_at=NOON - dt.timedelta(days=1))
    atlas.receive(atlas.product(), 100)
    for order in made[-2:]:
        atlas.walk(order, "pack")
    return made


@pytest.fixture
def page(open_as: OpenPage, orders: list[Order]) -> Page:
    return open_as("manager", "/orders?per_page=25")


def chosen(page: Page) -> list[str]:
    return [box.input_value() for box in page.locator("input[name=ids]:checked").all()]


def path_of(page: Page) -> str:
    return page.evaluate("location.pathname + location.search")


def test_tabs_filters_and_chips_change_the_list_and_the_address_without_a_reload(page: Page) -> None:
    page.evaluate("window.stayed = true")
    page.locator(".tab", has_text="Packed").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    assert path_of(page) == "/orders/PACKED?per_page=25"
    expect(page).to_have_title("Packed · Packhouse")

    page.locator(".tab", has_text="New").click()
    expect(page.locator("tbody tr")).to_have_count(25)
    page.locator(".filters-open summary").first.click()
    page.locator("#filter-city").fill("safi")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(13)
    assert path_of(page) == "/orders/NEW?city=safi&per_page=25"

    page.locator(".chip").click()
    expect(page.locator(".chip")).to_have_count(0)
    assert path_of(page) == "/orders/NEW?per_page=25"
    assert page.evaluate("window.stayed") is True


def test_escape_leaves_the_search_box_and_the_lists_keys_work_again(page: Page, orders: list[Order]) -> None:
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("/")
    page.keyboard.type("safi")
    page.keyboard.press("Escape")
    expect(page.locator("[data-find]")).not_to_be_focused()
    expect(page.locator("[data-find]")).to_have_value("safi")
    expect(page.locator('input[name="ids"]:checked')).to_have_count(1)
    page.keyboard.press("j")
    expect(page.locator("tbody tr:focus")).to_have_count(1)


def test_the_search_box_finds_and_follows_the_list(page: Page, orders: list[Order]) -> None:
    page.keyboard.press("/")
    page.keyboard.type(orders[7].reference)
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator(".cell-key")).to_have_text(orders[7].reference)
    expect(page.locator("tbody tr")).to_be_focused()
    page.locator(".chip").click()
    expect(page.locator("tbody tr")).to_have_count(34)
    expect(page.locator("[data-find]")).to_have_value("")


def test_rows_are_walked_selected_and_opened_by_keyboard(page: Page, orders: list[Order]) -> None:
    for key in ("j", "x", "j", " ", "j", "k", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url(f"**/orders/{orders[-2].reference}/show")
    page.go_back()
    expect(page.locator("[data-selected-count]")).to_have_text("2 selected")
    assert chosen(page) == [str(orders[-1].pk), str(orders[-2].pk)]


def test_back_returns_to_the_same_filter_page_and_selection(page: Page) -> None:
    page.get_by_role("link", name="Next").click()
    expect(page.locator("tbody tr")).to_have_count(9)
    second = path_of(page)
    page.locator("input[name=ids]").nth(3).check()
    kept = chosen(page)
    page.locator(".cell-key a").first.click()
    page.wait_for_url("**/show")
    page.go_back()
    page.wait_for_url(f"**{second}")
    assert chosen(page) == kept
    page.get_by_role("link", name="Previous").click()
    expect(page.locator("tbody tr")).to_have_count(25)
    assert chosen(page) == []


def test_the_bar_offers_only_what_the_selected_rows_allow(page: Page, orders: list[Order]) -> None:
    def offers(*actions: str) -> None:
        buttons = page.locator(".bulk-actions > [data-action]:visible")
        expect(buttons).to_have_count(len(actions))
        assert [button.get_attribute("data-action") for button in buttons.all()] == list(actions)

    row = page.locator("tbody tr", has_text=orders[-1].reference).locator("input")
    row.check()
    offers("ship")
    page.locator("tbody tr", has_text=orders[0 + 10].reference).locator("input").check()
    offers("pick", "pack", "ship")
    row.uncheck()
    offers("pick", "pack")
    page.locator(".bulk-more summary").click()
    menu = page.locator(".bulk-more [data-action]:visible")
    assert [one.get_attribute("data-action") for one in menu.all()] == [
        "mark_out_of_stock",
        "confirm",
        "cancel",
        "delete",
    ]
    page.keyboard.press("Escape")
    assert len(chosen(page)) == 1


def test_an_action_opens_its_sheet_for_the_selected_rows(page: Page, orders: list[Order]) -> None:
    for order in orders[10:12]:
        page.locator("tbody tr", has_text=order.reference).locator("input").check()
    page.locator(".bulk-actions > [data-action=pack]").click()
    sheet = page.locator("#sheet")
    expect(sheet).to_be_visible()
    expect(sheet).to_contain_text("2 orders will be packed")


def test_all_that_match_goes_beyond_the_page(page: Page) -> None:
    page.locator("[data-select-all]").check()
    page.get_by_label("all 34 that match").check()
    expect(page.locator("[data-selected-count]")).to_have_text("34 selected")
    page.locator(".bulk-actions > [data-action=pack]").click()
    expect(page.locator("#sheet")).to_contain_text("32 orders will be packed")


def test_the_merchant_is_chosen_above_the_list(page: Page) -> None:
    page.locator(".tab", has_text="New").click()
    page.wait_for_url("**/orders/NEW?per_page=25")
    page.locator("#where-merchant").select_option("casbah")
    expect(page.locator("tbody tr")).to_have_count(4)
    assert path_of(page) == "/orders/NEW?per_page=25&merchant=casbah"
    expect(page.locator(".chip")).to_contain_text("Casbah")


def test_the_list_jumps_to_a_day(page: Page) -> None:
    page.get_by_label("Jump to").fill("2026-11-09")
    page.get_by_role("button", name="Go").click()
    expect(page.locator("tbody tr")).to_have_count(4)
    assert path_of(page) == "/orders?per_page=25&at=2026-11-09"


def test_everything_works_without_script(open_as: OpenPage, orders: list[Order]) -> None:
    page = open_as("manager", "/orders?per_page=25", java_script_enabled=False)
    page.locator(".tab", has_text="Packed").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.locator(".filters-open summary").first.click()
    page.locator("#filter-city").fill("fès")
    page.locator(".filters-panel button").first.click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("input[name=ids]").check()
    page.locator("[data-action=ship]").click()
    page.wait_for_url("**/orders/actions/ship/sheet")
    expect(page.locator("h1")).to_contain_text("Ship")


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_can_be_looked_at(
    open_as: OpenPage, orders: list[Order], shoot: Shoot, width: int, scheme: str
) -> None:
    page = open_as("manager", "/orders", width=width, color_scheme=scheme)
    page.locator("input[name=ids]").first.check()
    shoot(page, f"{width}-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
