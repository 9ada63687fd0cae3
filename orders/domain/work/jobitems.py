"""The single things of a job: staged, gone through in chunks, each with its outcome.

What is done to one, and the job as a whole, belong to others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, F
from django.utils.translation import gettext as _

from orders.domain.rows.rowsets import Kind, rows_source
from orders.domain.rows.writing import copy_rows
from orders.models import Job, JobItem

Outcome = JobItem.Outcome
WAITING = (Outcome.PENDING, Outcome.READY)
MAX_MESSAGE = 1000


class Staged(NamedTuple):
    """An item as it is first written."""

    number: int
    outcome: JobItem.Outcome
    code: str = ""
    message: str = ""
    payload: Any = None
    problems: Sequence[dict[str, Any]] = ()
    order_id: int | None = None


class Became(NamedTuple):
    """What became of an item. `order_id` None leaves the order as it is."""

    number: int
    outcome: JobItem.Outcome
    code: str = ""
    message: str = ""
    order_id: int | None = None
    problems: Sequence[dict[str, Any]] | None = None


def stage_items(job_id: int, items: Iterable[Staged]) -> None:
    """Appends the items to the job; one statement however many there are."""
    copy_rows(
        JobItem,
        ("job_id", "number", "outcome", "code", "message", "payload", "problems", "order_id"),
        (
            (
                job_id,
                item.number,
                item.outcome.value,
                item.code,
                item.message[:MAX_MESSAGE],
                item.payload if item.payload is not None else {},
                list(item.problems),
                item.order_id,
            )
            for item in items
        ),
    )


def record_outcomes(job_id: int, outcomes: Sequence[Became]) -> None:
    """Writes what became of the items; one statement however many there are."""
    if not outcomes:
        return
    rows = [
        (
            item.number,
            item.outcome.value,
            item.code,
            item.message[:MAX_MESSAGE],
            item.order_id,
            None if item.problems is None else list(item.problems),
        )
        for item in outcomes
    ]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            source, params = rows_source("r", _BECAME_COLUMNS, rows)
            cursor.execute(
                "UPDATE orders_jobitem SET outcome = r.outcome, code = r.code, message = r.message,"  # noqa: S608
                " order_id = COALESCE(r.order_id, orders_jobitem.order_id),"
                " problems = COALESCE(NULLIF(r.problems, 'null'::jsonb), orders_jobitem.problems)"
                f" FROM {source} WHERE orders_jobitem.job_id = %s AND orders_jobitem.number = r.number",
                [*params, job_id],
            )
        else:
            # Joined to a list of rows, SQLite would walk all of the job's items for each of them.
            cursor.executemany(
                "UPDATE orders_jobitem SET outcome = %s, code = %s, message = %s,"
                " order_id = COALESCE(%s, order_id), problems = COALESCE(%s, problems)"
                " WHERE job_id = %s AND number = %s",
                [
                    (*said, None if problems is None else json.dumps(problems), job_id, number)
                    for number, *said, problems in rows
                ],
            )


_BECAME_COLUMNS: dict[str, Kind] = {
    "number": "int",
    "outcome": "text",
    "code": "text",
    "message": "text",
    "order_id": "int",
    "problems": "json",
}


def next_ready(job_id: int, *, after: int, limit: int) -> list[JobItem]:
    """The next items that are ready, by number."""
    ready = JobItem.objects.filter(job_id=job_id, outcome=Outcome.READY, number__gt=after)
    return list(ready.order_by("number")[:limit])


def ready_chunks(job_id: int, *, size: int) -> Iterator[list[JobItem]]:
    """All ready items, chunk by chunk; each chunk is read when it is asked for."""
    after = 0
    while chunk := next_ready(job_id, after=after, limit=size):
        yield chunk
        after = chunk[-1].number


def drop_items(job_id: int) -> None:
    """Forgets what an earlier, interrupted run staged."""
    JobItem.objects.filter(job_id=job_id)._raw_delete("default")


def close_items(job: Job) -> None:
    """Items of a canceled job that nobody reached: left out, and counted so."""
    JobItem.objects.filter(job_id=job.pk, outcome__in=WAITING).update(
        outcome=Outcome.SKIPPED, code="canceled", message=_("Not done: the job was canceled.")
    )
    left = job.requested - job.done - job.skipped - job.failed
    Job.objects.filter(pk=job.pk).update(skipped=F("skipped") + max(left, 0))


def reopen_refused(job_id: int) -> None:
    """Items that were refused become ready to be tried again, where their order is known."""
    JobItem.objects.filter(job_id=job_id, outcome=Outcome.FAILED, order__isnull=False).update(
        outcome=Outcome.READY, code="", message="", problems=[]
    )


def counts_of_items(job_id: int) -> dict[str, int]:
    """How many items are done, skipped and failed, by the names of the job's columns."""
    rows = JobItem.objects.filter(job_id=job_id).order_by().values_list("outcome").annotate(count=Count("id"))
    found = dict(rows)
    return {
        outcome.value: found.get(outcome, 0) for outcome in (Outcome.DONE, Outcome.SKIPPED, Outcome.FAILED)
    }
