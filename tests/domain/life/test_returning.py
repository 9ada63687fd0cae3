"""A parcel of an earlier cycle that comes back late: goods return, the order goes on undisturbed."""

from __future__ import annotations

import pytest

from orders.domain.actors import Actor
from orders.domain.goods.stock import Disposition
from orders.domain.life.returning import receive_earlier_cycle
from orders.domain.refusals import InvalidInput
from orders.models import ActorKind, OrderEvent, StockMovement
from tests.world import SYSTEM, World, everything, ledger_equals_stock

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def test_goods_come_back_and_the_status_stays(world: World) -> None:
    order = world.walk(world.order(status="RETURNED"), "renew", "pack")
    assert world.shelf() == (8, 2)
    result = receive_earlier_cycle(order.pk, 1, actor=SYSTEM)
    order.refresh_from_db()
    assert (result.code, order.status, order.cycle, world.shelf()) == ("done", "PACKED", 2, (10, 2))
    event = OrderEvent.objects.latest("id")
    assert (event.cycle, event.type, event.to_status) == (1, "note", "")
    assert ledger_equals_stock()


def test_a_second_time_moves_nothing(world: World) -> None:
    order = world.walk(world.order(status="RETURNED"), "renew")
    receive_earlier_cycle(order.pk, 1, actor=SYSTEM)
    before = everything()
    assert receive_earlier_cycle(order.pk, 1, actor=SYSTEM).code == "already_done"
    assert everything() == before


def test_units_that_are_not_sound_are_written_off(world: World) -> None:
    order = world.walk(world.order([("MUG", 3)], status="RETURNED"), "renew")
    line = order.lines.get(cycle=1)
    seen = {line.pk: Disposition(sound=1, damaged=2)}
    receive_earlier_cycle(order.pk, 1, actor=SYSTEM, dispositions=seen)
    assert world.shelf() == (8, 0)
    assert StockMovement.objects.filter(line=line, kind="damaged", quantity=2, delta=0).exists()
    assert receive_earlier_cycle(order.pk, 1, actor=SYSTEM).code == "already_done"


@pytest.mark.parametrize("cycle", [0, 2, 3])
def test_only_an_earlier_cycle_can_come_back(world: World, cycle: int) -> None:
    order = world.walk(world.order(status="RETURNED"), "renew")
    before = everything()
    with pytest.raises(InvalidInput) as refused:
        receive_earlier_cycle(order.pk, cycle, actor=SYSTEM)
    assert list(refused.value.errors) == ["cycle"]
    assert everything() == before


def test_units_have_to_add_up(world: World) -> None:
    order = world.walk(world.order(status="RETURNED"), "renew")
    line = order.lines.get(cycle=1)
    before = everything()
    with pytest.raises(InvalidInput) as refused:
        receive_earlier_cycle(order.pk, 1, actor=SYSTEM, dispositions={line.pk: Disposition(sound=3)})
    assert list(refused.value.errors) == [f"lines.{line.pk}"]
    assert everything() == before


def test_another_merchants_order_is_unknown(world: World) -> None:
    order = world.walk(world.order(status="RETURNED"), "renew")
    stranger = Actor(
        kind=ActorKind.USER,
        name="Stranger",
        source="scanner",
        merchant_id=World(slug="casbah").merchant.pk,
        permissions=None,
    )
    before = everything()
    assert receive_earlier_cycle(order.pk, 1, actor=stranger).code == "unknown"
    assert everything() == before
