"""Finds a table's heading and says which column is which, in English, French and Arabic.

What the cells below mean is read by the import that asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from orders.domain.reading.texts import fold
from orders.exchange.reading import Row, Unreadable

# Tables made by people may have a title above the heading.
LOOKED_AT = 20
# What we add to rows that come back; not the person's own.
PROBLEM, REMEDY = "problem", "remedy"


@dataclass(frozen=True)
class Column:
    """A column by its name in the template, and the other names that people give it, split by commas."""

    name: str
    is_required: bool
    other_names: str = ""


@dataclass(frozen=True)
class Heading:
    """The heading as it stands in the file, and where the known columns are."""

    row: int
    cells: tuple[str, ...]
    places: Mapping[str, int]
    unknown: tuple[str, ...]

    def cell(self, row: Row, name: str) -> str:
        """The row's cell under the column, without blanks around it; '' where there is none."""
        place = self.places.get(name)
        return row.cells[place].strip() if place is not None and place < len(row.cells) else ""

    def note(self, row: Row, name: str) -> str:
        place = self.places.get(name)
        return row.notes.get(place, "") if place is not None else ""


def find_heading(rows: Iterable[Row], columns: Sequence[Column]) -> Heading:
    """The heading among the first rows: the one that names most of the columns.

    Raises Unreadable when a required column is missing (`missing_columns`) or one stands
    twice (`doubled_columns`).
    """
    names = _names(columns)
    best: tuple[int, Row | None] = (0, None)
    for seen, row in enumerate(rows):
        known = sum(fold(cell) in names for cell in row.cells)
        if known > best[0]:
            best = (known, row)
        if seen + 1 == LOOKED_AT or known == len(columns):
            break
    if best[1] is None:
        raise _missing([column.name for column in columns if column.is_required], found=())
    return _read_heading(best[1], columns, names)


def _names(columns: Sequence[Column]) -> dict[str, str]:
    return {
        fold(name): column.name
        for column in columns
        for name in (column.name, *filter(None, column.other_names.split(", ")))
    }


def _read_heading(row: Row, columns: Sequence[Column], names: Mapping[str, str]) -> Heading:
    cells = tuple(cell.strip() for cell in row.cells)
    places: dict[str, int] = {}
    unknown = []
    for place, cell in enumerate(cells):
        name = names.get(fold(cell))
        if name is None:
            if cell and fold(cell) not in (PROBLEM, REMEDY):
                unknown.append(cell)
        elif name in places:
            raise Unreadable(
                _(
                    "The column “%(name)s” stands twice, as “%(first)s” (%(place)s) and “%(second)s”"
                    " (%(other)s). Remove or rename one of them."
                )
                % {
                    "name": name,
                    "first": cells[places[name]],
                    "place": column_letters(places[name]),
                    "second": cell,
                    "other": column_letters(place),
                },
                code="doubled_columns",
            )
        else:
            places[name] = place
    missing = [column.name for column in columns if column.is_required and column.name not in places]
    if missing:
        raise _missing(missing, found=cells)
    return Heading(row.number, cells, places, tuple(unknown))


def _missing(missing: Sequence[str], *, found: Sequence[str]) -> Unreadable:
    words = (
        _("The column “%(names)s” is missing.") if len(missing) == 1 else _("Columns are missing: %(names)s.")
    )
    message = words % {"names": ", ".join(missing)}
    if found:
        shown = ", ".join(cell[:40] for cell in found[:20] if cell)
        message += " " + _("The file has: %(names)s.") % {"names": shown}
    return Unreadable(
        message + " " + _("Name the columns in the first row as the template does."), code="missing_columns"
    )


def column_letters(place: int) -> str:
    """0 is A, 25 is Z, 26 is AA."""
    letters, number = "", place + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
