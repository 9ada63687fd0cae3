"""The files that jobs made and were given: kept for their owner, gone when their time is over.

How they are written stands in files.py; what is in them belongs to orders/exchange.
"""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from orders.domain.rows.clock import database_now
from orders.domain.work import files
from orders.domain.work.jobs import State
from orders.models import Job, JobFile, JobItem

KEPT_DAYS = 7


def result_path(job: Job, fence: int, extension: str) -> str:
    """Where a result of this run of the job lies; two runs never share a path."""
    return f"{files.RESULTS}/job-{job.pk}-{fence}.{extension}"


def keep_result(job: Job, *, path: str, name: str) -> JobFile:
    """Hands the finished file to the job's owner, for seven days; an earlier one of its name goes."""
    now = timezone.now()
    for earlier in JobFile.objects.filter(job=job, name=name):
        remove_result(earlier)
    return JobFile.objects.create(
        job=job,
        name=name,
        path=path,
        size=files.path_of(path).stat().st_size,
        created_at=now,
        expires_at=now + dt.timedelta(days=KEPT_DAYS),
    )


def remove_result(result: JobFile) -> None:
    files.remove_file(result.path)
    result.delete()


def tidy_up() -> None:
    """Removes results past their day, uploads nobody needs, previews nobody wrote, and half-written files."""
    for result in JobFile.objects.filter(expires_at__lt=database_now())[:100]:
        remove_result(result)
    forgotten = timezone.now() - dt.timedelta(days=KEPT_DAYS)
    for job in Job.objects.filter(state=State.PREVIEWED, created_at__lt=forgotten)[:20]:
        if Job.objects.filter(pk=job.pk, state=State.PREVIEWED).update(
            state=State.CANCELED, finished_at=database_now(), requested=0, failed=0, skipped=0
        ):
            JobItem.objects.filter(job_id=job.pk)._raw_delete("default")
    over = (State.DONE, State.FAILED, State.CANCELED)
    for job in Job.objects.filter(state__in=over, created_at__lt=forgotten).exclude(upload_path="")[:100]:
        files.remove_file(job.upload_path)
        Job.objects.filter(pk=job.pk).update(upload_path="")
    files.remove_leftovers()
