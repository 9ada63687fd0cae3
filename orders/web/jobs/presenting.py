"""A job as people and programs see it: its words, figures, items and JSON.

What a job does and when it ends stands in orders/domain; which view shows it, in views.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orders.domain.life.bulk import DOINGS
from orders.domain.life.transitions import TRANSITIONS, Action
from orders.models import Job, JobItem
from orders.web.bodies import whole_number

State, Outcome = Job.State, JobItem.Outcome

MOST_PROBLEMS = 10_000
PAGE_ROWS = 50
# Kinds whose items are rows of a file.
FROM_FILE = (Job.Kind.IMPORT_ORDERS, Job.Kind.IMPORT_PRODUCTS, Job.Kind.IMPORT_REFERENCES)
ICONS = {
    Job.Kind.IMPORT_ORDERS: "upload",
    Job.Kind.IMPORT_PRODUCTS: "upload",
    Job.Kind.IMPORT_REFERENCES: "list-checks",
    Job.Kind.EXPORT_ORDERS: "download",
    Job.Kind.BULK_ACTION: "layers",
}
# The preview's facts that programs get; the heading and the sample's cells stay on the page.
_PREVIEW = (
    "rows",
    "ready",
    "refused",
    "duplicates",
    "already_done",
    "columns",
    "unknown_columns",
    "refused_by_code",
    "warned_by_code",
    "sample",
    "stopped",
)


@dataclass(frozen=True)
class Shelf:
    """One kind of items that a job's page lists: its word, its rows, how many."""

    name: str
    word: str
    count: int
    rows: QuerySet[JobItem]


def title_of(job: Job) -> str:
    """What the job is, in a few words: Import of orders.csv."""
    match job.kind:
        case Job.Kind.IMPORT_ORDERS:
            return _("Import of %(name)s") % {"name": job.upload_name}
        case Job.Kind.IMPORT_PRODUCTS:
            return _("Products from %(name)s") % {"name": job.upload_name}
        case Job.Kind.IMPORT_REFERENCES:
            label = TRANSITIONS[Action(job.params["action"])].label
            return _("%(action)s by %(name)s") % {"action": label, "name": job.upload_name}
        case Job.Kind.BULK_ACTION:
            label = DOINGS[job.params["action"]].label
            return ngettext("%(action)s %(count)s order", "%(action)s %(count)s orders", job.requested) % {
                "action": label,
                "count": f"{job.requested:,}",
            }
        case _:
            return _("Export of orders (%(kind)s)") % {"kind": str(job.params.get("extension", "")).upper()}


def doing_of(job: Job) -> str:
    """What is going on right now, beside the progress bar."""
    if job.state == State.QUEUED:
        if job.not_before and job.not_before > timezone.now():
            return _("Trying again in a moment")
        return _("Waiting for a worker")
    if job.kind == Job.Kind.EXPORT_ORDERS:
        return _("Writing the file")
    if job.phase == Job.Phase.CHECK:
        return _("Reading and checking")
    if job.kind == Job.Kind.IMPORT_ORDERS:
        return _("Taking the orders in")
    if job.kind == Job.Kind.IMPORT_PRODUCTS:
        return _("Taking the products in")
    return _("Moving the orders")


def time_left(job: Job) -> str:
    """How long the job still takes, as far as its pace so far tells; '' while nobody can say."""
    if job.state != State.RUNNING or job.started_at is None or job.progress < 5:
        return ""
    spent = (timezone.now() - job.started_at).total_seconds()
    left = int(spent * (100 - job.progress) / job.progress)
    if left < 5:
        return _("nearly done")
    if left < 60:
        return ngettext("about %(count)s second left", "about %(count)s seconds left", left) % {"count": left}
    minutes = round(left / 60)
    return ngettext("about %(count)s minute left", "about %(count)s minutes left", minutes) % {
        "count": minutes
    }


def is_open(job: Job) -> bool:
    return job.state in (State.QUEUED, State.RUNNING)


# --- items ---------------------------------------------------------------------------------


def shelves_of(job: Job) -> list[Shelf]:
    """The lists that the job's page offers, those with rows only; one statement each."""
    items = JobItem.objects.filter(job=job)
    refused = items.filter(outcome=Outcome.FAILED)
    skipped = items.filter(outcome=Outcome.SKIPPED)
    warned = items.filter(outcome__in=(Outcome.READY, Outcome.DONE)).exclude(problems=[])
    found = [Shelf("refused", _("Refused"), refused.count(), refused)]
    if job.kind in FROM_FILE:
        found.append(Shelf("warned", _("To look at"), warned.count(), warned))
    found.append(Shelf("skipped", _("Left out"), skipped.count(), skipped))
    return [shelf for shelf in found if shelf.count]


