"""A real Chromium against a live server: who opens a page, and what no page may ever do.

What single pages have to do stands beside this file, named after the page; how a scanner types stands in
scanners.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

# The browser is driven from an event loop in this thread; the tests' own queries are plain.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, sync_playwright

from orders.models import User
from tests.personas import person
from tests.surroundings import chromium

OpenPage = Callable[..., Page]
Shoot = Callable[[Page, str], Path]

# How the browser and htmx report on the console what the page itself tells the person.
REFUSALS = ("Failed to load resource", "Response Status Error Code", "htmx:sendError", "htmx:afterRequest")
# What a page is built of: none of it may be missing. What a module fetches may well be refused.
PARTS = frozenset({"stylesheet", "script", "image", "font", "media", "manifest"})


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield running
        running.close()


@dataclass
class Complaints:
    """What the browser complained of: errors of modules, refusals of the policy, requests to elsewhere."""

    found: list[str] = field(default_factory=list)

    def listen(self, page: Page, home: str) -> None:
        page.on("pageerror", lambda error: self.found.append(f"error: {error}"))
        page.on("console", self._hear)
        page.on("response", self._look)
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((home, "data:", "blob:"))
                else self.found.append(f"elsewhere: {request.url}")
            ),
        )

    def _hear(self, message: ConsoleMessage) -> None:
        # A refusal by status is the test's own business; what is missing is told by its response.
        if message.type == "error" and not message.text.startswith(REFUSALS):
            self.found.append(f"console: {message.text}")

    def _look(self, answer: Response) -> None:
        if answer.status >= 400 and answer.request.resource_type in PARTS:
            self.found.append(f"missing: {answer.status} {answer.url}")


@pytest.fixture
def open_page(browser: Browser, live_server: object) -> Iterator[OpenPage]:
    """Opens an address as a person who is logged in: `open_page("/orders", user, width=390)`.

    Fails the test when a page raised an error, was refused something by the content
    security policy, lacked a part of itself or asked another host for anything. More options are
    those of a browser context: `color_scheme="dark"`, `java_script_enabled=False`.
    """
    home = str(live_server)
    contexts: list[BrowserContext] = []
    complaints = Complaints()

    def open_it(address: str, user: User | None = None, *, width: int = 1366, **options: object) -> Page:
        height = 844 if width < 720 else 768
        context = browser.new_context(
            viewport={"width": width, "height": height},
            **options,  # type: ignore[arg-type]
        )
        contexts.append(context)
        if user is not None:
            log_in(context, user, home)
        page = context.new_page()
        page.set_default_timeout(10_000)
        complaints.listen(page, home)
        page.goto(f"{home}{address}")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints.found == []


def log_in(context: BrowserContext, user: User, home: str) -> None:
    """Gives the browser a session of the person."""
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": home}])


@pytest.fixture
def open_as(open_page: OpenPage) -> OpenPage:
    """Opens an address as somebody of a role: `open_as("packer", "/scan/pack", width=390)`."""
    people: dict[str, User] = {}

    def open_it(role: str, address: str = "/", **options: object) -> Page:
        if role not in people:
            people[role] = User.objects.filter(username=role).first() or person(role)
        return open_page(address, people[role], **options)

    return open_it


@pytest.fixture
def shoot(request: pytest.FixtureRequest) -> Shoot:
    """Keeps a picture of the whole page as <folder>/<test>-<name>.png; SCREENSHOTS names the folder."""
    folder = Path(os.environ.get("SCREENSHOTS") or Path(settings.DATA_DIR) / "screenshots")

    def take(page: Page, name: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{request.node.name.split('[')[0]}-{name}.png"
        page.screenshot(path=path, full_page=True, animations="disabled")
        return path

    return take
