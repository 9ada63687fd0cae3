"""Orders come in from files: checked row by row, shown, written exactly so, once."""

from __future__ import annotations

import threading
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.domain.refusals import Refusal
from orders.domain.work import files, jobs
from orders.domain.work.jobruns import claim_job, run_job
from orders.exchange import importing
from orders.exchange.reading import read_table
from orders.models import Job, JobItem, Merchant, Order, OrderEvent, OrderLine, Product, User
from tests.exchange.conftest import DATA, Upload, actor, commit, work
from tests.exchange.files import HEADING, order_row, orders_csv, workbook
from tests.exchange.test_reading import FATES, SPREADSHEETS
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def mug(world: World) -> Product:
    return Product.objects.create(merchant=world.merchant, sku="MUG", name="Mug", price=Decimal(50))


def items(job: Job) -> list[tuple[int, str, str]]:
    return list(job.items.order_by("number").values_list("number", "outcome", "code"))


def problems(job: Job) -> list[dict[str, Any]]:
    return [
        {"row": number, **problem}
        for number, found in job.items.order_by("number").values_list("number", "problems")
        for problem in found
    ]


def result_rows(job: Job) -> list[list[str]]:
    with read_table(files.path_of(job.files.get().path)) as table:
        return [row.cells for row in table.rows()]


# --- the preview ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rows", "refused"), [("orders_3000.csv", 3000, 166), ("orders_500.xlsx", 500, 18)]
)
def test_real_orders_come_in_and_the_returns_among_them_are_refused(
    catalogue: World, manager: User, upload: Upload, name: str, rows: int, refused: int
) -> None:
    job = upload((DATA / name).read_bytes(), name)
    assert (job.state, job.requested, job.failed, job.skipped) == ("previewed", rows, refused, 0)
    assert job.summary["refused_by_code"] == {"below_minimum": refused}
    assert Order.objects.count() == 0

    commit(job, manager)

    assert (job.state, job.done, job.failed, job.skipped) == ("done", rows - refused, refused, 0)
    assert Order.objects.count() == rows - refused
    first = Order.objects.get(reference=Order.objects.order_by("id").values_list("reference", flat=True)[0])
    assert (first.full_name, first.phone, first.total) == (
        "Imane El Fassi",
        "00212610000000",
        Decimal("139.12"),
    )
    assert (first.source, first.created_by, first.merchant) == ("import", manager, catalogue.merchant)
    lines = first.lines.order_by("position").values_list("sku", "quantity", "unit_price")[:2]
    assert list(lines) == [("85123A", 6, Decimal("2.55")), ("71053", 6, Decimal("3.39"))]
    event = OrderEvent.objects.get(order=first)
    assert (event.action, event.user, event.source) == ("create", manager, "import")


def test_the_preview_says_what_was_understood_and_what_would_happen(mug: Product, upload: Upload) -> None:
    content = (
        "Nom;Tel;Ville;Adresse;Sku;Qté;Prix;Montant;Couleur\n"
        "Hélène;0612345678;Fès;Rue 1;MUG;2;49,50;99;bleu\n"
    )
    job = upload(content.encode("cp1252"), "commandes.csv")
    assert job.summary["file"] == {
        "kind": "csv",
        "encoding": "cp1252",
        "delimiter": ";",
        "sheet": "",
        "other_sheets": [],
        "hidden_sheets": [],
    }
    assert job.summary["columns"]["full_name"] == "Nom"
    assert job.summary["unknown_columns"] == ["Couleur"]
    assert job.summary["sample"] == [
        {
            "row": 2,
            "full_name": "Hélène",
            "phone": "+212612345678",
            "city": "Fès",
            "products": "2 × MUG",
            "total": "99.00",
        }
    ]


def test_every_problem_is_named_by_row_column_value_and_remedy(mug: Product, upload: Upload) -> None:
    job = upload(
        orders_csv(
            order_row(1),
            order_row(2, quantities="0"),
            order_row(3, skus="MUG,CUP", quantities="1,1.5", prices="50,-1", phone=""),
            order_row(4, total="many", address=""),
            order_row(5, skus="MUG,CUP", quantities="1"),
        )
    )
    assert items(job) == [
        (2, "ready", "unknown_city"),
        (3, "failed", "below_minimum"),
        (4, "failed", "required"),
        (5, "failed", "required"),
        (6, "failed", "lengths_differ"),
    ]
    found = [(p["row"], p["column"], p["value"], p["code"]) for p in problems(job) if not p["is_warning"]]
    assert found == [
        (3, "quantities", "0", "below_minimum"),
        (4, "phone", "", "required"),
        (4, "skus", "CUP", "unknown_sku"),
        (4, "quantities", "1.5", "not_a_whole_number"),
        (4, "prices", "-1", "below_minimum"),
        (5, "address", "", "required"),
        (5, "total", "many", "not_an_amount"),
        (6, "quantities", "1", "lengths_differ"),
        (6, "prices", "50", "lengths_differ"),
        (6, "skus", "CUP", "unknown_sku"),
    ]
    assert all(p["message"] and p["remedy"] for p in problems(job))
    assert (job.requested, job.failed, Order.objects.count()) == (5, 4, 0)


