"""The two health pages: what they say, and that they are cheap and need no Redis."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder


def test_healthz_asks_the_database_nothing(client):
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db
def test_readyz_asks_the_database_once(client, django_assert_num_queries):
    client.get("/readyz")
    with django_assert_num_queries(1):
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "database": "ok", "migrations": "ok"},
    )


@pytest.mark.django_db
def test_readyz_is_503_while_a_migration_is_missing(client):
    MigrationRecorder(connection).record_unapplied("orders", "0001_initial")
    answer = client.get("/readyz")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json() == {
        "status": "unavailable",
        "migrations": "1 not applied; run `python manage.py migrate`",
    }


def test_readyz_is_503_while_the_database_is_away(client, monkeypatch):
    def away(_recorder):
        raise OperationalError("connection refused")

    monkeypatch.setattr(MigrationRecorder, "migration_qs", property(away))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unavailable",
        "database": "the database does not answer, or holds nothing yet",
    }


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_health_page_only_answers_to_reading(client, path):
    assert client.post(path).status_code == 405
    assert client.head(path).status_code == 200
