"""Phone numbers in the spellings that customers use, and what a search finds them by."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.reading import phones
from orders.domain.reading.phones import normalize_phone, search_digits

ORDERS = Path(__file__).resolve().parents[2] / "data" / "orders_3000.csv"

SPELLINGS = [
    "00212610007919",
    "0610007919",
    "+212610007919",
    "212610007919",
    "06 10 00 79 19",
    "610007919",
    "+212 6 10-00-79-19",
    "(0)610.00.79.19",
    "+2120610007919",
    "٠٦١٠٠٠٧٩١٩",
    "tel: 0610007919",
]


@pytest.mark.parametrize("typed", SPELLINGS)
def test_every_spelling_is_one_number(typed: str) -> None:
    phone = normalize_phone(typed, "MA")
    assert phone == (typed, "+212610007919", "919700016212")


@pytest.mark.parametrize("typed", SPELLINGS)
def test_every_spelling_is_found_by_every_spelling(typed: str) -> None:
    stored = normalize_phone("0610007919", "MA").reversed
    assert stored.startswith(search_digits(typed))


@pytest.mark.parametrize("tail", ["9", "19", "7919", "07919", "007919", "0007919"])
def test_last_digits_are_looked_for_as_they_are(tail: str) -> None:
    assert search_digits(tail) == tail[::-1]
    assert normalize_phone("0610007919", "MA").reversed.startswith(search_digits(tail))


@pytest.mark.parametrize(
    ("typed", "country", "e164"),
    [
        ("0550123456", "DZ", "+213550123456"),
        ("0550123456", "MA", "+212550123456"),  # dialled where the merchant is
        ("+213550123456", "MA", "+213550123456"),
        ("021 23 45 67", "DZ", "+21321234567"),
        ("021 23 45 67", "MA", "+21321234567"),  # no Moroccan number looks like that
        ("+33 6 12 34 56 78", "MA", "+33612345678"),
        ("0033612345678", "DZ", "+33612345678"),
        ("0683036937", "MA", "+212683036937"),  # a range younger than the library's list
    ],
)
def test_numbers_are_read_where_they_are_dialled(typed: str, country: str, e164: str) -> None:
    assert normalize_phone(typed, country).e164 == e164


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("abc", ""),
        ("06 1000", "000160"),
        ("0610007919 / 0698765432", "23456789609197000160"),
        ("1" * 100, "1" * 40),
    ],
)
def test_what_cannot_be_read_keeps_its_digits(typed: str, digits: str) -> None:
    assert normalize_phone(typed, "MA") == (typed, "", digits)


def test_a_number_out_of_all_proportion_is_not_read_at_all() -> None:
    assert normalize_phone("0" * 50_000, "MA").e164 == ""
    assert len(search_digits("1" * 50_000)) == 40


def test_all_3000_orders_have_a_number_that_can_be_dialled() -> None:
    with ORDERS.open(encoding="utf-8", newline="") as file:
        typed = [row["phone"] for row in csv.DictReader(file)]
    assert len(typed) == 3000
    assert [phone for phone in typed if len(normalize_phone(phone, "MA").e164) != 13] == []


digits = st.text("0123456789", min_size=1, max_size=14)


@given(st.sampled_from(["", "+", "00", "0", "212", "+212", "00212", "213", "+213", "+2120"]), digits)
@pytest.mark.parametrize("country", ["MA", "DZ"])
def test_the_short_way_never_answers_differently_from_the_library(
    country: str, prefix: str, rest: str
) -> None:
    plain = phones._read_plain(prefix + rest, country)
    assert plain in ("", phones._read_any(prefix + rest, country))
