"""Goes through a job's ready items chunk by chunk, each chunk's effects and outcomes in one transaction.

What is done to a chunk belongs to bulk.py and the imports; who owns the job to jobruns.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.work.jobitems import Became, Outcome, ready_chunks, record_outcomes
from orders.domain.work.jobruns import Finish, JobFailed, Run
from orders.domain.work.jobs import ALL_OR_NOTHING
from orders.models import Job, JobItem

Work = Callable[[Sequence[JobItem], Actor], list[Became]]


class ItemsRefused(Exception):
    """All or nothing was asked and some items cannot be done: nothing was. `refused` says which and why."""

    def __init__(self, refused: Sequence[Became]) -> None:
        super().__init__()
        self.refused = refused


def allowed_actor(run: Run, permission: str, *, source: str) -> Actor:
    """The job's owner as they are now; what they may no longer do stops the job here."""
    actor = run.actor(source)
    if not actor.may(permission):
        raise JobFailed(
            _("%(name)s may not do this any more. What was done before stays; nothing more was done.")
            % {"name": actor.name},
            code="not_allowed",
        )
    return actor


def go_through(
    run: Run,
    work: Work,
    *,
    permission: str,
    source: str,
    size: int,
    before: Callable[[], None] | None = None,
) -> None:
    """Does `work` to all ready items of the job, `size` at a time, and keeps what became of each.

    A worker that dies loses no more than the chunk it was at, which nobody sees half done.
    With the mode `all_or_nothing` everything is one transaction, and ItemsRefused leaves
    nothing behind. `before` runs first in each chunk's transaction.
    """
    if run.job.params.get("mode") != ALL_OR_NOTHING:
        for items in ready_chunks(run.job.pk, size=size):
            run.make_room()
            _do_chunk(run, items, work, permission, source, before)
        return
    try:
        # The transaction holds the job's row, so that nobody takes the job over while it lasts.
        with transaction.atomic():
            for items in ready_chunks(run.job.pk, size=size):
                _do_chunk(run, items, work, permission, source, before)
    except ItemsRefused:
        run.job.refresh_from_db(fields=("done", "skipped", "failed"))
        raise


def _do_chunk(
    run: Run,
    items: Sequence[JobItem],
    work: Work,
    permission: str,
    source: str,
    before: Callable[[], None] | None,
) -> None:
    actor = allowed_actor(run, permission, source=source)
    with transaction.atomic():
        if before is not None:
            before()
        with run.transaction():
            outcomes = work(items, actor)
            refused = [item for item in outcomes if item.outcome == Outcome.FAILED]
            if refused and run.job.params.get("mode") == ALL_OR_NOTHING:
                raise ItemsRefused(refused)
            record_outcomes(run.job.pk, outcomes)
            counts = Counter(item.outcome for item in outcomes)
            run.add(done=counts[Outcome.DONE], skipped=counts[Outcome.SKIPPED], failed=counts[Outcome.FAILED])


def back_to_preview(run: Run, refused: Sequence[Became]) -> Finish:
    """All or nothing ended in nothing: the items that stopped it are named, the person chooses again."""
    with run.transaction():
        record_outcomes(run.job.pk, refused)
        run.add(failed=len(refused))
    summary = run.job.summary
    return Finish(
        Job.State.PREVIEWED,
        {
            "ready": summary["ready"] - len(refused),
            "refused": summary["refused"] + len(refused),
            "stopped": len(refused),
        },
    )
