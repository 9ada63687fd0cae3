"""The pages of background work: a list of mine, a page each, its progress, its files.

Where jobs are started from a file or for a file stands in doors.py.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orders.domain.lists.figures import own_jobs
from orders.domain.refusals import NotThere
from orders.domain.work import files, jobs
from orders.models import Job, JobFile
from orders.web.access import actor_of, is_htmx, requires, wants_json
from orders.web.answers import answer_failure
from orders.web.bodies import read_body, whole_number
from orders.web.jobs.presenting import (
    FROM_FILE,
    ICONS,
    PAGE_ROWS,
    doing_of,
    is_open,
    job_json,
    job_reference,
    rows_of,
    shelves_of,
    time_left,
    title_of,
)

PER_PAGE = 25
STATES = {
    "": gettext_lazy("All"),
    "running": gettext_lazy("Running"),
    "previewed": gettext_lazy("Waiting for your go"),
    "failed": gettext_lazy("Failed lately"),
}
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}


@requires("view_order")
def job_list(request: HttpRequest) -> HttpResponse:
    """My jobs, the newest first."""
    actor = actor_of(request)
    before = whole_number(request.GET.get("before", ""))
    state = request.GET.get("state", "")
    mine = own_jobs(actor, state).order_by("-id").prefetch_related("files")
    older = mine.filter(pk__lt=before) if before is not None else mine
    page = list(older[: PER_PAGE + 1])
    shown = page[:PER_PAGE]
    if wants_json(request):
        return JsonResponse({"data": [_row_json(job) for job in shown]})
    context = {
        "rows": [{"job": job, "title": title_of(job), "icon": ICONS[Job.Kind(job.kind)]} for job in shown],
        "older_url": _list_url(state, before=shown[-1].pk) if len(page) > PER_PAGE else "",
        "newest_url": _list_url(state) if before is not None else "",
        "tabs": [
            {"word": word, "url": _list_url(name), "count": None, "is_current": name == state}
            for name, word in STATES.items()
        ],
        "state": state,
        "no_worker": any(is_open(job) for job in shown) and not jobs.is_worker_alive(),
        "may_import": actor.may("importOrders"),
        "may_mark": actor.may("markAsReturnedByScanner") or actor.may("markAsDeliveredByScanner"),
    }
    return render(request, "jobs/list.html", context)


def _list_url(state: str, **more: int) -> str:
    asked = {"state": state} if state in STATES and state else {}
    query = urlencode({**asked, **more})
    return f"{reverse('job-list')}?{query}" if query else reverse("job-list")


def _row_json(job: Job) -> dict[str, Any]:
    names = ("kind", "state", "requested", "done", "skipped", "failed", "progress")
    return {
        "id": str(job.pk),
        "url": reverse("job-show", args=(job.pk,)),
        **{name: getattr(job, name) for name in names},
    }


@requires("view_order")
def job_show(request: HttpRequest, job_id: int) -> HttpResponse:
    """One of my jobs: how far it is, what it would do, what it did."""
    job = jobs.own_job(job_id, actor=actor_of(request))
    if wants_json(request):
        return JsonResponse(job_json(job))
    template = "jobs/_job.html" if is_htmx(request) else "jobs/show.html"
    return render(request, template, _context(request, job))


def _context(request: HttpRequest, job: Job) -> dict[str, Any]:
    context: dict[str, Any] = {
        "job": job,
        "title": title_of(job),
        "icon": ICONS[Job.Kind(job.kind)],
        "is_open": is_open(job),
        "doing": doing_of(job),
        "left": time_left(job),
        "no_worker": is_open(job) and not jobs.is_worker_alive(),
        "is_from_file": job.kind in FROM_FILE,
        "files": list(job.files.all()),
        "orders_url": f"{reverse('order-list')}?job={job.pk}"
        if job.done and job.kind in (Job.Kind.IMPORT_ORDERS, Job.Kind.IMPORT_REFERENCES, Job.Kind.BULK_ACTION)
        else "",
        "may_retry": jobs.may_retry(job),
        "upload_url": _upload_url(job),
    }
    if not context["is_open"]:
        context |= _items_context(request, job)
    return context


def _upload_url(job: Job) -> str:
    """Where another file is uploaded in the place of one that could not be taken."""
    if job.state != Job.State.FAILED or jobs.may_retry(job):
        return ""
    pages = {
        Job.Kind.IMPORT_ORDERS: "orders-import",
        Job.Kind.IMPORT_PRODUCTS: "product-import",
        Job.Kind.IMPORT_REFERENCES: "jobs-mark",
    }
    page = pages.get(Job.Kind(job.kind))
    return reverse(page) if page else ""


def _items_context(request: HttpRequest, job: Job) -> dict[str, Any]:
    shelves = shelves_of(job)
    if not shelves:
        return {}
    asked = request.GET.get("show", "")
    shelf = next((one for one in shelves if one.name == asked), shelves[0])
    codes = _codes(job, shelf.name)
    code = request.GET.get("code", "")
    rows = shelf.rows.filter(code=code) if code in codes else shelf.rows
    pages = Paginator(rows.select_related("order").order_by("number"), PAGE_ROWS)
    page = pages.get_page(request.GET.get("page"))
    address = reverse("job-show", args=(job.pk,))
    here = f"{address}?show={shelf.name}" + (f"&code={code}" if code in codes else "")
    return {
        "shelf": shelf,
        # Rows of an import become orders when they are written, not before.
        "shows_orders": job.kind != Job.Kind.IMPORT_ORDERS or (shelf.name != "refused" and job.done > 0),
        "tabs": [
            {
                "word": one.word,
                "url": f"{address}?show={one.name}#items",
                "count": f"{one.count:,}",
                "is_current": one is shelf,
            }
            for one in shelves
        ],
        "codes": [
            {
                "word": code_word(name),
                "count": count,
                "url": f"{address}?show={shelf.name}&code={name}#items",
                "is_current": name == code,
            }
            for name, count in codes.items()
        ]
        if len(codes) > 1
        else [],
        "all_url": f"{address}?show={shelf.name}#items" if code in codes else "",
        "rows": rows_of(list(page.object_list), job),
        "summary_words": _("Rows %(first)s to %(last)s of %(count)s")
        % {
            "first": f"{page.start_index():,}",
            "last": f"{page.end_index():,}",
            "count": f"{pages.count:,}",
        },
        "prev_url": f"{here}&page={page.previous_page_number()}#items" if page.has_previous() else "",
        "next_url": f"{here}&page={page.next_page_number()}#items" if page.has_next() else "",
        "has_pages": page.has_other_pages(),
    }


def _codes(job: Job, shelf: str) -> dict[str, int]:
    """The first problems of the shelf's items and how many there are of each."""
    from django.db.models import Count

    outcomes = {"refused": ("failed",), "skipped": ("skipped",), "warned": ("ready", "done")}[shelf]
    rows = job.items.filter(outcome__in=outcomes).exclude(code="").order_by().values_list("code")
    return dict(rows.annotate(count=Count("id")).order_by("-count", "code"))


