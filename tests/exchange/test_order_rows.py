"""A row of a table becomes a draft of an order: headings in three languages, parallel lists, damage named."""

from __future__ import annotations

from typing import Any

import pytest

from orders.domain.incoming.intake import OrderDraft
from orders.exchange.columns import Heading, column_letters, find_heading
from orders.exchange.order_rows import COLUMNS, read_draft
from orders.exchange.problems import RowProblem
from orders.exchange.reading import Row, Unreadable
from tests.exchange.files import HEADING


def row(*cells: str, number: int = 1, notes: dict[int, str] | None = None) -> Row:
    return Row(number, list(cells), notes or {})


HEAD = find_heading([row(*HEADING.split(","))], COLUMNS)


def read(marks: dict[int, str] | None = None, **cells: str) -> tuple[OrderDraft, list[RowProblem]]:
    values = {
        "full_name": "Karim",
        "phone": "0661234567",
        "second_phone": "",
        "city": "Fès",
        "address": "Rue 1",
        "skus": "MUG",
        "quantities": "1",
        "prices": "50",
        "total": "50",
        "notes": "",
    } | cells
    return read_draft(row(*values.values(), number=2, notes=marks), HEAD)


def lines(draft: OrderDraft) -> list[tuple[Any, Any, Any]]:
    return [(line.sku, line.quantity, line.price) for line in draft.lines]


# --- headings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        HEADING.split(","),
        [
            "Full Name",
            "PHONE",
            "Second phone",
            "City",
            "address ",
            "SKUs",
            "Quantities",
            "Prices",
            "Total",
            "Notes",
        ],
        [
            "Nom complet",
            "Téléphone",
            "Téléphone 2",
            "Ville",
            "Adresse",
            "Produits",
            "Quantités",
            "Prix",
            "Montant",
            "Remarques",
        ],
        [
            "الاسم",
            "الهاتف",
            "هاتف 2",
            "المدينة",
            "العنوان",
            "المنتجات",
            "الكميات",
            "الأسعار",
            "المجموع",
            "ملاحظات",
        ],
    ],
)
def test_columns_are_known_by_their_names_in_three_languages(names: list[str]) -> None:
    heading = find_heading([row(*names)], COLUMNS)
    assert list(heading.places) == HEADING.split(",")
    assert heading.unknown == ()


def test_columns_may_stand_anywhere_below_a_title_among_others() -> None:
    rows = [
        row("Orders of November", number=1),
        row("", "notes", "Colour", *HEADING.split(",")[:9], number=4),
    ]
    heading = find_heading(rows, COLUMNS)
    assert (heading.row, heading.places["notes"], heading.places["full_name"]) == (4, 1, 3)
    assert heading.unknown == ("Colour",)


def test_a_missing_column_is_named_with_what_there_is() -> None:
    with pytest.raises(Unreadable) as refusal:
        find_heading([row("full_name", "phone", "address", "skus", "quantities", "prices", "total")], COLUMNS)
    assert refusal.value.code == "missing_columns"
    assert refusal.value.message == (
        "The column “city” is missing. The file has: full_name, phone, address, skus, quantities, prices,"
        " total. Name the columns in the first row as the template does."
    )


def test_a_file_without_any_known_column_is_told_which_are_needed() -> None:
    with pytest.raises(
        Unreadable, match="Columns are missing: full_name, phone, city, address, skus, quantities"
    ):
        find_heading([row("a", "b")], COLUMNS)


def test_a_column_that_stands_twice_is_refused() -> None:
    with pytest.raises(Unreadable) as refusal:
        find_heading([row(*HEADING.split(","), "Téléphone")], COLUMNS)
    assert refusal.value.code == "doubled_columns"
    assert "“phone” (B) and “Téléphone” (K)" in refusal.value.message


@pytest.mark.parametrize(("place", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (63, "BL")])
def test_places_are_named_as_spreadsheets_do(place: int, letters: str) -> None:
    assert column_letters(place) == letters


# --- rows --------------------------------------------------------------------------------------


def test_a_row_becomes_a_draft() -> None:
    draft, problems = read(second_phone="0522", notes="Fragile")
    assert problems == []
    assert draft == OrderDraft(
        full_name="Karim",
        phone="0661234567",
        second_phone="0522",
        city="Fès",
        address="Rue 1",
        notes="Fragile",
        total="50",
        lines=draft.lines,
    )
    assert lines(draft) == [("MUG", "1", "50")]


