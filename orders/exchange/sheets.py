"""Writes tables: rows of text and numbers as CSV, .xlsx or JSON, streamed, every cell data.

What the rows hold, and where the file lies, is said by the caller.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import IO, Any

import xlsxwriter
from django.conf import settings

from orders.exchange.cells import as_data

Cell = str | int | Decimal | None
WriteRow = Callable[[Sequence[Cell]], None]

CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}


@contextmanager
def writing_table(
    file: IO[bytes], kind: str, heading: Sequence[str], *, delimiter: str = ","
) -> Iterator[WriteRow]:
    """A function that appends a row; the table is complete when the block ends.

    Texts stay texts in every program that opens the file: what begins like a formula is
    marked in CSV and typed as a string in .xlsx. Whole numbers and Decimals become numbers there.
    """
    match kind:
        case "xlsx":
            writer = _writing_workbook(file, heading)
        case "json":
            writer = _writing_json(file, heading)
        case _:
            writer = _writing_csv(file, heading, delimiter)
    with writer as write_row:
        yield write_row


@contextmanager
def _writing_csv(file: IO[bytes], heading: Sequence[str], delimiter: str) -> Iterator[WriteRow]:
    # With the mark, Excel reads UTF-8; without it, it guesses the machine's own encoding.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=False)
    rows = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    rows.writerow([as_data(name) for name in heading])

    def write_row(cells: Sequence[Cell]) -> None:
        rows.writerow([as_data(cell) if isinstance(cell, str) else cell for cell in cells])

    yield write_row
    text.flush()
    text.detach()


@contextmanager
def _writing_workbook(file: IO[bytes], heading: Sequence[str]) -> Iterator[WriteRow]:
    with tempfile.TemporaryDirectory(dir=settings.DATA_DIR) as folder:
        book = xlsxwriter.Workbook(
            file, {"constant_memory": True, "tmpdir": folder, "strings_to_formulas": False}
        )
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        for place, name in enumerate(heading):
            sheet.write_string(0, place, name, bold)
            sheet.set_column(place, place, min(max(len(name) + 2, 12), 40))
        number = 0

        def write_row(cells: Sequence[Cell]) -> None:
            nonlocal number
            number += 1
            for place, cell in enumerate(cells):
                if isinstance(cell, str):
                    if cell:
                        sheet.write_string(number, place, cell)
                elif cell is not None:
                    sheet.write_number(number, place, cell)

        yield write_row
        book.close()


@contextmanager
def _writing_json(file: IO[bytes], heading: Sequence[str]) -> Iterator[WriteRow]:
    encode = json.JSONEncoder(ensure_ascii=False, default=_plain).encode
    is_first = True
    file.write(b"[")

    def write_row(cells: Sequence[Cell]) -> None:
        nonlocal is_first
        file.write(b"\n" if is_first else b",\n")
        file.write(encode(dict(zip(heading, cells, strict=True))).encode())
        is_first = False

    yield write_row
    file.write(b"\n]\n")


def _plain(value: Any) -> int | float | str:
    """A whole amount is a JSON integer."""
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return str(value)
