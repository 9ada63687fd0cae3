"""The audit is silent after every kind of day, and notices each kind of damage."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from orders.domain.actors import Actor
from orders.domain.auditing import INVARIANTS, audit
from orders.models import IdempotencyKey, Order, OrderEvent, StockLevel
from tests.world import ALL_STATUSES, PATHS, SYSTEM, World

pytestmark = pytest.mark.django_db


def found() -> dict[str, int]:
    """The violations by invariant, where there are any."""
    return {finding.invariant.code: finding.total for finding in audit() if finding.total}


def with_beginnings() -> None:
    """Orders made by tests get the first event that intake would have written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders_orderevent (order_id, cycle, type, action, from_status, to_status,"
            " remembered_status, before, message, details, actor_kind, actor_name, source, station,"
            " occurred_on, recorded_at)"
            " SELECT id, 1, 'shipping', 'create', '', 'NEW', '', '{}', '', '{}', 'system', 'test', 'test',"
            " '', '2026-11-01', '2026-11-01 08:00:00' FROM orders_order"
        )


@pytest.fixture
def world() -> World:
    return World(units=100)


def test_a_day_with_every_action_leaves_nothing_to_find(world: World) -> None:
    orders = [world.order() for _ in range(30)]
    with_beginnings()
    salma = Actor.of(world.person(is_superuser=True), source="scanner")
    for order, path in zip(
        orders,
        [
            ("pick", "prepare", "pack", "ship", "deliver", "rollback", "ship", "deliver"),
            ("push", "pack", "ship", "return", "receive_return", "restock", "renew", "pack"),
            ("push", "unpush", "pack", "rollback", "cancel", "rollback", "renew", "pack"),
            ("pack", "ship", "rollback", "pack", "rollback", "mark_out_of_stock", "renew", "pack", "ship"),
            ("pack", "ship", "return", "renew", "pack", "ship", "deliver", "return", "deliver"),
            ("push", "pack", "unpush", "ship", "deliver", "return", "rollback", "return"),
            ("pack", "undo", "pack", "ship", "undo", "ship", "deliver", "undo"),
        ],
        strict=False,
    ):
        world.walk(order, *path, actor=salma if "unpush" not in path else SYSTEM)
    assert found() == {}


@pytest.mark.parametrize("status", ALL_STATUSES)
def test_every_status_is_clean(world: World, status: str) -> None:
    order = world.order()
    with_beginnings()
    world.walk(order, *PATHS[status])
    assert found() == {}


def _level_off_by_one(order: Order) -> None:
    StockLevel.objects.update(on_hand=101)


def _reservation_forgotten(order: Order) -> None:
    StockLevel.objects.update(reserved=1)


def _status_forged(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(status="DELIVERED")


def _version_lost(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(version=1)


def _forged_event(order: Order, **facts: object) -> None:
    values = {
        "order_id": order.pk,
        "cycle": 1,
        "type": "shipping",
        "action": "deliver",
        "from_status": "SHIPPED",
        "to_status": "DELIVERED",
        "actor_kind": "system",
        "actor_name": "test",
        "source": "test",
        "occurred_on": "2026-11-20",
        "recorded_at": "2026-11-20T10:00:00Z",
    } | facts
    OrderEvent.objects.create(**values)


def _step_skipped(order: Order) -> None:
    _forged_event(order, action="deliver", from_status="NEW", to_status="DELIVERED")


def _nameless(order: Order) -> None:
    _forged_event(order, type="note", action="note", from_status="", to_status="", actor_name="")


def _without_login(order: Order) -> None:
    _forged_event(order, type="note", action="note", from_status="", to_status="", source="scanner")


def _untold(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(source="api:v1")


def _half_answered(order: Order) -> None:
    now = "2026-11-20T10:00:00Z"
    facts = {"fingerprint": "", "owner": "", "claimed_at": now, "leased_until": now}
    IdempotencyKey.objects.create(
        merchant=order.merchant, method="POST", path="/api/v1/orders", key="k", status=201, **facts
    )


def _anothers_goods(order: Order) -> None:
    order.lines.update(product=World(slug="casbah", units=0).product("MUG"))


def _token_in_clear(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(notes=f"use pk_live_{'A' * 36} for it")


def _switch_left_open(order: Order) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_append_only_switch SET is_open = 1")


@pytest.mark.parametrize(
    ("damage", "codes"),
    [
        (_level_off_by_one, {"I1"}),
        (_reservation_forgotten, {"I1"}),
        (_status_forged, {"I3"}),
        (_version_lost, {"I6"}),
        (_step_skipped, {"I3", "I6"}),
        (_nameless, {"I21"}),
        (_without_login, {"I19"}),
        (_untold, {"I12"}),
        (_half_answered, {"I13"}),
        (_anothers_goods, {"I15"}),
        (_token_in_clear, {"I18"}),
        (_switch_left_open, {"I22"}),
    ],
)
def test_damage_is_found(world: World, damage: Callable[[Order], None], codes: set[str]) -> None:
    order = world.order()
    with_beginnings()
    world.walk(order, "pack", "ship")
    assert found() == {}
    damage(order)
    assert set(found()) == codes


def test_the_command_prints_a_line_each_and_ends_with_one_on_damage(world: World) -> None:
    order = world.order()
    with_beginnings()
    out = StringIO()
    call_command("audit", stdout=out)
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == [invariant.code for invariant in INVARIANTS]
    assert [line.split()[1] for line in lines] == ["0"] * 17

    _status_forged(order)
    with pytest.raises(CommandError) as ended:
        call_command("audit", stdout=out)
    assert ended.value.returncode == 1
