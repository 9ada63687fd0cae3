"""What an action on many orders answers: every id once, the counts adding up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from orders.domain.refusals import Code


class Outcome(StrEnum):
    DONE = "done"
    ALREADY_DONE = "already_done"
    REFUSED = "refused"
    NOT_FOUND = "not_found"


_OUTCOME_OF_CODE = {
    Code.DONE: Outcome.DONE,
    Code.ALREADY_DONE: Outcome.ALREADY_DONE,
    Code.UNKNOWN: Outcome.NOT_FOUND,
}


@dataclass(frozen=True)
class Result:
    """What became of one order. `id` is as asked for; `status` the order's status afterwards.

    `allowed` names the actions possible from there, in the table's order.
    """

    id: int
    code: Code
    message: str
    reference: str = ""
    status: str = ""
    allowed: tuple[str, ...] = ()
    event_id: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        return _OUTCOME_OF_CODE.get(self.code, Outcome.REFUSED)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "reference": self.reference or None,
            "outcome": self.outcome.value,
            "code": self.code.value,
            "message": self.message,
            "status": self.status or None,
        }


@dataclass(frozen=True)
class Report:
    """The results of one call, in the order asked for."""

    results: tuple[Result, ...]

    @classmethod
    def of(cls, results: Iterable[Result]) -> Report:
        return cls(tuple(results))

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(result.outcome for result in self.results)
        return {outcome.value: found[outcome] for outcome in Outcome}

    def with_outcome(self, outcome: Outcome) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.outcome == outcome)

    def as_json(self) -> dict[str, Any]:
        """The answer of every bulk action of the session routes; ids are strings."""
        return {
            "requested": len(self.results),
            **self.counts,
            "results": [result.as_json() for result in self.results],
        }
