"""The admin reads and writes tables the way the imports and exports do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import tablib
from django.conf import settings
from django.utils.module_loading import import_string
from import_export.formats.base_formats import Format

from orders.exchange.formats import CSV, FORMATS, JSON, XLSX, TableFormat
from orders.exchange.reading import Unreadable
from tests.exchange.files import workbook

ROWS = [["ORD-000001", "+212612345678", "=1+1", "001", "5"], ["ORD-000002", "", "a,b;c", "'x", "12.5"]]
HEADERS = ["reference", "phone", "notes", "sku", "total"]


def test_the_admin_uses_our_formats() -> None:
    assert [import_string(path) for path in settings.IMPORT_EXPORT_FORMATS] == [CSV, XLSX]
    assert all(issubclass(one, Format) for one in FORMATS.values())


@pytest.mark.parametrize("kind", [CSV, XLSX])
def test_what_a_format_writes_it_reads_again(kind: type[TableFormat]) -> None:
    content = kind().export_data(tablib.Dataset(*ROWS, headers=HEADERS))
    found = kind().create_dataset(content)
    assert (found.headers, [list(row) for row in found]) == (HEADERS, ROWS)


def test_numbers_become_numbers_in_a_workbook_and_nothing_else_does() -> None:
    dataset = tablib.Dataset([5, Decimal("12.50"), "5", None, True], headers=["a", "b", "c", "d", "e"])
    assert [list(row) for row in XLSX().create_dataset(XLSX().export_data(dataset))] == [
        ["5", "12.5", "5", "", "True"]
    ]


@pytest.mark.parametrize("kind", [CSV, XLSX])
@pytest.mark.parametrize("headers", [["a", "a"], ["a", ""], ["a", "b"]])
def test_any_heading_is_written_with_and_without_rows(kind: type[TableFormat], headers: list[str]) -> None:
    for rows in ([], [["1", "2"]]):
        content = kind().export_data(tablib.Dataset(*rows, headers=headers))
        found = kind().create_dataset(content)
        assert found.headers == [name for name in headers if name] or found.headers == headers
        assert len(found) == len(rows)


def test_rows_of_another_length_fit_the_heading() -> None:
    found = CSV().create_dataset(b"a,b\n1\n1,2,3\n")
    assert [list(row) for row in found] == [["1", ""], ["1", "2"]]


@pytest.mark.parametrize(
    ("kind", "content"),
    [(CSV, b"a,b\n1,2\n"), (XLSX, b"a,b\n1,2\n"), (CSV, workbook([["a", "b"], ["1", "2"]]))],
)
def test_what_a_file_is_decides_its_content(kind: type[TableFormat], content: bytes) -> None:
    assert kind().create_dataset(content).dict == [{"a": "1", "b": "2"}]


def test_a_file_that_is_no_table_is_refused() -> None:
    with pytest.raises(Unreadable, match="This is a PDF"):
        CSV().create_dataset(b"%PDF-1.7")


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        (CSV, ("csv", "text/csv; charset=utf-8", True, True)),
        (XLSX, ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", True, True)),
        (JSON, ("json", "application/json", False, True)),
    ],
)
def test_a_format_says_what_it_is(kind: type[TableFormat], facts: tuple[Any, ...]) -> None:
    one = kind()
    assert (one.get_extension(), one.get_content_type(), one.can_import(), one.can_export()) == facts
    assert one.is_binary()
