"""A seller's catalogue and people who exchange files with it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group

from orders import tasks  # registers what does each kind of job
from orders.domain.actors import Actor
from orders.domain.work import files, jobs
from orders.domain.work.jobruns import run_job
from orders.models import Job, Product, User
from tests.world import World

DATA = Path(__file__).parent.parent / "data"
assert tasks.ROOMS


@pytest.fixture(autouse=True)
def _own_files(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    settings.MEDIA_ROOT = tmp_path_factory.mktemp("files")


@pytest.fixture
def world(db: None) -> World:
    return World()


def make_catalogue(world: World) -> None:
    """The merchant's products: every one that the real orders name."""
    with (DATA / "orders_3000.csv").open(newline="") as file:
        skus = {sku for row in csv.DictReader(file) for sku in row["skus"].split(",")}
    Product.objects.bulk_create(
        Product(merchant=world.merchant, sku=sku, name=f"Product {sku}", price=Decimal(10))
        for sku in sorted(skus)
    )


@pytest.fixture
def catalogue(world: World) -> World:
    make_catalogue(world)
    return world


@pytest.fixture
def manager(world: World) -> User:
    person = world.person("nadia")
    person.groups.add(Group.objects.get(name="manager"))
    return person


def actor(person: User, source: str = "dashboard") -> Actor:
    return Actor.of(User.objects.get(pk=person.pk), source=source)


def work() -> None:
    """Does what a worker would do until nothing is due."""
    while due := jobs.due_jobs():
        for job_id in due:
            run_job(job_id)


Upload = Callable[..., Job]


@pytest.fixture
def upload(world: World, manager: User) -> Upload:
    """Uploads bytes as an import of orders and lets a worker check them."""

    def uploading(
        content: bytes,
        name: str = "orders.csv",
        *,
        by: User | None = None,
        merchant: Any = None,
        check: bool = True,
    ) -> Job:
        job = jobs.create_job(
            Job.Kind.IMPORT_ORDERS,
            actor=actor(by or manager),
            merchant=merchant or world.merchant,
            phase=Job.Phase.CHECK,
            upload=files.store_upload([content], name=name),
        )
        if check:
            work()
            job.refresh_from_db()
        return job

    return uploading


def commit(job: Job, by: User, mode: str = "good_rows") -> Job:
    jobs.commit_job(job.pk, actor=actor(by), mode=mode)
    work()
    job.refresh_from_db()
    return job
