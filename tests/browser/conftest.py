"""A real Chromium against a live server: who opens a page, and what no page may ever do.

What single pages have to do stands beside this file, named after the page.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

# The browser is driven from an event loop in this thread; the tests' own queries are plain.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from orders.models import User
from tests.surroundings import chromium

OpenPage = Callable[..., Page]


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
        page.on(
            "console",
            lambda message: self.found.append(message.text) if "Content Security" in message.text else None,
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((home, "data:", "blob:"))
                else self.found.append(f"elsewhere: {request.url}")
            ),
        )


@pytest.fixture
def open_page(browser: Browser, live_server: object) -> Iterator[OpenPage]:
    """Opens an address as a person who is logged in: `open_page("/orders", user, width=390)`.

    Fails the test when a page raised an error, was refused something by the content
    security policy or asked another host for anything.
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
