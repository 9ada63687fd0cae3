"""What makes a dialect a dialect: its name, and how it words a failure.

Routes, views and the mapping of words belong to the dialect's own package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Failure:
    """A request that was not done. `errors` are texts by field; `code` says more than the status does."""

    status: int
    message: str
    code: str = ""
    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class Failed(Exception):
    """Ends a request with the failure, in the words of the dialect it came by."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True)
class Dialect:
    """One way of speaking: `source` names the door in history, `base` is where its addresses begin."""

    source: str
    base: str
    envelope: Callable[[Failure], dict[str, Any]]
    # The words above a list of errors by field; empty: the first of them.
    invalid_message: str = ""


def plain_envelope(failure: Failure) -> dict[str, Any]:
    """`{"message", "errors"}`, and a code where the status alone does not say it."""
    body: dict[str, Any] = {"message": failure.message, "errors": dict(failure.errors)}
    if failure.code:
        body["code"] = failure.code
    return body


# What answers where no dialect is meant: an address under /api/ that begins like none of them.
NO_DIALECT = Dialect("api", "/api/", plain_envelope)
_known: list[Dialect] = [NO_DIALECT]


def register(dialect: Dialect) -> Dialect:
    """Makes the dialect answer for everything below its base, known addresses or not."""
    _known.append(dialect)
    return dialect


def dialect_of(path: str) -> Dialect:
    """The dialect whose base begins the path most closely."""
    return max((one for one in _known if path.startswith(one.base)), key=lambda one: len(one.base))
