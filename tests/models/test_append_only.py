"""History and the stock ledger refuse change in the database itself, whoever asks."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from orders.models import OrderEvent, StockMovement
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("table", ["orders_orderevent", "orders_stockmovement"])
@pytest.mark.parametrize("change", ["UPDATE {} SET source = 'forged'", "DELETE FROM {}"])
def test_rows_once_written_stay(table: str, change: str) -> None:
    World().order(status="SHIPPED")
    before = (OrderEvent.objects.count(), StockMovement.objects.count())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(change.format(table))
    assert (OrderEvent.objects.count(), StockMovement.objects.count()) == before
    assert not OrderEvent.objects.filter(source="forged").exists()


@pytest.mark.postgres
@pytest.mark.parametrize("table", ["orders_orderevent", "orders_stockmovement"])
def test_tables_cannot_be_truncated(table: str) -> None:
    World().order(status="SHIPPED")
    connection.check_constraints()  # a table with checks still to come cannot be truncated anyway
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(f"TRUNCATE {table} CASCADE")
    assert OrderEvent.objects.count() == 2