def test_the_refused_rows_come_back_as_the_persons_own_with_two_more_columns(
    mug: Product, manager: User, upload: Upload
) -> None:
    heading = HEADING + ",Colour"
    job = upload(
        orders_csv(
            order_row(1) + ",red",
            order_row(2, quantities="0", phone="+212612345678") + ",=blue",
            heading=heading,
        ),
        "Mes commandes.csv",
    )
    assert job.files.get().name == "Mes commandes - refused.csv"
    assert result_rows(job) == [
        [*heading.split(","), "problem", "remedy"],
        [
            *[
                "Customer 2",
                "+212612345678",
                "",
                "Casablanca",
                "1 Bd Mohammed V",
                "MUG",
                "0",
                "50",
                "50",
                "",
                "=blue",
            ],
            "quantities: The quantity is below 1.",
            "Write a whole number from 1. Returned goods are taken back as returns, not as orders.",
        ],
    ]
    raw = files.path_of(job.files.get().path).read_text(encoding="utf-8-sig")
    assert "'+212612345678" in raw
    assert "'=blue" in raw


def test_refused_rows_of_a_workbook_come_back_as_a_workbook(mug: Product, upload: Upload) -> None:
    job = upload(workbook([HEADING.split(","), order_row(1, quantities="0").split(",")]), "orders.xlsx")
    result = job.files.get()
    assert result.name == "orders - refused.xlsx"
    with read_table(files.path_of(result.path)) as table:
        assert table.findings.kind == "xlsx"
        rows = list(table.rows())
    assert rows[0].cells[-2:] == ["problem", "remedy"]
    assert rows[1].cells[:2] == ["Customer 1", "0600000001"]


def test_mended_rows_come_in_without_doubling_the_good_ones(
    mug: Product, manager: User, upload: Upload
) -> None:
    job = upload(orders_csv(order_row(1), order_row(2, quantities="0"), order_row(3)))
    commit(job, manager)
    back = files.path_of(job.files.get().path).read_bytes()

    mended = upload(back.replace(b"MUG,0,", b"MUG,1,"), "orders - refused.csv")

    assert (mended.requested, mended.failed, mended.summary["unknown_columns"]) == (1, 0, [])
    commit(mended, manager)
    names = Order.objects.order_by("id").values_list("full_name", flat=True)
    assert list(names) == ["Customer 1", "Customer 3", "Customer 2"]


def test_warnings_do_not_keep_a_row_out(mug: Product, world: World, upload: Upload) -> None:
    cup = Product.objects.create(merchant=world.merchant, sku="CUP", name="Cup", price=Decimal(1))
    twin = world.order(lines=[("MUG", 1)], phone="0600000007", phone_e164="+212600000007")
    Order.objects.filter(pk=twin.pk).update(phone_reversed="700000006212")
    job = upload(
        orders_csv(
            order_row(1),
            order_row(1),
            order_row(1, address="elsewhere"),
            order_row(1, skus="CUP"),
            order_row(7),
        )
    )
    assert cup.sku == "CUP"
    found = [
        (p["row"], p["column"], p["code"], p["message"]) for p in problems(job) if p["code"] != "unknown_city"
    ]
    assert found == [
        (3, "", "repeated_row", "This row is the same as row 2."),
        (4, "phone", "same_phone_and_product", "Row 2 has the same phone and one of the products."),
        (
            6,
            "phone",
            "probable_duplicate",
            f"{twin.reference} of the last two days has the same phone and MUG.",
        ),
    ]
    assert (job.requested, job.failed, job.summary["ready"]) == (5, 0, 5)
    assert job.summary["warned_by_code"]["unknown_city"] == 5


