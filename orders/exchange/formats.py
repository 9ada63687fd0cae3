"""Our way of reading and writing tables as formats of django-import-export, for the admin and for jobs.

How a table is taken apart stands in reading.py, how it is written in sheets.py.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import tablib
from django.conf import settings
from import_export.formats import base_formats

from orders.exchange.reading import Table, read_table
from orders.exchange.sheets import CONTENT_TYPES, Cell, write_table


class TableFormat(base_formats.Format):  # type: ignore[misc]
    """A table in a file: opened from a path by a job, from bytes by the admin."""

    KIND = ""

    def __init__(self, encoding: str | None = None) -> None:
        self.encoding = encoding  # the admin offers a choice; what the file is in is found out

    @staticmethod
    def open(path: Path, **options: Any) -> AbstractContextManager[Table]:
        """The table in the file; see read_table."""
        return read_table(path, **options)

    @classmethod
    def write(
        cls, file: IO[bytes], heading: Sequence[str], rows: Iterable[Sequence[Cell]], **options: Any
    ) -> None:
        """Writes heading and rows to the file; see write_table."""
        write_table(file, cls.KIND, heading, rows, **options)

    def create_dataset(self, in_stream: bytes | str, **_options: Any) -> tablib.Dataset:
        """Everything as text, the first row that is not empty being the heading."""
        with tempfile.NamedTemporaryFile(dir=settings.DATA_DIR) as file:
            file.write(in_stream.encode() if isinstance(in_stream, str) else in_stream)
            file.flush()
            with self.open(Path(file.name)) as table:
                rows = table.rows()
                heading = next(rows).cells
                dataset = tablib.Dataset(headers=heading)
                for row in rows:
                    cells = row.cells[: len(heading)]
                    dataset.append([*cells, *[""] * (len(heading) - len(cells))])
        return dataset

    def export_data(self, dataset: tablib.Dataset, **_options: Any) -> bytes:
        file = io.BytesIO()
        heading = [str(name) for name in dataset.headers or ()]
        self.write(file, heading, ([_cell(value) for value in row] for row in dataset))
        return file.getvalue()

    def get_title(self) -> str:
        return self.KIND

    def get_extension(self) -> str:
        return self.KIND

    def get_content_type(self) -> str:
        return CONTENT_TYPES[self.KIND]

    def can_import(self) -> bool:
        return True

    def can_export(self) -> bool:
        return True


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, Decimal):
        return value
    return value if isinstance(value, int) and not isinstance(value, bool) else str(value)


class CSV(TableFormat):
    KIND = "csv"


class XLSX(TableFormat):
    KIND = "xlsx"


class JSON(TableFormat):
    """Out only: a list of objects."""

    KIND = "json"

    def can_import(self) -> bool:
        return False


FORMATS: dict[str, type[TableFormat]] = {one.KIND: one for one in (CSV, XLSX, JSON)}
