"""Real workers, killed without warning: another takes over, nothing is doubled, nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection

from orders.domain.work import files, jobs
from orders.models import Job, JobItem, Order, OrderEvent, OrderLine
from tests.exchange.conftest import DATA, actor, make_catalogue
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

LEASE_SECONDS = 2
PATIENCE = 60.0  # the product promises two minutes with leases of 90 seconds


def database_url() -> str:
    """The address of the database under test, for another process."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{name}"))


@contextmanager
def running(folder: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own group on the same database and files, killed with its children at the end.

    Without Redis its broker is another than this process's: every hint left here is lost to it.
    """
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DATA_DIR": str(folder),
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "SWEEP_SECONDS": "1",
    }
    if not (folder / "files").exists():
        Path(settings.MEDIA_ROOT).mkdir(parents=True, exist_ok=True)
        (folder / "files").symlink_to(settings.MEDIA_ROOT)
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "--app", "config.celery", "--quiet", *command],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        kill(process)


def worker(folder: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return running(
        folder,
        "worker",
        "--pool=prefork",
        "--concurrency=1",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the process and its children, which are its own group."""
    if process.poll() is None or Path(f"/proc/{process.pid}").exists():
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        process.wait()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            job = Job.objects.values().get()
            raise AssertionError(f"waited too long for {what}: {job}")
        time.sleep(0.01)


def import_job(world: World) -> Job:
    person = world.person("nadia")
    person.groups.add(Group.objects.get(name="manager"))
    return jobs.create_job(
        Job.Kind.IMPORT_ORDERS,
        actor=actor(person),
        merchant=world.merchant,
        phase=Job.Phase.CHECK,
        upload=files.store_upload([(DATA / "orders_3000.csv").read_bytes()], name="orders.csv"),
    )


def state_is(job: Job, state: str) -> Callable[[], bool]:
    return lambda: Job.objects.filter(pk=job.pk, state=state).exists()


def test_a_worker_killed_at_any_row_is_replaced_and_every_row_is_done_once(tmp_path: Path) -> None:
    world = World()
    make_catalogue(world)
    job = import_job(world)
    staged = JobItem.objects.filter(job=job)
    written = staged.filter(outcome=JobItem.Outcome.DONE)
    chance = random.Random(os.environ.get("SEED") or None)
    with running(tmp_path, "beat", "--pidfile="):
        with worker(tmp_path) as first:
            row = chance.randrange(1, 2000)
            wait_for(lambda: staged.count() >= row, f"row {row} to be checked")
            kill(first)
        assert Job.objects.get(pk=job.pk).state == "running"
        with worker(tmp_path) as second:
            wait_for(state_is(job, "previewed"), "the preview")
            assert staged.count() == 3000
            assert Job.objects.get(pk=job.pk).failed == 166
            jobs.commit_job(job.pk, actor=actor(job.owner))
            row = chance.randrange(1, 2000)
            wait_for(lambda: written.count() >= row, f"row {row} to be written")
            kill(second)
        assert Job.objects.get(pk=job.pk).state == "running"
        assert 0 < Order.objects.count() < 2834
        with worker(tmp_path):
            wait_for(state_is(job, "done"), "the end")

    ended = Job.objects.get(pk=job.pk)
    assert (ended.requested, ended.done, ended.skipped, ended.failed) == (3000, 2834, 0, 166)
    assert ended.fence >= 4
    assert Order.objects.count() == 2834
    assert OrderEvent.objects.count() == 2834
    assert written.values("order_id").distinct().count() == 2834
    assert OrderLine.objects.count() == 13_101
    assert ended.files.count() == 1
