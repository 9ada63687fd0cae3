"""Orders go out to files: exactly the filter's, whole or not at all, every cell data."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.settings import BASE_DIR
from orders.domain.work import files, jobfiles, jobs
from orders.domain.work.jobruns import claim_job, run_job
from orders.exchange import exporting
from orders.exchange.exporting import HEADING
from orders.exchange.reading import read_table
from orders.models import Job, JobFile, Order, User
from tests.exchange.conftest import Upload, actor, commit, work
from tests.exchange.files import order_row, orders_csv
from tests.world import World

pytestmark = pytest.mark.django_db

NASTY = [
    "=1+1",
    "+212612345678",
    "-5",
    "@cmd",
    "'=x",
    "00123",
    "2.12661E+11",
    "a;b,c|d",
    "Rue\n12",
    "\u200fمرحبا",
    "_x000D_",
]


@pytest.fixture
def export(manager: User) -> Callable[..., Job]:
    def exporting_(extension: str = "csv", asked: str = "", by: User | None = None) -> Job:
        job = jobs.create_job(
            Job.Kind.EXPORT_ORDERS,
            actor=actor(by or manager),
            params={"extension": extension, "filter": asked},
        )
        work()
        job.refresh_from_db()
        return job

    return exporting_


def path_of(job: Job) -> Path:
    return files.path_of(job.files.get().path)


def rows_of(job: Job) -> list[dict[str, str]]:
    with read_table(path_of(job)) as table:
        heading, *rows = [row.cells for row in table.rows()]
    assert heading == list(HEADING)
    return [dict(zip(heading, [*row, *[""] * len(heading)], strict=False)) for row in rows]


@pytest.mark.parametrize("extension", ["csv", "xlsx"])
def test_an_order_goes_out_with_everything_a_person_knows_of_it(
    world: World, export: Callable[..., Job], extension: str
) -> None:
    order = world.order(
        lines=[("MUG", 2), ("TRAY", 1)],
        external_reference="SHOP-1",
        phone="+212612345678",
        notes="Call first",
        tracking="000123",
        created_at=dt.datetime(2026, 11, 20, 23, 30, tzinfo=dt.UTC),
    )
    job = export(extension)
    assert (job.state, job.requested, job.done, job.progress) == ("done", 1, 1, 100)
    assert rows_of(job) == [
        {
            "reference": order.reference,
            "external_reference": "SHOP-1",
            "merchant": "atlas",
            "created_at": "2026-11-21 00:30",
            "status": "NEW",
            "call_center": "confirmed",
            "payment_status": "awaiting",
            "full_name": "Karim Mansouri",
            "phone": "+212612345678",
            "second_phone": "",
            "email": "",
            "city": "Casablanca",
            "area": "",
            "address": "123 Bd Mohammed V",
            "skus": "MUG,TRAY",
            "quantities": "2,1",
            "prices": "50.00,50.00",
            "total": "150" if extension == "xlsx" else "150.00",
            "currency": "MAD",
            "amount_due": "150" if extension == "xlsx" else "150.00",
            "amount_collected": "0" if extension == "xlsx" else "0.00",
            "tracking": "000123",
            "company": "",
            "warehouse": "atlas-casa",
            "notes": "Call first",
        }
    ]


def test_json_is_a_list_of_objects(world: World, export: Callable[..., Job]) -> None:
    order = world.order(full_name="=Amina")
    found = json.loads(path_of(export("json")).read_text())
    assert len(found) == 1
    assert (found[0]["reference"], found[0]["full_name"], found[0]["total"]) == (
        order.reference,
        "=Amina",
        100,
    )


def test_no_order_at_all_is_a_file_with_its_heading(world: World, export: Callable[..., Job]) -> None:
    assert rows_of(export("csv")) == []
    assert json.loads(path_of(export("json")).read_text()) == []


def test_exactly_the_orders_of_the_filter_go_out(world: World, export: Callable[..., Job]) -> None:
    first, second = world.order(city="Fès"), world.order(city="Fès", status="PACKED")
    world.order(city="Rabat")
    gone = world.order(city="Fès", deleted_at=timezone.now())
    late = world.order(city="Fès")
    references = [row["reference"] for row in rows_of(export(asked=f"city=F%C3%A8s&up_to={gone.pk}"))]
    assert references == [first.reference, second.reference]
    assert [row["reference"] for row in rows_of(export(asked="tab=PACKED"))] == [second.reference]
    assert late.reference in [row["reference"] for row in rows_of(export(asked="city=F%C3%A8s"))]


def test_a_sellers_export_holds_their_own_orders_alone(
    world: World, manager: User, export: Callable[..., Job]
) -> None:
    world.order()
    other = World(slug="casbah")
    theirs = other.order()
    seller = other.person("said", merchant=other.merchant)
    seller.groups.set(manager.groups.all())
    assert [row["reference"] for row in rows_of(export(by=seller))] == [theirs.reference]
    assert len(rows_of(export())) == 2


def test_who_may_not_export_gets_nothing(world: World, export: Callable[..., Job]) -> None:
    world.order()
    job = export(by=world.person("vera"))
    assert (job.state, job.error_code, job.files.count()) == ("failed", "not_allowed", 0)


@pytest.mark.parametrize("extension", ["csv", "xlsx"])
def test_what_goes_out_comes_in_again_as_the_same_text(
    world: World, manager: User, export: Callable[..., Job], upload: Upload, extension: str
) -> None:
    for text in NASTY:
        world.order(full_name=text, notes=text, address=text, phone="+212612345678", city="Fès")
    before = list(Order.objects.order_by("id").values_list("full_name", "address", "notes", "phone", "total"))
    content = path_of(export(extension)).read_bytes()
    assert [row["full_name"] for row in rows_of(export(extension))] == NASTY

    job = upload(content, f"again.{extension}")

    assert (job.failed, job.summary["ready"]) == (0, len(NASTY))
    commit(job, manager)
    new = Order.objects.order_by("id").values_list("full_name", "address", "notes", "phone", "total")[
        len(NASTY) :
    ]
    cleaned = [
        tuple(v.replace("\n", " ") if i < 2 and isinstance(v, str) else v for i, v in enumerate(row))
        for row in before
    ]
    assert list(new) == cleaned


def test_no_cell_of_a_csv_begins_as_a_formula(world: World, export: Callable[..., Job]) -> None:
    for text in NASTY:
        world.order(full_name=text)
    with path_of(export("csv")).open(newline="", encoding="utf-8-sig") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_no_cell_of_a_workbook_is_a_formula(world: World, export: Callable[..., Job]) -> None:
    for text in NASTY:
        world.order(full_name=text)
    with zipfile.ZipFile(path_of(export("xlsx"))) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_a_file_appears_whole_or_not_at_all(
    world: World, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        world.order()
    monkeypatch.setattr(exporting, "AT_ONCE", 2)
    job = jobs.create_job(
        Job.Kind.EXPORT_ORDERS, actor=actor(manager), params={"extension": "csv", "filter": ""}
    )
    results = files.path_of(files.RESULTS)
    read_rows, chunks = exporting._read_rows, []

    def die_at_the_second(ids: Any) -> Any:
        chunks.append(ids)
        if len(chunks) == 2:
            assert not list(results.glob("job-*"))
            raise SystemExit
        return read_rows(ids)

    monkeypatch.setattr(exporting, "_read_rows", die_at_the_second)
    run = claim_job(job.pk)
    assert run is not None
    with pytest.raises(SystemExit):
        exporting.export_orders(run)
    assert not [path for path in results.iterdir() if f"job-{job.pk}-" in path.name]
    Job.objects.update(lease_until=timezone.now())
    work()
    job.refresh_from_db()
    assert (job.state, job.done, len(rows_of(job))) == ("done", 5, 5)


def test_a_full_disk_leaves_no_file_and_can_be_tried_again(
    world: World, manager: User, export: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.order()

    def full(*args: Any) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(exporting, "_read_rows", full)
        job = export()
    assert (job.state, job.error_code, job.files.count()) == ("failed", "disk", 0)
    assert not [path for path in files.path_of(files.RESULTS).iterdir() if f"job-{job.pk}-" in path.name]
    jobs.retry_job(job.pk, actor=actor(manager))
    work()
    assert len(rows_of(job)) == 1


@pytest.mark.parametrize("kind", ["csv", "xlsx", "json"])
def test_a_disk_that_refuses_is_told_from_a_fault(kind: str, tmp_path: Path) -> None:
    script = (
        "import os, resource, signal, sys; from pathlib import Path\n"
        "import django; django.setup()\n"
        "from orders.exchange.sheets import write_table\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        "    with Path(sys.argv[1]).open('xb') as file:\n"
        "        write_table(file, sys.argv[2], ['a'], ([os.urandom(40).hex()] for _ in range(20_000)))\n"
        "except OSError as error:\n"
        "    print(error.errno in (27, 28))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "file"), kind],
        cwd=BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "True\n"


def test_the_statements_grow_with_chunks_not_with_orders(
    world: World, manager: User, export: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    def statements(count: int) -> int:
        monkeypatch.setattr(exporting, "AT_ONCE", count)
        job = jobs.create_job(
            Job.Kind.EXPORT_ORDERS, actor=actor(manager), params={"extension": "csv", "filter": ""}
        )
        with CaptureQueriesContext(connection) as context:
            run_job(job.pk)
        assert job.files.count() == 1
        return len(context)

    for _ in range(3):
        world.order()
    few = statements(3)
    for _ in range(20):
        world.order()
    assert statements(23) == few


def test_more_orders_than_a_sheet_holds_go_out_as_csv_only(
    world: World, export: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "SHEET_ROWS", 1)
    world.order()
    world.order()
    job = export("xlsx")
    assert (job.state, job.error_code) == ("failed", "too_many_rows")
    assert job.error_message.startswith("2 orders do not fit on one sheet.")
    assert export("csv").state == "done"


# --- files in time ---------------------------------------------------------------------------


def test_files_go_after_seven_days_and_not_before(world: World, export: Callable[..., Job]) -> None:
    job = export()
    path = path_of(job)
    jobfiles.tidy_up()
    assert path.is_file()
    assert job.files.get().expires_at - job.files.get().created_at == dt.timedelta(days=7)
    JobFile.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    jobfiles.tidy_up()
    assert not path.exists()
    assert job.files.count() == 0


def test_uploads_and_forgotten_previews_go_after_seven_days(
    world: World, manager: User, upload: Upload
) -> None:
    job = upload(orders_csv(order_row(1)))
    path = files.path_of(job.upload_path)
    Job.objects.update(created_at=timezone.now() - dt.timedelta(days=6))
    jobfiles.tidy_up()
    assert (Job.objects.get().state, job.items.count(), path.is_file()) == ("previewed", 1, True)
    Job.objects.update(created_at=timezone.now() - dt.timedelta(days=8))
    jobfiles.tidy_up()
    jobfiles.tidy_up()
    assert (Job.objects.get().state, job.items.count(), path.exists()) == ("canceled", 0, False)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\orders.csv", "orders.csv"),
        ('a.csv\r\nX: y"', "a.csv X y"),
        ("x" * 300 + ".csv", "x" * 146 + ".csv"),
        ("\u202egpj.exe", "gpj.exe"),
        ("طلبات.xlsx", "طلبات.xlsx"),
        ("", "file"),
        ("...", "file"),
    ],
)
def test_a_name_is_shown_as_one_harmless_line(given: str, shown: str) -> None:
    assert files.shown_name(given) == shown


def test_what_a_killed_process_left_goes_too() -> None:
    old = {"half": dt.timedelta(days=2), "young half": dt.timedelta(hours=2), "lost": dt.timedelta(days=31)}
    folder = files.path_of(files.RESULTS)
    folder.mkdir()
    paths = {
        name: folder / (f".{name}.part" if "half" in name else f"{name}.csv") for name in (*old, "fresh")
    }
    for name, path in paths.items():
        path.write_text("x")
        moment = (timezone.now() - old.get(name, dt.timedelta())).timestamp()
        os.utime(path, (moment, moment))
    files.remove_leftovers()
    assert sorted(name for name, path in paths.items() if path.exists()) == ["fresh", "young half"]
