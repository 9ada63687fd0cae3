"""Orders are marked as returned or delivered by a file of references: previewed, then moved, once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.domain.work import files, jobs
from orders.domain.work.jobruns import run_job
from orders.exchange.reading import read_table
from orders.models import Job, Order, OrderEvent, User
from tests.exchange.conftest import actor, commit, work
from tests.exchange.files import workbook
from tests.world import World, everything

pytestmark = pytest.mark.django_db


def mark(person: User, *references: str, action: str = "return", content: bytes = b"", **params: Any) -> Job:
    job = jobs.create_job(
        Job.Kind.IMPORT_REFERENCES,
        actor=actor(person),
        phase=Job.Phase.CHECK,
        params={"action": action, "date": None, **params},
        upload=files.store_upload(
            [content or "\n".join(("reference", *references)).encode()], name="returns.csv"
        ),
    )
    work()
    job.refresh_from_db()
    return job


def items(job: Job) -> list[tuple[int, str, str]]:
    return list(job.items.order_by("number").values_list("number", "outcome", "code"))


def test_orders_are_found_by_our_reference_the_sellers_and_the_companys(world: World, manager: User) -> None:
    ours = world.order(status="SHIPPED")
    sellers = world.order(status="SHIPPED", external_reference="SHOP-7")
    companys = world.order(status="SHIPPED", tracking="TRK900")

    job = mark(manager, ours.reference.lower(), "SHOP-7", " trk900 ")

    assert items(job) == [(2, "ready", ""), (3, "ready", ""), (4, "ready", "")]
    assert (job.state, job.requested, job.summary["ready"], job.failed) == ("previewed", 3, 3, 0)
    assert set(Order.objects.values_list("status", flat=True)) == {"SHIPPED"}
    commit(job, manager)
    assert (job.state, job.done) == ("done", 3)
    for order in (ours, sellers, companys):
        order.refresh_from_db()
        assert order.status == "RETURNED"
    event = OrderEvent.objects.filter(order=ours).latest("id")
    assert (event.action, event.user, event.source) == ("return", manager, "import")


def test_unknown_doubled_and_refused_references_are_named(world: World, manager: User) -> None:
    shipped = world.order(status="SHIPPED", tracking="TRK1")
    fresh = world.order()
    done = world.order(status="RETURN_RECEIVED")
    world.order(external_reference="TWIN")
    world.order(tracking="TWIN")

    job = mark(manager, shipped.reference, "TRK1", "nowhere", fresh.reference, done.reference, "", "TWIN")

    # The empty line is no row of the table.
    assert items(job) == [
        (2, "ready", ""),
        (3, "skipped", "doubled"),
        (4, "failed", "unknown"),
        (5, "failed", "wrong_status"),
        (6, "skipped", "already_done"),
        (8, "failed", "ambiguous"),
    ]
    messages = dict(job.items.values_list("number", "message"))
    assert messages[3] == f"Row 2 names {shipped.reference} already; an order counts once."
    assert messages[4] == "No order has the reference or tracking “nowhere”."
    assert messages[8].startswith("“TWIN” may be any of ")
    commit(job, manager)
    assert (job.requested, job.done, job.skipped, job.failed) == (6, 1, 2, 3)
    fresh.refresh_from_db()
    assert fresh.status == "NEW"
    with read_table(files.path_of(job.files.get().path)) as table:
        assert [row.cells[0] for row in table.rows()] == ["reference", "nowhere", fresh.reference, "TWIN"]


def test_the_day_given_is_the_day_it_happened(world: World, manager: User) -> None:
    order = world.order(status="SHIPPED")
    commit(mark(manager, order.reference, action="deliver", date="2026-11-01"), manager)
    event = OrderEvent.objects.filter(order=order).latest("id")
    assert (event.action, event.occurred_on.isoformat()) == ("deliver", "2026-11-01")


def test_the_parcel_of_an_earlier_trip_does_not_move_the_order_of_today(world: World, manager: User) -> None:
    order = world.order(status="SHIPPED")
    world.walk(order, "return", "renew", "pack", "ship")
    job = mark(manager, f"{order.reference}-1", f"{order.reference}-2")
    assert items(job) == [(2, "failed", "wrong_status"), (3, "ready", "")]
    assert "was renewed since" in job.items.get(number=2).message


def test_another_merchants_order_is_unknown(world: World, manager: User) -> None:
    order = world.order(status="SHIPPED", external_reference="SHOP-1", tracking="TRK1")
    other = World(slug="casbah")
    stranger = other.person("said", merchant=other.merchant)
    stranger.groups.set(manager.groups.all())
    before = everything()
    job = mark(stranger, order.reference, "SHOP-1", "TRK1")
    assert {code for _, _, code in items(job)} == {"unknown"}
    commit(job, stranger)
    assert everything() == before


def test_who_lacks_the_permission_marks_nothing(world: World) -> None:
    order = world.order(status="SHIPPED")
    viewer = world.person("vera")
    before = everything()
    job = mark(viewer, order.reference)
    assert (job.state, job.error_code) == ("failed", "not_allowed")
    assert everything() == before


def test_what_happened_since_the_preview_is_refused_and_can_be_tried_again(
    world: World, manager: User
) -> None:
    first, second = world.order(status="SHIPPED"), world.order(status="SHIPPED")
    job = mark(manager, first.reference, second.reference)
    Order.objects.filter(pk=second.pk).update(status="PACKED")
    commit(job, manager)
    assert (job.state, job.done, job.failed) == ("done", 1, 1)

    Order.objects.filter(pk=second.pk).update(status="SHIPPED")
    jobs.retry_job(job.pk, actor=actor(manager))
    work()

    job.refresh_from_db()
    assert (job.state, job.requested, job.done, job.failed) == ("done", 2, 2, 0)


def test_references_of_a_workbook_that_made_dates_or_numbers_of_them(world: World, manager: User) -> None:
    order = world.order(status="SHIPPED", tracking="4006381333931")
    job = mark(manager, content=workbook([["Référence"], [4006381333931]]))
    assert items(job) == [(2, "ready", "")]
    assert job.items.get().order == order


def test_a_file_without_a_reference_column_fails_plainly(manager: User) -> None:
    job = mark(manager, content=b"colour\nred\n")
    assert (job.state, job.error_code) == ("failed", "missing_columns")


def test_the_statements_do_not_depend_on_the_rows(world: World, manager: User) -> None:
    world.units = 100
    for _ in range(30):
        world.order(status="SHIPPED")
    references = list(Order.objects.values_list("reference", flat=True))

    def statements(count: int) -> int:
        job = jobs.create_job(
            Job.Kind.IMPORT_REFERENCES,
            actor=actor(manager),
            phase=Job.Phase.CHECK,
            params={"action": "deliver", "date": None},
            upload=files.store_upload(
                ["\n".join(("reference", *references[:count], "nowhere")).encode()], name="x"
            ),
        )
        with CaptureQueriesContext(connection) as checking:
            run_job(job.pk)
        jobs.commit_job(job.pk, actor=actor(manager))
        with CaptureQueriesContext(connection) as moving:
            run_job(job.pk)
        assert Job.objects.get(pk=job.pk).done == count
        return len(checking) + len(moving)

    few = statements(3)
    references = references[3:]
    assert statements(27) == few
