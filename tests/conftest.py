"""What every test stands on; the people who appear in tests stand in tests/personas.py."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connections
from django.test import TransactionTestCase


@pytest.fixture(autouse=True, scope="session")
def _history_may_be_emptied_between_tests() -> Iterator[None]:
    """Opens the append-only tables for the test runner's clean-up, and for nothing else."""
    flush = TransactionTestCase._fixture_teardown
    roles = import_module("orders.migrations.0003_roles")

    def flush_with_switch_open(self: TransactionTestCase) -> None:
        connection = connections["default"]
        with connection.cursor() as cursor:
            cursor.execute("UPDATE orders_append_only_switch SET is_open = 1")
        try:
            flush(self)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("UPDATE orders_append_only_switch SET is_open = 0")
        # Roles come from a migration: emptied tables have to get them back.
        roles.make_roles(apps, None)

    TransactionTestCase._fixture_teardown = flush_with_switch_open
    yield
    TransactionTestCase._fixture_teardown = flush
