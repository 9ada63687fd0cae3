"""The JSON shapes of orders that several session routes answer with.

What a value means is the domain's; the programs' dialects have shapes of their own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

# What `order_item` reads from an order's row.
ITEM_COLUMNS = (
    "id",
    "reference",
    "external_reference",
    "merchant_id",
    "full_name",
    "phone",
    "city",
    "status",
    "call_center",
    "payment_status",
    "total",
    "currency",
    "tracking",
    "created_at",
)


def order_item(row: Mapping[str, Any], *, merchant: str) -> dict[str, Any]:
    """An order as lists show it, from a row of ITEM_COLUMNS; `merchant` is the merchant's short name."""
    return {
        "id": str(row["id"]),
        "reference": row["reference"],
        "external_reference": row["external_reference"],
        "merchant": merchant,
        "full_name": row["full_name"],
        "phone": row["phone"],
        "city": row["city"],
        "status": row["status"],
        "call_center": row["call_center"],
        "payment_status": row["payment_status"],
        "total": json_amount(row["total"]),
        "currency": row["currency"],
        "tracking": row["tracking"] or None,
        "created_at": json_moment(row["created_at"]),
    }


def json_amount(amount: Decimal) -> int | float:
    """The amount as JSON writes it: a whole one as an integer, another with its cents."""
    whole = int(amount)
    return whole if whole == amount else float(amount)


def json_values(values: Any) -> Any:
    """The values as session routes write them, however deep: amounts as numbers, ids as strings."""
    if isinstance(values, Mapping):
        return {
            name: str(value) if name.endswith("_id") and value is not None else json_values(value)
            for name, value in values.items()
        }
    if isinstance(values, list | tuple):
        return [json_values(value) for value in values]
    return json_amount(values) if isinstance(values, Decimal) else values


def json_moment(moment: dt.datetime) -> str:
    """The moment in UTC, to the second: 2026-11-20T15:04:05Z."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
