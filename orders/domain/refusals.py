"""The one family of errors: a stable code, and words that say what, where and what next.

Each door turns codes into its own words and statuses in one place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """Every code that an action on an order may answer with; the list is closed."""

    DONE = "done"
    ALREADY_DONE = "already_done"
    DUPLICATE_IGNORED = "duplicate_ignored"
    OUT_OF_STOCK = "out_of_stock"
    INSUFFICIENT_STOCK = "insufficient_stock"
    WRONG_STATUS = "wrong_status"
    CANCELED = "canceled"
    OTHER_WAREHOUSE = "other_warehouse"
    OTHER_COMPANY = "other_company"
    LOCKED = "locked"
    NOT_ALLOWED = "not_allowed"
    AMBIGUOUS = "ambiguous"
    UNKNOWN = "unknown"
    INVALID = "invalid"


class Refusal(Exception):
    """Something was refused and nothing changed."""

    code: str = Code.INVALID

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class InvalidInput(Refusal):
    """The call itself is wrong. `errors` maps a field's path (`lines.0.quantity`) to its texts."""

    code = Code.INVALID

    def __init__(self, errors: Mapping[str, Sequence[str]], message: str = "") -> None:
        super().__init__(message or next((texts[0] for texts in errors.values() if texts), ""))
        self.errors: dict[str, list[str]] = {path: list(texts) for path, texts in errors.items()}


class NotAllowed(Refusal):
    """The actor lacks the permission."""

    code = Code.NOT_ALLOWED


class NotThere(Refusal):
    """No such row, or another merchant's: the two are told apart nowhere."""

    code = Code.UNKNOWN


class Locked(Refusal):
    """Somebody else is writing the same rows; trying again in a moment works."""

    code = Code.LOCKED


class StaleVersion(Refusal):
    """The row was changed since it was read; `current` holds the newer values."""

    code = "stale"

    def __init__(self, message: str, *, current: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.current = dict(current)
