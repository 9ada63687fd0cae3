"""The demonstration: a month of two merchants' work, loaded once, adding up."""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from orders.management import demonstration
from orders.models import Merchant, Order, OrderEvent, Product, StockLevel, StockMovement, User, Warehouse
from tests.world import ledger_equals_stock

PRODUCTS = Path(__file__).resolve().parents[1] / "orders" / "data" / "products.csv"
ROLES = ["admin", "callcentre", "driver", "manager", "packer", "returns", "seller", "shipper", "viewer"]

pytestmark = pytest.mark.django_db


def load() -> str:
    out = StringIO()
    call_command("load_demo", stdout=out)
    return out.getvalue()


def all_rows() -> dict[str, list[tuple[Any, ...]]]:
    return {
        model._meta.label: list(model._default_manager.order_by("pk").values_list())
        for app in ("orders", "auth")
        for model in apps.get_app_config(app).get_models()
    }


def statuses(slug: str) -> dict[str, int]:
    return dict(Counter(Order.objects.filter(merchant__slug=slug).values_list("status", flat=True)))


ATLAS = {
    "NEW": 23,
    "PICKED_UP": 6,
    "PREPARING": 5,
    "PACKED": 16,
    "WAITING_FOR_SHIPPING_COMPANY": 9,
    "SHIPPED": 24,
    "DELIVERED": 106,
    "RETURNED": 10,
    "RETURN_RECEIVED": 5,
    "RETURNED_TO_STOCK": 14,
    "CANCELED": 14,
    "OUT_OF_STOCK": 8,
    "ROLLBACK": 3,
}
CASBAH = {
    "NEW": 13,
    "PICKED_UP": 3,
    "PREPARING": 2,
    "PACKED": 8,
    "WAITING_FOR_SHIPPING_COMPANY": 5,
    "SHIPPED": 12,
    "DELIVERED": 54,
    "RETURNED": 6,
    "RETURN_RECEIVED": 3,
    "RETURNED_TO_STOCK": 7,
    "CANCELED": 8,
    "OUT_OF_STOCK": 3,
    "ROLLBACK": 2,
}


def test_the_demonstration_is_loaded_whole_and_once() -> None:
    printed = load()
    now = timezone.now()

    # Merchants, warehouses, goods.
    assert list(Merchant.objects.order_by("slug").values_list("slug", "country", "currency", "timezone")) == [
        ("atlas", "MA", "MAD", "Africa/Casablanca"),
        ("casbah", "DZ", "DZD", "Africa/Algiers"),
    ]
    assert set(Warehouse.objects.values_list("name", flat=True)) == {"Casablanca", "Algiers"}
    assert Product.objects.filter(merchant__slug="casbah").count() == 20
    with PRODUCTS.open(encoding="utf-8", newline="") as file:
        listed = {row["sku"]: int(row["on_hand"]) for row in csv.DictReader(file)}
    assert set(Product.objects.filter(merchant__slug="atlas").values_list("sku", flat=True)) == set(listed)
    levels = StockLevel.objects.filter(product__merchant__slug="atlas").select_related("product", "warehouse")
    assert {level.warehouse.name for level in levels} == {"Casablanca"}
    assert {level.product.sku: level.available for level in levels} == {
        sku: on_hand for sku, on_hand in listed.items() if on_hand
    }

    # Orders in every status, with a past that adds up.
    assert statuses("atlas") == ATLAS
    assert statuses("casbah") == CASBAH
    assert ledger_equals_stock()
    moments = list(OrderEvent.objects.order_by("id").values_list("recorded_at", flat=True))
    assert all(earlier <= later for earlier, later in pairwise(moments))
    assert now - dt.timedelta(days=31) < moments[0] < now - dt.timedelta(days=25)
    assert moments[-1] <= now
    assert not StockMovement.objects.filter(recorded_at__gt=now).exists()
    assert set(OrderEvent.objects.values_list("order_id", flat=True)) == set(
        Order.objects.values_list("id", flat=True)
    )
    assert not Order.objects.filter(phone_e164="").exists()
    assert Order.objects.filter(city_place__isnull=True).count() == 5
    assert set(Order.objects.values_list("call_center", flat=True)) == {
        "confirmed",
        "pending",
        "no_answer",
        "postponed",
    }

    # The accounts, all printed.
    people = User.objects.order_by("username")
    assert [person.username for person in people] == ROLES
    for person in people:
        assert person.check_password("demo-packhouse")
        assert [group.name for group in person.groups.all()] == [person.username]
        assert f"  {person.username:<12} demo-packhouse" in printed
        assert len(person.display_name.split()) == 2
        assert (person.merchant is not None) == (person.username == "seller")
        assert person.is_superuser == person.is_staff == (person.username == "admin")

    # A second run.
    before = all_rows()
    assert load() == "The demonstration is here already; nothing was changed.\n"
    assert all_rows() == before


def told_at(moment: str) -> list[tuple[Any, ...]]:
    """The month as it is told at that moment, and forgotten again."""
    with time_machine.travel(moment, tick=False), transaction.atomic():
        load()
        told = list(
            Order.objects.order_by("merchant__slug", "full_name", "phone", "total").values_list(
                "merchant__slug", "full_name", "phone", "city", "status", "total", "cycle"
            )
        )
        transaction.set_rollback(True)
    return told


def test_the_same_day_tells_the_same_month_at_any_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demonstration, "FATES", demonstration.FATES[::3])
    morning, evening = told_at("2026-03-29T00:05:00Z"), told_at("2026-03-29T22:30:00Z")
    assert morning == evening
    assert len(morning) == sum(sum(fate.counts) for fate in demonstration.FATES)


def test_a_run_that_is_cut_short_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any) -> None:
        raise OSError("No space left on device")

    before = all_rows()
    monkeypatch.setattr(demonstration, "FATES", demonstration.FATES[:1])
    monkeypatch.setattr(demonstration._Month, "_refill_atlas", fail)
    with pytest.raises(OSError, match="No space"):
        load()
    assert all_rows() == before


def test_somebody_who_is_there_already_keeps_their_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demonstration, "FATES", demonstration.FATES[:1])
    User.objects.create_user(username="admin", password="my own secret", first_name="Ines")
    printed = load()
    ines = User.objects.get(username="admin")
    assert (ines.first_name, ines.is_superuser) == ("Ines", False)
    assert ines.check_password("my own secret")
    assert "  admin        (as it was)" in printed
    assert User.objects.count() == 9
