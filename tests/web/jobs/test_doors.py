"""Where files come in and go out: what is accepted, what is refused, and that the web never reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from orders import tasks
from orders.domain.work import files
from orders.domain.work.jobruns import run_job
from orders.domain.work.jobs import due_jobs
from orders.models import Job, Merchant, Order
from tests.exchange.files import order_row, orders_csv
from tests.personas import at_work, person
from tests.world import World, everything

pytestmark = pytest.mark.django_db
assert tasks.ROOMS

JSON = {"HTTP_ACCEPT": "application/json"}
IMPORT, EXPORT = "/orders/import", "/orders/export"
RETURNED, DELIVERED = (
    "/orders/mark-orders-as-returned-by-import",
    "/orders/mark-orders-as-delivered-by-import",
)


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


def work() -> None:
    while due := due_jobs():
        for job_id in due:
            run_job(job_id)


def upload(name: str = "orders.csv", content: bytes = b"") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content or orders_csv(order_row(1), order_row(2, quantities="0")))


def test_an_import_by_a_program_from_upload_to_orders(manager: Client) -> None:
    answer = manager.post(IMPORT, {"file": upload()}, **JSON)
    assert answer.status_code == 202
    job = Job.objects.get()
    assert answer.json() == {"job": {"id": str(job.pk), "url": f"/jobs/{job.pk}/"}}

    queued = manager.get(f"/jobs/{job.pk}/", **JSON).json()
    assert (queued["state"], queued["kind"], queued["preview"], queued["commit_url"]) == (
        "queued",
        "import_orders",
        None,
        None,
    )
    assert manager.get(f"/jobs/{job.pk}/", **JSON).status_code == 200

    work()
    previewed = manager.get(f"/jobs/{job.pk}/", **JSON).json()
    assert {name: previewed[name] for name in ("state", "requested", "done", "skipped", "failed")} == {
        "state": "previewed",
        "requested": 2,
        "done": 0,
        "skipped": 0,
        "failed": 1,
    }
    assert previewed["problems"] == [
        {
            "row": 3,
            "column": "quantities",
            "value": "0",
            "code": "below_minimum",
            "message": "The quantity is below 1.",
            "remedy": "Write a whole number from 1. Returned goods are taken back as returns, not as orders.",
        }
    ]
    preview = previewed["preview"]
    assert (preview["rows"], preview["ready"], preview["refused"], preview["duplicates"]) == (2, 1, 1, 0)
    assert [warning["code"] for warning in preview["warnings"]] == ["unknown_city"]
    assert [file["name"] for file in previewed["files"]] == ["orders - refused.csv"]
    assert previewed["commit_url"] == f"/jobs/{job.pk}/commit"

    for _ in range(2):
        assert manager.post(previewed["commit_url"], **JSON).status_code == 202
    work()
    ended = manager.get(f"/jobs/{job.pk}/", **JSON).json()
    assert (ended["state"], ended["done"], ended["failed"], ended["progress"]) == ("done", 1, 1, 100)
    assert ended["commit_url"] is None
    assert Order.objects.get().full_name == "Customer 1"


def test_the_mode_may_be_said_with_the_upload(manager: Client) -> None:
    refused = manager.post(IMPORT, {"file": upload(), "mode": "some"}, **JSON)
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["mode"])
    url = manager.post(IMPORT, {"file": upload(), "mode": "all_or_nothing"}, **JSON).json()["job"]["url"]
    work()
    # One of its rows is refused: all or nothing is nothing, until the person chooses otherwise.
    assert manager.post(f"{url}commit", **JSON).json()["code"] == "rows_refused"
    assert manager.post(f"{url}commit", {"mode": "half"}, **JSON).status_code == 422
    assert manager.post(f"{url}commit", {"mode": "good_rows"}, **JSON).status_code == 202
    work()
    assert Job.objects.get().done == 1


def test_a_browser_is_led_to_the_jobs_page(manager: Client) -> None:
    answer = manager.post(IMPORT, {"file": upload()})
    job = Job.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/jobs/{job.pk}/")
    assert (job.upload_name, job.owner.username, job.merchant.slug) == ("orders.csv", "manager", "atlas")  # type: ignore[union-attr]
    assert files.path_of(job.upload_path).read_bytes().startswith(b"full_name,phone")


def test_the_web_stores_and_never_parses(manager: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", lambda *args, **options: pytest.fail("parsed in the web"))
    content = b"PK\x03\x04" + b"nonsense" * 1000
    assert manager.post(IMPORT, {"file": upload("x.xlsx", content)}, **JSON).status_code == 202
    assert Job.objects.get().state == "queued"


def test_the_upload_page_says_what_a_file_has_to_be(manager: Client) -> None:
    page = manager.get(IMPORT).content.decode()
    assert "at most 20 MiB" in page
    assert "100,000" in page
    for column in ("full_name", "phone", "second_phone", "city", "address", "skus", "quantities", "prices"):
        assert f">{column}</bdi>" in page
    assert "files/orders-template" in page


@pytest.mark.parametrize("path", [IMPORT, RETURNED, DELIVERED])
@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (None, 422, "Choose a file."),
        (SimpleUploadedFile("empty.csv", b""), 422, "The file is empty. Choose one with rows."),
        (
            SimpleUploadedFile("large.csv", b"x" * (20 * 2**20 + 1)),
            413,
            "The file is larger than 20 MiB. Split it, or save it as CSV without pictures.",
        ),
    ],
    ids=["none", "empty", "too large"],
)
def test_an_upload_that_is_none_is_refused_plainly(
    manager: Client, path: str, sent: SimpleUploadedFile | None, status: int, words: str
) -> None:
    if sent is not None:
        sent.seek(0)
    body = {"file": sent} if sent is not None else {}
    answer = manager.post(path, body, **JSON)
    assert (answer.status_code, answer.json()) == (status, {"message": words, "errors": {"file": [words]}})
    if sent is not None:
        sent.seek(0)
    page = manager.post(path, body)
    assert page.status_code == status
    assert words in page.content.decode().replace("&#x27;", "'")
    assert not Job.objects.exists()


def test_an_upload_of_exactly_the_limit_is_taken(manager: Client) -> None:
    answer = manager.post(IMPORT, {"file": upload("x.csv", b"x" * (20 * 2**20))}, **JSON)
    assert answer.status_code == 202


def test_names_of_files_are_never_paths(manager: Client) -> None:
    manager.post(IMPORT, {"file": upload('../../x"\r\n<script>.csv')}, **JSON)
    job = Job.objects.get()
    assert "/" not in job.upload_name
    assert job.upload_path.startswith("uploads/")
    assert "<script>" not in manager.get(f"/jobs/{job.pk}/").content.decode()


# --- whose orders these are --------------------------------------------------------------------


@pytest.fixture
def casbah(world: World) -> Merchant:
    return Merchant.objects.create(
        slug="casbah", name="Casbah", country="DZ", currency="DZD", default_warehouse=world.warehouse
    )


def test_staff_choose_the_merchant_and_the_choice_is_remembered(manager: Client, casbah: Merchant) -> None:
    refused = manager.post(IMPORT, {"file": upload()}, **JSON)
    assert refused.status_code == 422
    assert refused.json()["errors"] == {"merchant": ["Choose whose orders these are: atlas, casbah."]}
    assert manager.post(IMPORT, {"file": upload(), "merchant": "casbah"}, **JSON).status_code == 202
    assert manager.post(IMPORT, {"file": upload()}, **JSON).status_code == 202
    assert list(Job.objects.values_list("merchant__slug", flat=True)) == ["casbah", "casbah"]
    assert 'value="casbah" selected' in " ".join(manager.get(IMPORT).content.decode().split())


def test_a_seller_imports_for_their_own_merchant(world: World, casbah: Merchant) -> None:
    seller = at_work("seller", merchant=casbah)
    assert seller.post(IMPORT, {"file": upload()}, **JSON).status_code == 202
    assert Job.objects.get().merchant == casbah
    refused = seller.post(IMPORT, {"file": upload(), "merchant": "atlas"}, **JSON)
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["merchant"])


# --- references ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "status"), [(RETURNED, "RETURNED"), (DELIVERED, "DELIVERED")])
def test_orders_are_marked_by_a_file_after_a_preview(
    world: World, manager: Client, path: str, status: str
) -> None:
    order = world.order(status="SHIPPED")
    content = f"reference\n{order.reference}\nnowhere\n".encode()
    answer = manager.post(path, {"file": upload("refs.csv", content), "date": "2026-11-02"}, **JSON)
    assert answer.status_code == 202
    url = answer.json()["job"]["url"]
    work()
    preview = manager.get(url, **JSON).json()
    assert (preview["state"], preview["preview"]["ready"], preview["failed"]) == ("previewed", 1, 1)
    assert preview["problems"] == [
        {
            "row": 3,
            "column": "reference",
            "value": "nowhere",
            "code": "unknown",
            "message": "No order has the reference or tracking “nowhere”.",
            "remedy": "Check the spelling; it is looked up exactly.",
        }
    ]
    manager.post(preview["commit_url"], **JSON)
    work()
    order.refresh_from_db()
    assert order.status == status
    assert order.events.latest("id").occurred_on.isoformat() == "2026-11-02"


@pytest.mark.parametrize("day", ["2999-01-01", "yesterday", "2026-02-30"])
def test_a_day_that_cannot_be_is_refused(manager: Client, day: str) -> None:
    answer = manager.post(RETURNED, {"file": upload(), "date": day}, **JSON)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["date"])
    assert not Job.objects.exists()


# --- exports ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", ["csv", "xlsx", "json", "CSV", ".xlsx"])
def test_an_export_is_a_job_with_a_file_for_its_owner(world: World, manager: Client, extension: str) -> None:
    world.order()
    answer = manager.post(EXPORT, {"file_extension": extension}, **JSON)
    assert answer.status_code == 202
    url = answer.json()["job"]["url"]
    work()
    ended = manager.get(url, **JSON).json()
    assert (ended["state"], ended["requested"], ended["done"]) == ("done", 1, 1)
    file = manager.get(ended["files"][0]["url"])
    assert file.status_code == 200
    name = ended["files"][0]["name"]
    assert name.endswith(extension.lower().removeprefix("."))
    assert file["Content-Disposition"] == f'attachment; filename="{name}"'
    assert file["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in file["Cache-Control"]
    assert b"".join(file.streaming_content)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "body",
    [
        {"file_extension": "csv", "filter": "tab=PACKED"},
        {"file_extension": "csv", "filter": "?tab=PACKED&sort_by=total&cursor=x"},
        {"file_extension": "csv", "tab": "PACKED"},
        {"file_extension": "csv", "filter": {"tab": "PACKED"}},
    ],
    ids=["address", "address with a page", "fields", "object"],
)
def test_the_lists_filter_goes_with_the_export(world: World, manager: Client, body: dict[str, Any]) -> None:
    world.order()
    world.order(status="PACKED")
    if isinstance(body.get("filter"), dict):
        answer = manager.post(EXPORT, json.dumps(body), content_type="application/json", **JSON)
    else:
        answer = manager.post(EXPORT, body, **JSON)
    assert answer.status_code == 202
    work()
    assert Job.objects.get().done == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "file_extension"),
        ({"file_extension": "pdf"}, "file_extension"),
        ({"file_extension": "csv", "filter": "citty=Fès"}, "citty"),
        ({"file_extension": "csv", "from": "yesterday"}, "from"),
    ],
)
def test_an_export_that_cannot_be_read_is_refused(manager: Client, body: dict[str, str], field: str) -> None:
    answer = manager.post(EXPORT, body, **JSON)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
    assert not Job.objects.exists()


# --- who may ------------------------------------------------------------------------------------------

DOORS: dict[str, tuple[str, ...]] = {
    IMPORT: ("packer", "manager", "seller", "admin"),
    EXPORT: ("shipper", "manager", "seller", "admin"),
    RETURNED: ("returns", "manager", "admin"),
    DELIVERED: ("shipper", "manager", "admin"),
}


@pytest.mark.parametrize("path", DOORS)
@pytest.mark.parametrize(
    "role", ["viewer", "packer", "shipper", "returns", "callcentre", "driver", "seller", "manager", "admin"]
)
def test_each_door_opens_to_its_roles_alone(world: World, path: str, role: str) -> None:
    before = everything()
    body = {"file": upload(), "file_extension": "csv"}
    answer = at_work(role, merchant=world.merchant if role == "seller" else None).post(path, body, **JSON)
    assert answer.status_code == (202 if role in DOORS[path] else 403)
    assert Job.objects.count() == (1 if role in DOORS[path] else 0)
    assert everything() == before


@pytest.mark.parametrize("path", DOORS)
def test_strangers_and_forged_requests_start_nothing(world: World, path: str) -> None:
    body = {"file": upload(), "file_extension": "csv"}
    assert Client().post(path, body, **JSON).status_code == 401
    assert Client().post(path, body).status_code == 302
    forging = Client(enforce_csrf_checks=True)
    forging.force_login(person("admin"))
    assert forging.post(path, body, **JSON).status_code == 403
    assert not Job.objects.exists()


@pytest.mark.parametrize("path", [EXPORT, RETURNED, DELIVERED])
def test_doors_without_a_page_answer_405_to_get(manager: Client, path: str) -> None:
    answer = manager.get(path)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
