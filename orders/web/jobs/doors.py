"""Where work with files begins: orders in, orders out, orders marked by a list of references.

Files are stored here and read by the worker; what the work does stands in orders/domain and orders/exchange.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.life.moving import preview_move
from orders.domain.life.transitions import TRANSITIONS, Action
from orders.domain.lists.filtering import OrderFilterSet, merchants_of, newest_order_id, read_frozen
from orders.domain.refusals import InvalidInput, Refusal
from orders.domain.work import files, jobs
from orders.domain.work.filelimits import MAX_COLUMNS, MAX_ROWS, MAX_UPLOAD
from orders.models import Job, Merchant
from orders.web.access import actor_of, requires, wants_json
from orders.web.answers import answer_failure
from orders.web.bodies import Body, read_body
from orders.web.jobs.presenting import job_reference, title_of
from orders.web.lists.asking import PAGE_PARAMETERS
from orders.web.uploading import was_too_large

EXTENSIONS = ("csv", "xlsx", "json")
RECENT = 5


@requires("importOrders", methods=("GET", "POST"))
def import_orders(request: HttpRequest) -> HttpResponse:
    """GET shows what a file has to be; POST takes one in and has it checked."""
    actor = actor_of(request)
    if request.method != "POST":
        return _import_page(request, actor)
    try:
        body = read_body(request)
        merchant = merchant_asked(body, actor)
        mode = jobs.check_mode(body.text("mode") or jobs.MODES[0])
        upload = take_file(request)
    except Refusal as refusal:
        return refuse_upload(request, refusal, lambda errors: _import_page(request, actor, errors))
    job = jobs.create_job(
        Job.Kind.IMPORT_ORDERS,
        actor=actor,
        merchant=merchant,
        phase=Job.Phase.CHECK,
        params={"mode": mode},
        upload=upload,
    )
    return started(request, job)


def _import_page(request: HttpRequest, actor: Actor, errors: Mapping[str, Any] | None = None) -> HttpResponse:
    merchants = list(merchants_of(actor).values())
    recent = Job.objects.filter(owner_id=actor.user_id, kind=Job.Kind.IMPORT_ORDERS).order_by("-id")[:RECENT]
    context = {
        "merchants": merchants,
        "merchant": request.POST.get("merchant") or _slug(usual_merchant(actor, merchants)),
        "errors": errors or {},
        "recent": [{"job": job, "title": title_of(job)} for job in recent],
        "limit_size": MAX_UPLOAD // 2**20,
        "limit_rows": MAX_ROWS,
        "limit_columns": MAX_COLUMNS,
    }
    return render(request, "jobs/import.html", context, status=_status(errors))


@requires(("markAsReturnedByScanner", "markAsDeliveredByScanner"))
def mark_page(request: HttpRequest) -> HttpResponse:
    """The page from which orders are marked by a file of references."""
    return _mark_page(request, actor_of(request))


def _mark_page(
    request: HttpRequest,
    actor: Actor,
    action: Action | None = None,
    errors: Mapping[str, Any] | None = None,
) -> HttpResponse:
    offered = [
        {"name": name, "action": one.value, "url": reverse(f"orders-{name}-by-import")}
        for name, one in (("returned", Action.RETURN), ("delivered", Action.DELIVER))
        if actor.may(TRANSITIONS[one].permission)
    ]
    context = {
        "offered": offered,
        "action": action.value if action else "",
        "date": request.POST.get("date", ""),
        "today": timezone.localdate().isoformat(),
        "errors": errors or {},
        "limit_size": MAX_UPLOAD // 2**20,
        "limit_rows": MAX_ROWS,
    }
    return render(request, "jobs/mark.html", context, status=_status(errors))


@requires("markAsReturnedByScanner", methods=("POST",))
def mark_returned(request: HttpRequest) -> HttpResponse:
    """Orders named in a file, to be marked as returned after a preview."""
    return _mark(request, Action.RETURN)


@requires("markAsDeliveredByScanner", methods=("POST",))
def mark_delivered(request: HttpRequest) -> HttpResponse:
    """Orders named in a file, to be marked as delivered after a preview."""
    return _mark(request, Action.DELIVER)


def _mark(request: HttpRequest, action: Action) -> HttpResponse:
    actor = actor_of(request)
    try:
        day: dt.date | None = read_body(request).day("date")
        # The day as such is refused now, not by the worker.
        preview_move(action, [], actor=actor, occurred_on=day)
        upload = take_file(request)
    except Refusal as refusal:
        return refuse_upload(request, refusal, lambda errors: _mark_page(request, actor, action, errors))
    job = jobs.create_job(
        Job.Kind.IMPORT_REFERENCES,
        actor=actor,
        phase=Job.Phase.CHECK,
        params={"action": action.value, "date": day.isoformat() if day else None},
        upload=upload,
    )
    return started(request, job)


@requires("exportOrders", methods=("POST",))
def export_orders(request: HttpRequest) -> HttpResponse:
    """The orders of the list's filter, as they stand now, as a file that a worker writes."""
    actor = actor_of(request)
    body = read_body(request)
    extension = body.text("file_extension", required=True).lower().removeprefix(".")
    if extension not in EXTENSIONS:
        raise InvalidInput(
            {"file_extension": [_("Choose one of: %(words)s.") % {"words": ", ".join(EXTENSIONS)}]}
        )
    asked = read_frozen(_filter_sent(request, body), actor=actor)
    frozen = asked.freeze(up_to=asked.up_to or newest_order_id(asked.orders))
    job = jobs.create_job(
        Job.Kind.EXPORT_ORDERS, actor=actor, params={"extension": extension, "filter": frozen}
    )
    return started(request, job)


