"""A start that works: it gets ready, answers, heals what dies, and refuses a twin."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.running import offer_accounts
from tests.platform.processes import Start, refused_start, started, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def product(folder: Path) -> Iterator[Start]:
    # Buffered, as Python is when nobody watches: what was said before must not be lost.
    switches = {"DEMO": "1", "PYTHONUNBUFFERED": ""}
    with started(folder / "data", folder / "words", **switches) as running:
        yield running


def test_ready_is_said_with_the_address_once_a_request_is_answered(product):
    assert f"ready: {product.address}" in product.lines()
    assert product.get("/readyz")[0] == 200


def test_both_health_pages_answer_in_plain_json(product):
    status, headers, body = product.get("/healthz")
    assert (status, headers["Content-Type"], json.loads(body)) == (200, "application/json", {"status": "ok"})
    status, _, body = product.get("/readyz")
    assert (status, json.loads(body)) == (200, {"status": "ok", "database": "ok", "migrations": "ok"})


def test_the_login_page_comes_with_its_stylesheet(product):
    status, _, body = product.get("/login")
    assert status == 200
    sheet = next(part for part in body.split('"') if part.startswith("/static/") and part.endswith(".css"))
    status, headers, _ = product.get(sheet)
    assert (status, headers["Cache-Control"]) == (200, "max-age=315360000, public, immutable")


def test_the_first_start_loads_the_demo_and_prints_its_accounts(product):
    accounts = [line.split()[0] for line in product.lines() if " demo-packhouse " in line]
    assert accounts == [
        "admin",
        "manager",
        "packer",
        "shipper",
        "returns",
        "callcentre",
        "driver",
        "viewer",
        "seller",
    ]


@pytest.mark.django_db
def test_without_demo_the_first_account_is_explained(settings, capsys):
    settings.DEMO = False
    offer_accounts()
    assert capsys.readouterr().out == (
        "there are no accounts yet; `.venv/bin/python manage.py createsuperuser` makes the first one\n"
    )


@pytest.mark.django_db
def test_no_demo_comes_between_accounts_that_are_there(settings, capsys, django_user_model):
    settings.DEMO = True
    django_user_model.objects.create_user("somebody")
    offer_accounts()
    assert capsys.readouterr().out == ""
    assert django_user_model.objects.count() == 1


def test_a_second_start_on_the_same_data_is_refused_in_one_line(product):
    code, lines, _ = refused_start(DATA_DIR=str(product.data_dir))
    assert code == 1
    where = f"DATA_DIR={product.data_dir} (process {product.process.pid})"
    assert lines == [
        f"Packhouse already runs on {where}: stop it first, or choose another DATA_DIR and PORT."
    ]


def test_a_port_that_is_taken_is_refused_in_one_line(product, tmp_path):
    code, lines, _ = refused_start(DATA_DIR=str(tmp_path), PORT=str(product.port))
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith(f"PORT={product.port} is already in use on 127.0.0.1")


@pytest.mark.parametrize("part", ["worker", "beat", "web"])
def test_a_part_that_is_killed_is_started_again_and_said(product, part):
    killed = wait_until(lambda: product.main_pid(part), 10, what=part)
    group = [pid for pid in product.living() if pid != killed and os.getpgid(pid) == killed]
    os.kill(killed, signal.SIGKILL)

    assert product.wait_for(f"{part} died (terminated by SIGKILL) and is started again", 10)

    wait_until(lambda: product.main_pid(part) not in {0, killed}, 15, what=f"a new {part}")
    assert not set(group) & set(product.living()), "children of the killed process live on"
    if part == "web":
        wait_until(lambda: _answers(product), 15, what="answers again")


def _answers(product: Start) -> bool:
    try:
        return product.get("/readyz")[0] == 200
    except OSError:
        return False
