"""Writes many rows at once: COPY on PostgreSQL, executemany on SQLite, ids allotted ahead.

What the rows say is the callers' business; columns left out have to allow NULL.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction

Convert = Callable[[Any], Any]


class WrittenJson(str):
    """A JSON document already written out, for a column that holds the same one in many rows."""

    __slots__ = ()


EMPTY_OBJECT = WrittenJson("{}")


def copy_rows(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Appends `rows` to the model's table; one statement however many rows there are.

    `columns` are column names (`order_id`), each row's values stand in their order: text,
    whole numbers, booleans, Decimals, dates, aware datetimes, None, and for JSON columns
    any JSON-able value. A broken constraint raises IntegrityError and nothing is written.
    """
    fields = {field.column: field for field in model._meta.concrete_fields}
    rows = _converted([fields[column] for column in columns], rows)
    table = connection.ops.quote_name(model._meta.db_table)
    names = ", ".join(connection.ops.quote_name(column) for column in columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # The end of a COPY is where a constraint speaks up, outside of what cursors translate.
            with connection.wrap_database_errors, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", list(rows))  # noqa: S608


def allocate_ids(model: type[models.Model], count: int) -> list[int]:
    """`count` fresh ids of the model, ascending, never given out before or again.

    Inside a transaction only: on SQLite it is the transaction that keeps rivals out.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("Ids are allotted inside a transaction only.")
    if count < 1:
        return []
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
                [connection.ops.quote_name(table), "id", count],
            )
            return sorted(id for (id,) in cursor.fetchall())
        cursor.execute(
            "UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s RETURNING seq", [count, table]
        )
        row = cursor.fetchone()
        if row is None:  # the table's first row ever
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, count])
            return list(range(1, count + 1))
        return list(range(row[0] - count + 1, row[0] + 1))


def _converted(
    fields: Sequence[models.Field[Any, Any]], rows: Iterable[Sequence[Any]]
) -> Iterable[Sequence[Any]]:
    """The rows as the driver takes them; most columns pass as they are."""
    converts = [(place, convert) for place, field in enumerate(fields) if (convert := _convert_for(field))]
    return _converting(converts, rows) if converts else rows


def _converting(
    converts: Sequence[tuple[int, Convert]], rows: Iterable[Sequence[Any]]
) -> Iterator[list[Any]]:
    for row in rows:
        values = list(row)
        for place, convert in converts:
            if values[place] is not None:
                values[place] = convert(values[place])
        yield values


def _convert_for(field: models.Field[Any, Any]) -> Convert | None:
    if isinstance(field, models.JSONField):
        return _to_json
    if connection.vendor == "postgresql":
        return None
    if isinstance(field, models.DateTimeField):
        return _Remembering(connection.ops.adapt_datetimefield_value)
    if isinstance(field, models.DateField):
        return dt.date.isoformat
    return None


def _to_json(value: Any) -> str:
    return value if isinstance(value, WrittenJson) else json.dumps(value, cls=DjangoJSONEncoder)


class _Remembering:
    """A conversion that keeps its last answer: rows written together share their moment."""

    def __init__(self, convert: Convert) -> None:
        self._convert = convert
        self._given: Any = None
        self._answer: Any = None

    def __call__(self, value: Any) -> Any:
        if value is not self._given:
            self._given, self._answer = value, self._convert(value)
        return self._answer
