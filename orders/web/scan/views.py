"""The scan benches, and the scanner actions of the session routes (WedoCOD dashboard, scanner operations).

Codes and steps are the domain's business; how an answer looks stands in panels.py.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from orders.domain.bench.scanning import (
    ScanAnswer,
    ScanMode,
    ScanOutcome,
    count_scans,
    read_answer,
    read_recent_scans,
    scan,
    undo_scan,
)
from orders.domain.refusals import InvalidInput, NotAllowed
from orders.models import User
from orders.web.access import actor_of, is_htmx, requires, wants_json
from orders.web.bodies import read_body, read_day, whole_number
from orders.web.scan.benches import BENCHES, PERMISSIONS, RETURN_STEPS, Bench, benches_of
from orders.web.scan.choices import MAX_REASON, Choices, read_choices, remember_choices, start_of_today
from orders.web.scan.panels import Panel, panel_of, rows_of, tallies_of, undo_panel, wrong_call_panel

SOURCE = "scanner"
_STATUS_OF_OUTCOME = {
    ScanOutcome.DONE: 200,
    ScanOutcome.ALREADY_DONE: 200,
    ScanOutcome.DUPLICATE_IGNORED: 200,
    ScanOutcome.UNKNOWN: 404,
}


@requires(PERMISSIONS)
def choose_bench(request: HttpRequest) -> HttpResponse:
    """The benches a person may work at, with their own counts of today."""
    user = cast("User", request.user)
    counts = count_scans(user.pk, since=start_of_today(user))
    choices = [(bench, tallies_of(counts[bench.mode])) for bench in benches_of(request)]
    context = {
        "choices": [choice for choice in choices if choice[0].mode not in RETURN_STEPS],
        "return_choices": [choice for choice in choices if choice[0].mode in RETURN_STEPS],
    }
    return render(request, "scan/home.html", context)


@requires(PERMISSIONS)
def show_bench(request: HttpRequest, mode: str) -> HttpResponse:
    """One bench; `?answer=` shows what a scan sent as a plain form came to."""
    bench = _bench(request, mode)
    attempt_id = whole_number(request.GET.get("answer", ""))
    answer = read_answer(attempt_id, user_id=cast("User", request.user).pk) if attempt_id else None
    return _page(request, bench, panel_of(answer, bench) if answer else None)


def scanner_action(mode: ScanMode) -> Callable[..., HttpResponse]:
    """The view that takes one scan through the bench's step."""
    bench = BENCHES[mode]

    @requires(mode.permission, methods=("POST",))
    def take_scan(request: HttpRequest) -> HttpResponse:
        said: Said | None = None
        try:
            said = _read(request, bench)
            answer = scan(
                mode,
                said.scanned,
                actor=actor_of(request, SOURCE),
                occurred_on=_day_for(request, said),
                warehouse_id=said.warehouse_id,
                nonce=said.nonce,
                reason=said.reason,
                keys=said.keys,
            )
        except InvalidInput as refusal:
            if wants_json(request):
                raise
            return _wrong_call(request, bench, refusal, said)
        if wants_json(request):
            return JsonResponse(answer.as_json(), status=_status_of(answer))
        remember_choices(request, bench, day=said.day, warehouse_id=said.warehouse_id, reason=said.reason)
        if not is_htmx(request) and answer.attempt_id is not None:
            # Reloading the page that follows sends nothing again.
            query = urlencode({"answer": answer.attempt_id})
            return HttpResponseRedirect(f"{bench.url}?{query}", status=303)
        return _show(request, bench, panel_of(answer, bench), status=_status_of(answer))

    return take_scan


@requires(PERMISSIONS, methods=("POST",))
def undo(request: HttpRequest, mode: str) -> HttpResponse:
    """Takes one of the person's own scans back."""
    bench = _bench(request, mode)
    attempt_id = read_body(request).number("attempt", required=True)
    answer = undo_scan(attempt_id or 0, actor=actor_of(request, SOURCE))
    if wants_json(request):
        return JsonResponse(answer.as_json(), status=_status_of(answer))
    return _show(request, bench, undo_panel(answer), status=_status_of(answer))


@requires(PERMISSIONS, methods=("POST",))
def keep_choices(request: HttpRequest, mode: str) -> HttpResponse:
    """Remembers day, warehouse and reason before the first scan is made with them."""
    bench = _bench(request, mode)
    body = read_body(request)
    remember_choices(
        request,
        bench,
        day=body.day("date"),
        warehouse_id=body.number("warehouseId"),
        reason=body.text("description", max_length=MAX_REASON),
    )
    return HttpResponse(status=204)


