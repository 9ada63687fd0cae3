"""Where uploads and results lie, and how they appear: whole or not at all, under names of our own.

What is in them belongs to orders/exchange; who may fetch them is asked by the views.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils.translation import gettext as _

from orders.domain.reading.texts import UnusableText, clean_line
from orders.domain.refusals import InvalidInput, Refusal
from orders.domain.work.filelimits import MAX_UPLOAD

MAX_NAME = 150
UPLOADS, RESULTS = "uploads", "results"
UNFINISHED_SECONDS = 86_400
FORGOTTEN_SECONDS = 30 * 86_400


class TooLarge(Refusal):
    """More bytes than a file may have."""

    code = "too_large"


@dataclass(frozen=True)
class Upload:
    """A stored upload: the name it came with, where it lies below the files' folder, its bytes' digest."""

    name: str
    path: str
    sha256: str
    size: int


def path_of(path: str) -> Path:
    """The full path of what was stored as `path`."""
    return Path(settings.MEDIA_ROOT) / path


def store_upload(chunks: Iterable[bytes], *, name: str) -> Upload:
    """The upload on disk, taken as it comes. Refuses an empty one (InvalidInput) and TooLarge."""
    path = f"{UPLOADS}/{uuid.uuid4().hex}"
    digest, size = hashlib.sha256(), 0
    with writing_file(path) as file:
        for chunk in chunks:
            size += len(chunk)
            if size > MAX_UPLOAD:
                raise too_large()
            digest.update(chunk)
            file.write(chunk)
        if not size:
            raise InvalidInput({"file": [_("The file is empty. Choose one with rows.")]})
    return Upload(shown_name(name), path, digest.hexdigest(), size)


def too_large() -> TooLarge:
    """The refusal of an upload beyond the limit."""
    return TooLarge(
        _("The file is larger than %(limit)s MiB. Split it, or save it as CSV without pictures.")
        % {"limit": MAX_UPLOAD // 2**20}
    )


@contextmanager
def writing_file(path: str) -> Iterator[IO[bytes]]:
    """A file that appears under `path`, its bytes on the disk, when the block ends well; else not at all."""
    target = path_of(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        with unfinished.open("xb") as file:
            unfinished.chmod(0o600)
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove_file(path: str) -> None:
    """Gone, if it was there."""
    if path:
        path_of(path).unlink(missing_ok=True)


def remove_leftovers() -> None:
    """Takes away what a killed process left: half written for a day, or without anybody knowing of it."""
    now = time.time()
    for folder in (UPLOADS, RESULTS):
        for left in path_of(folder).glob("*"):
            patience = UNFINISHED_SECONDS if left.suffix == ".part" else FORGOTTEN_SECONDS
            with suppress(OSError):
                if left.stat().st_mtime < now - patience:
                    left.unlink()


def shown_name(name: str) -> str:
    """A file's name as it may be shown and offered: one line, no folders, not too long."""
    try:
        clean = clean_line(name.replace("\\", "/").rpartition("/")[2].replace("\x00", ""))
    except UnusableText:
        clean = ""
    clean = "".join(sign for sign in clean if sign not in '<>:"|?*\u200e\u200f').strip(". ")
    stem, dot, extension = clean.rpartition(".")
    if dot and len(extension) <= 10:
        return f"{stem[: MAX_NAME - len(extension) - 1]}.{extension}"
    return clean[:MAX_NAME] or "file"
