"""What programs' doors leave behind is cleared away by the sweep."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from orders import tasks
from orders.models import IdempotencyKey, RateWindow
from tests.world import World


@pytest.mark.django_db
def test_old_keys_and_ended_windows_go(world: World, monkeypatch) -> None:
    now = timezone.now()
    for hours, key in ((25, "old"), (23, "kept")):
        IdempotencyKey.objects.create(
            merchant=world.merchant,
            method="POST",
            path="/api/v1/orders",
            key=key,
            fingerprint="",
            owner="",
            claimed_at=now - dt.timedelta(hours=hours),
            leased_until=now,
        )
    RateWindow.objects.create(name="ended", count=1, ends_ms=1)
    monkeypatch.setattr(tasks, "_tidied_at", -1000.0)
    tasks.sweep()
    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["kept"]
    assert not RateWindow.objects.exists()
