"""The broker that needs no server: a message is a small file, whole or not there at all.

kombu's own filesystem transport writes a message in place, so a reader that comes too early
finds half of it, and its worker dies of that. Only hints travel here; losing one costs seconds.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

import structlog
from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

_log = structlog.get_logger("packhouse.broker")


class Channel(filesystem.Channel):
    """Messages appear by a rename and are taken by a rename."""

    def _put(self, queue: str, payload: dict[str, Any], **_options: Any) -> None:  # type: ignore[override]
        folder = Path(self.data_folder_out)
        name = f"{time.time_ns():020}_{uuid.uuid4().hex}.{queue}.msg"
        unfinished = folder / f"{name}.part"
        unfinished.write_text(dumps(payload))  # type: ignore[no-untyped-call]
        unfinished.rename(folder / name)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:  # noqa: ARG002
        for path in sorted(Path(self.data_folder_in).glob(f"*.{queue}.msg")):
            taken = Path(self.processed_folder) / path.name
            try:
                path.rename(taken)
            except FileNotFoundError:
                continue  # another worker was first
            text = taken.read_text()
            taken.unlink()
            message = _message(text)
            if message is not None:
                return message
            # Somebody else's file, or what a full disk left: it must not end the worker.
            _log.warning("message unreadable", file=path.name)
        raise Empty


def _message(text: str) -> dict[str, Any] | None:
    try:
        content = loads(text)  # type: ignore[no-untyped-call]
    except ValueError:
        return None
    is_whole = isinstance(content, dict) and content.keys() >= {"body", "headers", "properties"}
    return content if is_whole else None


class Transport(filesystem.Transport):
    """Chosen by the broker URL that config/brokers.py writes."""

    Channel = Channel
