"""How a worker does a job: claims it, keeps it while it lives, finishes it, or leaves it to another.

What people ask of jobs stands in jobs.py. What a job of each kind does is registered from
where it is done: bulk.py beside this, imports and exports in orders/exchange.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.utils import translation
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.refusals import Locked, Refusal
from orders.domain.rows.clock import database_now, from_now
from orders.domain.work.jobitems import close_items
from orders.domain.work.jobs import State, due, wake
from orders.models import Job, User

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 5  # since the job last got anywhere
HEARTBEAT_SECONDS = 1.0
RUN_SECONDS = 200  # then the job makes room and goes on in another run; tasks are ended at 300


class JobFailed(Refusal):
    """The job cannot be done as asked; trying again would end the same way."""


class LeaseLost(Exception):
    """Somebody else owns the job by now: nothing more may be written for it."""


class CancelAsked(Exception):
    """The job's owner wants it stopped."""


class Paused(Exception):
    """The run has lasted long enough; the job goes on in the next one."""


@dataclass(frozen=True)
class Finish:
    """How a run ended: the job's state, and what its page shows of it."""

    state: Job.State = Job.State.DONE
    summary: Mapping[str, Any] = field(default_factory=dict)


Handler = Callable[["Run"], Finish]
_HANDLERS: dict[str, Handler] = {}


def handles(kind: str) -> Callable[[Handler], Handler]:
    """Registers the function that does jobs of the kind; there is one for each."""

    def register(handler: Handler) -> Handler:
        _HANDLERS[kind] = handler
        return handler

    return register


class Run:
    """One worker's hold on one job. Whatever it writes for the job is conditional on its fence."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.fence = job.fence
        self.phase = job.phase
        self.began = time.monotonic()
        self._beat_at = self.began
        self._progress = job.progress

    def actor(self, source: str) -> Actor:
        """The owner with the permissions of this moment; somebody disabled meanwhile has none."""
        owner = User.objects.get(pk=self.job.owner_id)
        if not owner.is_active:
            raise JobFailed(
                _("%(name)s may no longer work here; nothing more was done.") % {"name": owner.display_name},
                code="not_allowed",
            )
        return Actor.of(owner, source=source)

    def report(self, share: float) -> None:
        """Says how far the job is (0 to 1) and that the worker lives; cheap enough for every row.

        Raises LeaseLost when another worker took over, CancelAsked when the owner wants a stop.
        """
        if time.monotonic() - self._beat_at >= min(HEARTBEAT_SECONDS, settings.LEASE_SECONDS / 4):
            self._progress = max(0, min(99, int(share * 100)))
            self.beat()

    def tick(self) -> None:
        """As report(), where nobody can say how far it is."""
        self.report(self._progress / 100)

    def beat(self) -> None:
        self._beat_at = time.monotonic()
        self._hold(
            progress=self._progress, heartbeat_at=database_now(), lease_until=from_now(settings.LEASE_SECONDS)
        )
        self._stop_if_asked()

    def make_room(self) -> None:
        """Where the job can go on later: ends this run when it has lasted long enough."""
        if time.monotonic() - self.began > RUN_SECONDS:
            raise Paused

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction that only the job's present worker gets through; it counts as progress."""
        with transaction.atomic():
            self._hold(attempts=0, heartbeat_at=database_now(), lease_until=from_now(settings.LEASE_SECONDS))
            self._stop_if_asked()
            yield
        self._beat_at = time.monotonic()

    def add(self, *, done: int = 0, skipped: int = 0, failed: int = 0) -> None:
        """Adds to the counts, inside of transaction(), and derives the progress from them."""
        job = self.job
        job.done, job.skipped, job.failed = job.done + done, job.skipped + skipped, job.failed + failed
        share = (job.done + job.skipped + job.failed) / (job.requested or 1)
        self._progress = max(0, min(99, int(share * 100)))
        self._hold(done=job.done, skipped=job.skipped, failed=job.failed, progress=self._progress)

    def note(self, **values: Any) -> None:
        """Writes columns of the job's row, if it is still this worker's."""
        self._hold(**values)
        for name, value in values.items():
            if not hasattr(value, "resolve_expression"):
                setattr(self.job, name, value)

    def _stop_if_asked(self) -> None:
        if Job.objects.filter(pk=self.job.pk, cancel_requested=True).exists():
            raise CancelAsked

    def _hold(self, **values: Any) -> None:
        if not _held(self.job.pk, self.fence).update(**values):
            raise LeaseLost


