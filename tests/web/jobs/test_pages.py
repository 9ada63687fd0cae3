"""A job's page, the list of mine and the line in the top bar: progress, preview, problems, files."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.domain.actors import Actor
from orders.domain.life.bulk import start_bulk_action
from orders.domain.work import files, jobs
from orders.domain.work.jobruns import claim_job
from orders.models import Job, JobFile, JobItem, User
from tests.exchange.files import order_row, orders_csv
from tests.personas import HTMX, at_work, person
from tests.web.jobs.test_doors import IMPORT, upload, work
from tests.world import World

pytestmark = pytest.mark.django_db
JSON = {"HTTP_ACCEPT": "application/json"}


@pytest.fixture(autouse=True)
def _own_files(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def world(db: None) -> World:
    world = World()
    world.product("MUG")
    return world


@pytest.fixture
def manager(world: World) -> Client:
    return at_work("manager")


def owner() -> User:
    return User.objects.get(username="manager")


def page(client: Client, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def started(client: Client, *rows: str, check: bool = True) -> Job:
    client.post(IMPORT, {"file": upload(content=orders_csv(*(rows or (order_row(1),))))})
    if check:
        work()
    return Job.objects.latest("id")


def text_of(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


# --- while it runs ---------------------------------------------------------------------------


def test_an_open_job_moves_by_itself_and_by_reload(manager: Client) -> None:
    job = started(manager, check=False)
    run = claim_job(job.pk)
    assert run is not None
    Job.objects.filter(pk=job.pk).update(progress=40, started_at=timezone.now() - dt.timedelta(seconds=60))
    whole = page(manager, f"/jobs/{job.pk}/")
    part = page(manager, f"/jobs/{job.pk}/", **HTMX)
    assert "<html" in whole
    assert "<html" not in part
    for shown in (whole, part):
        assert f'hx-get="/jobs/{job.pk}/" hx-trigger="every 1s"' in shown
        assert '<progress max="100" value="40"' in shown
        assert "about 2 minutes left" in shown  # 60 s for 40 %
        assert f'href="/jobs/{job.pk}/"' in shown


def test_a_job_that_ended_is_not_asked_for_again(manager: Client) -> None:
    job = started(manager)
    assert "hx-trigger" not in page(manager, f"/jobs/{job.pk}/", **HTMX)


def test_it_is_said_when_no_worker_lives(manager: Client) -> None:
    job = started(manager, check=False)
    words = "No worker has given a sign of life for half a minute."
    assert words in page(manager, f"/jobs/{job.pk}/")
    assert words in page(manager, "/jobs/")
    jobs.record_pulse()
    assert words not in page(manager, f"/jobs/{job.pk}/")
    assert words not in page(manager, "/jobs/")


def test_a_running_job_is_stopped_from_its_page(manager: Client) -> None:
    job = started(manager, check=False)
    claim_job(job.pk)
    answer = manager.post(f"/jobs/{job.pk}/cancel")
    assert (answer.status_code, answer["Location"]) == (302, f"/jobs/{job.pk}/")
    assert Job.objects.get().cancel_requested
    assert "Stopping…" in page(manager, f"/jobs/{job.pk}/")


# --- the preview -------------------------------------------------------------------------------


def test_the_preview_shows_counts_choices_and_how_the_file_was_read(manager: Client) -> None:
    job = started(manager, order_row(1), order_row(2), order_row(3, quantities="0"))
    shown = text_of(page(manager, f"/jobs/{job.pk}/"))
    assert "Rows in the file 3 Ready 2 Left out 0 Refused 1" in shown
    assert "Take the 2 good rows; the 1 refused ones come back as a file" in shown
    assert "(not possible while rows are refused)" in shown
    assert "Take in 2 orders" in shown
    assert "Kind Text table (CSV) Letters utf-8 Separator comma" in shown
    assert "Customer 1 +212600000001 Casablanca 1 × MUG 50.00" in shown
    assert "3 4 quantities" not in shown
    assert "quantities 0 The quantity is below 1. Write a whole number from 1." in shown


def test_problems_are_filtered_by_kind_and_come_in_pages(manager: Client) -> None:
    rows = [order_row(n, quantities="0") for n in range(60)] + [order_row(n, address="") for n in range(3)]
    job = started(manager, *rows, order_row(99))
    first = text_of(page(manager, f"/jobs/{job.pk}/"))
    assert "Rows 1 to 50 of 63" in first
    second = text_of(page(manager, f"/jobs/{job.pk}/?show=refused&page=2"))
    assert "Rows 51 to 63 of 63" in second
    few = text_of(page(manager, f"/jobs/{job.pk}/?show=refused&code=required"))
    assert "The address is missing." in few
    assert "The quantity is below 1." not in few
    warned = text_of(page(manager, f"/jobs/{job.pk}/?show=warned"))
    assert "The city “Casablanca” is not known" in warned
    for nonsense in ("?show=x", "?page=x", "?page=999", "?code=x", "?page=-1"):
        assert manager.get(f"/jobs/{job.pk}/{nonsense}").status_code == 200


def test_the_page_asks_no_more_of_the_database_with_more_rows(manager: Client) -> None:
    def statements(count: int) -> int:
        job = started(manager, *(order_row(n, quantities="0", notes=str(count)) for n in range(count)))
        manager.get(f"/jobs/{job.pk}/")
        with CaptureQueriesContext(connection) as context:
            manager.get(f"/jobs/{job.pk}/")
        return len(context)

    assert statements(3) == statements(45)


def test_all_or_nothing_while_rows_are_refused_is_a_conflict(manager: Client) -> None:
    job = started(manager, order_row(1), order_row(2, quantities="0"))
    answer = manager.post(f"/jobs/{job.pk}/commit", {"mode": "all_or_nothing"}, **JSON)
    assert (answer.status_code, answer.json()["code"]) == (409, "rows_refused")
    assert Job.objects.get().state == "previewed"


def test_a_preview_is_discarded(manager: Client) -> None:
    job = started(manager)
    manager.post(f"/jobs/{job.pk}/cancel")
    assert Job.objects.get().state == "canceled"
    assert manager.post(f"/jobs/{job.pk}/commit", **JSON).status_code == 409


def test_the_same_file_again_points_at_its_earlier_report(manager: Client) -> None:
    first = started(manager)
    manager.post(f"/jobs/{first.pk}/commit")
    work()
    again = started(manager)
    shown = page(manager, f"/jobs/{again.pk}/")
    assert "This file was taken in before" in shown
    assert f'href="/jobs/{first.pk}/"' in shown
    preview = manager.get(f"/jobs/{again.pk}/", **JSON).json()["preview"]
    assert preview["earlier_job"] == {"id": str(first.pk), "url": f"/jobs/{first.pk}/"}
    assert (preview["ready"], preview["duplicates"]) == (0, 1)


# --- afterwards --------------------------------------------------------------------------------


def test_a_finished_import_leads_to_its_orders_and_its_refused_rows(manager: Client, world: World) -> None:
    world.order(full_name="Somebody Else")
    job = started(manager, order_row(1), order_row(2, quantities="0"))
    manager.post(f"/jobs/{job.pk}/commit")
    work()
    shown = page(manager, f"/jobs/{job.pk}/")
    assert f'href="/orders?job={job.pk}"' in shown
    assert "orders - refused.csv" in shown
    listed = manager.get(f"/orders?job={job.pk}", **JSON).json()
    assert [order["full_name"] for order in listed["data"]] == ["Customer 1"]


def test_a_file_that_could_not_be_read_says_why_and_offers_another(manager: Client) -> None:
    manager.post(IMPORT, {"file": upload("x.csv", b"%PDF-1.4")})
    work()
    job = Job.objects.get()
    shown = page(manager, f"/jobs/{job.pk}/")
    assert "This is a PDF, not a table." in shown
    assert f'href="{IMPORT}"' in shown
    assert "Try again" not in shown
    said = manager.get(f"/jobs/{job.pk}/", **JSON).json()
    assert (said["state"], said["code"]) == ("failed", "pdf")
    assert [(p["row"], p["code"]) for p in said["problems"]] == [(None, "pdf")]


def test_a_fault_offers_another_try(manager: Client) -> None:
    job = started(manager, check=False)
    Job.objects.update(state=Job.State.FAILED, error_code="fault", error_message="It broke.")
    assert "Try again" in page(manager, f"/jobs/{job.pk}/")
    answer = manager.post(f"/jobs/{job.pk}/retry", **JSON)
    assert answer.status_code == 202
    work()
    assert Job.objects.get().state == "previewed"


def test_a_bulk_jobs_page_names_each_refused_order_with_its_reason(manager: Client, world: World) -> None:
    fresh, packed = world.order(lines=[("MUG", 1)]), world.order(lines=[("MUG", 1)], status="PACKED")
    actor = Actor.of(owner(), source="dashboard")
    job = start_bulk_action("ship", actor=actor, ids=[fresh.pk, packed.pk, 999_999])
    work()
    shown = text_of(page(manager, f"/jobs/{job.pk}/"))
    assert "Ship 3 orders" in shown
    assert "Orders 3 Done 1 Left out 0 Refused 2" in shown
    assert f"1 {fresh.reference} {fresh.reference} is New" in shown
    assert "3 999999 There is no such order." in shown
    said = manager.get(f"/jobs/{job.pk}/", **JSON).json()
    assert [(p["row"], p["value"], p["code"]) for p in said["problems"]] == [
        (1, fresh.reference, "wrong_status"),
        (3, 999_999, "unknown"),
    ]


def test_the_list_holds_my_jobs_with_their_files(manager: Client) -> None:
    job = started(manager, order_row(1, quantities="0"))
    theirs = jobs.create_job(
        Job.Kind.EXPORT_ORDERS,
        actor=Actor.of(person("shipper"), source="dashboard"),
        params={"extension": "csv"},
    )
    shown = page(manager, "/jobs/")
    assert f'href="/jobs/{job.pk}/"' in shown
    assert "orders - refused.csv" in shown
    assert f'href="/jobs/{theirs.pk}/"' not in shown
    listed = manager.get("/jobs/", **JSON).json()["data"]
    assert [(row["id"], row["url"], row["state"]) for row in listed] == [
        (str(job.pk), f"/jobs/{job.pk}/", "previewed")
    ]


def test_the_list_comes_in_pages_with_a_fixed_number_of_statements(manager: Client) -> None:
    actor = Actor.of(owner(), source="dashboard")
    params = {"extension": "csv", "filter": ""}

    def make(count: int) -> None:
        for _ in range(count):
            jobs.create_job(Job.Kind.EXPORT_ORDERS, actor=actor, params=params)

    make(2)
    manager.get("/jobs/")
    with CaptureQueriesContext(connection) as few:
        manager.get("/jobs/")
    make(28)
    with CaptureQueriesContext(connection) as many:
        first = manager.get("/jobs/").content.decode()
    assert len(few) == len(many)
    older = re.search(r'href="(/jobs/\?before=\d+)"', first)
    assert older is not None
    assert page(manager, older[1]).count("Export of orders (CSV)") == 5


def test_an_empty_list_offers_the_way_in(manager: Client) -> None:
    shown = page(manager, "/jobs/")
    assert "Nothing ran for you yet" in shown
    assert f'href="{IMPORT}"' in shown


# --- files -----------------------------------------------------------------------------------------


def test_a_file_past_its_day_or_gone_from_the_disk_is_said_to_be_gone(manager: Client) -> None:
    job = started(manager, order_row(1, quantities="0"))
    result = job.files.get()
    path = f"/jobs/{job.pk}/files/{result.pk}/"
    assert manager.get(path).status_code == 200
    JobFile.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    gone = manager.get(path, **JSON)
    assert (gone.status_code, gone.json()["message"]) == (410, "This file is kept no longer. Make it again.")
    JobFile.objects.update(expires_at=timezone.now() + dt.timedelta(days=1))
    files.remove_file(result.path)
    assert manager.get(path).status_code == 410


def test_names_of_files_travel_in_any_script(manager: Client) -> None:
    manager.post(IMPORT, {"file": upload("طلبات.csv", orders_csv(order_row(1, quantities="0")))})
    work()
    job = Job.objects.get()
    answer = manager.get(f"/jobs/{job.pk}/files/{job.files.get().pk}/")
    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''%D8%B7")


# --- mine alone ---------------------------------------------------------------------------------------


def test_another_persons_job_is_not_there_at_any_address(manager: Client) -> None:
    job = started(manager, order_row(1, quantities="0"))
    result = job.files.get()
    stranger = at_work("admin")
    for path in (f"/jobs/{job.pk}/", f"/jobs/{job.pk}/files/{result.pk}/", "/jobs/999999/"):
        assert stranger.get(path, **JSON).status_code == 404
        assert stranger.get(path).status_code == 404
    for action in ("commit", "cancel", "retry"):
        assert stranger.post(f"/jobs/{job.pk}/{action}", **JSON).status_code == 404
    assert Job.objects.get().state == "previewed"
    assert manager.get(f"/jobs/{job.pk}/files/{result.pk + 1}/", **JSON).status_code == 404


@pytest.mark.parametrize("action", ["commit", "cancel", "retry"])
def test_looking_at_an_action_does_nothing(manager: Client, action: str) -> None:
    job = started(manager)
    answer = manager.get(f"/jobs/{job.pk}/{action}")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert Job.objects.get().state == "previewed"


def test_forged_commits_do_nothing(manager: Client) -> None:
    job = started(manager)
    forging = Client(enforce_csrf_checks=True)
    forging.force_login(owner())
    assert forging.post(f"/jobs/{job.pk}/commit", **JSON).status_code == 403
    assert Job.objects.get().state == "previewed"


# --- the top bar's line --------------------------------------------------------------------------------


def test_the_line_shows_what_runs_and_says_when_it_has_ended(manager: Client) -> None:
    job = started(manager, check=False)
    Job.objects.update(state=Job.State.RUNNING, progress=30)
    running = page(manager, "/running-jobs", **HTMX)
    assert f'hx-get="/running-jobs?known={job.pk}" hx-trigger="every 3s' in running
    assert '<progress max="100" value="30"' in running
    Job.objects.update(state=Job.State.DONE)
    ended = manager.get(f"/running-jobs?known={job.pk},7,x", headers=HTMX)
    assert "every 3s" not in ended.content.decode()
    assert json.loads(ended["HX-Trigger"]) == {
        "notify": {"kind": "success", "text": "Import of orders.csv: Done"}
    }
    assert "HX-Trigger" not in manager.get("/running-jobs", headers=HTMX)


def test_the_line_says_nothing_of_other_peoples_jobs(manager: Client) -> None:
    job = started(manager, check=False)
    Job.objects.update(state=Job.State.DONE)
    answer = at_work("admin").get(f"/running-jobs?known={job.pk}", headers=HTMX)
    assert "HX-Trigger" not in answer


def test_what_a_file_says_is_shown_as_text(manager: Client) -> None:
    nasty = "<img src=x onerror=alert(1)>"
    job = started(manager, order_row(1, full_name=nasty), order_row(2, skus=nasty, address="<b>x</b>"))
    shown = page(manager, f"/jobs/{job.pk}/")
    assert nasty not in shown
    assert "&lt;img src=x onerror=alert(1)&gt;" in shown
    assert JobItem.objects.count() == 2
