"""The shared modules in a real browser: keyboard, selection, sheets, and answers that are no success."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from orders.models import User
from tests.browser.conftest import OpenPage, log_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def builder() -> User:
    return User.objects.create_superuser(username="root", password="demo-packhouse")


@pytest.fixture
def page(open_page: OpenPage, builder: User) -> Page:
    return open_page("/style/", builder)


def chosen(page: Page) -> list[str]:
    return [box.input_value() for box in page.locator("input[name=ids]:checked").all()]


class TestList:
    def test_it_is_walked_selected_and_opened_by_keyboard(self, page: Page) -> None:
        for key in ("j", "ArrowDown", " ", "Shift+ArrowDown", "Shift+ArrowDown", "k"):
            page.keyboard.press(key)
        assert chosen(page) == ["813", "814", "815"]
        expect(page.locator("[data-selected-count]")).to_have_text("3 selected")
        page.keyboard.press("Enter")
        page.wait_for_url("**/style/?814")

    def test_a_slash_goes_to_the_search_box_but_not_while_typing(self, page: Page) -> None:
        page.locator("#id_city").click()
        page.keyboard.press("/")
        assert page.input_value("#id_city") == "/"

    def test_shift_and_click_takes_the_rows_between(self, page: Page) -> None:
        boxes = page.locator("input[name=ids]")
        boxes.nth(1).click()
        boxes.nth(4).click(modifiers=["Shift"])
        assert chosen(page) == ["813", "814", "815", "816"]

    def test_the_whole_page_then_all_that_match(self, page: Page) -> None:
        page.locator("[data-select-all]").check()
        expect(page.locator("[data-selected-count]")).to_have_text("13 selected")
        page.locator("[data-all-matching]").check()
        expect(page.locator("[data-selected-count]")).to_have_text("312 selected")
        page.locator("input[name=ids]").first.uncheck()
        expect(page.locator("[data-selected-count]")).to_have_text("12 selected")
        expect(page.locator("[data-all-matching]")).not_to_be_checked()

    def test_the_selection_comes_back_with_back_and_not_otherwise(self, page: Page) -> None:
        page.locator("input[name=ids]").nth(2).check()
        page.locator(".cell-key a").first.click()
        page.wait_for_url("**/style/?812")
        assert chosen(page) == []
        page.go_back()
        expect(page.locator("[data-selected-count]")).to_have_text("1 selected")
        assert chosen(page) == ["814"]
        page.goto(page.url)
        assert chosen(page) == []

    def test_escape_empties_it_and_the_bar_sinks(self, page: Page) -> None:
        page.locator("input[name=ids]").first.check()
        expect(page.locator(".bulk-bar")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(".bulk-bar")).to_be_hidden()
        assert chosen(page) == []

    def test_a_hidden_column_stays_hidden(self, page: Page) -> None:
        page.get_by_text("Columns").click()
        page.locator("[data-column=phone]").uncheck()
        page.reload()
        expect(page.locator("td[data-col=phone]").first).to_be_hidden()
        expect(page.locator("td[data-col=city]").first).to_be_visible()


class TestSheet:
    def test_it_opens_refuses_reports_and_gives_the_focus_back(self, page: Page) -> None:
        page.locator("#open-sheet").click()
        expect(page.locator("#reason")).to_be_focused()
        page.get_by_role("button", name="Pack 58").click()
        expect(page.locator("#sheet .field-error")).to_have_text("Say why: it stands in the history.")
        page.locator("#reason").fill("counted twice")
        page.get_by_role("button", name="Pack 58").click()
        expect(page.locator("#sheet h2")).to_have_text("58 of 64 packed")
        page.keyboard.press("Escape")
        expect(page.locator("#sheet")).to_be_hidden()
        expect(page.locator("#open-sheet")).to_be_focused()

    def test_a_second_click_sends_nothing_and_the_button_says_what_it_does(self, page: Page) -> None:
        held: list[Route] = []
        page.route("**/style/sheet", lambda route: held.append(route) if _posts(route) else route.continue_())
        page.locator("#open-sheet").click()
        page.locator("#reason").fill("twice")
        page.evaluate("for (const _ of [1, 2, 3]) document.querySelector('#sheet .button-primary').click()")
        expect(page.locator("#sheet .button-primary")).to_have_text("Packing…")
        assert len(held) == 1
        held[0].continue_()
        expect(page.locator("#sheet h2")).to_have_text("58 of 64 packed")
        assert len(held) == 1

    def test_without_script_it_is_a_page(self, open_page: OpenPage, builder: User) -> None:
        page = open_page("/style/", builder, java_script_enabled=False)
        page.locator("input[name=ids]").first.check()
        expect(page.locator(".bulk-bar")).to_be_visible()
        page.locator("#open-sheet").click()
        expect(page.locator("h1")).to_have_text("Pack 64 orders")
        page.locator("#reason").fill("by hand")
        page.get_by_role("button", name="Pack 58").click()
        expect(page.locator("h1")).to_have_text("58 of 64 packed")


def _posts(route: Route) -> bool:
    return route.request.method == "POST"


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "words"),
        [
            (403, "Not done: you are not allowed to do this."),
            (422, "Not saved: something in the form is not right."),
            (500, "Not saved: the server failed."),
        ],
    )
    def test_a_failure_is_said_and_the_page_stays(self, page: Page, status: int, words: str) -> None:
        before = page.locator("#answers").inner_text()
        page.locator(f"#answer-{status}").click()
        expect(page.locator("#messages .message-error")).to_contain_text(words)
        assert page.locator("#answers").inner_text() == before

    def test_a_network_that_is_gone_is_said(self, page: Page) -> None:
        page.context.set_offline(True)
        page.locator("#answer-500").click()
        expect(page.locator("#messages .message-error")).to_contain_text("Nothing was lost; try again.")

    def test_a_session_that_ended_keeps_what_was_typed(
        self, page: Page, builder: User, live_server: object
    ) -> None:
        page.locator("#open-sheet").click()
        page.locator("#reason").fill("typed before lunch")
        page.context.clear_cookies()
        send = page.get_by_role("button", name="Pack 58")
        send.click()
        expect(page.locator("#sheet .message").first).to_be_visible()
        assert page.input_value("#reason") == "typed before lunch"
        # Logged in again elsewhere: the first try renews the key of this page, the second is taken.
        log_in(page.context, builder, str(live_server))
        send.click()
        expect(page.locator("#sheet .message-warning")).to_contain_text("Its key has been renewed")
        send.click()
        expect(page.locator("#sheet h2")).to_have_text("58 of 64 packed")

    def test_errors_stay_until_closed(self, page: Page) -> None:
        page.goto(f"{page.url}?messages")
        expect(page.locator("#messages .message-success")).to_have_count(0, timeout=9_000)
        expect(page.locator("#messages .message-error")).to_have_count(1)
        page.locator("#messages .message-error [data-close-message]").click()
        expect(page.locator("#messages .message-error")).to_have_count(0)


class TestSuggestions:
    def test_they_are_picked_by_keyboard_and_send_their_value(self, page: Page) -> None:
        field = page.locator("#id_city")
        field.click()
        page.keyboard.type("mar")
        expect(page.locator(".suggest-list [role=option]")).to_have_count(1)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        assert field.input_value() == "Marrakech"
        assert page.locator("[name=city_id]").input_value() == "2"

    def test_typing_on_forgets_the_value(self, page: Page) -> None:
        field = page.locator("#id_city")
        field.click()
        page.keyboard.type("mar")
        page.locator(".suggest-list [role=option]").click()
        page.keyboard.type("x")
        assert page.locator("[name=city_id]").input_value() == ""


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1366])
@pytest.mark.parametrize("address", ["/style/", "/style/?page=bench&outcome=refused", "/style/?page=empty"])
def test_no_page_scrolls_sideways(open_page: OpenPage, builder: User, address: str, width: int) -> None:
    page = open_page(address, builder, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_log_in_page_leads_to_where_one_wanted_to_go(open_page: OpenPage, builder: User) -> None:
    page = open_page("/style/")
    page.get_by_label("Username").fill("root")
    page.get_by_label("Password").fill("demo-packhouse")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("h1")).to_contain_text("Orders")


def test_a_targets_size_is_kept_at_desk_and_bench(open_page: OpenPage, builder: User) -> None:
    desk = open_page("/style/", builder)
    assert _heights(desk, ".button:not(.button-small)") >= 36
    assert _heights(desk, ".button-bench") >= 56
    phone = open_page("/style/", builder, width=390)
    assert _heights(phone, ".button:not(.button-small, .button-quiet), .bottombar .place") >= 44


def _heights(page: Page, selector: str) -> float:
    return float(
        page.evaluate(
            """selector => Math.min(...[...document.querySelectorAll(selector)]
                .map(element => element.getBoundingClientRect().height).filter(height => height > 0))""",
            selector,
        )
    )
