"""Where products come in from a file: the page that takes it, and the job that checks it.

How rows are read stands in orders/exchange; what people see of the job in orders/web/jobs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.lists.filtering import merchants_of
from orders.domain.refusals import InvalidInput, Refusal
from orders.domain.work import jobs
from orders.domain.work.filelimits import MAX_COLUMNS, MAX_ROWS, MAX_UPLOAD
from orders.models import Job, Merchant, Warehouse
from orders.web.access import actor_of, requires
from orders.web.bodies import Body, read_body
from orders.web.jobs.doors import merchant_asked, refuse_upload, started, take_file, usual_merchant
from orders.web.jobs.presenting import title_of
from orders.web.stock.queries import find_warehouse

UNITS = ("counted", "received")
RECENT = 5


@requires("manageStock", methods=("GET", "POST"))
def import_products(request: HttpRequest) -> HttpResponse:
    """GET shows what a file has to be; POST takes one in and has it checked."""
    actor = actor_of(request)
    if request.method != "POST":
        return _page(request, actor)
    try:
        body = read_body(request)
        merchant = merchant_asked(body, actor)
        warehouse = _warehouse_asked(body, merchant)
        units = _units_asked(body)
        upload = take_file(request)
    except Refusal as refusal:
        return refuse_upload(request, refusal, lambda errors: _page(request, actor, errors))
    job = jobs.create_job(
        Job.Kind.IMPORT_PRODUCTS,
        actor=actor,
        merchant=merchant,
        phase=Job.Phase.CHECK,
        params={"warehouse_id": warehouse.pk, "on_hand": units},
        upload=upload,
    )
    return started(request, job)


def _warehouse_asked(body: Body, merchant: Merchant) -> Warehouse:
    """Where the units lie: the warehouse named by id, code or name, else the merchant's default."""
    warehouse = find_warehouse(body.text("warehouse")) or merchant.default_warehouse
    if not warehouse.is_active:
        raise InvalidInput(
            {"warehouse": [_("%(name)s is closed; choose another warehouse.") % {"name": warehouse.name}]}
        )
    return warehouse


def _units_asked(body: Body) -> str:
    units = body.text("on_hand") or UNITS[0]
    if units not in UNITS:
        raise InvalidInput({"on_hand": [_("Choose one of: %(words)s.") % {"words": ", ".join(UNITS)}]})
    return units


def _page(request: HttpRequest, actor: Actor, errors: Mapping[str, Any] | None = None) -> HttpResponse:
    merchants = list(merchants_of(actor).values())
    usual = usual_merchant(actor, merchants)
    recent = Job.objects.filter(owner_id=actor.user_id, kind=Job.Kind.IMPORT_PRODUCTS).order_by("-id")
    context = {
        "merchants": merchants,
        "merchant": request.POST.get("merchant") or (usual.slug if usual else ""),
        "warehouses": list(Warehouse.objects.filter(is_active=True)),
        "warehouse": request.POST.get("warehouse", ""),
        "units": request.POST.get("on_hand") or UNITS[0],
        "errors": errors or {},
        "recent": [{"job": job, "title": title_of(job)} for job in recent[:RECENT]],
        "limit_size": MAX_UPLOAD // 2**20,
        "limit_rows": MAX_ROWS,
        "limit_columns": MAX_COLUMNS,
    }
    return render(request, "stock/import.html", context, status=422 if errors else 200)
