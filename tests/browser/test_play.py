"""The main job on real input, played through in Chromium against the product as `make run` starts it.

Three thousand real orders come in by file, are packed by scanner and by list, shipped,
delivered, returned, put back, canceled, renewed and undone; then every number still adds up.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect
from psycopg import sql

from tests.browser.conftest import Complaints
from tests.platform.processes import PROJECT, Start, clean_environment, started

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("play")]

ORDERS = PROJECT / "tests" / "data" / "orders_3000.csv"
# Of the 3,000 rows, those with a quantity below 1.
REFUSED = 166
TAKEN = 2834
PACE = 60_000  # milliseconds to wait for background work, on a machine that does much else


@pytest.fixture
def switches(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The database and broker under test, a fresh database each time."""
    url = os.environ.get("DATABASE_URL", "")
    chosen = {"DATA_DIR": str(tmp_path / "data"), "DEMO": "1"}
    if not url.startswith("postgres"):
        yield chosen
        return
    head, _, name = url.rpartition("/")
    database = sql.Identifier(f"{name}_play")
    with psycopg.connect(f"{head}/postgres", autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
        server.execute(sql.SQL("CREATE DATABASE {}").format(database))
        yield chosen | {"DATABASE_URL": f"{url}_play", "REDIS_URL": os.environ.get("REDIS_URL", "")}
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))


