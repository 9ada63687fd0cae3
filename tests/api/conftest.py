"""What tests of programs' doors stand on: two merchants, and programs that call with their tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis
from django.conf import settings
from django.test import Client

from orders.api import throttling
from orders.domain.setup.tokens import TokenDraft, issue_token
from orders.models import ApiToken
from tests.world import SYSTEM, World

ALL = frozenset(ApiToken.ABILITIES)


class Program:
    """A program with a token of its own (or with no token), which reads every answer as JSON."""

    def __init__(self, secret: str | None) -> None:
        self.secret = secret
        self.client = Client()

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer; `.json()` is what it says. `body` is sent as JSON, bytes as they are."""
        said: dict[str, Any] = {}
        if body is not None:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            said = {"data": raw, "content_type": headers.pop("content_type", "application/json")}
        if self.secret is not None:
            headers.setdefault("Authorization", f"Bearer {self.secret}")
        answer = self.client.generic(method, path, headers=headers, **said)
        if answer.content and method != "HEAD":
            assert answer["Content-Type"] == "application/json", answer["Content-Type"]
            answer.json()
        assert answer["X-Request-ID"]
        return answer

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Any:
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self.call("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.call("DELETE", path, **headers)


def program(world: World, *abilities: str, rate: int = 6000) -> Program:
    """A program of the merchant with the abilities, all of them unless named."""
    draft = TokenDraft(world.merchant.pk, "ci", frozenset(abilities) or ALL, rate=rate)
    return Program(issue_token(draft, actor=SYSTEM).secret)


@pytest.fixture(autouse=True)
def _nothing_counted_yet() -> None:
    """Each test begins with empty windows, in Redis as in this process's memory."""
    throttling._seen.clear()
    throttling._redis_away_until = 0.0
    if settings.REDIS_URL:
        client = redis.Redis.from_url(settings.REDIS_URL)
        for key in client.scan_iter("packhouse:rate:*"):
            client.delete(key)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def atlas(world: World) -> Program:
    return program(world)