def code_word(code: str) -> str:
    """A problem's code as a word of a filter."""
    return code.replace("_", " ").capitalize()


@requires("view_order", methods=("POST",))
def job_commit(request: HttpRequest, job_id: int) -> HttpResponse:
    """Write what was previewed; a second call changes nothing."""
    body = read_body(request)
    job = jobs.commit_job(job_id, actor=actor_of(request), mode=body.text("mode"))
    return _after(request, job, status=202)


@requires("view_order", methods=("POST",))
def job_cancel(request: HttpRequest, job_id: int) -> HttpResponse:
    """Stop the job; what it wrote stays."""
    return _after(request, jobs.cancel_job(job_id, actor=actor_of(request)))


@requires("view_order", methods=("POST",))
def job_retry(request: HttpRequest, job_id: int) -> HttpResponse:
    """Try again what failed."""
    return _after(request, jobs.retry_job(job_id, actor=actor_of(request)), status=202)


def _after(request: HttpRequest, job: Job, *, status: int = 200) -> HttpResponse:
    if wants_json(request):
        return JsonResponse(job_reference(job), status=status)
    return HttpResponseRedirect(reverse("job-show", args=(job.pk,)))


@requires("view_order")
def job_file(request: HttpRequest, job_id: int, file_id: int) -> HttpResponse:
    """A file that my job made; gone after its day."""
    job = jobs.own_job(job_id, actor=actor_of(request))
    result = JobFile.objects.filter(job=job, pk=file_id).first()
    if result is None:
        raise NotThere(_("There is no such file."))
    path = files.path_of(result.path)
    if result.expires_at < timezone.now() or not path.is_file():
        return answer_failure(request, 410, _("This file is kept no longer. Make it again."))
    extension = result.name.rpartition(".")[2].lower()
    answer = FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=result.name,
        content_type=CONTENT_TYPES.get(extension, "application/octet-stream"),
    )
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "private, no-store"
    return answer  # type: ignore[return-value]