def rows_of(items: list[JobItem], job: Job) -> list[dict[str, Any]]:
    """Items as rows of the page's table: one a problem, the items without one as a row of their own."""
    rows: list[dict[str, Any]] = []
    for item in items:
        problems = item.problems or [
            {"column": "", "value": "", "code": item.code, "message": item.message, "remedy": ""}
        ]
        if item.outcome == Outcome.SKIPPED:
            problems = [{"column": "", "value": "", "code": item.code, "message": item.message, "remedy": ""}]
        named = _named(item, job)
        rows += [
            {**problem, "number": item.number, "order": item.order, "named": named} for problem in problems
        ]
    return rows


def _named(item: JobItem, job: Job) -> str:
    """What the person calls the item when it has no order."""
    if item.order is not None:
        return item.order.reference
    if job.kind == Job.Kind.BULK_ACTION:
        return str(item.payload.get("id", ""))
    return str(item.payload.get("reference", ""))


# --- JSON ------------------------------------------------------------------------------------


def job_reference(job: Job) -> dict[str, Any]:
    """What a route answers that started the job."""
    return {"job": {"id": str(job.pk), "url": reverse("job-show", args=(job.pk,))}}


def job_json(job: Job) -> dict[str, Any]:
    """The job for programs, with its refused rows (at most 10,000; the file has them all)."""
    files = [
        {"name": file.name, "url": reverse("job-file", args=(job.pk, file.pk))} for file in job.files.all()
    ]
    return {
        "id": str(job.pk),
        "kind": job.kind,
        "state": job.state,
        "phase": job.phase,
        "requested": job.requested,
        "done": job.done,
        "skipped": job.skipped,
        "failed": job.failed,
        "progress": job.progress,
        "preview": _preview(job),
        "problems": _problems(job),
        "commit_url": reverse("job-commit", args=(job.pk,)) if job.state == State.PREVIEWED else None,
        "files": files,
        "message": job.error_message or None,
        "code": job.error_code or None,
    }


def _preview(job: Job) -> dict[str, Any] | None:
    summary: Mapping[str, Any] = job.summary
    if "ready" not in summary:
        return None
    preview = {name: summary[name] for name in _PREVIEW if name in summary}
    preview["file"] = summary.get("file")
    preview["warnings"] = [
        row for row in _item_problems(job, (Outcome.READY, Outcome.DONE)) if row.pop("is_warning", False)
    ]
    earlier = summary.get("earlier_job")
    preview["earlier_job"] = (
        {"id": str(earlier), "url": reverse("job-show", args=(earlier,))} if earlier else None
    )
    return preview


def _problems(job: Job) -> list[dict[str, Any]]:
    if job.error_message:
        whole = {
            "row": None,
            "column": None,
            "value": job.upload_name or None,
            "code": job.error_code,
            "message": job.error_message,
            "remedy": "",
        }
        return [whole, *_item_problems(job, (Outcome.FAILED,))]
    rows = _item_problems(job, (Outcome.FAILED,))
    for row in rows:
        row.pop("is_warning", None)
    return rows


def _item_problems(job: Job, outcomes: tuple[JobItem.Outcome, ...]) -> list[dict[str, Any]]:
    items = JobItem.objects.filter(job=job, outcome__in=outcomes).order_by("number")
    if Outcome.FAILED not in outcomes:
        items = items.exclude(problems=[])
    rows: list[dict[str, Any]] = []
    named = items.values_list("number", "code", "message", "problems", "order__reference", "payload__id")
    for number, code, message, problems, reference, asked in named[:MOST_PROBLEMS]:
        found = problems or [
            {"column": "id", "value": reference or asked, "code": code, "message": message, "remedy": ""}
        ]
        rows += [{"row": number, **problem} for problem in found]
    return rows


# --- the top bar's slot ----------------------------------------------------------------------


def announce_ended_jobs(request: HttpRequest, answer: HttpResponse) -> None:
    """Has the page say aloud which of the jobs it knew as running (`known`) have ended."""
    known = [
        number for text in request.GET.get("known", "").split(",")[:50] if (number := whole_number(text))
    ]
    mine = Job.objects.filter(owner_id=request.user.pk, pk__in=known).order_by("id") if known else ()
    ended = [job for job in mine if not is_open(job)]
    if ended:
        job = ended[-1]
        kinds = {State.FAILED: "error", State.PREVIEWED: "info"}
        text = f"{title_of(job)}: {job.get_state_display()}"
        said = {"kind": kinds.get(State(job.state), "success"), "text": text}
        answer["HX-Trigger"] = json.dumps({"notify": said})
