"""Icons, badges, figures: what the tags draw, exactly, and never with a style of their own."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.template import Context, Template

from orders.models import CallCenter, Job, JobItem, Payment, Status
from orders.templatetags import badges, figures
from orders.templatetags.icons import POINTING, draw_icon

CSS = "\n".join(
    path.read_text() for path in sorted((Path(settings.BASE_DIR) / "static" / "css").glob("*.css"))
)
LOOKS: dict[Any, dict[str, badges.Look]] = {
    Status: badges.STATUS,
    CallCenter: badges.CALL_CENTER,
    Payment: badges.PAYMENT,
    Job.State: badges.JOB_STATE,
    JobItem.Outcome: badges.JOB_ITEM,
}


def draw(source: str, **facts: object) -> str:
    return Template("{% load icons badges figures %}" + source).render(Context(facts)).strip()


@pytest.mark.parametrize("choices", LOOKS, ids=lambda choices: choices.__qualname__)
def test_every_value_has_a_look_with_a_real_icon_and_tone(choices: Any) -> None:
    looks = LOOKS[choices]
    assert set(looks) == set(choices.values)
    for value, look in looks.items():
        assert draw_icon(look.icon).startswith("<svg "), value
        assert f".tone-{look.tone} {{" in CSS, value


def test_statuses_wear_the_icons_of_the_token_table() -> None:
    assert {status: (look.tone, look.icon) for status, look in badges.STATUS.items()} == {
        "NEW": ("new", "inbox"),
        "PICKED_UP": ("new", "shopping-basket"),
        "PREPARING": ("new", "package-open"),
        "PACKED": ("packed", "package-check"),
        "WAITING_FOR_SHIPPING_COMPANY": ("waiting", "clock"),
        "SHIPPED": ("shipped", "truck"),
        "DELIVERED": ("delivered", "circle-check"),
        "RETURNED": ("returned", "undo-2"),
        "RETURN_RECEIVED": ("returned", "undo-2"),
        "RETURNED_TO_STOCK": ("returned", "undo-2"),
        "CANCELED": ("canceled", "ban"),
        "OUT_OF_STOCK": ("out-of-stock", "package-x"),
        "ROLLBACK": ("rollback", "rotate-ccw"),
    }


def test_a_badge_says_its_word_beside_its_icon() -> None:
    drawn = draw('{% status_badge "SHIPPED" %}')
    assert (
        re.sub(r"<svg.*?</svg>", "[icon]", drawn) == '<span class="badge tone-shipped">[icon]Shipped</span>'
    )


def test_a_value_from_elsewhere_is_shown_as_it_is() -> None:
    drawn = draw("{% status_badge status %}", status='<img src=x onerror="1">')
    assert "&lt;img src=x onerror=&quot;1&quot;&gt;" in drawn
    assert "tone-canceled" in drawn


def test_icons_carry_no_style_and_hide_from_screen_readers() -> None:
    drawn = draw_icon("truck", 20)
    assert "style=" not in drawn
    assert 'aria-hidden="true"' in drawn
    assert 'width="20"' in drawn
    assert 'class="icon icon-mirror"' in drawn


def test_a_labelled_icon_is_read_aloud() -> None:
    drawn = draw_icon("info", 16, 'Why "so"')
    assert 'role="img" aria-label="Why &quot;so&quot;"' in drawn
    assert "aria-hidden" not in drawn


def test_icons_that_point_exist() -> None:
    assert all(draw_icon(name).startswith("<svg ") for name in POINTING)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal(399), "399.00"),
        (Decimal("1234567.5"), "1,234,567.50"),
        (Decimal("-0.5"), "-0.50"),
        (0, "0.00"),
    ],
)
def test_money_is_grouped_with_two_places(value: Decimal, expected: str) -> None:
    assert figures.amount(value) == f'<span class="money">{expected}</span>'


def test_money_names_its_currency_once() -> None:
    assert (
        draw("{% money total 'MAD' %}", total=Decimal(399))
        == '<span class="money">399.00 <span class="currency">MAD</span></span>'
    )


@pytest.mark.parametrize(
    "source", ["{{ x|amount }}", "{% money x %}", "{{ x|whole }}", "{% code x %}", "{% day x %}"]
)
def test_nothing_is_a_dash_not_an_error(source: str) -> None:
    assert draw(source, x=None) == '<span class="muted">–</span>'


def test_counts_are_grouped() -> None:
    assert figures.whole(18330) == '<span class="figure">18,330</span>'


def test_references_are_read_left_to_right_and_escaped() -> None:
    assert draw("{% code x %}", x="<ORD>") == '<bdi class="code" dir="ltr">&lt;ORD&gt;</bdi>'


class TestMoments:
    @pytest.fixture(autouse=True)
    def _today(self) -> Iterator[None]:
        with time_machine.travel("2026-11-20T15:00:00Z", tick=False):
            yield

    def test_this_year_goes_without_saying(self) -> None:
        assert ">18 Nov</time>" in figures.day(dt.date(2026, 11, 18))

    def test_another_year_is_said(self) -> None:
        assert ">18 Nov 2025</time>" in figures.day(dt.date(2025, 11, 18))

    def test_a_moment_is_told_in_local_time_and_in_full_on_hover(self) -> None:
        drawn = figures.moment(dt.datetime(2026, 11, 20, 14, 5, tzinfo=dt.UTC))
        assert ">20 Nov 15:05</time>" in drawn
        assert 'datetime="2026-11-20T15:05:00+01:00"' in drawn
        assert "Friday 20 November 2026, 15:05:00" in drawn

    @pytest.mark.parametrize(
        ("seconds", "expected"),
        [
            (-5, "just now"),
            (59, "just now"),
            (60, "1 min ago"),
            (3599, "59 min ago"),
            (7200, "2 h ago"),
            (86_400, "1 day ago"),
            (3 * 86_400, "3 days ago"),
        ],
    )
    def test_how_long_ago_has_one_unit(self, seconds: int, expected: str) -> None:
        then = dt.datetime(2026, 11, 20, 15, 0, tzinfo=dt.UTC) - dt.timedelta(seconds=seconds)
        assert f">{expected}</time>" in figures.ago(then)