def test_a_reference_of_the_sellers_comes_in_once(mug: Product, manager: User, upload: Upload) -> None:
    heading = HEADING + ",order id"
    first = upload(
        orders_csv(order_row(1) + ",A-1", order_row(2) + ",A-2", order_row(3) + ",A-1", heading=heading)
    )
    assert [(p["row"], p["code"], p["message"]) for p in problems(first) if not p["is_warning"]] == [
        (4, "repeated", "Row 2 has the reference “A-1” already.")
    ]
    commit(first, manager)
    second = upload(orders_csv(order_row(9) + ",A-2", order_row(3) + ",A-3", heading=heading))
    assert items(second)[0][1:] == ("failed", "taken")
    commit(second, manager)
    assert sorted(Order.objects.values_list("external_reference", flat=True)) == ["A-1", "A-2", "A-3"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"%PDF-1.4", "pdf"),
        (b"name,phone\nA,06\n", "missing_columns"),
        (HEADING.encode() + b"\n", "empty"),
        (HEADING.encode() + b"\n , ,\n\n", "empty"),
    ],
)
def test_a_file_that_is_no_list_of_orders_fails_plainly(
    world: World, upload: Upload, content: bytes, code: str
) -> None:
    job = upload(content)
    assert (job.state, job.error_code, job.requested, job.items.count()) == ("failed", code, 0, 0)
    assert job.error_message.endswith(".")


def test_no_file_that_breaks_readers_breaks_an_import(world: World, upload: Upload) -> None:
    """None of them is a list of orders: each import ends in a plain refusal, and the worker lives."""
    ends = {}
    for name in FATES:
        job = upload((SPREADSHEETS / name).read_bytes() or b" ", name)
        assert (job.state, job.items.count(), Order.objects.count()) == ("failed", 0, 0), name
        assert job.error_message.endswith("."), name
        ends[name] = job.error_code
    assert ends == {
        name: fate if isinstance(fate, str) else "missing_columns" for name, fate in FATES.items()
    }


def test_the_statements_of_a_check_do_not_depend_on_the_rows(
    mug: Product, manager: User, upload: Upload
) -> None:
    def statements(rows: int) -> int:
        job = upload(orders_csv(*(order_row(n, notes=str(rows)) for n in range(rows))), check=False)
        with CaptureQueriesContext(
            connection,
        ) as context:
            run_job(job.pk)
        return len(context)

    statements(2)
    assert statements(40) == statements(900)


def test_the_statements_of_a_write_do_not_depend_on_the_rows(
    mug: Product, manager: User, upload: Upload
) -> None:
    def statements(rows: int) -> int:
        job = upload(orders_csv(*(order_row(n, notes=str(rows)) for n in range(rows))))
        jobs.commit_job(job.pk, actor=actor(manager))
        with CaptureQueriesContext(connection) as context:
            run_job(job.pk)
        return len(context)

    assert statements(40) == statements(450)


# --- writing --------------------------------------------------------------------------------


def test_a_preview_is_written_once_however_often_it_is_asked(
    mug: Product, manager: User, upload: Upload
) -> None:
    job = upload(orders_csv(order_row(1), order_row(2)))
    for _ in range(3):
        commit(job, manager)
    assert (job.state, job.done, Order.objects.count()) == ("done", 2, 2)
    numbered = job.items.order_by("number").values_list("outcome", "order__full_name")
    assert list(numbered) == [("done", "Customer 1"), ("done", "Customer 2")]


def test_a_run_that_was_cut_short_goes_on_where_it_stopped(
    mug: Product, manager: User, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "WRITTEN_AT_ONCE", 2)
    job = upload(orders_csv(*(order_row(n) for n in range(1, 6))))
    jobs.commit_job(job.pk, actor=actor(manager))
    run = claim_job(job.pk)
    assert run is not None
    write_chunk, chunks = importing._write_chunk, []

    def die_at_the_second(*args: Any) -> Any:
        chunks.append(args)
        if len(chunks) == 2:
            raise SystemExit
        return write_chunk(*args)

    monkeypatch.setattr(importing, "_write_chunk", die_at_the_second)
    with pytest.raises(SystemExit):
        importing.import_orders(run)
    assert (Order.objects.count(), Job.objects.get().done) == (2, 2)

    Job.objects.update(lease_until=timezone.now())
    work()

    job.refresh_from_db()
    assert (job.state, job.done, Order.objects.count(), OrderLine.objects.count()) == ("done", 5, 5, 5)