def _filter_sent(request: HttpRequest, body: Body) -> str:
    """The list's filter: one field `filter` (an address's query), or fields of its names, or the query."""
    sent = body.get("filter")
    if isinstance(sent, str) and sent:
        pairs = parse_qsl(sent.removeprefix("?"))
    elif isinstance(sent, Mapping):
        pairs = [(str(name), str(value)) for name, value in sent.items()]
    else:
        names = (*OrderFilterSet.base_filters, "tab", "up_to")
        pairs = [(name, str(body.get(name) or request.GET.get(name, ""))) for name in names]
    return urlencode([(name, value) for name, value in pairs if value and name not in PAGE_PARAMETERS])


# --- uploads -------------------------------------------------------------------------------


def take_file(request: HttpRequest) -> files.Upload:
    """The file that came with the request, stored; refuses none (`file`) and one that is too large."""
    sent = request.FILES.get("file")
    if was_too_large(request):
        raise files.too_large()
    if not isinstance(sent, UploadedFile):
        raise InvalidInput({"file": [_("Choose a file.")]})
    return files.store_upload(sent.chunks(), name=sent.name or "")


def merchant_asked(body: Body, actor: Actor) -> Merchant:
    """The merchant named by short name or id, else the only one, else the one used last."""
    merchants = list(merchants_of(actor).values())
    named = body.text("merchant")
    if named:
        found = [merchant for merchant in merchants if named in (merchant.slug, str(merchant.pk))]
        if not found:
            raise InvalidInput({"merchant": [_("There is no such merchant; choose one from the list.")]})
        return found[0]
    usual = usual_merchant(actor, merchants)
    if usual is None:
        words = _("Choose whose orders these are: %(merchants)s.")
        names = ", ".join(merchant.slug for merchant in merchants)
        raise InvalidInput({"merchant": [words % {"merchants": names}]})
    return usual


def usual_merchant(actor: Actor, merchants: list[Merchant]) -> Merchant | None:
    """The only merchant, else the one the actor's last job was for, else None."""
    if len(merchants) == 1:
        return merchants[0]
    last = (
        Job.objects.filter(owner_id=actor.user_id, merchant__in=merchants)
        .order_by("-id")
        .values_list("merchant_id", flat=True)
        .first()
    )
    return next((merchant for merchant in merchants if merchant.pk == last), None)


def _slug(merchant: Merchant | None) -> str:
    return merchant.slug if merchant else ""


def refuse_upload(request: HttpRequest, refusal: Refusal, page: Any) -> HttpResponse:
    """413 or 422, as JSON or as the page with the words at their field."""
    status = 413 if isinstance(refusal, files.TooLarge) else 422
    errors = refusal.errors if isinstance(refusal, InvalidInput) else {"file": [refusal.message]}
    if wants_json(request):
        return answer_failure(request, status, refusal.message, errors=errors)
    answer: HttpResponse = page(errors)
    answer.status_code = status
    return answer


def started(request: HttpRequest, job: Job) -> HttpResponse:
    """Where the new job is: 202 to a program, its page to a person."""
    if wants_json(request):
        return JsonResponse(job_reference(job), status=202)
    return HttpResponseRedirect(reverse("job-show", args=(job.pk,)))


def _status(errors: Mapping[str, Any] | None) -> int:
    return 422 if errors else 200
