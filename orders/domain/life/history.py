"""Writes history: one set-based insert, in the transaction of the change it tells of.

Rows are never updated or deleted; a correction is a new row that names what it reverses.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from orders.domain.actors import Actor
from orders.domain.rows.rowsets import Kind, column_value, rows_source
from orders.models import EventType

_COLUMNS: dict[str, Kind] = {
    "order_id": "int",
    "cycle": "int",
    "type": "text",
    "action": "text",
    "from_status": "text",
    "to_status": "text",
    "remembered_status": "text",
    "reverses_id": "int",
    "before": "json",
    "message": "text",
    "details": "json",
    "occurred_on": "date",
}


@dataclass(slots=True)
class Happening:
    """One event to be written. `before` holds the changed facts of the row as they were."""

    order_id: int
    cycle: int
    type: EventType
    action: str
    occurred_on: dt.date
    from_status: str = ""
    to_status: str = ""
    remembered_status: str = ""
    reverses_id: int | None = None
    before: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def record_events(happenings: Sequence[Happening], *, actor: Actor, at: dt.datetime) -> dict[int, int]:
    """The new events' ids by order id; one statement however many there are.

    At most one event an order and call, so that the answer can be told apart.
    """
    if not happenings:
        return {}
    source, params = rows_source(
        "r",
        _COLUMNS,
        [
            (
                h.order_id,
                h.cycle,
                h.type.value,
                h.action,
                h.from_status,
                h.to_status,
                h.remembered_status,
                h.reverses_id,
                h.before,
                h.message,
                h.details,
                h.occurred_on,
            )
            for h in happenings
        ],
    )
    names = ", ".join(_COLUMNS)
    chosen = ", ".join(f"r.{name}" for name in _COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO orders_orderevent ({names},"  # noqa: S608
            " actor_kind, user_id, actor_name, source, station, recorded_at)"
            f" SELECT {chosen}, %s, %s, %s, %s, %s, {_timestamp()} FROM {source}"
            " WHERE true ORDER BY r.order_id RETURNING order_id, id",
            [
                actor.kind.value,
                actor.user_id,
                actor.name[:150],
                actor.source,
                actor.station,
                column_value(at),
                *params,
            ],
        )
        return dict(cursor.fetchall())


def _timestamp() -> str:
    return "%s::timestamptz" if connection.vendor == "postgresql" else "%s"
