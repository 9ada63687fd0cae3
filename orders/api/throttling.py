"""Counts calls in windows that begin with the first of them, exactly, however many processes count.

Who is counted, and what a refused call is told, is said where calls are answered.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any

import redis
import structlog
from django.conf import settings
from django.db import connection
from redis.backoff import NoBackoff
from redis.retry import Retry

from orders.models import RateWindow

WINDOW_SECONDS = 60
# A Redis that is away is asked again after this long; until then the database counts.
_AWAY_SECONDS = 5.0
_PATIENCE_SECONDS = 0.25
_MOST_REMEMBERED = 10_000

_log = structlog.get_logger("packhouse.api")

# KEYS: the window. ARGV: its length in ms; a count and what is left of its window, from another store.
_COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
local carried = tonumber(ARGV[2])
if carried >= count then
  count = carried + 1
  redis.call('SET', KEYS[1], count, 'PX', ARGV[3])
end
return {count, redis.call('PTTL', KEYS[1])}
"""


@dataclass(frozen=True)
class Window:
    """Where a call stands: the `count`-th of `limit`, in a window that ends in so many seconds."""

    limit: int
    count: int
    seconds: int
    ends_in: float

    @property
    def passes(self) -> bool:
        return self.count <= self.limit

    @property
    def wait(self) -> int:
        """Whole seconds until the window has ended for sure."""
        return max(1, ceil(self.ends_in))

    def headers(self) -> dict[str, str]:
        """X-RateLimit-*, with the end as seconds since 1970, and the IETF's RateLimit fields."""
        remaining = max(0, self.limit - self.count)
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": str(ceil(time.time() + self.ends_in)),
            "RateLimit-Policy": f'"default";q={self.limit};w={self.seconds}',
            "RateLimit": f'"default";r={remaining};t={self.wait}',
        }


@dataclass(frozen=True)
class _Seen:
    """What a store last said: another store goes on from there when this one is away."""

    store: str
    count: int
    ends_at: float  # on this process's own clock

    def left_ms(self) -> int:
        return int((self.ends_at - time.monotonic()) * 1000)


_seen: dict[str, _Seen] = {}
_redis_away_until = 0.0


def count_call(name: str, *, limit: int, seconds: int = WINDOW_SECONDS) -> Window:
    """The window of `name` with this call in it. One command of Redis, or one statement.

    Counted in Redis where there is one; in the database where there is none or it is away, going on
    from the count that this process saw last.
    """
    global _redis_away_until  # noqa: PLW0603 - one for the process
    if settings.REDIS_URL and time.monotonic() >= _redis_away_until:
        try:
            return _count(name, "redis", limit, seconds)
        except (redis.RedisError, OSError) as error:
            _redis_away_until = time.monotonic() + _AWAY_SECONDS
            _log.warning("redis away, calls are counted in the database", error=type(error).__name__)
    return _count(name, "database", limit, seconds)


def forget_ended_windows() -> None:
    """Deletes the database's windows that ended a while ago; one statement."""
    RateWindow.objects.filter(ends_ms__lt=int(time.time() * 1000) - 3_600_000).delete()


def _count(name: str, store: str, limit: int, seconds: int) -> Window:
    before = _seen.get(name)
    carried, left_ms = 0, seconds * 1000
    if before is not None and before.store != store and before.left_ms() > 0:
        carried, left_ms = before.count, before.left_ms()
    count_in = _count_in_redis if store == "redis" else _count_in_database
    count, ends_in_ms = count_in(name, seconds * 1000, carried, left_ms)
    if len(_seen) > _MOST_REMEMBERED:
        _seen.clear()
    ends_in = max(0, ends_in_ms) / 1000
    _seen[name] = _Seen(store, count, time.monotonic() + ends_in)
    return Window(limit, count, seconds, ends_in)


def _count_in_redis(name: str, span_ms: int, carried: int, left_ms: int) -> tuple[int, int]:
    count, ends_in_ms = _script(settings.REDIS_URL)(
        keys=[f"packhouse:rate:{name}"], args=[span_ms, carried, left_ms]
    )
    return int(count), int(ends_in_ms)


@cache
def _script(url: str) -> Any:
    client = redis.Redis.from_url(
        url,
        socket_timeout=_PATIENCE_SECONDS,
        socket_connect_timeout=_PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    return client.register_script(_COUNT)


def _count_in_database(name: str, span_ms: int, carried: int, left_ms: int) -> tuple[int, int]:
    """One statement that no two callers can be inside of at once for the same window."""
    if connection.vendor == "postgresql":
        now, now_params, largest = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint", [], "GREATEST"
    else:
        now, now_params, largest = "%s", [int(time.time() * 1000)], "MAX"
    ends_in = left_ms if carried else span_ms
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders_ratewindow AS w (name, count, ends_ms)"  # noqa: S608
            f" VALUES (%s, %s, {now} + %s)"
            " ON CONFLICT (name) DO UPDATE SET"
            f" count = CASE WHEN w.ends_ms <= {now} THEN EXCLUDED.count"
            f" ELSE {largest}(w.count, %s) + 1 END,"
            f" ends_ms = CASE WHEN w.ends_ms <= {now} THEN EXCLUDED.ends_ms ELSE w.ends_ms END"
            f" RETURNING count, ends_ms - {now}",
            [
                name,
                carried + 1,
                *now_params,
                ends_in,
                *now_params,
                carried,
                *now_params,
                *now_params,
            ],
        )
        count, ends_in_ms = cursor.fetchone()
    return int(count), int(ends_in_ms)