@pytest.mark.parametrize(
    ("skus", "quantities", "prices"),
    [
        ("MUG,TRAY", "2,1", "79,149.50"),
        ("MUG;TRAY", "2;1", "79;149,50"),
        ("MUG|TRAY", "2|1", "79|149,50"),
        ("MUG | TRAY", "2, 1", "79;149,50"),
        ("MUG\nTRAY", "2\n1", "79\n149.50"),
        ("MUG,TRAY,", "2,1,", "79,149.50,"),
    ],
)
def test_lists_stand_side_by_side_whatever_separates_them(skus: str, quantities: str, prices: str) -> None:
    draft, problems = read(skus=skus, quantities=quantities, prices=prices)
    assert problems == []
    assert lines(draft) == [("MUG", "2", "79"), ("TRAY", "1", "149.50")]


def test_a_lone_price_keeps_its_decimal_comma() -> None:
    assert lines(read(prices="2,55")[0]) == [("MUG", "1", "2.55")]


def test_prices_left_out_are_the_products() -> None:
    assert lines(read(skus="MUG,TRAY", quantities="2,1", prices="")[0]) == [
        ("MUG", "2", None),
        ("TRAY", "1", None),
    ]


@pytest.mark.parametrize(
    ("cells", "column", "code", "message"),
    [
        (
            {"skus": "MUG,TRAY", "quantities": "2", "prices": "1,1"},
            "quantities",
            "lengths_differ",
            "There are 2 SKUs but 1 entries here.",
        ),
        (
            {"skus": "MUG,TRAY", "quantities": "2,1", "prices": "1,2,3"},
            "prices",
            "lengths_differ",
            "There are 2 SKUs but 3 entries here.",
        ),
        ({"quantities": ""}, "quantities", "required", "The quantities are missing."),
        (
            {"phone": "2.12661E+11"},
            "phone",
            "shortened_number",
            "The spreadsheet shortened this number; its last digits are lost.",
        ),
    ],
)
def test_what_is_wrong_with_a_cell_is_said_of_it(
    cells: dict[str, str], column: str, code: str, message: str
) -> None:
    problems = read(**cells)[1]
    assert [(p.column, p.value, p.code, p.message) for p in problems] == [
        (column, cells[column], code, message)
    ]
    assert problems[0].remedy.endswith(".")


@pytest.mark.parametrize(
    ("note", "code"), [("error", "formula_error"), ("formula", "formula"), ("date", "date")]
)
def test_a_cell_that_is_not_what_was_typed_is_refused(note: str, code: str) -> None:
    problems = read(marks={5: note}, skus="2026-03-01")[1]
    assert [(p.column, p.value, p.code) for p in problems] == [("skus", "2026-03-01", code)]


def test_a_date_among_the_notes_is_a_text() -> None:
    draft, problems = read_draft(
        row("K", "06", "", "Fès", "R", "MUG", "1", "50", "50", "2026-03-01", notes={9: "date"}), HEAD
    )
    assert (draft.notes, problems) == ("2026-03-01", [])


@pytest.mark.parametrize(
    ("typed", "total"), [("1 234,50", "1234.50"), ("٣٩٩", "399"), ("", None), ("1.2e3", "1.2e3")]
)
def test_totals_are_repaired_where_there_is_one_reading(typed: str, total: str | None) -> None:
    assert read(total=typed)[0].total == total


def test_a_whole_phone_in_exponent_form_is_restored() -> None:
    draft, problems = read(phone="2.12661234567E+11")
    assert (draft.phone, problems) == ("212661234567", [])


def test_short_rows_have_empty_cells() -> None:
    draft, _ = read_draft(row("Karim"), HEAD)
    assert (draft.full_name, draft.phone, draft.lines) == ("Karim", None, ())


def test_the_heading_answers_for_columns_it_has_not() -> None:
    heading = Heading(1, ("phone",), {"phone": 0}, ())
    assert (heading.cell(row(" 06 "), "phone"), heading.cell(row("06"), "email")) == ("06", "")
    assert (heading.note(row("06", notes={0: "date"}), "phone"), heading.note(row("06"), "email")) == (
        "date",
        "",
    )
