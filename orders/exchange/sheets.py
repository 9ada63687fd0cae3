"""Writes tables: rows of text and numbers as CSV, .xlsx or JSON, row by row as they come, every cell data.

What the rows hold, and where the file lies, is said by the caller.
"""

from __future__ import annotations

import csv
import errno
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import chain
from typing import IO, Any

import xlsxwriter
from django.conf import settings
from rustpy_xlsxwriter import write_worksheet

from orders.exchange.cells import as_data

Cell = str | int | Decimal | None

CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}
COLUMN_WIDTH = 18.0


def write_table(
    file: IO[bytes],
    kind: str,
    heading: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    delimiter: str = ",",
) -> None:
    """Writes the heading and the rows, taking one row at a time.

    Texts stay texts in every program that opens the file: what begins like a formula is
    marked in CSV and typed as a string in .xlsx. Whole numbers and Decimals become numbers there.
    """
    match kind:
        case "xlsx":
            _write_workbook(file, heading, rows)
        case "json":
            _write_json(file, heading, rows)
        case _:
            _write_csv(file, heading, rows, delimiter)


def _write_csv(
    file: IO[bytes], heading: Sequence[str], rows: Iterable[Sequence[Cell]], delimiter: str
) -> None:
    # With the mark, Excel reads UTF-8; without it, it guesses the machine's own encoding.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=False)
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([as_data(name) for name in heading])
    writer.writerows([as_data(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    text.flush()
    text.detach()


def _write_workbook(file: IO[bytes], heading: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    coming = iter(rows)
    first = next(coming, None)
    if first is None or len(set(heading)) < len(heading) or not all(heading):
        # The fast writer takes its heading from the first row's keys.
        _write_any_workbook(file, heading, coming if first is None else chain([first], coming))
        return
    # Given a path it writes as it goes, given a file it holds all of it first.
    target: Any = getattr(file, "name", file)
    try:
        write_worksheet(
            (dict(zip(heading, row, strict=True)) for row in chain([first], coming)),
            target,
            sheet_name="Sheet1",
            freeze_row=1,
            bold_headers=True,
            column_width=COLUMN_WIDTH,
            ignore_errors=list(heading),  # digits that are text are so on purpose
        )
    except BaseException as error:
        # A disk that refuses is a panic in Rust, which is no Exception, or a plain RuntimeError.
        if type(error).__module__ != "pyo3_runtime" and type(error) is not RuntimeError:
            raise
        is_full = any(sign in str(error) for sign in ("StorageFull", "FileTooLarge", "No space left"))
        raise OSError(errno.ENOSPC if is_full else errno.EIO, str(error)) from None


def _write_any_workbook(file: IO[bytes], heading: Sequence[str], rows: Iterator[Sequence[Cell]]) -> None:
    book = xlsxwriter.Workbook(
        file, {"constant_memory": True, "tmpdir": str(settings.DATA_DIR), "strings_to_formulas": False}
    )
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, max(len(heading) - 1, 0), COLUMN_WIDTH)
    bold = book.add_format({"bold": True})
    for place, name in enumerate(heading):
        sheet.write_string(0, place, name, bold)
    for number, row in enumerate(rows, start=1):
        for place, cell in enumerate(row):
            if isinstance(cell, str):
                if cell:
                    sheet.write_string(number, place, cell)
            elif cell is not None:
                sheet.write_number(number, place, cell)
    book.close()


def _write_json(file: IO[bytes], heading: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    encode = json.JSONEncoder(ensure_ascii=False, default=_plain).encode
    separator = b"[\n"
    for row in rows:
        file.write(separator)
        file.write(encode(dict(zip(heading, row, strict=True))).encode())
        separator = b",\n"
    file.write(b"[]\n" if separator == b"[\n" else b"\n]\n")


def _plain(value: Any) -> int | float | str:
    """A whole amount is a JSON integer."""
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return str(value)
