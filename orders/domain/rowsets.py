"""Hands many rows to the database as one SQL row source, on PostgreSQL and on SQLite.

It knows SQL types only; what the rows mean belongs to the caller.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from django.db import connection

Kind = Literal["int", "text", "numeric", "timestamp", "date", "json", "bool"]

_POSTGRESQL_TYPES: Mapping[Kind, str] = {
    "int": "bigint",
    "text": "text",
    "numeric": "numeric",
    "timestamp": "timestamptz",
    "date": "date",
    "json": "text",
    "bool": "boolean",
}


def rows_source(
    alias: str, columns: Mapping[str, Kind], rows: Iterable[Sequence[Any]]
) -> tuple[str, list[Any]]:
    """SQL for `FROM` that yields `rows` under `alias`, and its parameters.

    However many rows there are, the statement has the same text: one array a column on
    PostgreSQL, one JSON document on SQLite. JSON columns take any JSON-able value.
    """
    if connection.vendor == "postgresql":
        return _unnested(alias, columns, rows)
    return _from_json(alias, columns, rows)


def _unnested(
    alias: str, columns: Mapping[str, Kind], rows: Iterable[Sequence[Any]]
) -> tuple[str, list[Any]]:
    by_column: list[list[Any]] = [list(values) for values in zip(*rows, strict=True)] or [[] for _ in columns]
    for place, kind in enumerate(columns.values()):
        if kind == "json":
            by_column[place] = [json.dumps(value) for value in by_column[place]]
    arrays = ", ".join(f"%s::{_POSTGRESQL_TYPES[kind]}[]" for kind in columns.values())
    names = ", ".join(f"c{place}" for place in range(len(columns)))
    chosen = ", ".join(
        f"c{place}{'::jsonb' if kind == 'json' else ''} AS {name}"
        for place, (name, kind) in enumerate(columns.items())
    )
    return f"(SELECT {chosen} FROM unnest({arrays}) AS u({names})) AS {alias}", by_column  # noqa: S608


def _from_json(
    alias: str, columns: Mapping[str, Kind], rows: Iterable[Sequence[Any]]
) -> tuple[str, list[Any]]:
    kinds = tuple(columns.values())
    document = json.dumps([[_for_json(v, k) for v, k in zip(row, kinds, strict=True)] for row in rows])
    chosen = ", ".join(f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(columns))
    return f"(SELECT {chosen} FROM json_each(%s)) AS {alias}", [document]  # noqa: S608


def _for_json(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    if kind == "json":
        return json.dumps(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dt.datetime):
        return column_value(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    return value


def column_value(value: Any) -> Any:
    """The value as a parameter of hand-written SQL on the database in use."""
    if isinstance(value, dt.datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, dt.date):
        return connection.ops.adapt_datefield_value(value)
    return value
