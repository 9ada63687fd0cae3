"""History, the stock ledger and the log of settings refuse change in the database itself, whoever asks."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from orders.domain.actors import Actor
from orders.domain.setup.changes import Noted, Subject, Verb, record_changes
from orders.models import OrderEvent, SettingChange, StockMovement
from tests.world import World

pytestmark = pytest.mark.django_db
TABLES = ["orders_orderevent", "orders_stockmovement", "orders_settingchange"]


@pytest.fixture(autouse=True)
def _a_setting_was_changed(db: None) -> None:
    noted = Noted(Subject.ROLE, 1, "night", Verb.MADE)
    record_changes([noted], actor=Actor.system("test"))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", ["UPDATE {} SET source = 'forged'", "DELETE FROM {}"])
def test_rows_once_written_stay(table: str, change: str) -> None:
    World().order(status="SHIPPED")
    before = (OrderEvent.objects.count(), StockMovement.objects.count(), SettingChange.objects.count())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(change.format(table))
    after = (OrderEvent.objects.count(), StockMovement.objects.count(), SettingChange.objects.count())
    assert after == before == (2, 2, 1)
    assert not OrderEvent.objects.filter(source="forged").exists()


@pytest.mark.postgres
@pytest.mark.parametrize("table", TABLES)
def test_tables_cannot_be_truncated(table: str) -> None:
    World().order(status="SHIPPED")
    connection.check_constraints()  # a table with checks still to come cannot be truncated anyway
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(f"TRUNCATE {table} CASCADE")
    assert OrderEvent.objects.count() == 2
