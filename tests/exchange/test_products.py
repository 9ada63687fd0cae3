"""Products from a file: every row checked, a preview that is kept to, written once with its ledger."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

import orders
from orders.domain.goods.catalogue import ProductDraft, update_product
from orders.domain.goods.stocktaking import receive_stock
from orders.domain.work import files, jobs
from orders.models import Job, JobItem, Product, SettingChange, StockMovement, Warehouse
from tests.exchange.conftest import actor, commit, work
from tests.world import World, ledger_equals_stock

pytestmark = pytest.mark.django_db
SHIPPED = Path(orders.__file__).parent / "data" / "products.csv"


@pytest.fixture
def send(world, manager):
    """Uploads a table of products and lets a worker check it."""

    def sending(
        *rows: str, heading: str = "sku,name,price,on_hand", units: str = "counted", check: bool = True
    ) -> Job:
        return sending.raw("\r\n".join((heading, *rows, "")).encode(), units=units, check=check)

    def raw(content: bytes, name: str = "products.csv", *, units: str = "counted", check: bool = True) -> Job:
        job = jobs.create_job(
            Job.Kind.IMPORT_PRODUCTS,
            actor=actor(manager),
            merchant=world.merchant,
            phase=Job.Phase.CHECK,
            params={"warehouse_id": world.warehouse.pk, "on_hand": units},
            upload=files.store_upload([content], name=name),
        )
        if check:
            work()
            job.refresh_from_db()
        return job

    sending.raw = raw
    return sending


def items(job: Job) -> list[tuple[int, str, str]]:
    return list(job.items.order_by("number").values_list("number", "outcome", "message"))


def problems(job: Job) -> list[tuple[int, str, str]]:
    return [
        (number, problem["column"], problem["code"])
        for number, found in job.items.order_by("number").values_list("number", "problems")
        for problem in found
    ]


def state() -> list[object]:
    return [
        list(
            Product.objects.order_by("pk").values("sku", "name", "price", "ean", "track_stock", "is_active")
        ),
        StockMovement.objects.count(),
        SettingChange.objects.count(),
    ]


class TestPreview:
    def test_it_says_row_by_row_what_would_happen_and_writes_nothing(self, world, send):
        world.product("MUG", units=10)
        world.product("SAME", units=5)
        before = state()
        job = send("MUG,Big mug,55,7", "CUP,Cup,12.5,3", "SAME,Same,50,5", "MUG-2,,,", "BAD,Bad,cheap,-1")
        assert job.state == Job.State.PREVIEWED
        assert items(job) == [
            (2, "ready", "name: Mug → Big mug, price: 50.00 → 55.00, on hand: 10 → 7 (-3)"),
            (3, "ready", "new product, on hand: 0 → 3 (+3)"),
            (4, "skipped", "SAME is like that already."),
            (5, "failed", "name: A new product needs a name."),
            (6, "failed", "price: This is no price with at most two decimals."),
        ]
        assert problems(job) == [
            (5, "name", "required"),
            (5, "price", "required"),
            (6, "price", "invalid"),
            (6, "on_hand", "invalid"),
        ]
        assert (job.requested, job.skipped, job.failed) == (5, 1, 2)
        assert {name: job.summary[name] for name in ("rows", "ready", "refused", "duplicates")} == {
            "rows": 5,
            "ready": 2,
            "refused": 2,
            "duplicates": 1,
        }
        assert state() == before

    def test_refused_rows_come_back_as_a_file_with_what_is_wrong(self, world, send):
        job = send("CUP,Cup,12.5,3", "BAD,Bad,cheap,1")
        made = job.files.get()
        rows = list(csv.DictReader(io.StringIO(files.path_of(made.path).read_bytes().decode("utf-8-sig"))))
        assert [(row["sku"], row["price"]) for row in rows] == [("BAD", "cheap")]
        assert "no price" in rows[0]["problem"]

    @pytest.mark.parametrize(
        ("row", "column", "code"),
        [
            (",Cup,5,1,,", "sku", "invalid"),
            ("C\x01UP" + "x" * 70 + ",Cup,5,1,,", "sku", "invalid"),
            ("CUP,Cup,-5,1,,", "price", "invalid"),
            ("CUP,Cup,5.555,1,,", "price", "invalid"),
            ("CUP,Cup,5,1.5,,", "on_hand", "invalid"),
            ("CUP,Cup,5,10000001,,", "on_hand", "invalid"),
            ("CUP,Cup,5,1,4006381333932,", "ean", "invalid"),
            ("CUP,Cup,5,1,,maybe", "track_stock", "invalid"),
            ("CUP,Cup,5,1,,no", "on_hand", "not_counted"),
            ("CUP,Cup,5,1,96385074,", "ean", "taken"),
        ],
    )
    def test_what_is_wrong_is_said_by_column(self, world, send, row, column, code):
        world.product("TAKEN", ean="96385074")
        job = send(row, heading="sku,name,price,on_hand,ean,track_stock")
        assert (job.failed, problems(job)[0][1:]) == (1, (column, code))
        assert job.items.get().outcome == JobItem.Outcome.FAILED

    def test_a_sku_or_ean_stands_once_in_a_file(self, world, send):
        job = send(
            "CUP,Cup,5,96385074",
            "CUP,Cup,6,",
            "MUG,Mug,7,96385074",
            heading="sku,name,price,ean",
        )
        assert problems(job) == [(3, "sku", "repeated"), (4, "ean", "repeated")]

    def test_units_that_orders_hold_and_switches_against_them_are_refused(self, world, send):
        world.product("MUG", units=10)
        world.order([("MUG", 4)], status="PACKED")
        job = send("MUG,3,", heading="sku,on_hand,track_stock")
        assert problems(job) == [(2, "on_hand", "insufficient_stock")]
        job = send("MUG,,no", heading="sku,on_hand,track_stock")
        assert problems(job) == [(2, "track_stock", "held")]
        job = send("MUG,3,", heading="sku,on_hand,track_stock", units="received")
        assert problems(job) == []

    def test_names_in_french_and_arabic_and_excel_are_understood(self, world, send):
        job = send('CUP;Tasse;"12,50";3', heading="Référence;Désignation;Prix unitaire;Stock")
        assert items(job) == [(2, "ready", "new product, on hand: 0 → 3 (+3)")]
        commit(job, job.owner)
        cup = Product.objects.get(sku="CUP")
        assert (cup.name, cup.price) == ("Tasse", Decimal("12.50"))

    def test_a_file_without_skus_or_rows_is_refused_in_words(self, world, send):
        job = send("Cup,5", heading="name,price")
        assert (job.state, job.error_code) == (Job.State.FAILED, "missing_columns")
        job = send(heading="sku,name")
        assert (job.state, job.error_code) == (Job.State.FAILED, "empty")

    @pytest.mark.parametrize("rows", [1, 60])
    def test_statements_do_not_grow_with_the_rows(self, world, send, rows):
        for number in range(rows):
            world.product(f"P{number:03d}", units=3)
        job = send(*(f"P{number:03d},New,9,4" for number in range(rows)), check=False)
        with CaptureQueriesContext(connection) as captured:
            work()
        job.refresh_from_db()
        assert job.summary["ready"] == rows
        assert len(captured) <= 45
        jobs.commit_job(job.pk, actor=actor(job.owner))
        with CaptureQueriesContext(connection) as captured:
            work()
        assert len(captured) <= 55
        job.refresh_from_db()
        assert job.done == rows


class TestWriting:
    def test_exactly_what_was_previewed_is_written_with_its_ledger(self, world, send, manager):
        world.product("MUG", units=10)
        job = send("MUG,Big mug,55,7", "CUP,Cup,12.5,3", "WRAP,Wrap,5,")
        commit(job, manager)
        job.refresh_from_db()
        assert (job.state, job.done, job.failed) == (Job.State.DONE, 3, 0)
        assert list(Product.objects.order_by("sku").values_list("sku", "name", "price")) == [
            ("CUP", "Cup", Decimal("12.50")),
            ("MUG", "Big mug", Decimal("55.00")),
            ("WRAP", "Wrap", Decimal("5.00")),
        ]
        assert [world.shelf(sku)[0] for sku in ("MUG", "CUP")] == [7, 3]
        rows = StockMovement.objects.filter(source="import").order_by("product__sku")
        assert [(row.kind, row.delta, row.reason, row.actor_name) for row in rows] == [
            ("count", 3, "Import of products.csv", "Nadia"),
            ("count", -3, "Import of products.csv", "Nadia"),
        ]
        assert ledger_equals_stock()

    def test_received_units_are_added(self, world, send, manager):
        world.product("MUG", units=10)
        job = send("MUG,Mug,50,7", "CUP,Cup,5,2", units="received")
        assert items(job)[0][2] == "on hand: 10 → 17 (+7)"
        commit(job, manager)
        assert [world.shelf(sku)[0] for sku in ("MUG", "CUP")] == [17, 2]
        assert set(StockMovement.objects.filter(source="import").values_list("kind", flat=True)) == {
            "receive"
        }

    def test_asked_twice_it_is_written_once(self, world, send, manager):
        job = send("CUP,Cup,5,2", units="received")
        commit(job, manager)
        commit(job, manager)
        assert world.shelf("CUP") == (2, 0)

    def test_the_same_file_again_changes_nothing(self, world, send, manager):
        commit(send("CUP,Cup,5,2"), manager)
        before = state()
        job = send("CUP,Cup,5,2")
        assert items(job) == [(2, "skipped", "CUP is like that already.")]
        commit(job, manager)
        assert state() == before

    def test_an_empty_cell_and_a_missing_column_change_nothing(self, world, send, manager):
        Product.objects.filter(pk=world.product("MUG", units=10).pk).update(ean="96385074")
        commit(send("MUG,,60", heading="sku,name,price"), manager)
        mug = Product.objects.get(sku="MUG")
        assert (mug.name, mug.price, mug.ean, world.shelf("MUG")) == ("Mug", Decimal(60), "96385074", (10, 0))

    def test_rows_whose_product_changed_since_the_preview_are_refused_whole(self, world, send, manager):
        mug, cup = world.product("MUG", units=10), world.product("CUP", units=10)
        world.product("POT", units=10)
        job = send("MUG,Big mug,55,7", "CUP,Big cup,56,8", "POT,Big pot,57,9", "NEW,New,1,1")
        update_product(mug.pk, ProductDraft("MUG", "Other", Decimal(1)), actor=actor(manager))
        receive_stock([(cup.pk, 1)], warehouse_id=world.warehouse.pk, actor=actor(manager))
        Product.objects.create(merchant=world.merchant, sku="NEW", name="Theirs", price=2)
        commit(job, manager)
        job.refresh_from_db()
        assert (job.state, job.done, job.failed) == (Job.State.DONE, 1, 3)
        assert problems(job) == [(2, "sku", "stale"), (3, "on_hand", "stale"), (5, "sku", "stale")]
        assert list(Product.objects.order_by("sku").values_list("sku", "name")) == [
            ("CUP", "Cup"),
            ("MUG", "Other"),
            ("NEW", "Theirs"),
            ("POT", "Big pot"),
        ]
        assert [world.shelf(sku)[0] for sku in ("MUG", "CUP", "POT")] == [10, 11, 9]
        assert ledger_equals_stock()
        assert job.files.exists()

    def test_units_taken_since_the_preview_are_refused_by_row(self, world, send, manager):
        world.product("MUG", units=10)
        job = send("MUG,Mug,50,4", "CUP,Cup,5,2")
        world.order([("MUG", 6)], status="PACKED")
        commit(job, manager)
        assert problems(job) == [(2, "on_hand", "insufficient_stock")]
        assert world.shelf("MUG") == (10, 6)
        assert world.shelf("CUP") == (2, 0)

    def test_all_or_nothing_writes_nothing_when_a_row_no_longer_holds(self, world, send, manager):
        mug = world.product("MUG", units=10)
        job = send("MUG,Big mug,55,7", "CUP,Cup,5,2")
        update_product(mug.pk, ProductDraft("MUG", "Other", Decimal(1)), actor=actor(manager))
        before = state()
        commit(job, manager, mode="all_or_nothing")
        job.refresh_from_db()
        assert job.state == Job.State.PREVIEWED
        assert job.summary["stopped"] == 1
        assert state() == before

    def test_who_lost_the_right_meanwhile_writes_nothing(self, world, send, manager):
        job = send("CUP,Cup,5,2")
        manager.groups.set([Group.objects.get(name="packer")])
        commit(job, manager)
        job.refresh_from_db()
        assert (job.state, job.error_code) == (Job.State.FAILED, "not_allowed")
        assert not Product.objects.exists()

    def test_a_warehouse_closed_meanwhile_stops_it(self, world, send, manager):
        job = send("CUP,Cup,5,2")
        Warehouse.objects.update(is_active=False)
        commit(job, manager)
        job.refresh_from_db()
        assert (job.state, job.error_code) == (Job.State.FAILED, "invalid")
        assert not Product.objects.exists()

    def test_another_merchants_products_are_left_alone(self, world, send, manager):
        other = World(slug="casbah")
        lamp = other.product("LAMP", units=3)
        commit(send("LAMP,Lampe,9,1"), manager)
        lamp.refresh_from_db()
        assert (lamp.name, other.shelf("LAMP")) == ("Lamp", (3, 0))
        assert Product.objects.filter(sku="LAMP").count() == 2


class TestTheShippedProducts:
    def test_they_come_in_clean(self, world, send, manager):
        job = send.raw(SHIPPED.read_bytes())
        assert (job.state, job.requested, job.failed, job.summary["ready"]) == (
            Job.State.PREVIEWED,
            2098,
            0,
            2098,
        )
        commit(job, manager)
        job.refresh_from_db()
        assert (job.state, job.done) == (Job.State.DONE, 2098)
        with SHIPPED.open(newline="", encoding="utf-8-sig") as file:
            wanted = {row["sku"]: row for row in csv.DictReader(file)}
        made = {
            sku: (name, price, on_hand)
            for sku, name, price, on_hand in Product.objects.values_list(
                "sku", "name", "price", "levels__on_hand"
            )
        }
        assert made.keys() == wanted.keys()
        for sku, row in wanted.items():
            assert made[sku] == (
                " ".join(row["name"].split()),
                Decimal(row["price"]),
                int(row["on_hand"]) or None,
            )
        assert ledger_equals_stock()
