"""Looks into an .xlsx before a reader does: what it unpacks to, how far its cells reach, what a reader loses.

Reading the cells is parsing.py's; nothing here loads Django.
"""

from __future__ import annotations

import posixpath
import re
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree as ET
from xml.parsers import expat

from orders.exchange.limits import Limits, Refused

CHUNK = 256 * 1024
OVERLAP = 120  # longer than the beginning of any cell
# A ratio that no table reaches; small parts (styles, themes) may.
BOMB_RATIO, BOMB_FROM = 200, 20 * 2**20
SMALL_PART = 4 * 2**20

# Plain literals first: the search runs over every cell of the sheet. A file that writes its cells
# otherwise escapes this look and meets the reader's memory limit.
_CELL_FAR_DOWN = re.compile(rb' r="[A-Z]{1,3}(\d{6,})"[^>]*>')
_CELL_FAR_OUT = re.compile(rb' r="([A-Z]{2,3})(\d{1,7})"[^>]*>')
_ROW = re.compile(rb"<row[ />]")
# Error values, numbers stored with zeros or a plus before them, formulas: cells that a reader changes.
_EXCEPTIONAL = (re.compile(rb"<v>(?:[+]|0\d)"), re.compile(rb' t="e"'), re.compile(rb"<f[ />]"))
_DOCUMENT_TYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass
class Extent:
    """How far a sheet's cells reach; only rows from 100,000 and columns from 27 are looked for."""

    rows: int = 0
    last_row: int = 0
    last_column: int = 0
    row_of_last_column: int = 0
    is_exceptional: bool = False

    def is_beyond(self, limits: Limits) -> bool:
        return max(self.rows, self.last_row) > limits.rows or self.last_column > limits.columns


@dataclass
class Workbook:
    """What is known of a workbook beside its cells. `parts` maps a sheet's name to its part."""

    visible: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    parts: dict[str, str] = field(default_factory=dict)
    extents: dict[str, Extent] = field(default_factory=dict)
    # Number formats that show more than the number's own digits, by cell style.
    paddings: dict[str, Padding] = field(default_factory=dict)

    def extent_of(self, sheet: str) -> Extent:
        """The sheet's extent; the farthest of all when its part is not known."""
        if sheet in self.parts:
            return self.extents.get(self.parts[sheet], Extent())
        everywhere = self.extents.values()
        widest = max(everywhere, key=lambda extent: extent.last_column, default=Extent())
        return Extent(
            max((extent.rows for extent in everywhere), default=0),
            max((extent.last_row for extent in everywhere), default=0),
            widest.last_column,
            widest.row_of_last_column,
        )


@dataclass(frozen=True)
class Padding:
    """A number format such as 0000000000 or "+212"000000000: what stands before, and how many digits."""

    prefix: str
    digits: int

    def apply(self, number: str) -> str:
        return self.prefix + number.zfill(self.digits)