def run_job(job_id: int) -> bool:
    """Does the job as far as it goes; False when there is nothing to do for this worker."""
    run = claim_job(job_id)
    if run is None:
        return False
    try:
        with translation.override(run.job.owner.language):
            _run_claimed(run)
    except LeaseLost:
        log.warning("job %s was taken over by another worker", job_id)
    return True


def claim_job(job_id: int) -> Run | None:
    """The job for this worker alone, until its lease runs out; None when it is not to be had."""
    job = Job.objects.select_related("owner", "merchant").filter(due(), pk=job_id).first()
    if job is None:
        return None
    try:
        won = Job.objects.filter(due(), pk=job_id, fence=job.fence).update(
            state=State.RUNNING,
            fence=F("fence") + 1,
            attempts=F("attempts") + 1,
            lease_until=from_now(settings.LEASE_SECONDS),
            heartbeat_at=database_now(),
            started_at=Coalesce(F("started_at"), database_now()),
        )
    except OperationalError:
        return None  # its worker is in the middle of a transaction, so it lives
    if not won:
        return None
    job.refresh_from_db(fields=("state", "fence", "attempts", "phase", "params", "started_at"))
    return Run(job)


def _run_claimed(run: Run) -> None:
    job = run.job
    try:
        if job.attempts > MAX_ATTEMPTS:
            raise JobFailed(
                _("The work was interrupted %(count)s times without getting anywhere.")
                % {"count": MAX_ATTEMPTS},
                code="interrupted",
            )
        finish = _HANDLERS[job.kind](run)
    except LeaseLost:
        raise
    except CancelAsked:
        _end(run, State.CANCELED)
    except Paused:
        run.note(state=State.QUEUED, attempts=0, lease_until=None)
        wake(job.pk)
    except Locked as refusal:
        _try_later(run, refusal, str(refusal.code), refusal.message)
    except Refusal as refusal:
        _end(run, State.FAILED, error_code=str(refusal.code), error_message=refusal.message)
    except OSError as error:
        _end(run, State.FAILED, error_code="disk", error_message=_words_for_disk(error))
    except OperationalError as error:
        _try_later(run, error, "database", _("The database did not answer in time."))
    except Exception as error:
        log.exception("job %s failed", job.pk)
        words = _("Something went wrong on our side (%(name)s). It has been noted.")
        _try_later(run, error, "fault", words % {"name": type(error).__name__})
    else:
        _end(run, finish.state, summary={**job.summary, **finish.summary})


def _end(run: Run, state: Job.State, **values: Any) -> None:
    job = run.job
    with transaction.atomic():
        run.note(state=state, lease_until=None, finished_at=database_now(), **values)
        if state == State.CANCELED:
            close_items(job)
        elif state == State.FAILED:
            # What was not reached counts as failed until somebody tries again.
            left = job.requested - job.done - job.skipped - job.failed
            Job.objects.filter(pk=job.pk).update(failed=F("failed") + max(left, 0))
        elif state == State.DONE:
            Job.objects.filter(pk=job.pk).update(progress=100)
        log.info("job %s (%s) ended: %s", job.pk, job.kind, state)


def _try_later(run: Run, error: Exception, code: str, message: str) -> None:
    """Back to the queue with a pause that grows, or failed for good when it was tried often enough."""
    job = run.job
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()  # it may be what failed
    attempts = Job.objects.values_list("attempts", flat=True).get(pk=job.pk)
    if attempts >= MAX_ATTEMPTS:
        _end(run, State.FAILED, error_code=code, error_message=message)
        return
    pause = min(60.0, 2.0**attempts) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads rivals
    log.warning("job %s will be tried again in %.1f s: %s", job.pk, pause, type(error).__name__)
    run.note(state=State.QUEUED, lease_until=None, not_before=from_now(pause))


def _words_for_disk(error: OSError) -> str:
    if error.errno == 28:  # ENOSPC
        return _("There is no space left on the server's disk. Free some, then try again.")
    return _("A file could not be read or written (%(reason)s). Try again, or tell an admin.") % {
        "reason": error.strerror or type(error).__name__
    }


def _held(job_id: int, fence: int) -> QuerySet[Job]:
    return Job.objects.filter(pk=job_id, fence=fence, state=State.RUNNING)
