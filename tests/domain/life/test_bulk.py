"""More orders than one call takes: a frozen selection, moved in chunks, every one answered for."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from orders.domain.actors import Actor
from orders.domain.life import bulk
from orders.domain.life.bulk import start_bulk_action
from orders.domain.refusals import InvalidInput, NotAllowed
from orders.domain.work import jobs
from orders.domain.work.jobruns import run_job
from orders.models import Job, JobItem, Order, OrderEvent, User
from tests.world import World, everything, ledger_equals_stock

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def manager(world: World) -> User:
    person = world.person("nadia")
    person.groups.add(Group.objects.get(name="manager"))
    return person


def actor(person: User) -> Actor:
    return Actor.of(User.objects.get(pk=person.pk), source="dashboard")


def run(job: Job) -> Job:
    while job.pk in jobs.due_jobs():
        run_job(job.pk)
    job.refresh_from_db()
    return job


def items(job: Job) -> list[tuple[int | None, str, str]]:
    return list(job.items.order_by("number").values_list("order_id", "outcome", "code"))


def test_every_order_of_the_selection_is_answered_for_and_the_counts_add_up(
    world: World, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 2)
    packed = [world.order(lines=[("MUG", 1)], status="PACKED") for _ in range(3)]
    fresh = world.order()
    shipped = world.order(status="SHIPPED")
    ids = [packed[0].pk, fresh.pk, 999_999, packed[1].pk, shipped.pk, packed[2].pk, packed[0].pk]

    job = start_bulk_action("ship", actor=actor(manager), ids=ids)
    assert (job.state, job.requested) == ("queued", 6)
    run(job)

    assert items(job) == [
        (packed[0].pk, "done", ""),
        (fresh.pk, "failed", "wrong_status"),
        (None, "failed", "unknown"),
        (packed[1].pk, "done", ""),
        (shipped.pk, "skipped", "already_done"),
        (packed[2].pk, "done", ""),
    ]
    assert (job.state, job.requested, job.done, job.skipped, job.failed) == ("done", 6, 3, 1, 2)
    assert ledger_equals_stock()
    event = OrderEvent.objects.filter(order=packed[0]).latest("id")
    assert (event.action, event.user, event.source) == ("ship", manager, "dashboard")


def test_the_selection_of_a_filter_is_frozen_when_the_job_is_started(world: World, manager: User) -> None:
    first, second = world.order(), world.order()
    world.order(status="SHIPPED")
    job = start_bulk_action("cancel", actor=actor(manager), frozen="tab=NEW", message="Season is over")
    late = world.order()

    run(job)

    assert items(job) == [(first.pk, "done", ""), (second.pk, "done", "")]
    late.refresh_from_db()
    assert late.status == "NEW"
    assert OrderEvent.objects.filter(order=first).latest("id").message == "Season is over"


def test_day_and_warehouse_go_with_the_action(world: World, manager: User) -> None:
    order = world.order()
    day = timezone.localdate() - dt.timedelta(days=2)
    run(
        start_bulk_action(
            "pack", actor=actor(manager), ids=[order.pk], occurred_on=day, warehouse_id=world.warehouse.pk
        )
    )
    event = OrderEvent.objects.filter(order=order).latest("id")
    assert (event.action, event.occurred_on) == ("pack", day)


@pytest.mark.parametrize(
    ("action", "said", "key"),
    [
        ("cancel", {}, "description"),
        ("pack", {"occurred_on": dt.date(2999, 1, 1)}, "date"),
        ("pack", {"warehouse_id": 999_999}, "warehouseId"),
        ("pack", {"ids": []}, "ids"),
    ],
)
def test_a_call_that_is_wrong_in_itself_starts_nothing(
    world: World, manager: User, action: str, said: dict[str, Any], key: str
) -> None:
    order = world.order()
    with pytest.raises(InvalidInput) as refusal:
        start_bulk_action(action, actor=actor(manager), **({"ids": [order.pk]} | said))
    assert list(refusal.value.errors) == [key]
    assert not Job.objects.exists()


def test_an_unknown_filter_starts_nothing(manager: User) -> None:
    with pytest.raises(InvalidInput):
        start_bulk_action("pack", actor=actor(manager), frozen="citty=Fès")
    assert not Job.objects.exists()


def test_who_lacks_the_actions_permission_starts_nothing(world: World) -> None:
    order = world.order()
    with pytest.raises(NotAllowed):
        start_bulk_action("pack", actor=actor(world.person("vera")), ids=[order.pk])
    assert not Job.objects.exists()


def test_another_merchants_orders_are_not_there(world: World, manager: User) -> None:
    order = world.order()
    other = World(slug="casbah")
    stranger = other.person("said", merchant=other.merchant)
    stranger.groups.set(manager.groups.all())
    before = everything()
    by_ids = run(start_bulk_action("pack", actor=actor(stranger), ids=[order.pk]))
    assert items(by_ids) == [(None, "failed", "unknown")]
    with pytest.raises(InvalidInput):
        start_bulk_action("pack", actor=actor(stranger), frozen="tab=NEW")
    assert everything() == before


def test_who_loses_the_permission_midway_has_the_next_chunk_refused(
    world: World, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 2)
    orders = [world.order(lines=[("MUG", 1)]) for _ in range(5)]
    job = start_bulk_action("pack", actor=actor(manager), ids=[order.pk for order in orders])
    take = bulk._take

    def lose_the_right(*args: Any, **said: Any) -> Any:
        manager.groups.clear()
        return take(*args, **said)

    monkeypatch.setattr(bulk, "_take", lose_the_right)
    run(job)

    assert (job.state, job.error_code) == ("failed", "not_allowed")
    assert (job.requested, job.done, job.failed) == (5, 2, 3)
    assert Order.objects.filter(status="PACKED").count() == 2


def test_a_run_that_was_cut_short_moves_each_order_once(
    world: World, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 2)
    orders = [world.order(lines=[("MUG", 1)]) for _ in range(5)]
    job = start_bulk_action("pack", actor=actor(manager), ids=[order.pk for order in orders])
    take, calls = bulk._take, []

    def die_at_the_second(*args: Any, **said: Any) -> Any:
        calls.append(args)
        outcomes = take(*args, **said)
        if len(calls) == 2:
            raise SystemExit  # after the move, before the chunk is committed
        return outcomes

    monkeypatch.setattr(bulk, "_take", die_at_the_second)
    with pytest.raises(SystemExit):
        run_job(job.pk)
    assert OrderEvent.objects.filter(action="pack").count() == 2
    Job.objects.update(lease_until=timezone.now())
    run(job)

    assert (job.state, job.done) == ("done", 5)
    assert OrderEvent.objects.filter(action="pack").count() == 5
    assert world.shelf() == (10, 5)


def test_refused_orders_can_be_tried_again(world: World, manager: User) -> None:
    order = world.order(lines=[("MUG", 1)])
    job = run(start_bulk_action("ship", actor=actor(manager), ids=[order.pk]))
    assert (job.done, job.failed) == (0, 1)
    world.walk(order, "pack")
    jobs.retry_job(job.pk, actor=actor(manager))
    run(job)
    assert (job.state, job.requested, job.done, job.failed) == ("done", 1, 1, 0)
    assert JobItem.objects.get().message.endswith("is Shipped now.")