def test_what_changed_since_the_preview_is_a_refused_row_not_a_crash(
    mug: Product, world: World, manager: User, upload: Upload
) -> None:
    Product.objects.create(merchant=world.merchant, sku="CUP", name="Cup", price=Decimal(1))
    job = upload(orders_csv(order_row(1), order_row(2, skus="CUP"), order_row(3)))
    Product.objects.filter(sku="CUP").update(is_active=False)

    commit(job, manager)

    assert items(job) == [(2, "done", ""), (3, "failed", "inactive_product"), (4, "done", "")]
    assert (job.state, job.requested, job.done, job.failed) == ("done", 3, 2, 1)
    assert Order.objects.count() == 2
    assert result_rows(job)[1][-2].startswith("skus: The product CUP is not active any more.")


def test_what_is_written_is_what_was_previewed(mug: Product, manager: User, upload: Upload) -> None:
    job = upload(orders_csv(order_row(1, prices="", total="", quantities="3")))
    Product.objects.update(price=Decimal(99))
    commit(job, manager)
    assert Order.objects.get().total == Decimal(150)
    assert OrderLine.objects.get().unit_price == Decimal(50)


def test_all_or_nothing_is_not_offered_while_rows_are_refused(
    mug: Product, manager: User, upload: Upload
) -> None:
    job = upload(orders_csv(order_row(1), order_row(2, quantities="0")))
    with pytest.raises(Refusal) as refusal:
        commit(job, manager, "all_or_nothing")
    assert refusal.value.code == "rows_refused"
    assert Job.objects.get(pk=job.pk).state == "previewed"
    assert Order.objects.count() == 0


