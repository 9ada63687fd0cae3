"""One order in a real browser: its sheets by keyboard, its form with suggestions, a new order, no script."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from orders.domain.life.editing import add_note, edit_order
from orders.models import City, Order
from tests.browser.conftest import OpenPage
from tests.world import SYSTEM, World

pytestmark = pytest.mark.django_db(transaction=True)

# What somebody might type to make a page do what they want.
EVIL = (
    "<script>document.title='evil'</script>",
    '"><img src=x onerror="document.title=\'evil\'">',
    "<svg onload=document.title='evil'>",
    "javascript:document.title='evil'",
    "<b hx-get='/orders' hx-trigger='load'>x</b>",
)


@pytest.fixture
def world() -> World:
    world = World()
    world.product("MUG", units=20)
    world.product("LAMP", units=20)
    for name, key in (("Casablanca", "casablanca"), ("Fès", "fes"), ("Oued Fès", "oued fes")):
        City.objects.create(country="MA", name=name, region="Region", key=key)
    return world


@pytest.fixture
def order(world: World) -> Order:
    return world.order([("MUG", 2)], city_place=City.objects.get(key="casablanca"))


def status_of(order: Order) -> str:
    order.refresh_from_db()
    return order.status


def settle(page: Page) -> None:
    """Waits until what was swapped in listens."""
    expect(page.locator(".htmx-added, .htmx-settling, .htmx-request")).to_have_count(0)


def test_an_order_is_packed_and_taken_back_by_keyboard_alone(open_as: OpenPage, order: Order) -> None:
    page = open_as("manager", f"/orders/{order.pk}/show")
    page.get_by_role("link", name="Pack", exact=True).focus()
    page.keyboard.press("Enter")
    sheet = page.locator("dialog#sheet[open]")
    expect(sheet).to_contain_text("1 order will be packed")
    expect(sheet.get_by_role("button", name="Pack 1 order")).to_be_focused()
    settle(page)
    page.keyboard.press("Enter")
    expect(sheet).to_contain_text("1 order packed")
    assert status_of(order) == "PACKED"

    page.keyboard.press("Escape")
    expect(page.locator("h1")).to_contain_text("Packed")
    page.get_by_role("button", name="Undo “Packed”").focus()
    page.keyboard.press("Enter")
    expect(page.locator("dialog#sheet[open]")).to_contain_text("1 step undone")
    assert status_of(order) == "NEW"


def test_a_reason_is_asked_for_before_an_order_is_canceled(open_as: OpenPage, order: Order) -> None:
    page = open_as("manager", f"/orders/{order.pk}/show")
    page.locator("#fulfilment").get_by_role("link", name="Cancel").click()
    reason = page.locator("dialog#sheet textarea[name=description]")
    expect(reason).to_be_focused()
    settle(page)
    page.get_by_role("button", name="Cancel 1 order").click()
    assert status_of(order) == "NEW"
    reason.fill("changed her mind")
    page.get_by_role("button", name="Cancel 1 order").click()
    expect(page.locator("dialog#sheet")).to_contain_text("1 order canceled")
    page.locator("dialog#sheet .sheet-foot").get_by_text("Close").click()
    expect(page.locator(".reasons")).to_contain_text("Canceled by Manager")
    expect(page.locator(".reasons")).to_contain_text("changed her mind")


def test_another_warehouse_in_the_sheet_shows_what_it_means(
    open_as: OpenPage, world: World, order: Order
) -> None:
    elsewhere = World(slug="casbah").warehouse
    elsewhere.name = "Rabat"
    elsewhere.save()
    world.walk(order, "pack")
    page = open_as("manager", f"/orders/{order.pk}/show")
    page.get_by_role("link", name="Ship", exact=True).click()
    sheet = page.locator("dialog#sheet[open]")
    expect(sheet.get_by_role("button", name="Ship 1 order")).to_be_visible()
    sheet.locator("select").select_option(label="Rabat")
    expect(sheet).to_contain_text("1 was packed in another warehouse")
    expect(sheet.get_by_role("button", name=re.compile("Ship"))).to_have_count(0)
    sheet.locator("select").select_option(label="Casablanca")
    expect(sheet.get_by_role("button", name="Ship 1 order")).to_be_visible()


def fill_product(page: Page, typed: str, units: str) -> None:
    """Chooses the first product suggested, by keyboard, and types how many."""
    page.keyboard.type(typed)
    expect(page.locator(".line-form [role=option]").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type(units)


def test_a_new_order_is_made_by_keyboard_with_suggestions_and_a_total_that_follows(
    open_as: OpenPage, world: World
) -> None:
    page = open_as("callcentre", "/orders/new")
    expect(page.locator("#id_full_name")).to_be_focused()
    page.keyboard.type("Salma Tazi")
    page.keyboard.press("Tab")
    page.keyboard.type("0612345678")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("fe")
    expect(page.locator("#suggest-city [role=option]")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#id_city")).to_have_value("Fès")
    page.locator("#id_address").fill("4 rue Ibn Sina")
    page.locator(".line-form [role=combobox]").first.focus()
    fill_product(page, "mug", "3")
    expect(page.locator("#id_total")).to_have_value("150.00")
    page.get_by_role("button", name="Add a product").click()
    fill_product(page, "lamp", "1")
    expect(page.locator("#id_total")).to_have_value("200.00")
    page.locator("#id_total").fill("190")
    page.get_by_role("button", name="Remove this product").last.click()
    expect(page.locator("#id_total")).to_have_value("190")
    page.get_by_role("button", name="Make the order").click()
    expect(page.locator("h1")).to_contain_text("ORD-")
    made = Order.objects.get()
    assert (made.city, made.total, made.lines.get().quantity) == ("Fès", 190, 3)


def test_a_double_click_on_make_makes_one_order(open_as: OpenPage, world: World) -> None:
    page = open_as("callcentre", "/orders/new", java_script_enabled=False)
    for name, text in {
        "full_name": "Salma",
        "phone": "0612345678",
        "city": "Fès",
        "address": "here",
        "products[0][product]": "MUG",
    }.items():
        page.locator(f'[name="{name}"]').fill(text)
    page.get_by_role("button", name="Make the order").dblclick()
    expect(page.locator("h1")).to_contain_text("ORD-")
    assert Order.objects.count() == 1


def test_an_order_is_edited_with_its_lines(open_as: OpenPage, order: Order) -> None:
    page = open_as("callcentre", f"/orders/{order.pk}/edit")
    page.locator("#id_address").fill("4 rue Ibn Sina")
    page.locator("#id_quantity_0").fill("5")
    expect(page.locator("#id_amount_0")).to_have_value("250.00")
    page.get_by_role("button", name="Add a product").click()
    fill_product(page, "lamp", "2")
    expect(page.locator("#id_total")).to_have_value("350.00")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".timeline li").first).to_contain_text("5 × MUG, 250.00; 2 × LAMP, 100.00")
    order.refresh_from_db()
    assert (order.address, order.total) == ("4 rue Ibn Sina", 350)


def test_of_two_people_the_later_one_sees_both_values(open_as: OpenPage, order: Order) -> None:
    page = open_as("callcentre", f"/orders/{order.pk}/edit")
    page.locator("#id_address").fill("my street")
    edit_order(order.pk, actor=SYSTEM, changes={"address": "their street", "notes": "theirs"})
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".newer")).to_have_text("Now: their street")
    expect(page.locator("#id_address")).to_have_value("my street")
    expect(page.locator("#id_notes")).to_have_value("theirs")
    page.get_by_role("button", name="Save mine over it").click()
    expect(page.locator("h1")).to_contain_text(order.reference)
    order.refresh_from_db()
    assert (order.address, order.notes) == ("my street", "theirs")


def test_everything_works_without_script(open_as: OpenPage, world: World, order: Order) -> None:
    page = open_as("manager", f"/orders/{order.pk}/show", java_script_enabled=False)
    page.get_by_role("link", name="Edit").click()
    page.locator('[name="products[1][product]"]').fill("LAMP")
    page.locator('[name="products[1][quantity]"]').fill("2")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".order-lines")).to_contain_text("LAMP")
    page.get_by_role("link", name="Pack", exact=True).click()
    page.get_by_role("button", name="Pack 1 order").click()
    expect(page.locator("h1")).to_contain_text("1 order packed")
    page.get_by_role("button", name="Undo 1 step").click()
    page.get_by_role("link", name="Back to where you were").click()
    expect(page).to_have_url(re.compile(f"/orders/{order.pk}/show$"))
    page.locator("#id_note").fill("all by hand")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#history")).to_contain_text("all by hand")
    assert status_of(order) == "NEW"


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_fit_their_screen(
    open_as: OpenPage, world: World, order: Order, width: int, scheme: str
) -> None:
    long = "W" * 100
    edit_order(order.pk, actor=SYSTEM, changes={"full_name": long, "address": long, "notes": long})
    page = open_as("manager", f"/orders/{order.pk}/show", width=width, color_scheme=scheme)
    for address in (
        f"/orders/{order.pk}/show",
        f"/orders/{order.pk}/edit",
        "/orders/new",
        f"/orders/actions/pack/sheet?ids={order.pk}",
        f"/orders/actions/restock/sheet?ids={world.order(status='RETURN_RECEIVED').pk}",
    ):
        page.goto(page.url.split("/orders")[0] + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        for body in page.locator(".sheet-page .sheet-body").all():
            assert body.evaluate("body => body.scrollWidth <= body.clientWidth"), address


def test_what_people_type_stays_text_everywhere(open_as: OpenPage, world: World) -> None:
    orders = [
        world.order(full_name=evil[:100], city=evil, area=evil, address=evil, notes=evil, second_phone=evil)
        for evil in EVIL
    ]
    for order, evil in zip(orders, EVIL, strict=True):
        order.lines.update(name=evil, sku=evil[:64])
        add_note(order.pk, evil, actor=SYSTEM)
        edit_order(order.pk, actor=SYSTEM, changes={"notes": f"{evil}!"})
    page = open_as("manager", f"/orders/{orders[0].pk}/show")
    page.on("dialog", lambda dialog: pytest.fail(f"the page opened a dialog: {dialog.message}"))
    for order in orders:
        for address in (f"/orders/{order.pk}/show", f"/orders/{order.pk}/edit"):
            page.goto(page.url.split("/orders")[0] + address)
            expect(page).to_have_title(re.compile("Packhouse"))
        page.goto(page.url.split("/orders")[0] + f"/orders/actions/cancel/sheet?ids={order.pk}")
        page.locator("textarea").fill(EVIL[1])
        page.get_by_role("button", name="Cancel 1 order").click()
        expect(page).to_have_title("1 order canceled · Packhouse")
        page.goto(page.url.split("/orders")[0] + f"/orders/{order.pk}/show")
        expect(page.locator(".reasons")).to_contain_text("<img src=x")
    assert Order.objects.filter(status="CANCELED").count() == len(EVIL)