# --- reading -----------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """What a scan said: the code, and what was chosen with it."""

    scanned: str
    keys: str
    nonce: str
    day: dt.date | None
    warehouse_id: int | None
    reason: str


def _read(request: HttpRequest, bench: Bench) -> Said:
    """Every field of the call; all that is wrong with them is said at once.

    At the return benches `cycle` may name the trip beside the reference, as the label does in its code.
    """
    body = read_body(request)
    errors: dict[str, list[str]] = {}

    def read(getter: Callable[..., Any], name: str, **rules: Any) -> Any:
        try:
            return getter(name, **rules)
        except InvalidInput as refusal:
            errors.update(refusal.errors)
            return None

    said = Said(
        scanned=read(body.text, "reference", required=True),
        keys=read(body.text, "keys"),
        nonce=read(body.text, "nonce"),
        day=read(body.day, "date", required=bench.needs_day),
        warehouse_id=read(body.number, "warehouseId", required=bench.needs_warehouse),
        reason=read(body.text, "description", required=bench.needs_reason, max_length=MAX_REASON),
    )
    cycle = read(body.number, "cycle") if bench.mode in RETURN_STEPS else None
    if errors:
        raise InvalidInput(errors)
    return said if cycle is None else replace(said, scanned=f"{said.scanned}-{cycle}", keys="")


def _day_for(request: HttpRequest, said: Said) -> dt.date | None:
    """The day as said; today at a bench is each merchant's own, which may still be yesterday here."""
    if wants_json(request) or said.day != start_of_today(cast("User", request.user)).date():
        return said.day
    return None


def _bench(request: HttpRequest, mode: str) -> Bench:
    try:
        bench = BENCHES[ScanMode(mode)]
    except ValueError:
        raise Http404 from None
    if bench not in benches_of(request):
        raise NotAllowed(_("You are not allowed to work at this bench. Ask an admin for the right."))
    return bench


# --- showing -------------------------------------------------------------------------


def _status_of(answer: ScanAnswer) -> int:
    return _STATUS_OF_OUTCOME.get(answer.outcome, 409)


def _wrong_call(request: HttpRequest, bench: Bench, refusal: InvalidInput, said: Said | None) -> HttpResponse:
    scanned = said.scanned if said else str(request.POST.get("reference", ""))[:100]
    panel = wrong_call_panel(refusal.errors, scanned)
    if is_htmx(request):
        return _part(request, bench, panel, status=422)
    return _page(request, bench, panel, status=422, errors=refusal.errors, typed=scanned)


def _show(request: HttpRequest, bench: Bench, panel: Panel, *, status: int) -> HttpResponse:
    return (_part if is_htmx(request) else _page)(request, bench, panel, status=status)


def _part(request: HttpRequest, bench: Bench, panel: Panel, *, status: int) -> HttpResponse:
    """Answer and side alone: what the page's own module swaps in."""
    context = _beside(request, bench) | {"bench": bench, "panel": panel}
    return render(request, "scan/_part.html", context, status=status)


def _page(
    request: HttpRequest,
    bench: Bench,
    panel: Panel | None,
    *,
    status: int = 200,
    errors: dict[str, list[str]] | None = None,
    typed: str = "",
) -> HttpResponse:
    choices = read_choices(request, bench)
    if errors is not None:
        choices = _as_sent(request.POST, choices)
    context = _beside(request, bench) | {
        "bench": bench,
        "benches": benches_of(request),
        "panel": panel,
        "choices": choices,
        "errors": errors or {},
        "typed": typed,
        "nonce": uuid.uuid4().hex,
    }
    return render(request, "scan/bench.html", context, status=status)


def _as_sent(form: Any, choices: Choices) -> Choices:
    """The choices as they stood in a form that was refused, where they can be shown again."""
    return replace(
        choices,
        day=read_day(str(form.get("date", ""))) or choices.day,
        warehouse_id=whole_number(form.get("warehouseId", "")),
        reason=str(form.get("description", ""))[:MAX_REASON],
    )


def _beside(request: HttpRequest, bench: Bench) -> dict[str, Any]:
    user = cast("User", request.user)
    since = start_of_today(user)
    counts = count_scans(user.pk, since=since, modes=(bench.mode,))
    return {
        "tallies": tallies_of(counts[bench.mode]),
        "rows": rows_of(read_recent_scans(user.pk, bench.mode)),
        "today": since.date(),
    }
