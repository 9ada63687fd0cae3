"""Stock, Today and Settings in a real Chromium: sheets, double Enter, no script, every width and colour."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from orders.models import City, CityAlias, Order, StockMovement
from tests.browser.conftest import OpenPage, Shoot
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

SCREENS = [(1366, "light"), (1366, "dark"), (390, "light"), (390, "dark")]


@pytest.fixture
def world(db: None) -> World:
    world = World(units=100)
    world.product("MUG", units=10)
    return world


def fits(page: Page) -> bool:
    """Whether nothing makes the page wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_goods_are_received_in_a_sheet_and_a_double_enter_counts_once(
    world: World, open_as: OpenPage
) -> None:
    mug = world.product("MUG")
    page = open_as("manager", f"/products/{mug.pk}")
    page.get_by_role("link", name="Receive", exact=True).click()
    quantity = page.get_by_label("Units that came")
    quantity.fill("5")
    quantity.press("Enter")
    page.keyboard.press("Enter")  # wherever it lands by now
    expect(page.get_by_text("MUG in Casablanca: +5, 15 on hand now.")).to_be_visible()
    assert world.shelf("MUG") == (15, 0)
    assert StockMovement.objects.filter(product=mug, delta=5).count() == 1


def test_a_refusal_stays_in_the_sheet_with_what_was_typed(world: World, open_as: OpenPage) -> None:
    mug = world.product("MUG")
    order = world.order([("MUG", 8)], status="PACKED")
    page = open_as("manager", f"/products/{mug.pk}")
    page.get_by_role("link", name="Adjust").click()
    page.get_by_label("Change", exact=True).fill("-5")
    page.get_by_label("Reason").fill("Broken")
    page.get_by_role("button", name="Adjust").click()
    sheet = page.locator("dialog#sheet")
    expect(sheet.get_by_text(order.reference)).to_be_visible()
    expect(page.get_by_label("Change", exact=True)).to_have_value("-5")
    expect(page.get_by_label("Reason")).to_have_value("Broken")
    assert world.shelf("MUG") == (10, 8)
    page.get_by_label("Change", exact=True).fill("-2")
    page.get_by_role("button", name="Adjust").click()
    expect(page.get_by_text("MUG in Casablanca: -2, 8 on hand now.")).to_be_visible()


def test_a_count_of_a_shelf_that_moved_asks_for_a_new_number(world: World, open_as: OpenPage) -> None:
    mug = world.product("MUG")
    page = open_as("manager", f"/products/{mug.pk}")
    page.get_by_role("link", name="Count").click()
    expect(page.get_by_text("the ledger says 10 on hand")).to_be_visible()
    world.order([("MUG", 4)], status="SHIPPED")
    page.get_by_label("Units counted").fill("10")
    page.get_by_role("button", name="Save the count").click()
    expect(page.get_by_text("now there are 6")).to_be_visible()
    expect(page.get_by_label("Units counted")).to_have_value("")
    page.get_by_label("Units counted").fill("5")
    page.get_by_role("button", name="Save the count").click()
    expect(page.get_by_text("-1 against the ledger, 5 on hand now.")).to_be_visible()


def test_without_script_the_same_forms_are_pages(world: World, open_as: OpenPage) -> None:
    mug = world.product("MUG")
    page = open_as("manager", f"/products/{mug.pk}", java_script_enabled=False)
    page.get_by_role("link", name="Receive", exact=True).click()
    page.get_by_label("Units that came").fill("5")
    page.get_by_role("button", name="Receive").click()
    assert page.url.endswith(f"/products/{mug.pk}")
    assert world.shelf("MUG") == (15, 0)


def test_a_spelling_is_taught_by_choosing_from_what_is_suggested(world: World, open_as: OpenPage) -> None:
    casa = City.objects.create(country="MA", name="Casablanca", key="casablanca", region="Casablanca-Settat")
    order = world.order(city="Darb")
    page = open_as("manager", "/settings/places/unknown")
    page.get_by_role("link", name="Choose the city").click()
    field = page.get_by_role("combobox", name="Another city")
    field.press_sequentially("casa")
    page.get_by_role("option", name="Casablanca").wait_for()
    field.press("ArrowDown")
    field.press("Enter")
    page.get_by_role("button", name="Learn it").click()
    expect(page.get_by_text("1 waiting order has its city.")).to_be_visible()
    assert CityAlias.objects.get().city_id == casa.pk
    order.refresh_from_db()
    assert order.city_place_id == casa.pk


def test_a_bar_of_today_leads_to_its_orders(world: World, open_as: OpenPage) -> None:
    order = world.order(status="DELIVERED")
    Order.objects.filter(pk=order.pk).update(created_at=timezone.now() - dt.timedelta(days=2))
    page = open_as("viewer", "/")
    page.locator(".chart-wide svg a").first.click()
    expect(page.get_by_role("link", name=order.reference)).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_every_page_fits_its_screen(
    world: World, open_as: OpenPage, shoot: Shoot, width: int, scheme: str
) -> None:
    fes = City.objects.create(country="MA", name="Fès", key="fes")
    world.order([("MUG", 8)], status="PACKED")
    for days, status in ((1, "NEW"), (3, "SHIPPED"), (10, "DELIVERED"), (12, "RETURNED")):
        order = world.order([("CUP", 1)], status=status, city_place=fes)
        Order.objects.filter(pk=order.pk).update(created_at=timezone.now() - dt.timedelta(days=days))
    world.order(city="Darb")
    page = open_as("admin", "/", width=width, color_scheme=scheme)
    for name, path in (
        ("today", "/"),
        ("stock", "/stock"),
        ("product", f"/products/{world.product('MUG').pk}"),
        ("delivery", "/stock/receive"),
        ("import", "/products/import"),
        ("settings", "/settings"),
        ("people", "/settings/people"),
        ("role", "/settings/roles/new"),
        ("unknown", "/settings/places/unknown"),
        ("changes", "/settings/changes"),
    ):
        page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2] + path)
        assert fits(page), path
        shoot(page, f"{name}-{width}-{scheme}")