def examine_workbook(path: Path, limits: Limits) -> Workbook:
    """Unpacks every part once, counting, and keeps nothing; refuses what is no plain workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_other_kinds(archive, limits)
            workbook = Workbook()
            total = 0
            for part in archive.infolist():
                if part.is_dir():
                    continue
                total = _examine_part(archive, part, workbook, limits, total)
            workbook.parts = _parts_by_sheet(archive)
            workbook.paddings = _paddings(archive)
            return workbook
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError):
        raise Refused("damaged") from None
    except RuntimeError:  # zipfile's word for a part that asks for a password
        raise Refused("encrypted") from None
    except Exception as error:
        if type(error).__module__ == "zlib" or isinstance(error, KeyError):
            raise Refused("damaged") from None
        raise


def _refuse_other_kinds(archive: zipfile.ZipFile, limits: Limits) -> None:
    parts = archive.infolist()
    if len(parts) > limits.parts:
        raise Refused("too_many_parts", limit=limits.parts)
    if any(part.flag_bits & 0x1 for part in parts):
        raise Refused("encrypted")
    if any(stat.S_ISLNK(part.external_attr >> 16) for part in parts):
        raise Refused("damaged")
    names = {part.filename for part in parts}
    if "mimetype" in names:
        said = _small(archive, "mimetype").decode("ascii", "replace")
        raise Refused("open_document" if "opendocument.spreadsheet" in said else "not_a_table")
    kinds = _small(archive, "[Content_Types].xml") if "[Content_Types].xml" in names else b""
    if b"macroEnabled" in kinds or any(name.endswith("vbaProject.bin") for name in names):
        raise Refused("macros")
    if b"sheet.binary" in kinds or "xl/workbook.bin" in names:
        raise Refused("binary_workbook")
    if not any(name.startswith("xl/") for name in names):
        raise Refused("not_a_table")


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as opened:
        return opened.read(SMALL_PART)


def _examine_part(
    archive: zipfile.ZipFile, part: zipfile.ZipInfo, workbook: Workbook, limits: Limits, total: int
) -> int:
    extent = None
    if part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml"):
        extent = workbook.extents[part.filename] = Extent()
    is_markup = part.filename.endswith((".xml", ".rels"))
    size = 0
    with archive.open(part) as opened:
        tail = b""
        for chunk in _chunks(opened):
            size += len(chunk)
            if total + size > limits.unpacked or (
                size > BOMB_FROM and size > BOMB_RATIO * part.compress_size
            ):
                raise Refused("unpacks_too_large", limit=limits.unpacked)
            text = tail + chunk
            if is_markup and _DOCUMENT_TYPE.search(text):
                raise Refused("unsafe")
            if extent is not None:
                extent.rows += len(_ROW.findall(chunk))
                _measure(text, extent)
                if extent.is_beyond(limits):
                    break  # this sheet will not be read
            tail = text[-OVERLAP:]
    return total + size


def _chunks(opened: IO[bytes]) -> Iterator[bytes]:
    while chunk := opened.read(CHUNK):
        yield chunk


def _measure(text: bytes, extent: Extent) -> None:
    """Only cells that hold something count: programs write empty ones down to a sheet's last possible row."""
    for match in _CELL_FAR_DOWN.finditer(text):
        if not match[0].endswith(b"/>"):
            extent.last_row = max(extent.last_row, int(match[1]))
    for match in _CELL_FAR_OUT.finditer(text):
        if not match[0].endswith(b"/>"):
            column = column_number(match[1].decode())
            if column > extent.last_column:
                extent.last_column, extent.row_of_last_column = column, int(match[2])
    if not extent.is_exceptional:
        extent.is_exceptional = any(pattern.search(text) for pattern in _EXCEPTIONAL)


