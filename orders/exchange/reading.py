"""Reads an uploaded table in a process of its own and says in plain words when it cannot be read.

How a file is taken apart stands in parsing.py; what its columns mean stands in the imports.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from django.conf import settings
from django.utils.translation import gettext as _

from orders.domain.refusals import Refusal
from orders.exchange.limits import Choices, Findings, Limits

POLL_SECONDS = 0.05
_TOO_LARGE_TO_WRITE = 27


class Unreadable(Refusal):
    """The file cannot be taken as it is; the message says why and what to do."""


class Row(NamedTuple):
    """One row that is not empty. `number` is the sheet's; `notes` says by position what its cells were."""

    number: int
    cells: list[str]
    notes: dict[int, str]


@dataclass(frozen=True)
class Table:
    """A file that could be read to its end: what was found out about it, and its rows."""

    findings: Findings
    count: int
    _spool: IO[bytes]

    def rows(self) -> Iterator[Row]:
        """The rows from the first one on; may be asked for again."""
        self._spool.seek(0)
        self._spool.readline()
        for line in self._spool:
            document = json.loads(line)
            if isinstance(document, dict):
                return
            number, cells, notes = document
            yield Row(number, cells, {int(place): note for place, note in notes.items()})


@contextmanager
def read_table(
    path: Path,
    *,
    choices: Choices | None = None,
    limits: Limits | None = None,
    tick: Callable[[], None] | None = None,
) -> Iterator[Table]:
    """The table in the file, for as long as the block lasts; `tick` is called while it is being read.

    Raises Unreadable, before any row is given out, for whatever is no sound table within the limits.
    """
    limits = limits or Limits()
    # Without a name in the file system: gone with this process, whatever ends it.
    with tempfile.TemporaryFile(dir=settings.DATA_DIR) as spool:
        _parse_apart(path, choices or Choices(), limits, spool, tick)
        last = _last_document(spool)
        if "refused" in last:
            raise Unreadable(words_for(last["refused"], last["facts"]), code=last["refused"])
        if "end" not in last:
            raise _unfinished(limits)
        if not last["end"]:
            raise Unreadable(words_for("empty", {}), code="empty")
        spool.seek(0)
        yield Table(Findings(**json.loads(spool.readline())), last["end"], spool)


def _parse_apart(
    path: Path, choices: Choices, limits: Limits, spool: IO[bytes], tick: Callable[[], None] | None
) -> None:
    options = json.dumps({"choices": asdict(choices), "limits": asdict(limits)})
    process = subprocess.Popen(  # noqa: S603 - our own module, the path is ours as well
        [sys.executable, "-m", "orders.exchange.parsing", str(path), options],
        stdin=subprocess.DEVNULL,
        stdout=spool,
        stderr=subprocess.DEVNULL,
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    deadline = time.monotonic() + limits.seconds
    try:
        while True:
            try:
                process.wait(POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if time.monotonic() > deadline:
                    raise _took_too_long(limits) from None
                if tick is not None:
                    tick()
    finally:
        process.kill()
        process.wait()
    if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise _took_too_long(limits)
    if process.returncode == _TOO_LARGE_TO_WRITE:
        raise Unreadable(words_for("unpacks_too_large", {"limit": limits.unpacked}), code="unpacks_too_large")
    if process.returncode != 0:
        raise _unfinished(limits)


def _last_document(spool: IO[bytes]) -> dict[str, Any]:
    size = spool.seek(0, os.SEEK_END)
    spool.seek(max(0, size - 4096))
    lines = spool.read().splitlines()
    try:
        document = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _took_too_long(limits: Limits) -> Unreadable:
    return Unreadable(words_for("took_too_long", {"limit": limits.seconds}), code="took_too_long")


def _unfinished(limits: Limits) -> Unreadable:
    """The process died: of memory, as far as anybody can tell."""
    return Unreadable(words_for("too_much_memory", {"limit": limits.memory}), code="too_much_memory")


def words_for(code: str, facts: dict[str, Any]) -> str:
    """The refusal for a person: what is wrong with the file, and what to do about it."""
    facts = dict(facts)
    for name in ("limit", "row", "line"):
        if isinstance(facts.get(name), int):
            facts[name] = f"{facts[name]:,}"
    if code in ("unpacks_too_large", "too_much_memory"):
        facts["limit"] = f"{_megabytes(facts['limit'])} MiB"
    return _words()[code] % facts


def _megabytes(grouped: str) -> int:
    return int(grouped.replace(",", "")) // 2**20


def _words() -> dict[str, str]:
    save_as = _("Open it in Excel or LibreOffice, save the sheet as .xlsx or CSV, and upload that.")
    return {
        "empty": _("The file has no rows. Fill in the template and upload it again."),
        "pdf": _("This is a PDF, not a table.") + " " + save_as,
        "picture": _("This is a picture, not a table.") + " " + save_as,
        "packed": _("This is a packed file. Unpack it and upload the table that is in it."),
        "web_page": _("This is a web page or XML, whatever its name says.") + " " + save_as,
        "not_a_table": _("This file holds no table that can be read.") + " " + save_as,
        "old_excel": _("This is the old Excel format (.xls).") + " " + save_as,
        "open_document": _("This is an OpenDocument file (.ods).") + " " + save_as,
        "binary_workbook": _("This is a binary workbook (.xlsb).") + " " + save_as,
        "macros": _("This workbook holds macros (.xlsm), which are never taken.") + " " + save_as,
        "encrypted": _(
            "This workbook is protected with a password. Remove the password in Excel (File, Info, Protect"
            " Workbook), save it and upload it again."
        ),
        "damaged": _("This workbook is damaged and cannot be read to its end.") + " " + save_as,
        "unsafe": _("This workbook holds definitions that no spreadsheet writes; it was not read.")
        + " "
        + save_as,
        "unpacks_too_large": _(
            "Unpacked, this file is larger than %(limit)s. Split it into smaller files, or save it as CSV."
        ),
        "too_many_parts": _("This workbook has more than %(limit)s parts. Copy the table to a new workbook."),
        "too_many_rows": _(
            "The sheet has more than %(limit)s rows, empty ones counted. Split it into several files,"
            " and delete rows below the table that look empty."
        ),
        "too_many_columns": _(
            "Row %(row)s has more than %(limit)s columns. Delete the columns that are not needed,"
            " also those that look empty."
        ),
        "cell_too_long": _("A cell in row %(row)s is longer than %(limit)s characters. Shorten it."),
        "bad_quotes": _(
            'In row %(row)s a quotation mark (") is not closed, or text follows it. Double it inside of texts'
            ' (""), or save the table as .xlsx.'
        ),
        "nul_character": _(
            "Line %(line)s holds a NUL character, which no table has. The file is damaged or no text; save it"
            " again as CSV (UTF-8) or .xlsx."
        ),
        "unknown_encoding": _(
            "The letters of this file cannot be made out. Save it as “CSV UTF-8” or as .xlsx."
        ),
        "took_too_long": _("Reading took longer than %(limit)s seconds. Split the file, or save it as CSV."),
        "too_much_memory": _(
            "Reading needed more memory than the %(limit)s a file may take. Split it, or save it as CSV."
        ),
    }
