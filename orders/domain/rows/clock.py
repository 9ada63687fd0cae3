"""The database's clock: the one that all workers share, whatever their machines' clocks say."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone


def database_now() -> Any:
    """An expression for this moment; on SQLite, where everybody shares the machine, the moment itself."""
    return Now() if connection.vendor == "postgresql" else timezone.now()


def from_now(seconds: float) -> Any:
    """So many seconds from this moment, or before it."""
    return database_now() + dt.timedelta(seconds=seconds)
