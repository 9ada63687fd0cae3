"""Many rows in one statement, and ids given out ahead."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from orders.domain.rows.writing import EMPTY_OBJECT, allocate_ids, copy_rows
from orders.models import City, Job, Order, Product, User
from tests.world import World

MOMENT = dt.datetime(2026, 11, 1, 8, 30, 15, 123456, tzinfo=dt.UTC)
CITY_COLUMNS = (
    "country",
    "region",
    "region_ar",
    "region_code",
    "name",
    "name_ar",
    "key",
    "key_ar",
    "is_active",
)


def city(name: str) -> tuple[object, ...]:
    return ("MA", "Nowhere", "", "", name, "", name, "", True)


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 300])
def test_rows_take_one_statement_however_many(count: int) -> None:
    with CaptureQueriesContext(connection) as statements:
        copy_rows(City, CITY_COLUMNS, [city(f"Town {number}") for number in range(count)])
    assert len(statements) == 1
    assert City.objects.count() == count


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["a\tb", "a\nb", "a\\b", r"\N", r"\.", "a'b\"c", "دار", "%s", "\U0001f3f4", "{}", "a\rb"]
)
def test_every_sign_arrives_as_it_was(name: str) -> None:
    copy_rows(City, CITY_COLUMNS, [city(name)])
    assert City.objects.get().name == name


@pytest.mark.django_db
def test_moments_money_and_documents_are_read_back_by_the_models() -> None:
    world = World()
    owner = User.objects.create_user(username="salma")
    copy_rows(
        Product,
        (
            "merchant_id",
            "sku",
            "ean",
            "name",
            "search_name",
            "price",
            "track_stock",
            "is_active",
            "created_at",
            "updated_at",
        ),
        [(world.merchant.pk, "MUG", "", "Mug", "mug", Decimal("12.50"), False, True, MOMENT, MOMENT)],
    )
    made = Product.objects.get()
    assert (made.price, made.track_stock, made.created_at) == (Decimal("12.50"), False, MOMENT)

    documents = [({"sku": "MUG", "needed": 2}, ["x", Decimal("1.5")]), (EMPTY_OBJECT, {"day": MOMENT.date()})]
    columns = ("kind", "state", "phase", "owner_id", "params", "summary", "created_at")
    more = {
        field.column: field.get_default()
        for field in Job._meta.concrete_fields
        if field.column not in columns and not field.null and not field.primary_key
    }
    copy_rows(
        Job,
        (*columns, *more),
        [
            ("export_orders", "queued", "commit", owner.pk, params, summary, MOMENT, *more.values())
            for params, summary in documents
        ],
    )
    first, second = Job.objects.order_by("id")
    assert first.params == {"sku": "MUG", "needed": 2}
    assert first.summary == ["x", "1.5"]
    assert (second.params, second.summary) == ({}, {"day": "2026-11-01"})
    assert first.finished_at is None


@pytest.mark.django_db
def test_a_broken_constraint_is_djangos_error_and_leaves_no_row() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        copy_rows(City, CITY_COLUMNS, [city("Azrou"), city("Zagora"), city("Azrou")])
    assert not City.objects.exists()


@pytest.mark.django_db
def test_ids_are_given_out_once_and_the_next_row_goes_on_from_there() -> None:
    world = World()
    with CaptureQueriesContext(connection) as statements:
        first, second = allocate_ids(Order, 3), allocate_ids(Order, 1000)
    assert len(statements) <= 3
    assert first == sorted(first)
    assert len({*first, *second}) == 1003
    assert world.order().pk > max(second)


@pytest.mark.django_db
def test_no_ids_are_nothing() -> None:
    assert allocate_ids(Order, 0) == []


@pytest.mark.django_db(transaction=True)
def test_ids_are_given_out_inside_a_transaction_only() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        allocate_ids(Order, 1)
