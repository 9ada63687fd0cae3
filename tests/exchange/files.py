"""Makes the files that readers meet: tables, workbooks as Excel writes them, and broken ones."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import xlsxwriter

HEADING = "full_name,phone,second_phone,city,address,skus,quantities,prices,total,notes"


def orders_csv(*rows: str, heading: str = HEADING) -> bytes:
    """An import of orders: the usual heading and these rows."""
    return "\r\n".join((heading, *rows, "")).encode()


def order_row(number: int = 1, **cells: str) -> str:
    """A good row of one MUG at 50; the number makes customer and phone its own."""
    values = {
        "full_name": f"Customer {number}",
        "phone": f"06{number:08d}",
        "second_phone": "",
        "city": "Casablanca",
        "address": "1 Bd Mohammed V",
        "skus": "MUG",
        "quantities": "1",
        "prices": "50",
        "total": "50",
        "notes": "",
    } | cells
    return ",".join(f'"{value}"' if any(s in value for s in ',"\n') else value for value in values.values())


def workbook(rows: Iterable[Sequence[Any]], *, formats: dict[int, str] | None = None) -> bytes:
    """An .xlsx of one sheet; `formats` are number formats by column."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_numbers": False})
    sheet = book.add_worksheet()
    styles = {place: book.add_format({"num_format": code}) for place, code in (formats or {}).items()}
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            sheet.write(number, place, value, styles.get(place))
    book.close()
    return file.getvalue()


def with_part(content: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with one of its parts changed."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            data = old.read(entry)
            new.writestr(entry.filename, change(data) if entry.filename == part else data)
    return file.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"


def with_cells(markup: bytes) -> bytes:
    """A workbook with `name` in A1 and this markup behind the first row."""
    return with_part(
        workbook([["name"]]), SHEET, lambda sheet: sheet.replace(b"</sheetData>", markup + b"</sheetData>")
    )


def zipped(**parts: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return file.getvalue()
