"""The living style page: every component in every state, for whoever builds or judges pages.

Shown to superusers, and to everybody logged in with DEBUG on; nothing here touches an order.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone

from orders.models import CallCenter, Job, Payment, Status
from orders.web.access import is_htmx, requires

TONES = (
    "new",
    "packed",
    "waiting",
    "shipped",
    "delivered",
    "returned",
    "canceled",
    "out-of-stock",
    "rollback",
)
BENCH_ANSWERS = {
    "idle": {"word": "Ready", "why": "Scan an order to pack it"},
    "done": {"word": "Packed", "what": "ORD-000837", "why": "3 pieces for Casablanca"},
    "already": {"word": "Already packed", "what": "ORD-000837", "why": "packed 10:42 by Salma"},
    "refused": {
        "word": "Not packed",
        "what": "ORD-000837",
        "why": "TSHIRT-L-BLACK: 2 needed, 0 there",
        "next": "Put it on the shelf “Out of stock”",
    },
    "wait": {"word": "Waiting", "what": "ORD-000837", "why": "for the server"},
}


class SampleForm(forms.Form):
    full_name = forms.CharField(label="Full name", max_length=100, help_text="As the courier calls it out")
    phone = forms.CharField(label="Phone", widget=forms.TextInput(attrs={"dir": "ltr", "inputmode": "tel"}))
    company = forms.ChoiceField(
        label="Shipping company", choices=[("", "Choose…"), ("1", "Ecotrack"), ("2", "Forcelog")]
    )
    day = forms.DateField(label="Date", widget=forms.DateInput(attrs={"type": "date"}))
    quantity = forms.IntegerField(label="Quantity", min_value=1)
    notes = forms.CharField(label="Notes", required=False, widget=forms.Textarea)
    outcome = forms.ChoiceField(
        label="Outcome",
        choices=[("sound", "Sound"), ("damaged", "Damaged"), ("missing", "Missing")],
        widget=forms.RadioSelect,
    )
    fragile = forms.BooleanField(label="Fragile", required=False, help_text="Printed on the label")
    file = forms.FileField(label="File", required=False, help_text="CSV or XLSX, at most 20 MB")


def _for_builders(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if not (settings.DEBUG or getattr(request.user, "is_superuser", False)):
            raise Http404
        return view(request, **kwargs)

    return guarded


@requires(methods=("GET", "POST"))
@_for_builders
def show_style(request: HttpRequest) -> HttpResponse:
    """Every component in every state."""
    if request.method == "POST":
        messages.success(request, "Saved: 64 orders packed.")
        return redirect("style")
    if "messages" in request.GET:
        messages.success(request, "64 orders packed.")
        messages.info(request, "The export goes on when you leave this page.")
        messages.warning(request, "12 cities are not known yet.")
        messages.error(request, "Not saved: somebody else changed ORD-000837 meanwhile.")
    page = {"bench": "style/bench.html", "empty": "style/empty.html"}.get(
        request.GET.get("page", ""), "style/page.html"
    )
    return render(request, page, _sample(request))


@requires(methods=("GET", "POST"))
@_for_builders
def show_sheet(request: HttpRequest) -> HttpResponse:
    """A sheet that previews, refuses an empty reason and then reports."""
    reason = request.POST.get("reason", "").strip()
    context = {"reason": reason, "is_refused": request.method == "POST" and not reason}
    if request.method == "POST" and reason:
        return render(request, "style/sheet_report.html", _sample(request))
    status = 422 if context["is_refused"] and is_htmx(request) else 200
    return render(request, "style/sheet.html", context, status=status)


@requires()
@_for_builders
def suggest(request: HttpRequest) -> HttpResponse:
    """Options for the sample of a field with suggestions."""
    wanted = request.GET.get("q", "").casefold()
    names = ["Casablanca", "Fès", "Marrakech", "Meknès", "Mohammedia", "Oujda", "Rabat", "Tanger"]
    found = [(index, name) for index, name in enumerate(names) if wanted in name.casefold()]
    return render(request, "style/options.html", {"found": found})


@requires(methods=("GET", "POST"))
@_for_builders
def answer_with(_request: HttpRequest, status: int) -> HttpResponse:
    """An empty answer of any status, to see what the page makes of it."""
    return HttpResponse(status=status)


def _sample(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now().replace(microsecond=0)
    people = [
        ("Youssef El Idrissi", "+212 600-000001", "Casablanca"),
        ("Amina Tazi", "06 61 23 45 67", "Fès"),
        ("محمد بن علي", "0550 12 34 56", "الجزائر"),
        ("Fatima Zahra Ouazzani Chahdi", "+212661234567", "Marrakech"),
        ("Karim B.", "0770 98 76 54", "Oran"),
    ]
    statuses = list(Status)
    rows = [
        {
            "id": 812 + index,
            "reference": f"ORD-{812 + index:06d}",
            "status": statuses[index % len(statuses)],
            "call_center": list(CallCenter)[index % 5],
            "payment": list(Payment)[index % 8],
            "full_name": people[index % 5][0],
            "phone": people[index % 5][1],
            "city": people[index % 5][2],
            "merchant": "Atlas Boutique" if index % 3 else "Casbah",
            "total": Decimal("399.00") + index * Decimal("731.50"),
            "created_at": now - dt.timedelta(hours=index * 7),
        }
        for index in range(13)
    ]
    broken = SampleForm(data={"full_name": "Amina Tazi", "phone": "", "quantity": "0", "company": "9"})
    broken.is_valid()
    return {
        "statuses": statuses,
        "call_centers": list(CallCenter),
        "payments": list(Payment),
        "job_states": list(Job.State),
        "tones": TONES,
        "rows": rows,
        "now": now,
        "form": SampleForm(auto_id="fresh_%s"),
        "broken": broken,
        "tabs": [
            {"word": status.label, "url": f"?tab={status}", "count": count, "is_current": position == 0}
            for position, (status, count) in enumerate(
                (
                    (Status.NEW, "1,284"),
                    (Status.PACKED, 64),
                    (Status.WAITING, 31),
                    (Status.SHIPPED, 412),
                    (Status.DELIVERED, "18,330"),
                    (Status.RETURNED, "2,207"),
                    (Status.CANCELED, "1,000+"),
                    (Status.OUT_OF_STOCK, 12),
                    (Status.ROLLBACK, 0),
                )
            )
        ],
        "chips": [
            {"name": "City", "value": "Fès", "url": "?"},
            {"name": "From", "value": "1 Nov", "url": "?"},
            {"name": "SKU", "value": "TSHIRT-L-BLACK", "url": "?"},
        ],
        "trail": [("Orders", "?"), ("Shipped", "?")],
        "counts": {"done": 58, "already_done": 2, "refused": 4, "not_found": 1},
        "refused": [
            {"reference": "ORD-000813", "message": "TSHIRT-L-BLACK: 2 needed, 0 there", "url": "?"},
            {"reference": "ORD-000815", "message": "Canceled on 18 Nov; renew it first", "url": "?"},
            {
                "reference": "ORD-000821",
                "message": "Its units lie in Tanger: choose it",
                "url": "?",
            },
        ],
        "answers": BENCH_ANSWERS,
        "answer": {"outcome": request.GET.get("outcome", "idle")}
        | BENCH_ANSWERS.get(request.GET.get("outcome", "idle"), BENCH_ANSWERS["idle"]),
        "scans": [
            {
                "outcome": ("done", "done", "already_done", "refused", "done", "not_found")[index % 6],
                "what": f"ORD-{837 - index:06d}",
                "when": now - dt.timedelta(seconds=11 * index),
                "why": "2 needed, 0 there" if index % 6 == 3 else "",
            }
            for index in range(12)
        ],
    }


urlpatterns = [
    path("", show_style, name="style"),
    path("sheet", show_sheet, name="style-sheet"),
    path("suggest", suggest, name="style-suggest"),
    path("answer/<int:status>", answer_with, name="style-answer"),
]
