"""What the queue may ask a worker: look at one job, or look at the table.

Every message may be lost or come twice; what is to be done stands in the rows.
"""

from __future__ import annotations

import time

from celery import shared_task
from django.conf import settings

from orders.api import repeating, throttling
from orders.domain.life import bulk
from orders.domain.lists import counting
from orders.domain.work import jobfiles, jobruns, jobs
from orders.exchange import exporting, importing, products, referencing

# Where each kind of job is done; importing the module registers it.
ROOMS = (bulk, importing, products, referencing, exporting)
TIDY_SECONDS = 60
_tidied_at = 0.0


@shared_task(name=jobs.RUN_TASK, ignore_result=True)  # type: ignore[untyped-decorator]
def run_job(job_id: int) -> None:
    """Do this job, if nobody else does."""
    jobruns.run_job(job_id)


@shared_task(name="orders.tasks.sweep", ignore_result=True)  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Find what a lost message or a dead worker left behind, and say that somebody looks."""
    global _tidied_at  # noqa: PLW0603 - one clock a process
    jobs.record_pulse()
    for job_id in jobs.due_jobs():
        # As messages of their own, so that free workers share them; the next sweep sees what was lost.
        run_job.apply_async((job_id,), expires=2 * settings.SWEEP_SECONDS)
    counting.fold_counts()
    if time.monotonic() - _tidied_at > TIDY_SECONDS:
        _tidied_at = time.monotonic()
        jobfiles.tidy_up()
        throttling.forget_ended_windows()
        repeating.forget_old_keys()