def column_number(letters: str) -> int:
    """A is 1, Z is 26, BL is 64."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _tree(archive: zipfile.ZipFile, name: str) -> ET.Element | None:
    """A small part as a tree; document types were refused before. None where it is not there or broken."""
    try:
        return ET.fromstring(_small(archive, name))  # noqa: S314
    except (KeyError, ET.ParseError):
        return None


def _parts_by_sheet(archive: zipfile.ZipFile) -> dict[str, str]:
    book = _tree(archive, "xl/workbook.xml")
    relations = _tree(archive, "xl/_rels/workbook.xml.rels")
    if book is None or relations is None:
        return {}
    targets = {
        relation.get("Id"): posixpath.normpath(posixpath.join("/xl", relation.get("Target", ""))).lstrip("/")
        for relation in relations
    }
    return {
        sheet.get("name", ""): targets[sheet.get(_RELATION)]
        for sheet in book.iter(f"{_MAIN}sheet")
        if sheet.get(_RELATION) in targets
    }


def _paddings(archive: zipfile.ZipFile) -> dict[str, Padding]:
    styles = _tree(archive, "xl/styles.xml")
    if styles is None:
        return {}
    formats = {
        item.get("numFmtId"): padding
        for item in styles.iter(f"{_MAIN}numFmt")
        if (padding := padding_of(item.get("formatCode", ""))) is not None
    }
    cells = styles.find(f"{_MAIN}cellXfs")
    return {
        str(index): formats[style.get("numFmtId")]
        for index, style in enumerate(cells if cells is not None else ())
        if style.get("numFmtId") in formats
    }


_FORMAT_PIECE = re.compile(
    r"""\[[^\]]*\]            # a colour, a locale
      | "(?P<quoted>[^"]*)"   # words
      | \\(?P<escaped>.)      # one letter
      | [_*].                 # a gap
      | (?P<places>[0#]+)
      | (?P<mark>[ ()/+-])""",
    re.VERBOSE,
)


def padding_of(code: str) -> Padding | None:
    """What a number format adds to the digits; None when it adds nothing that belongs to a phone or code."""
    section = code.split(";", maxsplit=1)[0]
    prefix, places, position = "", "", 0
    while position < len(section):
        piece = _FORMAT_PIECE.match(section, position)
        if piece is None:
            return None  # decimals, dates, percents: a quantity, not a code
        position = piece.end()
        literal = piece["quoted"] or piece["escaped"] or piece["mark"] or ""
        if not places:
            prefix += literal
        places += piece["places"] or ""
    prefix = prefix.strip()
    digits = len(places) - places.find("0") if "0" in places else 0
    is_telling = re.fullmatch(r"\+\d*|\d+", prefix) is not None
    if digits < 2 and not is_telling:
        return None
    return Padding(prefix if is_telling else "", digits)


# --- cells that a reader changes ------------------------------------------------


class _ExceptionalCells:
    """Collects from the sheet's markup the cells whose stored text says more than their value."""

    def __init__(self, paddings: dict[str, Padding]) -> None:
        self.paddings = paddings
        self.found: dict[int, dict[int, tuple[str, str]]] = {}
        self.row = self.column = 0
        self.kind = self.style = ""
        self.value: list[str] = []
        self.formula: list[str] = []
        self.has_formula = False
        self.into: list[str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "row":
            self.row = int(attributes.get("r") or self.row + 1)
            self.column = 0
        elif name == "c":
            letters = attributes.get("r", "").rstrip("0123456789")
            self.column = column_number(letters) if letters else self.column + 1
            self.kind, self.style = attributes.get("t", "n"), attributes.get("s", "0")
            self.value, self.formula, self.has_formula = [], [], False
        elif name == "v":
            self.into = self.value
        elif name == "f":
            self.into, self.has_formula = self.formula, True

    def text(self, data: str) -> None:
        if self.into is not None:
            self.into.append(data)

    def end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        if name in ("v", "f"):
            self.into = None
        elif name == "c" and (exception := self._exception()) is not None:
            self.found.setdefault(self.row, {})[self.column - 1] = exception

    def _exception(self) -> tuple[str, str] | None:
        value = "".join(self.value)
        if self.kind == "e":
            return value, "error"
        if self.has_formula and not value and self.kind != "str":
            return f"={''.join(self.formula)}", "formula"
        if self.kind != "n" or not value:
            return None
        if re.fullmatch(r"\+\d+|0\d+", value):
            return value, ""
        if self.style in self.paddings and re.fullmatch(r"\d+(\.0+)?", value):
            return self.paddings[self.style].apply(value.partition(".")[0]), ""
        return None


def read_exceptions(path: Path, workbook: Workbook, sheet: str) -> dict[int, dict[int, tuple[str, str]]]:
    """By row and position: the text as stored, and a note (`error`, `formula`) or ''.

    A reader drops the zeros before a number, the plus of a number format and the names of
    error values; a second look at the sheet brings them back. Sheets without any are not looked at.
    """
    part = workbook.parts.get(sheet, "")
    extent = workbook.extents.get(part)
    if extent is None or not (extent.is_exceptional or workbook.paddings):
        return {}
    cells = _ExceptionalCells(workbook.paddings)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = cells.start
    parser.EndElementHandler = cells.end
    parser.CharacterDataHandler = cells.text
    parser.EntityDeclHandler = _refuse_entities
    try:
        with zipfile.ZipFile(path) as archive, archive.open(part) as opened:
            parser.ParseFile(opened)
    except (expat.ExpatError, ValueError):
        raise Refused("damaged") from None
    return cells.found


def _refuse_entities(*_: Any) -> None:
    raise Refused("unsafe")
