"""Turns an uploaded file into rows of text, alone in a process that may be killed.

`python -m orders.exchange.parsing FILE OPTIONS` writes one JSON document a line to stdout: the findings,
every row that is not empty, the end. What the rows mean, and the words for a refusal, belong to the caller;
Django is not loaded here, so that the memory limit is the file's alone.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from orders.exchange.cells import as_typed, text_of_number
from orders.exchange.limits import Choices, Findings, Limits, Refused
from orders.exchange.workbooks import Workbook, examine_workbook, read_exceptions

DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "cp1252", "cp1256", "mac_roman")
SNIFFED_RECORDS = 50
GUESSED_BYTES = 65_536


# A row: its number in the sheet, its cells, and what has to be said of some of them by position:
# "error" (a formula's error value), "formula" (no stored value), "date" (a date, not text).
Row = tuple[int, list[str], dict[int, str]]


def parse(path: Path, choices: Choices, limits: Limits) -> tuple[Findings, Iterator[Row]]:
    """The findings and the rows; the rows may still be refused while they are read."""
    with path.open("rb") as file:
        kind = kind_of(file)
    if kind == "csv":
        return _parse_csv(path, choices, limits)
    if kind == "zip":
        return _parse_workbook(path, choices, limits)
    raise Refused(kind)


# --- what the file is, by content --------------------------------------------

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "damaged"),
    (b"%PDF", "pdf"),
    (b"\x1f\x8b", "packed"),
    (b"7z\xbc\xaf", "packed"),
    (b"Rar!", "packed"),
    (b"BZh", "packed"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
    (b"{\\rtf", "not_a_table"),
    (b"MZ\x90", "not_a_table"),
    (b"\x7fELF", "not_a_table"),
    (b"SQLite format 3\x00", "not_a_table"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# The name of the stream in which Office keeps an encrypted workbook.
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_OLD_EXCEL = (b"\x09\x08", b"\x09\x04", b"\x09\x02", b"\x09\x00")
_MARKUP = re.compile(rb"\s*(?:<\?xml|<!doctype|<html|<table|<head|<meta|<style|<div|<script)", re.IGNORECASE)


def kind_of(file: BinaryIO) -> str:
    """`csv`, `zip`, or the code of the refusal that the content earns; the name says nothing."""
    head = file.read(4096)
    if not head.strip():
        return "empty" if not (head + file.read()).strip() else "csv"
    if head.startswith(_OLE):
        file.seek(0)
        return "encrypted" if _ENCRYPTED in file.read() else "old_excel"
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:2] in _OLD_EXCEL and b"\x00" in head[:8]:
        return "old_excel"
    if _MARKUP.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "web_page"
    return "csv"


# --- text files ---------------------------------------------------------------


def _parse_csv(path: Path, choices: Choices, limits: Limits) -> tuple[Findings, Iterator[Row]]:
    encoding = choices.encoding or guess_encoding(path)
    csv.field_size_limit(limits.cell)
    opened = path.open(encoding=encoding, newline="")
    first_line = opened.readline(limits.cell)
    announced = re.fullmatch(r"\ufeff?\"?sep=(.)\"?\s*", first_line, re.IGNORECASE)
    if announced is None:
        opened.seek(0)
    delimiter = choices.delimiter or (announced[1] if announced else "") or guess_delimiter(path, encoding)
    findings = Findings("csv", encoding=encoding, delimiter=delimiter)
    return findings, _csv_rows(opened, delimiter, limits)


def _csv_rows(opened: TextIO, delimiter: str, limits: Limits) -> Iterator[Row]:
    reader = csv.reader(_checked_lines(opened), delimiter=delimiter, strict=True)
    number = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except UnicodeDecodeError:
            raise Refused("unknown_encoding") from None
        except csv.Error as error:
            if "field larger" in str(error):
                raise Refused("cell_too_long", row=number + 1, limit=limits.cell) from None
            raise Refused("bad_quotes", row=number + 1, line=reader.line_num) from None
        number += 1
        if number > limits.rows:
            raise Refused("too_many_rows", limit=limits.rows - 1)
        while cells and not cells[-1].strip():
            cells.pop()
        if len(cells) > limits.columns:
            raise Refused("too_many_columns", row=number, limit=limits.columns)
        if cells:
            yield number, [as_typed(cell) for cell in cells], {}


def _checked_lines(opened: TextIO) -> Iterator[str]:
    for number, line in enumerate(opened, start=1):
        if "\x00" in line:
            raise Refused("nul_character", line=number)
        yield line


def guess_encoding(path: Path) -> str:
    """By byte-order mark, by the zeros of UTF-16, by being UTF-8, else by the looks of the letters."""
    data = path.read_bytes()
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return name
    if (wide := _wide_encoding(data[:GUESSED_BYTES])) != "":
        return wide
    with suppress(UnicodeDecodeError):
        data.decode("utf-8")
        return "utf-8"
    return _narrow_encoding(data)


def _wide_encoding(data: bytes) -> str:
    """UTF-16 without a mark: the zeros of separators and digits all stand on one side."""
    even, odd = data[0::2].count(0), data[1::2].count(0)
    enough = max(2, len(data) // 40)
    if odd > enough and not even:
        return "utf-16-le"
    if even > enough and not odd:
        return "utf-16-be"
    return ""


def _narrow_encoding(data: bytes) -> str:
    """cp1256 where accented bytes come in words (Arabic), else what the guesser makes of French letters.

    French letters with accents have the same bytes in cp1252 and cp1256, but stand alone
    between plain ones; Arabic fills whole words.
    """
    telling = b"\n".join(line for line in data.splitlines() if not line.isascii())[:GUESSED_BYTES]
    high = sum(byte >= 0x80 for byte in telling)
    in_words = sum(len(run) for run in re.findall(rb"[\x80-\xff]{3,}", telling))
    if in_words * 2 > high:
        with suppress(UnicodeDecodeError):
            data.decode("cp1256")
            return "cp1256"
    from charset_normalizer import from_bytes

    best = from_bytes(telling, cp_isolation=["cp1252", "mac_roman"]).best()
    for name in (best.encoding if best else "cp1252", "cp1252", "cp1256", "mac_roman"):
        with suppress(UnicodeDecodeError):
            data.decode(name)
            return name
    raise Refused("unknown_encoding")


def guess_delimiter(path: Path, encoding: str) -> str:
    """The separator that splits the first records into the most columns, the same number in each."""
    with path.open(encoding=encoding, newline="", errors="replace") as opened:
        head = opened.read(GUESSED_BYTES)
    best, best_score = DELIMITERS[0], 0.0
    for delimiter in DELIMITERS:
        widths = []
        try:
            for record in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter):
                if record:
                    widths.append(len(record))
                if len(widths) == SNIFFED_RECORDS:
                    break
        except csv.Error:
            continue
        if widths and widths[0] > 1:
            score = widths[0] * sum(width == widths[0] for width in widths) / len(widths)
            if score > best_score:
                best, best_score = delimiter, score
    return best


# --- workbooks ------------------------------------------------------------------


def _parse_workbook(path: Path, choices: Choices, limits: Limits) -> tuple[Findings, Iterator[Row]]:
    workbook = examine_workbook(path, limits)
    try:
        name, rows = _calamine_sheet(path, workbook, choices, limits)
    except Refused:
        raise
    except MemoryError:
        raise Refused("too_much_memory", limit=limits.memory) from None
    except BaseException as error:
        # The Rust reader's panics are no Exceptions; a file that it gives up on may still be sound.
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        name, rows = _openpyxl_sheet(path, choices)
        workbook = Workbook()
    found = Findings(
        "xlsx",
        sheet=name,
        other_sheets=[other for other in workbook.visible if other != name],
        hidden_sheets=list(workbook.hidden),
    )
    _refuse_far_cells(workbook, name, limits)
    return found, _workbook_rows(rows, read_exceptions(path, workbook, name), limits)


def _refuse_far_cells(workbook: Workbook, name: str, limits: Limits) -> None:
    extent = workbook.extent_of(name)
    if max(extent.rows, extent.last_row) > limits.rows:
        raise Refused("too_many_rows", limit=limits.rows - 1)
    if extent.last_column > limits.columns:
        raise Refused("too_many_columns", row=extent.row_of_last_column, limit=limits.columns)


def _calamine_sheet(
    path: Path, workbook: Workbook, choices: Choices, limits: Limits
) -> tuple[str, Iterator[list[Any]]]:
    from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    try:
        book = CalamineWorkbook.from_path(path)
    except PasswordError:
        raise Refused("encrypted") from None
    sheets = [sheet for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    workbook.visible = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
    workbook.hidden = [sheet.name for sheet in sheets if sheet.visible != SheetVisibleEnum.Visible]
    wanted = [choices.sheet] if choices.sheet in book.sheet_names else workbook.visible or workbook.hidden
    for name in wanted:
        # A cell far out makes the reader ask for the whole rectangle: look before it does.
        _refuse_far_cells(workbook, name, limits)
        sheet = book.get_sheet_by_name(name)
        if sheet.height:
            return name, sheet.iter_rows()
    raise Refused("empty")


def _openpyxl_sheet(path: Path, choices: Choices) -> tuple[str, Iterator[list[Any]]]:
    import warnings

    from openpyxl import load_workbook

    warnings.simplefilter("ignore")
    try:
        # Opened for it: a path without .xlsx at its end is refused by its name.
        book = load_workbook(path.open("rb"), read_only=True, data_only=True, keep_links=False)
        names = [choices.sheet] if choices.sheet in book.sheetnames else book.sheetnames
        for name in names:
            sheet = book[name]
            sheet.reset_dimensions()
            if next(sheet.iter_rows(max_row=1), None) is not None:
                return name, (list(row) for row in sheet.iter_rows(values_only=True))
    except MemoryError:
        raise
    except Exception:
        raise Refused("damaged") from None
    raise Refused("empty")


def _workbook_rows(
    rows: Iterator[list[Any]], exceptions: dict[int, dict[int, tuple[str, str]]], limits: Limits
) -> Iterator[Row]:
    for number, values in enumerate(rows, start=1):
        if number > limits.rows:
            raise Refused("too_many_rows", limit=limits.rows - 1)
        cells = [text_of(value) for value in values]
        notes = {
            position: "date"
            for position, value in enumerate(values)
            if isinstance(value, dt.date | dt.time | dt.timedelta)
        }
        for position, (text, note) in exceptions.get(number, {}).items():
            cells.extend([""] * (position + 1 - len(cells)))
            cells[position] = text
            if note:
                notes[position] = note
        while cells and not cells[-1].strip():
            cells.pop()
        if len(cells) > limits.columns:
            raise Refused("too_many_columns", row=number, limit=limits.columns)
        if any(len(cell) > limits.cell for cell in cells):
            raise Refused("cell_too_long", row=number, limit=limits.cell)
        if cells:
            yield number, cells, notes


def text_of(value: Any) -> str:
    """The cell as a person reads it: whole numbers as their digits, days as 2026-11-20."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return text_of_number(value)
    if isinstance(value, dt.datetime):
        return str(value.date()) if value.time() == dt.time() else value.isoformat(" ", timespec="seconds")
    if isinstance(value, dt.timedelta):
        hours, rest = divmod(int(value.total_seconds()), 3600)
        return f"{hours}:{rest // 60:02}:{rest % 60:02}"
    return str(value)


# --- the process -----------------------------------------------------------------


def confine(limits: Limits) -> None:
    """From here on the process has so much memory, processor time and output, and no core file."""
    for what, limit in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, limits.seconds),
        (resource.RLIMIT_FSIZE, 2 * limits.unpacked),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))


def main(arguments: list[str]) -> int:
    path, options = Path(arguments[0]), json.loads(arguments[1])
    limits = Limits(**options["limits"])
    confine(limits)
    out = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", errors="surrogatepass", write_through=False)

    def write(document: Any) -> None:
        out.write(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
        out.write("\n")

    try:
        findings, rows = parse(path, Choices(**options["choices"]), limits)
        write(asdict(findings))
        count = 0
        for row in rows:
            write(row)
            count += 1
        write({"end": count})
    except Refused as refused:
        write({"refused": refused.code, "facts": refused.facts})
    except MemoryError:
        write({"refused": "too_much_memory", "facts": {"limit": limits.memory}})
    except OSError as error:
        if error.errno != 27:  # EFBIG: the limit set above
            raise
        return 27
    out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
