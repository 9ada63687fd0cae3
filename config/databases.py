"""Turns DATABASE_URL into Django's database settings, for SQLite and for PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=NORMAL;"
    "PRAGMA cache_size=-20000;"
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA mmap_size=134217728;"
    "PRAGMA journal_size_limit=67108864;"
)


def database_from_url(url: str, *, data_dir: Path) -> dict[str, Any]:
    """The settings of the default database; an empty URL means SQLite in the data folder."""
    if url.startswith("postgres"):
        return _postgresql(url)
    path = unquote(urlsplit(url).path) if url else str(data_dir / "packhouse.sqlite3")
    return _sqlite(path)


def _sqlite(path: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            # One writer at a time, waiting its turn: with the default (deferred)
            # a transaction that reads first is refused instead of made to wait.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": SQLITE_PRAGMAS,
        },
    }


def _postgresql(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    options: dict[str, Any] = {
        "connect_timeout": 3,
        "options": "-c statement_timeout=15000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=30000",
    }
    options.update(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }
