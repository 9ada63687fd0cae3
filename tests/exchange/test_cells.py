"""Cells stay the text they were: numbers, damage, and what a spreadsheet would run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.exchange.cells import as_data, as_typed, is_shortened, plain_number, restored, text_of_number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (399.0, "399"),
        (0.0, "0"),
        (-0.0, "0"),
        (3.39, "3.39"),
        (0.1 + 0.2, "0.3"),
        (212661234567.0, "212661234567"),
        (123456789012345.0, "123456789012345"),
        (1e-7, "0.0000001"),
        (-12.5, "-12.5"),
        (10**20, "100000000000000000000"),
    ],
)
def test_a_number_is_written_as_its_digits(value: float, text: str) -> None:
    assert text_of_number(value) == text


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("2.12661E+11", None),  # six digits of twelve: the others are lost
        ("2.12661234567E+11", "212661234567"),
        ("2,12661234567E+11", "212661234567"),
        ("1E+3", None),
        ("5E0", "5"),
        ("0612345678", "0612345678"),
        ("8.5123A", "8.5123A"),
    ],
)
def test_a_shortened_number_is_restored_only_where_no_digit_was_lost(typed: str, whole: str | None) -> None:
    assert restored(typed) == whole


def test_only_numbers_count_as_shortened() -> None:
    assert is_shortened("2.12661E+11")
    assert not is_shortened("85123E")
    assert not is_shortened("0661234567")


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("399", "399"),
        ("399,50", "399.50"),
        ("1 234,50", "1234.50"),
        ("1\u202f234,50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1,234,567", "1234567"),
        ("٣٩٩", "399"),
        ("٣٩٩٫٥", "399.5"),
        ("-6", "-6"),
        ("2.5", "2.5"),
        ("1,2,3", "1,2,3"),
        ("six", "six"),
        ("", ""),
    ],
)
def test_a_number_typed_in_any_way_is_made_plain(typed: str, plain: str) -> None:
    assert plain_number(typed) == plain


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_what_a_spreadsheet_would_run_is_marked_as_text(start: str) -> None:
    assert as_data(f"{start}1+1") == f"'{start}1+1"
    assert as_typed(f"'{start}1+1") == f"{start}1+1"


def test_other_texts_are_left_alone() -> None:
    assert as_data("M'Barek") == "M'Barek"
    assert as_data("'quoted'") == "'quoted'"
    assert as_typed("'quoted'") == "'quoted'"


@given(st.text())
def test_what_goes_out_comes_back_as_it_was(text: str) -> None:
    assert as_typed(as_data(text)) == text
    assert not as_data(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
