"""What people type, cleaned for storing and folded for comparing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.reading.texts import (
    UnusableText,
    clean_line,
    clean_paragraphs,
    fold,
    read_amount,
    read_whole,
    search_text,
    western_digits,
)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Karim   Mansouri ", "Karim Mansouri"),
        ("Karim\r\nMansouri\tX\x0bY\u2028Z", "Karim Mansouri X Y Z"),
        ("Karim\u00a0Mansouri", "Karim Mansouri"),
        ("e\u0301t\u00e9", "été"),
        ("e\u200b\u0301", "é"),  # the invisible sign kept the two apart
        ("a\u202eb\u2066c\u2069\u061cd", "abcd"),
        ("flag \U0001f3f4\U000e0067\U000e007f", "flag \U0001f3f4"),
        ("\ufeffname", "name"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),  # a joined emoji stays one
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\u200fالدار البيضاء", "\u200fالدار البيضاء"),
        ("محمّدٌ", "محمّدٌ"),
        ("x" + "\u0301" * 200, "x" + "\u0301" * 8),
    ],
)
def test_a_line_keeps_what_can_be_seen(typed: str, kept: str) -> None:
    assert clean_line(typed) == kept


@pytest.mark.parametrize(
    "typed", ["", "   ", "\t\r\n", "\u200b", "\ufeff", "\u200e\u200d", "\u3164", "\u2800 \u115f", "\u0301"]
)
def test_what_nobody_can_see_is_blank(typed: str) -> None:
    assert clean_line(typed) == ""
    assert clean_paragraphs(typed) == ""


@pytest.mark.parametrize("typed", ["a\x00b", "\ud800", "é\udfff"])
@pytest.mark.parametrize("clean", [clean_line, clean_paragraphs])
def test_what_no_database_stores_is_refused(typed: str, clean: Any) -> None:
    with pytest.raises(UnusableText):
        clean(typed)


def test_paragraphs_keep_their_line_ends() -> None:
    assert clean_paragraphs(" Call\tbefore 10h \r\n\r\n\r\n\r\nGate  B\u2028blue door\r") == (
        "Call before 10h\n\nGate B\nblue door"
    )


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    for clean in (clean_line, clean_paragraphs):
        try:
            once = clean(text)
        except UnusableText:
            continue
        assert clean(once) == once


@pytest.mark.parametrize(
    "spellings",
    [
        ("Aïn Dorij", "AIN DORIJ", " ain   dorij ", "aïn-dorij", "Aïn Dorij\u200e"),
        ("M'Barek", "M’Barek", "MBAREK", "mʼbarek"),
        ("أݣادير", "أكادير", "اگادير", "اڭادير"),
        ("الدار البيضاء", "الدَّارُ البَيْضاء", "الــدار البيضا"),
        ("مراكشي", "مراكشى"),
        ("المنيعة", "المنيعه"),
        ("Œuvre", "oeuvre"),
        ("Straße", "STRASSE"),
        ("٠٦١٢", "0612", "۰۶۱۲", "０６１２"),
        ("Issaguen (Ketama)", "issaguen, ketama", "Issaguen/Ketama"),
    ],
)
def test_spellings_that_people_hold_for_the_same_fold_to_one(spellings: tuple[str, ...]) -> None:
    assert len({fold(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize(("one", "other"), [("Salé", "Sala"), ("Oulad Teima", "Oulad Taima"), ("سلا", "سلي")])
def test_different_names_stay_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_a_search_column_never_overflows() -> None:
    assert len(fold("ﷺ" * 100)) > 100  # one sign becomes four words
    assert len(search_text("ﷺ" * 100, limit=100)) == 100


def test_digits_of_any_script_are_written_0_to_9() -> None:
    assert western_digits("٠٦ ۱۲ ３४ abc") == "06 12 34 abc"


@pytest.mark.parametrize(
    ("given_value", "read"),
    [
        (1, 1),
        ("1", 1),
        (" 12 ", 12),
        ("+3", 3),
        ("٣", 3),
        ("１２", 12),
        ("2.0", 2),
        (2.0, 2),
        (Decimal("1E+3"), 1000),
        ("-4", -4),
        (0, 0),
    ],
)
def test_whole_numbers_are_read(given_value: Any, read: int) -> None:
    assert read_whole(given_value) == read


NO_NUMBER = [
    None,
    "",
    "  ",
    True,
    [],
    {},
    "1_000",
    "1e3",
    "1 000",
    "0x10",
    "--1",
    "NaN",
    "Infinity",
    float("nan"),
    float("inf"),
    1e308,
    "1e308",
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("1E+999999"),
    10**400,
    "9" * 5000,
]


@pytest.mark.parametrize("given_value", [*NO_NUMBER, "2.5", 2.5, Decimal("0.001")])
def test_what_is_no_whole_number_is_none(given_value: Any) -> None:
    assert read_whole(given_value) is None


@pytest.mark.parametrize(
    ("given_value", "read"),
    [
        (399, "399.00"),
        ("399", "399.00"),
        ("399.5", "399.50"),
        ("12,50", "12.50"),
        ("٣٩٩٫٥", "399.50"),
        (0.1, "0.10"),
        (2.55, "2.55"),
        (Decimal("1.230"), "1.23"),
        ("-5.00", "-5.00"),
    ],
)
def test_amounts_are_read_to_the_cent(given_value: Any, read: str) -> None:
    amount = read_amount(given_value)
    assert str(amount) == read


@pytest.mark.parametrize(
    "given_value",
    [*NO_NUMBER, "1.234", "1,234", "1.2.3", "1,234.50", 0.1 + 0.2, Decimal("1.234"), Decimal("1E-999999")],
)
def test_what_is_no_amount_is_none(given_value: Any) -> None:
    assert read_amount(given_value) is None
