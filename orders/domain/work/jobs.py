"""What people ask of background work: start it, write what was previewed, stop it, try it again.

A job is a row; the queue only says "look at the table". How a worker does one: jobruns.py.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from celery import current_app
from django.db import OperationalError, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.refusals import InvalidInput, Locked, NotAllowed, NotThere, Refusal
from orders.domain.rows.clock import database_now, from_now
from orders.domain.work.files import Upload
from orders.domain.work.jobitems import close_items, counts_of_items, reopen_refused
from orders.models import Job, Merchant, WorkerPulse

log = logging.getLogger(__name__)

RUN_TASK = "orders.tasks.run_job"
MAX_OPEN = 50  # of one person
PULSE_SECONDS = 30
BROKER_REST_SECONDS = 30
OPEN = (Job.State.QUEUED, Job.State.RUNNING)
ALL_OR_NOTHING = "all_or_nothing"
MODES = ("good_rows", ALL_OR_NOTHING)
# What a person needs to start the work and to have it go on, chunk by chunk.
PERMISSIONS: Mapping[str, str] = {
    Job.Kind.IMPORT_ORDERS: "importOrders",
    Job.Kind.IMPORT_PRODUCTS: "manageStock",
    Job.Kind.EXPORT_ORDERS: "exportOrders",
}

State = Job.State


def create_job(
    kind: Job.Kind,
    *,
    actor: Actor,
    merchant: Merchant | None = None,
    phase: Job.Phase = Job.Phase.COMMIT,
    params: Mapping[str, Any] | None = None,
    upload: Upload | None = None,
    requested: int = 0,
) -> Job:
    """The new job, queued; a worker is told of it once the transaction is through.

    Belongs to the actor, who has to be a person. Refuses with `too_many_jobs` who has 50 open.
    """
    if actor.user_id is None:
        raise NotAllowed(_("Only a person can start background work."))
    if Job.objects.filter(owner_id=actor.user_id, state__in=OPEN).count() >= MAX_OPEN:
        raise Refusal(
            _("%(count)s of your jobs are waiting. Let some of them finish first.") % {"count": MAX_OPEN},
            code="too_many_jobs",
        )
    job = Job.objects.create(
        kind=kind,
        phase=phase,
        owner_id=actor.user_id,
        merchant=merchant,
        params=dict(params or {}),
        upload_name=upload.name if upload else "",
        upload_path=upload.path if upload else "",
        upload_sha256=upload.sha256 if upload else "",
        requested=requested,
        created_at=timezone.now(),
    )
    wake(job.pk)
    return job


def own_job(job_id: int, *, actor: Actor) -> Job:
    """The actor's own job; anybody else's is not there."""
    job = Job.objects.filter(pk=job_id, owner_id=actor.user_id).first()
    if job is None:
        raise NotThere(_("There is no such job, or it is somebody else's."))
    return job


def check_mode(mode: str) -> str:
    """How a preview is to be written, once it is one of MODES."""
    if mode not in MODES:
        raise InvalidInput({"mode": [_("Choose one of: %(words)s.") % {"words": ", ".join(MODES)}]})
    return mode


def commit_job(job_id: int, *, actor: Actor, mode: str = "") -> Job:
    """The previewed job, on its way to being written; asked twice it is started once.

    `mode` is `good_rows` or `all_or_nothing`, by default what was said at the start, else the good
    rows; all or nothing is refused (`rows_refused`) while rows are.
    """
    job = own_job(job_id, actor=actor)
    mode = check_mode(mode or job.params.get("mode", MODES[0]))
    if job.phase == Job.Phase.COMMIT and job.state != State.PREVIEWED:
        return job  # another tab, a second click
    if job.state != State.PREVIEWED:
        raise Refusal(
            _("There is nothing to write: this job is %(state)s.")
            % {"state": job.get_state_display().lower()},
            code="not_previewed",
        )
    if mode == ALL_OR_NOTHING and job.failed:
        raise Refusal(
            _("%(count)s rows are refused: all or nothing writes nothing. Mend them, or take the good rows.")
            % {"count": f"{job.failed:,}"},
            code="rows_refused",
        )
    changed = Job.objects.filter(pk=job.pk, state=State.PREVIEWED).update(
        state=State.QUEUED,
        phase=Job.Phase.COMMIT,
        params={**job.params, "mode": mode},
        progress=0,
        attempts=0,
        not_before=None,
        started_at=None,
        finished_at=None,
        expires_at=None,
    )
    if changed:
        wake(job.pk)
    job.refresh_from_db()
    return job


def cancel_job(job_id: int, *, actor: Actor) -> Job:
    """The job, canceled, or about to stop at its next step. What it wrote before stays."""
    job = own_job(job_id, actor=actor)
    if job.state in (State.DONE, State.FAILED, State.CANCELED):
        return job
    try:
        waiting = Job.objects.filter(pk=job.pk, state__in=(State.QUEUED, State.PREVIEWED))
        with transaction.atomic():
            if waiting.update(
                state=State.CANCELED, cancel_requested=True, finished_at=database_now(), fence=F("fence") + 1
            ):
                close_items(job)
            else:
                Job.objects.filter(pk=job.pk, state=State.RUNNING).update(cancel_requested=True)
    except OperationalError as error:
        raise Locked(
            _("The job is writing right now and cannot be stopped. Look again in a moment.")
        ) from error
    job.refresh_from_db()
    return job


# Failures that may have passed by the time somebody tries again; others lie in what was asked.
_PASSING = frozenset({"fault", "database", "disk", "interrupted", "locked", "not_allowed"})


def may_retry(job: Job) -> bool:
    """Whether trying again can end otherwise: a fault of ours, or items that were refused."""
    if job.state == State.FAILED:
        return job.error_code in _PASSING
    moves = job.kind in (Job.Kind.BULK_ACTION, Job.Kind.IMPORT_REFERENCES)
    return moves and job.state == State.DONE and job.failed > 0


def retry_job(job_id: int, *, actor: Actor) -> Job:
    """A failed job, queued again: it goes on with what is left. One done already tries its refused items."""
    job = own_job(job_id, actor=actor)
    with transaction.atomic():
        if not may_retry(job):
            raise Refusal(
                _("Trying again would end the same way, or there is nothing to try again."),
                code="not_retryable",
            )
        if Job.objects.filter(pk=job.pk, state=job.state).update(
            state=State.QUEUED,
            attempts=0,
            cancel_requested=False,
            error_code="",
            error_message="",
            not_before=None,
            started_at=None,
            finished_at=None,
            fence=F("fence") + 1,
        ):
            if job.state == State.DONE:
                reopen_refused(job.pk)
            Job.objects.filter(pk=job.pk).update(**counts_of_items(job.pk))
            wake(job.pk)
    job.refresh_from_db()
    return job


# --- waking ------------------------------------------------------------------------------

_broker_rests_until = 0.0


def wake(job_id: int) -> None:
    """Tells a worker of the job after the commit; without a broker the sweep finds it."""
    transaction.on_commit(partial(_leave_hint, job_id), robust=True)


def _leave_hint(job_id: int) -> None:
    global _broker_rests_until  # noqa: PLW0603 - one broker a process
    if time.monotonic() < _broker_rests_until:
        return
    try:
        current_app.send_task(RUN_TASK, (job_id,), expires=60, ignore_result=True)
    except Exception as error:
        # Whoever asked must not wait for a broker that is away, nor be told: the row is safe.
        _broker_rests_until = time.monotonic() + BROKER_REST_SECONDS
        log.warning("the broker did not take a hint: %s", type(error).__name__)


def due_jobs(limit: int = 20) -> list[int]:
    """The jobs that wait for a worker, or whose worker stopped giving signs of life."""
    return list(
        Job.objects.filter(due()).order_by("id").values_list("pk", flat=True)[:limit],
    )


def record_pulse() -> None:
    """Notes that a worker of this machine looked at the table just now."""
    name = socket.gethostname()[:100]
    if not WorkerPulse.objects.filter(name=name).update(beat_at=database_now()):
        WorkerPulse.objects.get_or_create(name=name, defaults={"beat_at": timezone.now()})


def is_worker_alive() -> bool:
    """Whether a worker swept, or wrote a job's heartbeat, within the last half minute."""
    since = from_now(-PULSE_SECONDS)
    return (
        WorkerPulse.objects.filter(beat_at__gte=since).exists()
        or Job.objects.filter(state=State.RUNNING, heartbeat_at__gte=since).exists()
    )


def due() -> Q:
    """The condition on a job that some worker should take it."""
    waiting = Q(state=State.QUEUED) & (Q(not_before__isnull=True) | Q(not_before__lte=database_now()))
    return waiting | Q(state=State.RUNNING, lease_until__lt=database_now())
