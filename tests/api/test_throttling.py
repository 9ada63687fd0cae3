"""Exactly as many calls pass as are allowed, among rivals, over two stores, and when Redis goes away."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
import time_machine
from django.conf import settings
from django.db import connection

from orders.api import throttling
from orders.api.throttling import count_call, forget_ended_windows
from orders.models import RateWindow
from tests.api.conftest import program
from tests.world import World

needs_redis = pytest.mark.redis


def rivals(calls: int, workers: int, ask) -> Counter:
    """What came of so many calls made at once by so many workers."""
    start = threading.Barrier(workers)

    def work(share: int) -> list:
        start.wait()
        try:
            return [ask() for _ in range(share)]
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        parts = pool.map(work, [calls // workers] * workers)
        return Counter(result for part in parts for result in part)


@pytest.mark.django_db(transaction=True)
class TestAmongRivals:
    def test_of_two_hundred_calls_at_once_exactly_sixty_pass(self) -> None:
        came = rivals(200, 20, lambda: count_call("token:1", limit=60).passes)
        assert came == {True: 60, False: 140}

    def test_so_it_is_over_http(self) -> None:
        caller = program(World(), rate=60)
        came = rivals(80, 8, lambda: caller.get("/api/v1/orders").status_code)
        assert came == {200: 60, 429: 20}


@pytest.mark.django_db
class TestWindows:
    @pytest.mark.sqlite  # the clock of a database server cannot be set
    def test_a_window_lasts_a_minute_from_its_first_call(self, settings) -> None:
        settings.REDIS_URL = ""
        with time_machine.travel("2026-11-20T10:00:00Z", tick=False) as clock:
            first = count_call("a", limit=2)
            assert (first.count, first.ends_in) == (1, 60.0)
            clock.shift(59)
            second, third = (count_call("a", limit=2) for _ in range(2))
            assert (second.passes, third.passes, third.wait) == (True, False, 1)
            clock.shift(1)
            assert count_call("a", limit=2).count == 1

    def test_each_name_has_its_own(self) -> None:
        assert [count_call(name, limit=1).passes for name in ("a", "b", "a")] == [True, True, False]

    def test_ended_windows_are_cleared_away(self, settings) -> None:
        settings.REDIS_URL = ""
        count_call("now", limit=1)
        RateWindow.objects.create(name="long ago", count=1, ends_ms=1)
        forget_ended_windows()
        assert list(RateWindow.objects.values_list("name", flat=True)) == ["now"]


@pytest.mark.django_db
class TestWithoutRedis:
    def test_a_redis_that_is_away_leaves_the_count_to_the_database(self, settings) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        assert [count_call("a", limit=2).passes for _ in range(3)] == [True, True, False]
        assert RateWindow.objects.get(name="a").count == 3

    def test_and_is_asked_again_only_after_a_while(self, settings, monkeypatch) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        asked = []
        real = throttling._count_in_redis
        monkeypatch.setattr(throttling, "_count_in_redis", lambda *said: asked.append(1) or real(*said))
        for _ in range(5):
            count_call("a", limit=10)
        assert len(asked) == 1

    @needs_redis
    def test_the_count_goes_on_where_redis_left_it_and_back(self, monkeypatch) -> None:
        for _ in range(40):
            assert count_call("a", limit=60).passes
        assert not RateWindow.objects.exists()
        real = throttling._count_in_redis

        def away(*_said):
            raise redis.ConnectionError

        monkeypatch.setattr(throttling, "_count_in_redis", away)
        assert [count_call("a", limit=60).passes for _ in range(15)] == [True] * 15
        # Redis comes back with nothing in it.
        redis.Redis.from_url(settings.REDIS_URL).delete("packhouse:rate:a")
        monkeypatch.setattr(throttling, "_count_in_redis", real)
        throttling._redis_away_until = 0.0
        assert [count_call("a", limit=60).passes for _ in range(7)] == [True] * 5 + [False] * 2
        assert RateWindow.objects.get().count == 55
