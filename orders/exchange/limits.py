"""What a file may take, what is said and found out about it, and how it is said that it took more.

Shared by the worker and the parsing process: nothing here loads Django.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from orders.domain.work.filelimits import MAX_COLUMNS, MAX_ROWS, MAX_UNPACKED


@dataclass(frozen=True)
class Limits:
    """Sizes are bytes, times seconds; `rows` counts the heading too."""

    rows: int = MAX_ROWS + 1
    columns: int = MAX_COLUMNS
    cell: int = 32_767
    unpacked: int = MAX_UNPACKED
    parts: int = 1_000
    memory: int = 512 * 2**20
    seconds: int = 30


@dataclass(frozen=True)
class Choices:
    """What a person said about the file; empty means: find out."""

    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""


@dataclass
class Findings:
    """What was found out about the file, as the preview shows it."""

    kind: str
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    other_sheets: list[str] = field(default_factory=list)
    hidden_sheets: list[str] = field(default_factory=list)


class Refused(Exception):
    """The file cannot be taken: a code, and the facts that its words need."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts
