"""Hands many rows to the database as one SQL row source, on PostgreSQL and on SQLite.

It knows SQL types only; what the rows mean belongs to the caller.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from django.db import connection
from django.db.models.expressions import RawSQL

Kind = Literal["int", "text", "numeric", "timestamp", "date", "json", "bool"]

_POSTGRESQL_CASTS: Mapping[Kind, str] = {
    "int": "::bigint",
    "text": "",
    "numeric": "::numeric",
    "timestamp": "::timestamptz",
    "date": "::date",
    "json": "::jsonb",
    "bool": "::boolean",
}


def rows_source(
    alias: str, columns: Mapping[str, Kind], rows: Iterable[Sequence[Any]]
) -> tuple[str, list[Any]]:
    """SQL for `FROM` that yields `rows` under `alias`, and its parameters.

    The rows travel as one JSON document, so that the statement has the same text
    however many there are (and a thousand arrays need not be quoted value by value).
    JSON columns take any JSON-able value.
    """
    converters = [_CONVERTERS.get(kind) for kind in columns.values()]
    document = json.dumps(
        [
            [
                value if value is None or convert is None else convert(value)
                for value, convert in zip(row, converters, strict=True)
            ]
            for row in rows
        ],
        separators=(",", ":"),
    )
    if connection.vendor == "postgresql":
        chosen = ", ".join(
            f"(v->>{place}){_POSTGRESQL_CASTS[kind]} AS {name}"
            for place, (name, kind) in enumerate(columns.items())
        )
        return f"(SELECT {chosen} FROM jsonb_array_elements(%s::jsonb) AS e(v)) AS {alias}", [document]  # noqa: S608
    chosen = ", ".join(f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(columns))
    return f"(SELECT {chosen} FROM json_each(%s)) AS {alias}", [document]  # noqa: S608


def is_among(column: str, texts: Iterable[str]) -> tuple[str, list[Any]]:
    """SQL for `WHERE` that holds when the text column has one of `texts`, and its parameter.

    Unlike a join it always goes by the column's index: with fresh rows and stale
    statistics, a join of many texts may read a merchant's whole history.
    """
    document = json.dumps(list(texts))
    if connection.vendor == "postgresql":
        return f"{column} = ANY (ARRAY(SELECT jsonb_array_elements_text(%s::jsonb)))", [document]
    return f"{column} IN (SELECT value FROM json_each(%s))", [document]  # noqa: S608 - a column of ours


def _stored_moment(value: dt.datetime) -> Any:
    return value.isoformat() if connection.vendor == "postgresql" else column_value(value)


_CONVERTERS: Mapping[Kind, Callable[[Any], Any]] = {
    "numeric": str,
    "timestamp": _stored_moment,
    "date": dt.date.isoformat,
    "json": json.dumps,
}


def any_of(ids: Iterable[int]) -> RawSQL:
    """The ids for an `__in` lookup, as one parameter: a thousand of them cost as much to ask with as one."""
    document = json.dumps(sorted(set(ids)), separators=(",", ":"))
    if connection.vendor == "postgresql":
        return RawSQL("SELECT jsonb_array_elements_text(%s::jsonb)::bigint", [document])
    return RawSQL("SELECT value FROM json_each(%s)", [document])


def column_value(value: Any) -> Any:
    """The value as a parameter of hand-written SQL on the database in use."""
    if isinstance(value, dt.datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, dt.date):
        return connection.ops.adapt_datefield_value(value)
    return value
