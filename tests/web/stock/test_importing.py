"""The door for product files: who may send one, what is refused at once, and the job that follows."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from orders.models import Job, Product, Warehouse
from tests.exchange.conftest import work
from tests.personas import JSON, at_work
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def file(content: str = "sku,name,price,on_hand\nCUP,Cup,5,2\n", name: str = "products.csv"):
    return SimpleUploadedFile(name, content.encode(), content_type="text/csv")


def test_a_person_uploads_looks_and_writes(world):
    client = at_work("manager")
    answer = client.post("/products/import", {"file": file()})
    job = Job.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/jobs/{job.pk}/")
    assert (job.kind, job.merchant_id, job.params) == (
        "import_products",
        world.merchant.pk,
        {"warehouse_id": world.warehouse.pk, "on_hand": "counted"},
    )
    work()
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert 'Take in <span class="figure">1</span> product' in " ".join(page.split())
    assert "new product, on hand: 0 → 2 (+2)" in page
    assert not Product.objects.exists()
    client.post(f"/jobs/{job.pk}/commit")
    work()
    assert world.shelf("CUP") == (2, 0)
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert 'href="/stock"' in page


def test_programs_are_told_where_the_job_is_and_what_it_would_do(world):
    rabat = Warehouse.objects.create(code="rabat", name="Rabat")
    client = at_work("manager")
    answer = client.post(
        "/products/import",
        {"file": file("sku,price\nBAD,x\n"), "warehouse": "rabat", "on_hand": "received"},
        headers=JSON,
    )
    assert answer.status_code == 202
    job = Job.objects.get()
    assert answer.json() == {"job": {"id": str(job.pk), "url": f"/jobs/{job.pk}/"}}
    assert job.params == {"warehouse_id": rabat.pk, "on_hand": "received"}
    work()
    told = client.get(f"/jobs/{job.pk}/", headers=JSON).json()
    assert (told["state"], told["failed"]) == ("previewed", 1)
    assert {
        name: told["problems"][0][name] for name in ("row", "column", "value", "code", "message", "remedy")
    } == {
        "row": 2,
        "column": "price",
        "value": "x",
        "code": "invalid",
        "message": "This is no price with at most two decimals.",
        "remedy": "Write a price from 0 on, such as 129.90.",
    }


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "file"),
        ({"file": file, "warehouse": "nowhere"}, "warehouse"),
        ({"file": file, "merchant": "nobody"}, "merchant"),
        ({"file": file, "on_hand": "guessed"}, "on_hand"),
    ],
)
def test_what_is_wrong_with_the_call_is_said_at_once(world, said, field):
    said = {name: value() if callable(value) else value for name, value in said.items()}
    answer = at_work("manager").post("/products/import", said, headers=JSON)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert not Job.objects.exists()


def test_a_closed_warehouse_takes_no_units(world):
    closed = Warehouse.objects.create(code="old", name="Old", is_active=False)
    answer = at_work("manager").post("/products/import", {"file": file(), "warehouse": closed.code})
    assert answer.status_code == 422
    assert "Old is closed" in answer.content.decode()
    assert not Job.objects.exists()


def test_with_several_merchants_staff_say_whose_products_they_are(world):
    World(slug="casbah")
    client = at_work("manager")
    page = client.get("/products/import").content.decode()
    assert "Choose the merchant" in page
    assert client.post("/products/import", {"file": file()}).status_code == 422
    client.post("/products/import", {"file": file(), "merchant": "casbah"})
    assert Job.objects.get().merchant.slug == "casbah"


@pytest.mark.parametrize("role", ["viewer", "packer", "shipper", "returns", "callcentre", "driver", "seller"])
def test_who_may_not_manage_stock_sends_no_file(world, role):
    client = at_work(role)
    assert client.get("/products/import").status_code == 403
    assert client.post("/products/import", {"file": file()}).status_code == 403
    assert not Job.objects.exists()


def test_the_list_of_jobs_narrows_to_what_today_counts(world):
    client = at_work("manager")
    client.post("/products/import", {"file": file()})
    client.post("/products/import", {"file": file("name\nx\n")})
    work()
    states = {
        state: [row["state"] for row in client.get(f"/jobs/?state={state}", headers=JSON).json()["data"]]
        for state in ("previewed", "failed", "running", "")
    }
    assert states == {
        "previewed": ["previewed"],
        "failed": ["failed"],
        "running": [],
        "": ["failed", "previewed"],
    }
    page = client.get("/").content.decode()
    assert 'href="/jobs/?state=previewed"' in page
    assert "No job of yours stands there" in client.get("/jobs/?state=running").content.decode()