def test_all_or_nothing_writes_everything(
    mug: Product, manager: User, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.exchange.importing.WRITTEN_AT_ONCE", 2)
    job = upload(orders_csv(*(order_row(n) for n in range(5))))
    commit(job, manager, "all_or_nothing")
    assert (job.state, job.done, Order.objects.count()) == ("done", 5, 5)


def test_all_or_nothing_writes_nothing_when_one_row_may_not_be_written_any_more(
    mug: Product, world: World, manager: User, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.exchange.importing.WRITTEN_AT_ONCE", 2)
    Product.objects.create(merchant=world.merchant, sku="CUP", name="Cup", price=Decimal(1))
    job = upload(orders_csv(order_row(1), order_row(2), order_row(3), order_row(4, skus="CUP")))
    Product.objects.filter(sku="CUP").update(is_active=False)

    commit(job, manager, "all_or_nothing")

    assert (job.state, Order.objects.count(), OrderEvent.objects.count()) == ("previewed", 0, 0)
    assert (job.done, job.failed, job.summary["ready"], job.summary["stopped"]) == (0, 1, 3, 1)
    assert [outcome for _, outcome, _ in items(job)] == ["ready", "ready", "ready", "failed"]
    commit(job, manager)
    assert (job.state, job.done, job.failed, Order.objects.count()) == ("done", 3, 1, 3)


def test_who_may_not_import_any_more_writes_no_further_chunk(
    mug: Product, manager: User, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "WRITTEN_AT_ONCE", 2)
    job = upload(orders_csv(*(order_row(n) for n in range(5))))
    write_chunk = importing._write_chunk

    def lose_the_right(*args: Any) -> Any:
        manager.groups.clear()
        return write_chunk(*args)

    monkeypatch.setattr(importing, "_write_chunk", lose_the_right)
    commit(job, manager)

    assert (job.state, job.error_code, Order.objects.count()) == ("failed", "not_allowed", 2)
    assert (job.requested, job.done, job.failed) == (5, 2, 3)
    assert "What was done before stays" in job.error_message


def test_a_seller_imports_for_their_own_merchant_alone(world: World, mug: Product, upload: Upload) -> None:
    other = Merchant.objects.create(
        slug="casbah", name="Casbah", country="DZ", currency="DZD", default_warehouse=world.warehouse
    )
    seller = world.person("said", merchant=other)
    seller.groups.add(Group.objects.get(name="seller"))
    job = upload(orders_csv(order_row(1)), by=seller)
    assert (job.state, job.error_code) == ("failed", "unknown")
    assert job.items.count() == 0


# --- the same file again ------------------------------------------------------------------------


def test_the_same_file_again_leads_to_its_earlier_report_and_makes_nothing(
    mug: Product, manager: User, upload: Upload
) -> None:
    content = orders_csv(order_row(1), order_row(2, quantities="0"), order_row(3))
    first = commit(upload(content), manager)

    again = upload(content, "renamed.csv")

    assert again.summary["earlier_job"] == first.pk
    assert (again.requested, again.skipped, again.failed, again.summary["ready"]) == (3, 3, 0, 0)
    assert items(again) == [
        (2, "skipped", "duplicate"),
        (3, "skipped", "duplicate"),
        (4, "skipped", "duplicate"),
    ]
    reference = Order.objects.order_by("id")[0].reference
    message = again.items.get(number=2).message
    assert message == f"Row 2 of this file is {reference} already (import {first.pk})."
    assert again.items.get(number=3).message == (
        f"Row 3 of this file was refused before (import {first.pk}): quantities: The quantity is below 1."
    )
    commit(again, manager)
    assert (again.state, again.done, again.skipped, Order.objects.count()) == ("done", 0, 3, 2)


def test_a_row_refused_before_comes_in_with_the_same_file_once_the_reason_is_gone(
    mug: Product, world: World, manager: User, upload: Upload
) -> None:
    content = orders_csv(order_row(1), order_row(2, skus="CUP"))
    commit(upload(content), manager)
    Product.objects.create(merchant=world.merchant, sku="CUP", name="Cup", price=Decimal(1))
    again = upload(content)
    assert [outcome for _, outcome, _ in items(again)] == ["skipped", "ready"]
    commit(again, manager)
    assert Order.objects.count() == 2


def test_two_previews_of_one_file_make_its_orders_once(mug: Product, manager: User, upload: Upload) -> None:
    content = orders_csv(order_row(1), order_row(2))
    first, second = upload(content), upload(content)
    assert second.summary["ready"] == 2
    commit(first, manager)
    commit(second, manager)
    assert (second.done, second.skipped, Order.objects.count()) == (0, 2, 2)
    assert {code for _, _, code in items(second)} == {"duplicate"}


@pytest.mark.django_db(transaction=True)
def test_two_workers_writing_one_file_at_once_make_its_orders_once(
    mug: Product, manager: User, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = orders_csv(order_row(1), order_row(2))
    first, second = upload(content), upload(content)
    for job in (first, second):
        jobs.commit_job(job.pk, actor=actor(manager))
    look, meeting = importing._written_before, threading.Barrier(2)

    def look_and_wait(*args: Any) -> Any:
        found = look(*args)
        with suppress(threading.BrokenBarrierError):
            meeting.wait(1)  # for the rival to have looked as well, before either writes
        return found

    monkeypatch.setattr(importing, "_written_before", look_and_wait)

    def run_apart(job: Job) -> None:
        try:
            run_job(job.pk)
        finally:
            connection.close()

    workers = [threading.Thread(target=run_apart, args=(job,)) for job in (first, second)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert Order.objects.count() == 2
    counts = Job.objects.values_list("state", "done", "skipped", "failed")
    assert sorted(counts) == [("done", 0, 2, 0), ("done", 2, 0, 0)]


def test_the_same_file_of_another_merchant_is_another_file(
    mug: Product, world: World, manager: User, upload: Upload
) -> None:
    other = Merchant.objects.create(
        slug="casbah", name="Casbah", country="DZ", currency="DZD", default_warehouse=world.warehouse
    )
    Product.objects.create(merchant=other, sku="MUG", name="Mug", price=Decimal(50))
    content = orders_csv(order_row(1))
    commit(upload(content), manager)
    job = upload(content, merchant=other)
    assert (job.summary["earlier_job"], job.summary["ready"]) == (None, 1)
    commit(job, manager)
    assert sorted(Order.objects.values_list("merchant__slug", flat=True)) == ["atlas", "casbah"]


def test_an_interrupted_check_starts_over_and_stages_every_row_once(
    mug: Product, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHECKED_AT_ONCE", 2)
    job = upload(orders_csv(*(order_row(n) for n in range(5))), check=False)
    run = claim_job(job.pk)
    assert run is not None
    check_chunk, chunks = importing._check_chunk, []

    def die_at_the_second(*args: Any) -> Any:
        chunks.append(args)
        if len(chunks) == 2:
            raise SystemExit
        return check_chunk(*args)

    monkeypatch.setattr(importing, "_check_chunk", die_at_the_second)
    with pytest.raises(SystemExit):
        importing.import_orders(run)
    assert JobItem.objects.count() == 2
    Job.objects.update(lease_until=timezone.now())
    work()
    job.refresh_from_db()
    assert (job.state, job.requested, JobItem.objects.count()) == ("previewed", 5, 5)
