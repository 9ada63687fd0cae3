"""The databases that are measured: made on the server of DATABASE_URL, filled once, found again."""

from __future__ import annotations

import psycopg
from django.core.management import call_command
from django.db import connection, connections
from psycopg import sql

from orders.domain.lists.counting import fold_counts_now
from orders.models import Order
from tests.bench.filling import GROWN, Shares, fill

PREFIX = "packhouse_bench_"


def use(database: str) -> None:
    """Turns the default connection to the database and warms it."""
    default = connections["default"]
    if default.settings_dict["NAME"] != database:
        default.close()
        default.settings_dict["NAME"] = database
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def prepared(name: str, *, orders: int, shares: Shares = GROWN, fresh: bool = False) -> str:
    """The name of a migrated database with that many orders, made unless it is there already."""
    database = f"{PREFIX}{name}"
    _make(database, fresh=fresh)
    use(database)
    call_command("migrate", verbosity=0, skip_checks=True)
    if not Order.objects.exists():
        fill(orders, shares)
        fold_counts_now()  # as the sweep does every minute
    return database


def _make(database: str, *, fresh: bool) -> None:
    settings = connections["default"].settings_dict
    with psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"] or None,
        user=settings["USER"],
        password=settings["PASSWORD"] or None,
        dbname="postgres",
        autocommit=True,
    ) as server:
        if fresh:
            server.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
            )
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
