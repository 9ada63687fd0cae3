"""Turns DATABASE_URL into Django's database settings, for SQLite and for PostgreSQL.

Which database the product runs on is decided by the operator; nothing here opens a connection.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from config.env import BadSwitch, Switches, without_password

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=NORMAL;"
    "PRAGMA cache_size=-20000;"
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA mmap_size=134217728;"
    "PRAGMA journal_size_limit=67108864;"
)
PROJECT = Path(__file__).resolve().parent.parent
WANTED = "postgres://user:password@host:5432/name, or leave it out for SQLite"


def database_url(switches: Switches) -> str:
    """DATABASE_URL as given once it is known to be usable, '' when the default database is meant."""
    schemes = ("postgres", "postgresql", "sqlite")
    url = switches.url("DATABASE_URL", schemes=schemes, wanted=WANTED)
    if url.startswith("postgres") and not urlsplit(url).path.strip("/"):
        raise BadSwitch("DATABASE_URL", without_password(url), f"the database has no name; write {WANTED}")
    if url.startswith("sqlite") and not _sqlite_path(url).parent.is_dir():
        raise BadSwitch("DATABASE_URL", url, "the folder of that file does not exist")
    return url


def database_from_url(url: str, *, data_dir: Path, statement_seconds: int = 0) -> dict[str, Any]:
    """The settings of the default database; an empty URL means SQLite in the data folder.

    `statement_seconds` is how long PostgreSQL works on one statement before it gives up, 0 without limit.
    """
    if url.startswith("postgres"):
        return _postgresql(url, statement_seconds)
    return _sqlite(_sqlite_path(url) if url else data_dir / "packhouse.sqlite3")


def _sqlite_path(url: str) -> Path:
    """sqlite:///relative/file, from the project's folder, and sqlite:////absolute/file."""
    return PROJECT / unquote(urlsplit(url).path.removeprefix("/"))


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            # One writer at a time, waiting its turn: with the default (deferred)
            # a transaction that reads first is refused instead of made to wait.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": SQLITE_PRAGMAS,
        },
        # Tests use a file too: rival connections cannot meet in a database in memory.
        "TEST": {"NAME": str(path.with_name(f"test_{path.name}"))},
    }


def _postgresql(url: str, statement_seconds: int) -> dict[str, Any]:
    parts = urlsplit(url)
    options: dict[str, Any] = {
        "connect_timeout": 3,
        "options": (
            f"-c statement_timeout={statement_seconds * 1000} -c lock_timeout=3000"
            " -c idle_in_transaction_session_timeout=30000"
        ),
    }
    options.update(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }
