"""Turns REDIS_URL into Celery's broker settings; without one, a broker that needs no server.

A broker only carries hints: what is to be done stands in the database.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from config.env import BadSwitch, Switches, without_password

FILES = "files"  # the name under which config/celery.py makes config.message_files known
WANTED = "redis://host:6379/0, or leave it out to run without Redis"


def redis_url(switches: Switches) -> str:
    """REDIS_URL as given once it is known to be usable, '' when there is no Redis."""
    url = switches.url("REDIS_URL", schemes=("redis", "rediss", "unix"), wanted=WANTED)
    parts = urlsplit(url)
    number = parse_qs(parts.query).get("db", [""])[0] if parts.scheme == "unix" else parts.path.strip("/")
    if url and number and not (number.isascii() and number.isdigit()):
        raise BadSwitch("REDIS_URL", without_password(url), f"the database is a number; write {WANTED}")
    return url


def broker_settings(url: str, *, data_dir: Path, patience: int) -> dict[str, Any]:
    """The broker's settings, by Celery's names; `patience` is in seconds, for a Redis that hangs."""
    return _redis(url, patience) if url else _files(data_dir / "broker")


def _redis(url: str, patience: int) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme == "unix":  # what redis-py calls unix://, the broker calls redis+socket://
        number = parse_qs(parts.query).get("db", ["0"])[0]
        url = f"redis+socket://{parts.path}?virtual_host={number}"
    return {
        "broker_url": url,
        # A message is given back when its worker dies; the rows' leases make a second run harmless.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "broker_transport_options": {
            "visibility_timeout": 600,
            "unacked_restore_throttle": 1,
            "socket_timeout": patience,
            "socket_connect_timeout": min(patience, 2),
            "socket_keepalive": True,
            # A page only leaves a hint here; it does not wait for a Redis that is away.
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.1,
            "interval_max": 0.1,
        },
    }


def _files(folder: Path) -> dict[str, Any]:
    folders = {name: folder / name for name in ("queue", "control", "processed")}
    for path in folders.values():
        path.mkdir(parents=True, exist_ok=True)
    return {
        "broker_url": f"{FILES}://localhost//",
        # Taken means done with: after a crash the sweep finds the row by its lease.
        "task_acks_late": False,
        "broker_transport_options": {
            "data_folder_in": str(folders["queue"]),
            "data_folder_out": str(folders["queue"]),
            "control_folder": str(folders["control"]),
            "processed_folder": str(folders["processed"]),
            "polling_interval": 0.1,
        },
    }
