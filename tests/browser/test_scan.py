"""The scan benches in a real browser: bursts, other layouts, refusals that stay, networks that are lost."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from orders.domain.bench.scanning import ScanMode
from orders.domain.reading.codes import printed_code
from orders.models import Order, OrderEvent, ScanAttempt, Warehouse
from tests.browser.conftest import OpenPage, Shoot
from tests.browser.scanners import ARABIC, AZERTY, US, Scanner
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

PACKING = "**/mark-orders-as-packed-by-scanner"


@pytest.fixture
def world(transactional_db: None) -> World:
    return World(units=500)


@pytest.fixture
def bench(open_as: OpenPage, world: World) -> Page:
    return open_as("packer", "/scan/pack")


def burst(page: Page, *codes: str, end: str = "Enter") -> None:
    """Types the codes at 2 ms a key, one behind the other, as a scanner does."""
    for code in codes:
        page.keyboard.type(code, delay=2)
        page.keyboard.press(end, delay=2)


def answered(page: Page, look: str, what: str | None = None) -> None:
    expect(page.locator("#bench-answer")).to_have_attribute("data-look", look)
    if what is not None:
        expect(page.locator(".bench-answer-what")).to_have_text(what)


def tally(page: Page, look: str, count: int) -> None:
    expect(page.locator(f"[data-tally={look}] b")).to_have_text(str(count))


def statuses(orders: Sequence[Order]) -> list[str]:
    found = dict(Order.objects.filter(pk__in=[order.pk for order in orders]).values_list("pk", "status"))
    return [found[order.pk] for order in orders]


def orders_of(world: World, count: int, **facts: Any) -> list[Order]:
    return [world.order([("MUG", 1)], **facts) for _ in range(count)]


# --- bursts -------------------------------------------------------------------------


def test_a_scan_turns_green_sounds_and_is_listed(bench: Page, world: World, shoot: Shoot) -> None:
    bench.evaluate("document.addEventListener('sound-played', (e) => (window.played ??= []).push(e.detail))")
    order = world.order()
    burst(bench, order.reference)
    answered(bench, "done", order.reference)
    expect(bench.locator(".bench-answer-word")).to_have_text("Packed")
    expect(bench.get_by_role("status").filter(has_text="Packed")).to_have_text(
        f"Packed. {order.reference}. Karim Mansouri · Casablanca"
    )
    tally(bench, "done", 1)
    expect(bench.locator("#scan-list .code")).to_have_text([order.reference])
    expect(bench.locator("#scan-field")).to_be_focused()
    expect(bench.locator("#scan-field")).to_have_value("")
    assert bench.evaluate("window.played") == ["done"]
    assert statuses([order]) == ["PACKED"]
    shoot(bench, "done")


def test_scans_typed_back_to_back_all_arrive_in_order(bench: Page, world: World) -> None:
    orders = orders_of(world, 20)
    burst(bench, *[order.reference for order in orders])
    tally(bench, "done", 20)
    answered(bench, "done", orders[-1].reference)
    expect(bench.locator("#scan-pending")).to_be_hidden()
    assert statuses(orders) == ["PACKED"] * 20
    assert list(ScanAttempt.objects.order_by("id").values_list("order_id", flat=True)) == [
        order.pk for order in orders
    ]
    assert list(OrderEvent.objects.order_by("id").values_list("order_id", flat=True)) == [
        order.pk for order in orders
    ]


def test_scans_wait_their_turn_while_an_answer_is_pending_and_nothing_is_green(
    bench: Page, world: World, shoot: Shoot
) -> None:
    orders = orders_of(world, 5)
    held: list[Route] = []
    bench.route(PACKING, lambda route: held.append(route) if not held else route.continue_())
    burst(bench, *[order.reference for order in orders])
    answered(bench, "wait", orders[0].reference)
    expect(bench.locator("#scan-pending .code")).to_have_text([order.reference for order in orders])
    expect(bench.locator(".bench-answer-done")).to_have_count(0)
    assert statuses(orders) == ["NEW"] * 5
    shoot(bench, "waiting")
    held[0].continue_()
    tally(bench, "done", 5)
    assert statuses(orders) == ["PACKED"] * 5


def test_a_double_enter_counts_once(bench: Page, world: World) -> None:
    order = world.order()
    bench.keyboard.type(order.reference, delay=2)
    bench.keyboard.press("Enter")
    bench.keyboard.press("Enter")
    answered(bench, "done", order.reference)
    burst(bench, "X-END")
    answered(bench, "refused", "X-END")
    assert list(ScanAttempt.objects.order_by("id").values_list("code", flat=True)) == ["done", "unknown"]


def test_a_code_ended_by_tab_is_a_scan_too(bench: Page, world: World) -> None:
    order = world.order()
    burst(bench, order.reference, end="Tab")
    answered(bench, "done", order.reference)
    expect(bench.locator("#scan-field")).to_be_focused()


def test_a_scanner_that_sends_no_enter_is_told_so(bench: Page, world: World) -> None:
    order = world.order()
    bench.keyboard.type(order.reference, delay=2)
    expect(bench.locator("#scan-hint")).to_contain_text("The scanner sent no Enter.")
    assert not ScanAttempt.objects.exists()
    bench.keyboard.press("Enter")
    answered(bench, "done", order.reference)
    expect(bench.locator("#scan-hint")).to_have_count(0)


def test_two_codes_that_ran_together_are_refused(bench: Page, world: World) -> None:
    first, second = orders_of(world, 2)
    burst(bench, first.reference + second.reference)
    answered(bench, "refused")
    expect(bench.locator(".bench-answer-line").first).to_have_text("Two codes arrived as one.")
    assert statuses([first, second]) == ["NEW", "NEW"]


# --- layouts ------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [US, AZERTY, ARABIC], ids=["us", "azerty", "arabic"])
@pytest.mark.parametrize("code", ["reference", "printed", "tracking"])
def test_a_us_scanner_is_understood_on_every_layout(
    bench: Page, world: World, layout: dict[str, str], code: str
) -> None:
    order = world.order(tracking="ecq-12az9")
    text = {"reference": order.reference, "printed": printed_code(order.pk, 1), "tracking": order.tracking}
    Scanner(bench, layout).scan(text[code])
    answered(bench, "done", order.reference)
    assert statuses([order]) == ["PACKED"]


def test_what_a_person_types_by_hand_is_taken_as_typed(bench: Page, world: World) -> None:
    """On a PC whose keys are not where a US keyboard has them."""
    order = world.order(external_reference="AZ-12")
    keys = Scanner(bench, dict(zip("QW_!@", "AZ-12", strict=True)) | {"1": "&"})
    keys.scan("QW_!@")
    answered(bench, "done", order.reference)


# --- focus elsewhere ----------------------------------------------------------------


@pytest.mark.parametrize("layout", [US, AZERTY], ids=["us", "azerty"])
@pytest.mark.parametrize("end", ["Enter", "Tab"])
def test_a_scan_into_another_field_works_and_leaves_its_text(
    open_as: OpenPage, world: World, layout: dict[str, str], end: str
) -> None:
    bench = open_as("callcentre", "/scan/cancel")
    order = world.order()
    reason = bench.locator("#scan-reason")
    reason.fill("Customer canceled")
    reason.evaluate("field => field.setSelectionRange(3, 5)")
    Scanner(bench, layout, end).scan(order.reference)
    answered(bench, "done", order.reference)
    expect(reason).to_have_value("Customer canceled")
    expect(reason).to_be_focused()
    assert reason.evaluate("field => [field.selectionStart, field.selectionEnd]") == [3, 5]
    assert OrderEvent.objects.latest("id").message == "Customer canceled"


@pytest.mark.parametrize("place", ["#scan-day", "#scan-warehouse", "#find", ".bench-field .button", "body"])
def test_a_scan_lands_wherever_the_focus_is(bench: Page, world: World, place: str) -> None:
    Warehouse.objects.create(code="oujda", name="Oujda")
    bench.reload()
    order = world.order()
    before = bench.evaluate("[...document.querySelectorAll('[data-choice], #find')].map((f) => f.value)")
    if place == "body":
        bench.evaluate("document.activeElement.blur()")
    else:
        bench.locator(place).focus()
    burst(bench, order.reference)
    answered(bench, "done", order.reference)
    assert bench.url.endswith("/scan/pack")
    after = bench.evaluate("[...document.querySelectorAll('[data-choice], #find')].map((f) => f.value)")
    assert after == before


def test_a_scan_lands_while_a_dialog_is_open(bench: Page, world: World) -> None:
    order = world.order()
    bench.evaluate("document.getElementById('keys').showModal()")
    burst(bench, order.reference)
    answered(bench, "done", order.reference)


def test_what_is_typed_by_hand_into_another_field_is_no_scan(open_as: OpenPage, world: World) -> None:
    bench = open_as("callcentre", "/scan/cancel")
    bench.locator("#scan-reason").focus()
    bench.keyboard.type("Ordered twice", delay=130)
    expect(bench.locator("#scan-reason")).to_have_value("Ordered twice")
    bench.keyboard.press("Enter")
    expect(bench.locator("#scan-field")).to_be_focused()
    expect(bench.locator("#scan-reason")).to_have_value("Ordered twice")
    assert not ScanAttempt.objects.exists()


# --- refusals -----------------------------------------------------------------------


def test_a_refusal_stays_until_escape_while_later_scans_go_on(
    bench: Page, world: World, shoot: Shoot
) -> None:
    canceled = world.order(status="CANCELED")
    good = orders_of(world, 2)
    burst(bench, good[0].reference, canceled.reference, good[1].reference)
    tally(bench, "done", 2)
    answered(bench, "refused", canceled.reference)
    expect(bench.locator(".bench-answer-next")).to_have_text("Put the parcel aside for put-back.")
    shoot(bench, "refused")
    bench.keyboard.press("Escape")
    answered(bench, "done", good[1].reference)
    assert statuses([*good, canceled]) == ["PACKED", "PACKED", "CANCELED"]


def test_each_refusal_is_seen_one_after_the_other(bench: Page, world: World) -> None:
    burst(bench, "X-1", "X-2", "X-3")
    tally(bench, "not_found", 3)
    answered(bench, "refused", "X-1")
    expect(bench.locator(".scan-more")).to_have_text("2 more refused")
    bench.keyboard.press("Escape")
    answered(bench, "refused", "X-2")
    bench.get_by_role("button", name="I have seen it").click()
    answered(bench, "refused", "X-3")
    bench.keyboard.press("Escape")
    answered(bench, "idle")
    expect(bench.locator("#scan-field")).to_be_focused()


def test_the_sounds_follow_the_outcomes(bench: Page, world: World) -> None:
    bench.evaluate("document.addEventListener('sound-played', (e) => (window.played ??= []).push(e.detail))")
    order = world.order(external_reference="1024")
    World(slug="casbah").order(external_reference="1024")
    burst(bench, order.reference, order.reference, "X-1", "1024")
    tally(bench, "refused", 1)
    assert bench.evaluate("window.played") == ["done", "already", "refused", "attention"]


def test_of_two_orders_with_one_code_the_person_chooses(bench: Page, world: World, shoot: Shoot) -> None:
    first = world.order(external_reference="1024")
    second = World(slug="casbah").order(external_reference="1024")
    burst(bench, "1024")
    answered(bench, "refused", "1024")
    shoot(bench, "candidates")
    bench.locator("#scan-warehouse").select_option("")
    bench.get_by_role("button", name=second.reference).click()
    answered(bench, "done", second.reference)
    assert statuses([first, second]) == ["NEW", "PACKED"]


# --- undo ---------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["button", "key"])
def test_the_newest_scan_is_undone(bench: Page, world: World, by: str) -> None:
    first, second = orders_of(world, 2)
    burst(bench, first.reference, second.reference)
    tally(bench, "done", 2)
    if by == "button":
        bench.get_by_role("button", name="Undo").click()
    else:
        bench.keyboard.press("Control+z")
    expect(bench.locator(".bench-answer-word")).to_have_text("Undone")
    tally(bench, "done", 1)
    expect(bench.locator("#scan-list > li").first).to_have_class(re.compile("is-undone"))
    expect(bench.locator("#scan-field")).to_be_focused()
    assert statuses([first, second]) == ["PACKED", "NEW"]


def test_a_barcode_that_holds_an_undo_undoes_nothing(bench: Page, world: World) -> None:
    first, second = orders_of(world, 2)
    burst(bench, first.reference)
    tally(bench, "done", 1)
    bench.clock.install()
    bench.keyboard.press("Control+z", delay=2)
    burst(bench, second.reference)
    tally(bench, "done", 2)
    bench.clock.run_for(1_000)
    burst(bench, "X-END")
    tally(bench, "not_found", 1)
    assert statuses([first, second]) == ["PACKED", "PACKED"]


# --- the network ---------------------------------------------------------------------


def test_a_scan_that_could_not_be_sent_is_loud_and_sent_again_once(
    bench: Page, world: World, shoot: Shoot
) -> None:
    bench.evaluate("document.addEventListener('sound-played', (e) => (window.played ??= []).push(e.detail))")
    first, second = orders_of(world, 2)
    bench.context.set_offline(True)
    burst(bench, first.reference)
    answered(bench, "unsent", first.reference)
    burst(bench, second.reference)
    expect(bench.locator("#scan-pending .code")).to_have_text([first.reference, second.reference])
    answered(bench, "unsent", first.reference)
    assert "attention" in bench.evaluate("window.played")
    assert "done" not in bench.evaluate("window.played")
    assert not ScanAttempt.objects.exists()
    shoot(bench, "unsent")
    bench.context.set_offline(False)
    tally(bench, "done", 2)
    expect(bench.locator("#scan-pending")).to_be_hidden()
    assert statuses([first, second]) == ["PACKED", "PACKED"]
    assert ScanAttempt.objects.count() == 2


def test_an_answer_lost_on_its_way_back_is_asked_for_again_and_counts_once(bench: Page, world: World) -> None:
    order = world.order()
    lost: list[Route] = []

    def lose_the_first(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route)
        route.fetch()  # the server does its work
        route.abort()  # and nobody hears of it

    bench.route(PACKING, lose_the_first)
    burst(bench, order.reference)
    answered(bench, "unsent", order.reference)
    assert statuses([order]) == ["PACKED"]
    bench.keyboard.press("Enter")
    answered(bench, "done", order.reference)
    expect(bench.get_by_text("Sent twice, counted once.", exact=True)).to_be_visible()
    assert ScanAttempt.objects.count() == 1
    assert OrderEvent.objects.filter(order=order).count() == 1


def test_a_scan_that_never_left_may_be_thrown_away(bench: Page, world: World) -> None:
    first, second = orders_of(world, 2)
    bench.route(PACKING, lambda route: route.abort(), times=1)
    burst(bench, first.reference)
    answered(bench, "unsent", first.reference)
    bench.get_by_role("button", name="Throw this scan away").click()
    answered(bench, "idle")
    burst(bench, second.reference)
    answered(bench, "done", second.reference)
    assert statuses([first, second]) == ["NEW", "PACKED"]


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_that_fails_loses_no_scan(bench: Page, world: World, status: int) -> None:
    order = world.order()
    bench.route(PACKING, lambda route: route.fulfill(status=status, body="<html>no</html>"), times=1)
    burst(bench, order.reference)
    answered(bench, "unsent", order.reference)
    bench.get_by_role("button", name="Send again").click()
    answered(bench, "done", order.reference)


def test_a_session_that_ended_loses_no_scan(bench: Page, world: World, live_server: object) -> None:
    from orders.models import User
    from tests.browser.conftest import log_in

    order = world.order()
    cookies = bench.context.cookies()
    bench.context.clear_cookies()
    bench.context.add_cookies([c for c in cookies if c["name"] == "csrf"])  # type: ignore[misc]
    burst(bench, order.reference)
    answered(bench, "unsent", order.reference)
    expect(bench.locator("#bench-answer")).to_contain_text("Your session has ended.")
    log_in(bench.context, User.objects.get(username="packer"), str(live_server))
    bench.keyboard.press("Enter")
    answered(bench, "done", order.reference)


# --- choices -------------------------------------------------------------------------


def test_what_was_chosen_is_kept_for_the_next_bench(open_as: OpenPage, world: World) -> None:
    rabat = Warehouse.objects.create(code="rabat", name="Rabat")
    bench = open_as("manager", "/scan/pack")
    with bench.expect_response("**/scan/pack/choices"):
        bench.locator("#scan-warehouse").select_option("Rabat")
    bench.get_by_role("link", name="Ship").click()
    expect(bench.locator("h1")).to_have_text("Ship")
    expect(bench.locator("#scan-warehouse")).to_have_value(str(rabat.pk))


def test_a_choice_that_lacks_is_said_before_anything_moves(open_as: OpenPage, world: World) -> None:
    Warehouse.objects.create(code="rabat", name="Rabat")
    bench = open_as("shipper", "/scan/ship")
    order = world.order(status="PACKED")
    burst(bench, order.reference)
    answered(bench, "refused", order.reference)
    expect(bench.locator(".bench-answer-word")).to_have_text("Not taken")
    bench.keyboard.press("Escape")
    bench.locator("#scan-warehouse").select_option("Casablanca")
    burst(bench, order.reference)
    answered(bench, "done", order.reference)


# --- without script, on a phone -------------------------------------------------------


def test_without_script_the_bench_is_a_form(open_as: OpenPage, world: World, shoot: Shoot) -> None:
    bench = open_as("packer", "/scan/pack", java_script_enabled=False)
    first, second = orders_of(world, 2)
    for order in (first, second):
        expect(bench.locator("#scan-field")).to_be_focused()
        burst(bench, order.reference)
        answered(bench, "done", order.reference)
    tally(bench, "done", 2)
    bench.reload()
    tally(bench, "done", 2)
    burst(bench, "X-1")
    answered(bench, "refused", "X-1")
    bench.get_by_role("button", name="Undo").click()
    expect(bench.locator(".bench-answer-word")).to_have_text("Undone")
    assert statuses([first, second]) == ["PACKED", "NEW"]
    shoot(bench, "form")


@pytest.mark.parametrize("width", [1366, 390])
def test_every_bench_fits_its_screen(open_as: OpenPage, world: World, shoot: Shoot, width: int) -> None:
    page = open_as("manager", "/scan", width=width)
    for path in ("scan", *(f"scan/{mode.value}" for mode in ScanMode)):
        page.goto(f"{page.url[: page.url.index('/scan')]}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") == width, path
        shoot(page, f"{path.replace('/', '-')}-{width}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 390])
def test_answers_stand_on_the_screen_without_scrolling(
    open_as: OpenPage, world: World, shoot: Shoot, width: int, scheme: str
) -> None:
    order = world.order(external_reference="1024")
    World(slug="casbah").order(external_reference="1024")
    page = open_as("manager", "/scan/pack", width=width, color_scheme=scheme)
    for look, scanned in (
        ("done", order.reference),
        ("already", order.reference),
        ("refused", "X-1"),
        ("refused", "1024"),
    ):
        burst(page, scanned)
        answered(page, look, scanned)
        below = page.locator("#bench-answer > :last-child").bounding_box()
        assert below is not None
        assert below["y"] > 0
        assert below["y"] + below["height"] <= (844 if width == 390 else 768)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        shoot(page, f"{scanned}-{look}-{width}-{scheme}".replace(order.reference, "order"))
        page.keyboard.press("Escape")
    home = open_as("manager", "/scan", width=width, color_scheme=scheme)
    shoot(home, f"home-{width}-{scheme}")
