"""Loaded by pytest before settings are read: a data folder of its own, a faster pace, what is skipped.

What single tests need stands in conftest.py files.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest

_BASE = "PACKHOUSE_TESTS"  # remembers the folder for the processes that a run starts
_made_here = None
if _BASE not in os.environ:
    os.environ[_BASE] = os.environ.get("DATA_DIR") or tempfile.mkdtemp(prefix="packhouse-tests-")
    _made_here = None if "DATA_DIR" in os.environ else os.environ[_BASE]
os.environ["DATA_DIR"] = str(
    Path(os.environ[_BASE]) / "tests" / os.environ.get("PYTEST_XDIST_WORKER", "main")
)


def pytest_configure(config: pytest.Config) -> None:
    from django.conf import settings

    # A password that costs a fifth of a second to check would be most of a run.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = []
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker("browser")
        if item.get_closest_marker("sqlite") and _on_postgresql():
            left_out.append(item)
        for marker, missing in (("postgres", _no_postgresql), ("redis", _no_redis), ("browser", _no_browser)):
            reason = missing() if item.get_closest_marker(marker) else ""
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))
    if left_out:
        # Not skipped: there is nothing one could install to make them run here.
        config.hook.pytest_deselected(items=left_out)
        kept = set(map(id, items)) - set(map(id, left_out))
        items[:] = [item for item in items if id(item) in kept]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With NOTHING_SKIPPED=1 a run in which anything was skipped is a run that failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or os.environ.get("NOTHING_SKIPPED") != "1" or not reporter.stats.get("skipped"):
        return
    reporter.write_line("NOTHING_SKIPPED=1, and yet something was: see below.", red=True)
    session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure() -> None:
    if _made_here:
        shutil.rmtree(_made_here, ignore_errors=True)


def _on_postgresql() -> bool:
    return os.environ.get("DATABASE_URL", "").startswith("postgres")


def _no_postgresql() -> str:
    return "" if _on_postgresql() else "needs PostgreSQL: DATABASE_URL=postgres://user@127.0.0.1/packhouse"


@cache
def _no_redis() -> str:
    import redis

    url = os.environ.get("REDIS_URL", "")
    if not url:
        return "needs Redis: REDIS_URL=redis://127.0.0.1:6379/15"
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except redis.RedisError as error:
        return f"needs Redis, and {url} does not answer: {error}"
    return ""


@cache
def chromium() -> str:
    """Where the system's Chromium is, '' when there is none; CHROMIUM names another."""
    names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    return next((path for name in names if name and (path := shutil.which(name))), "")


def _no_browser() -> str:
    return "" if chromium() else "needs Chromium: apt-get install chromium, or CHROMIUM=/path/to/it"
