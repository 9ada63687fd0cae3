"""The protocol of a measurement: variants in shuffled order, the first round dropped, medians of ratios.

Times are never compared between runs; only ratios within one round are.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from django.db import connection
from django.test.utils import CaptureQueriesContext

ROUNDS = 15
CONTROL = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "ROLLBACK")


@dataclass(frozen=True)
class Figure:
    """What one job cost: the ratio to its limit, its spread, and the statements it issued."""

    job: str
    ratio: float
    low: float
    high: float
    statements: int
    goal: float
    limit_ms: float

    def line(self) -> str:
        verdict = "ok" if self.ratio <= self.goal else "OVER"
        return (
            f"{self.job:<44}{self.ratio:>7.2f}  [{self.low:.2f} - {self.high:.2f}]"
            f"  goal {self.goal:.2f}  {self.statements:>3} statements"
            f"  limit {self.limit_ms:.1f} ms  {verdict}"
        )


def compare(
    job: str,
    *,
    ours: Callable[[], None],
    limit: Callable[[], None],
    goal: float,
    rounds: int = ROUNDS,
    count: Callable[[], int] | None = None,
) -> Figure:
    """The median ratio of `ours` to `limit`; each call has to do the same work on fresh rows."""
    ratios, limits = [], []
    for round_number in range(rounds + 1):
        taken = _round({"ours": ours, "limit": limit})
        if round_number:
            ratios.append(taken["ours"] / taken["limit"])
            limits.append(taken["limit"])
    return Figure(
        job,
        median(ratios),
        min(ratios),
        max(ratios),
        count() if count else statements_of(ours),
        goal,
        median(limits) * 1000,
    )


def shuffled_times(
    works: Mapping[int, tuple[Callable[[], None], Callable[[], None]]], *, rounds: int
) -> list[dict[int, float]]:
    """The seconds of each work by round; the first of each pair is done off the clock."""
    taken = []
    for _ in range(rounds + 1):
        keys = list(works)
        random.shuffle(keys)
        seconds = {}
        for key in keys:
            prepare, work = works[key]
            prepare()
            work()  # the connection is new: its first statements are not what is measured
            started = time.perf_counter()
            work()
            seconds[key] = time.perf_counter() - started
        taken.append(seconds)
    return taken[1:]


def _round(variants: Mapping[str, Callable[[], None]]) -> dict[str, float]:
    names = list(variants)
    random.shuffle(names)
    taken = {}
    for name in names:
        gc.collect()
        started = time.perf_counter()
        variants[name]()
        taken[name] = time.perf_counter() - started
    return taken


def statements_of(work: Callable[[], None]) -> int:
    """How many statements the product issues for the work, transaction control aside."""
    with CaptureQueriesContext(connection) as captured:
        work()
    return sum(not query["sql"].startswith(CONTROL) for query in captured.captured_queries)