@pytest.fixture
def product(switches: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    given = {name: value for name, value in switches.items() if name != "DATA_DIR"}
    with started(Path(switches["DATA_DIR"]), tmp_path / "words", **given) as running:
        yield running


@pytest.fixture
def page(browser: Browser, product: Start) -> Iterator[Page]:
    context = browser.new_context(base_url=product.address, viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.set_default_timeout(PACE)
    complaints = Complaints()
    complaints.listen(page, product.address)
    yield page
    context.close()
    assert complaints.found == []


class Play:
    """What the manager does, in the words of the pages."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pictures = Path(os.environ["SCREENSHOTS"]) if os.environ.get("SCREENSHOTS") else None

    def shoot(self, name: str) -> None:
        """Keeps a picture for the README when SCREENSHOTS names a folder."""
        if self.pictures:
            self.pictures.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=self.pictures / f"{name}.png", animations="disabled")

    def ask(self, address: str) -> dict[str, Any]:
        answer = self.page.request.get(address, headers={"Accept": "application/json"})
        assert answer.ok, f"{address}: {answer.status} {answer.text()}"
        found: dict[str, Any] = json.loads(answer.text())
        return found

    def count(self, tab: str) -> int:
        meta = self.ask(f"/orders/{tab}?merchant=atlas&per_page=1")["meta"]
        assert meta["total_is_exact"]
        return int(meta["total"])

    def rows(self, tab: str, count: int) -> list[dict[str, Any]]:
        return list(self.ask(f"/orders/{tab}?merchant=atlas&per_page=100")["data"][:count])

    def log_in(self) -> None:
        self.page.goto("/")
        self.page.get_by_label("Username").fill("manager")
        self.page.get_by_label("Password", exact=True).fill("demo-packhouse")
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page.get_by_role("heading", level=1, name="Today")).to_be_visible()

    def select(self, tab: str, count: int) -> None:
        """Selects `count` orders of the tab's first page, or all hundred of it."""
        self.page.goto(f"/orders/{tab}?merchant=atlas&per_page=100")
        if count == 100:
            self.page.locator("[data-select-all]").check()
        else:
            rows = self.page.locator("table[data-rows] tbody tr")
            for place in range(count):
                rows.nth(place).get_by_role("checkbox").check()
        expect(self.page.locator("[data-selected-count]")).to_contain_text(str(count))

    def act(self, action: str, **said: str) -> dict[str, int]:
        """Opens the action's sheet, says what it asks for, goes on; the report's counts by word."""
        button = self.page.locator(f"#bulk button[data-action={action}]")
        if not button.is_visible():
            self.page.locator(".bulk-more > summary").click()
        button.click()
        sheet = self.page.locator("dialog[open]")
        expect(sheet.locator("#action-go button")).to_be_visible()
        for field, value in said.items():
            sheet.locator(f"[name={field}]").fill(value)
        self.shoot(f"sheet-{action}")
        sheet.locator("#action-go button").click()
        expect(sheet.locator(".report-counts")).to_be_visible()
        return self.counts()

    def counts(self) -> dict[str, int]:
        texts = self.page.locator("dialog[open] .report-counts li").all_text_contents()
        found = [re.fullmatch(r"\s*([\d,]+)\s+(.+?)\s*", text) for text in texts]
        return {match[2]: int(match[1].replace(",", "")) for match in found if match}

    def close(self) -> None:
        self.page.locator("dialog[open] [data-close-sheet]").first.click()
        expect(self.page.locator("dialog[open]")).to_have_count(0)

    def scan(self, reference: str) -> str:
        """Types the code as a scanner does; how the panel looks once the server has answered."""
        self.page.keyboard.type(reference, delay=2)
        self.page.keyboard.press("Enter")
        panel = self.page.locator("#bench-answer")
        expect(panel.locator(".bench-answer-what")).to_have_text(reference)
        expect(panel).to_have_attribute("data-look", re.compile("done|already|refused"))
        look = panel.get_attribute("data-look") or ""
        if look == "refused":
            self.page.keyboard.press("Escape")
        return look


def audit(switches: dict[str, str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "manage.py", "audit"],
        cwd=PROJECT,
        env=clean_environment(**switches),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [line.split()[1] for line in done.stdout.splitlines()]


def test_from_a_real_file_to_delivered_parcels(page: Page, switches: dict[str, str]) -> None:
    play = Play(page)
    play.log_in()
    before = {tab: play.count(tab) for tab in ("NEW", "PACKED", "SHIPPED", "DELIVERED", "CANCELED")}

    # The 3,000 come in: checked first, then written, once.
    page.goto("/orders/import")
    page.get_by_label("Whose orders are these?").select_option("atlas")
    page.get_by_label("File").set_input_files(ORDERS)
    page.get_by_role("button", name="Upload and check").click()
    take_in = page.get_by_role("button", name=f"Take in {TAKEN:,} orders")
    expect(take_in).to_be_visible(timeout=PACE)
    expect(page.locator("#job")).to_contain_text(f"the {REFUSED} refused ones come back")
    play.shoot("import-preview")
    assert play.count("NEW") == before["NEW"]
    take_in.click()
    expect(page.get_by_role("link", name="See these orders")).to_be_visible(timeout=PACE)
    assert play.count("NEW") == before["NEW"] + TAKEN

    # Twenty packed by scanner.
    page.goto("/scan/pack")
    packed = []
    for row in play.rows("NEW", 60):
        if len(packed) < 20 and play.scan(row["reference"]) == "done":
            packed.append(row["reference"])
    assert len(packed) == 20
    play.shoot("scan-bench")
    assert play.count("PACKED") == before["PACKED"] + 20

    # Two of them undone on the bench, the newest first, and packed again.
    for reference in (packed[-1], packed[-2]):
        page.locator(".scan-undo button").first.click()
        expect(page.locator("#scan-list li.is-undone").filter(has_text=reference)).to_be_visible()
    assert play.count("PACKED") == before["PACKED"] + 18
    for reference in (packed[-2], packed[-1]):
        assert play.scan(reference) == "done"

    # Three hundred packed by list; those that lack stock are named.
    out_of_stock = play.count("OUT_OF_STOCK")
    done = refused = 0
    for _ in range(3):
        play.select("NEW", 100)
        counts = play.act("pack")
        done += counts["done"]
        refused += counts.get("refused", 0)
        if counts.get("refused"):
            named = page.locator("dialog[open] .report > .report-rows li")
            assert named.count() == counts["refused"]
            expect(named.first).to_contain_text("available")
            play.shoot("report-pack")
        play.close()
    assert done + refused == 300
    assert refused > 0
    assert play.count("PACKED") == before["PACKED"] + 20 + done
    assert play.count("OUT_OF_STOCK") == out_of_stock + refused

    # Two hundred shipped, a hundred delivered, thirty returned, received and put back.
    for _ in range(2):
        play.select("PACKED", 100)
        assert play.act("ship") == {"done": 100}
        play.close()
    assert play.count("SHIPPED") == before["SHIPPED"] + 200
    play.select("SHIPPED", 100)
    assert play.act("deliver") == {"done": 100}
    play.close()
    assert play.count("DELIVERED") == before["DELIVERED"] + 100
    play.select("SHIPPED", 30)
    assert play.act("return") == {"done": 30}
    play.close()
    received = _status_count(play, "RETURN_RECEIVED")
    play.select("RETURNED", 30)
    assert play.act("receive_return") == {"done": 30}
    play.close()
    assert _status_count(play, "RETURN_RECEIVED") == received + 30
    play.select("RETURNED", 30)
    assert play.act("restock")["done"] == 30
    play.close()

    # Ten canceled with a reason, five of them renewed, two packings undone from their report.
    play.select("NEW", 10)
    assert play.act("cancel", description="The customer changed their mind") == {"done": 10}
    play.close()
    play.select("CANCELED", 5)
    assert play.act("renew") == {"done": 5}
    play.close()
    assert play.count("CANCELED") == before["CANCELED"] + 5

    page.goto("/orders?merchant=atlas")
    play.shoot("orders")
    page.goto(f"/orders/{packed[0]}/show")
    play.shoot("order")
    page.goto("/")
    play.shoot("today")
    assert set(audit(switches)) == {"0"}


def _status_count(play: Play, status: str) -> int:
    """How many of the returned tab's newest hundred stand in the status itself."""
    return sum(row["status"] == status for row in play.rows("RETURNED", 100))
