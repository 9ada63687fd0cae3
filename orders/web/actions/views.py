"""The doors of every action on many orders: one view does it, one shows what it would do.

The table of actions stands in bulk_actions.py, the rules in orders/domain.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.life.bulk import start_bulk_action
from orders.domain.refusals import Code, InvalidInput, NotAllowed
from orders.domain.reports import Outcome, Report, Result
from orders.models import CallCenter, Job, Order, User
from orders.web.access import READING, actor_of, is_htmx, requires, wants_json
from orders.web.actions.asking import AskForm, Errors, read_asked
from orders.web.actions.bulk_actions import BULK_ACTIONS, BulkAction
from orders.web.actions.restocking import BenchLine, read_bench_lines, read_dispositions
from orders.web.actions.selecting import Selection, read_selection
from orders.web.actions.summaries import MOST_SHOWN, Group, count_of, summarize, summarize_large, words_beside
from orders.web.bodies import Body, read_body

# More orders than this are restocked as all sound, or one by one at the return bench.
MOST_AT_BENCH = 20
EVERY_PERMISSION = tuple(dict.fromkeys(name for one in BULK_ACTIONS.values() for name in one.permissions))


@dataclass
class _Asked:
    """One request to an action: which orders, what was said, and what cannot be read of it."""

    action: BulkAction
    body: Body
    actor: Actor
    selection: Selection
    said: dict[str, Any]
    errors: Errors


def bulk_view(action: BulkAction) -> Callable[[HttpRequest], HttpResponse]:
    """The view that does the action: JSON answers the report, a browser gets it as a sheet or page."""

    @requires(action.permissions, methods=action.methods)
    def act(request: HttpRequest) -> HttpResponse:
        asked = _read(request, action)
        try:
            if asked.errors:
                raise InvalidInput(asked.errors)
            if asked.selection.is_large:
                return _answer_job(request, _start_job(asked))
            report = action.run(asked.selection.ids, actor=asked.actor, **asked.said)
        except InvalidInput as refusal:
            if wants_json(request):
                raise
            return _draw_sheet(request, asked, refused=refusal.errors, status=422)
        return _answer_report(request, asked, report)

    act.__name__ = act.__qualname__ = f"{action.name}_orders"
    return act


@requires(EVERY_PERMISSION, methods=("GET", "POST"))
def show_sheet(request: HttpRequest, action: str) -> HttpResponse:
    """What the action would do to the orders chosen, and what it has to be told; changes nothing."""
    wanted = BULK_ACTIONS.get(action)
    if wanted is None:
        raise Http404
    actor = actor_of(request)
    if not any(map(actor.may, wanted.permissions)):
        raise NotAllowed(_("You are not allowed to do this. Ask an admin for the right."))
    return _draw_sheet(request, _read(request, wanted, draft=True))


def _read(request: HttpRequest, action: BulkAction, *, draft: bool = False) -> _Asked:
    """The request as read; a draft (the sheet before it is sent) may leave anything out."""
    body = _read_query(request) if request.method in READING else read_body(request)
    actor = actor_of(request)
    said, errors = read_asked(action.asks, body)
    if draft:
        errors = {name: texts for name, texts in errors.items() if body.get(name) not in (None, "")}
    dispositions: dict[int, Any] = {}
    if action.name == "restock":
        try:
            dispositions = read_dispositions(body, actor=actor)
        except InvalidInput as refusal:
            errors |= refusal.errors
        if dispositions:
            said["dispositions"] = dispositions
    try:
        if "ids" not in body and "ids[]" not in body and (dispositions or _names_lines(errors)):
            selection = Selection(tuple(dispositions))
        else:
            selection = read_selection(request, body, actor=actor)
    except InvalidInput as refusal:
        if draft or not wants_json(request):
            raise
        errors, selection = refusal.errors | errors, Selection(())
    return _Asked(action, body, actor, selection, said, errors)


def _names_lines(errors: Errors) -> bool:
    """Whether lines were sent that cannot be read: then no ids are missed as well."""
    return any(path.partition(".")[0] == "lines" for path in errors)


def _read_query(request: HttpRequest) -> Body:
    return Body({name: request.GET.getlist(name) for name in request.GET}, is_json=False)


# --- the answer ---------------------------------------------------------------------


def _answer_report(request: HttpRequest, asked: _Asked, report: Report) -> HttpResponse:
    if wants_json(request):
        return JsonResponse(report.as_json())
    action, counts = asked.action, report.counts
    changed = [result for result in report.results if result.event_id is not None]
    undoable = changed if action.can_be_undone else []
    context = {
        "action": action,
        "title": action.words.did_words(counts["done"]),
        "counts": counts,
        "refused": _rows(report, Outcome.REFUSED, Outcome.NOT_FOUND),
        "done": _rows(report, Outcome.DONE),
        "already_done": _rows(report, Outcome.ALREADY_DONE),
        "undo_ids": [result.id for result in undoable],
        "undo_words": BULK_ACTIONS["undo"].words.button_words(len(undoable)),
        "changed": len(changed) or counts["done"],
        "back": _way_back(request, asked.body),
    }
    answer = render(request, "actions/report.html", context)
    if context["changed"]:
        # What was chosen has moved on: coming back to the list it would mean other things.
        answer["HX-Trigger"] = json.dumps({"selection-clear": True})
    return answer


def _rows(report: Report, *outcomes: Outcome) -> list[dict[str, Any]]:
    found: list[Result] = [result for outcome in outcomes for result in report.with_outcome(outcome)]
    return [
        {
            "reference": result.reference or result.id,
            "message": words_beside(result),
            "url": reverse("order-show", args=[result.id]) if result.reference else "",
        }
        for result in found
    ]


def _start_job(asked: _Asked) -> Job:
    return start_bulk_action(
        asked.action.name, actor=asked.actor, frozen=asked.selection.frozen, **asked.said
    )


def _answer_job(request: HttpRequest, job: Job) -> HttpResponse:
    url = reverse("job-show", args=[job.pk])
    if wants_json(request):
        return JsonResponse({"job": {"id": str(job.pk), "url": url}}, status=202)
    if is_htmx(request):
        answer = HttpResponse(status=204)
        answer["HX-Redirect"] = url
        return answer
    return HttpResponseRedirect(url)


# --- the sheet ----------------------------------------------------------------------


def _draw_sheet(
    request: HttpRequest,
    asked: _Asked,
    *,
    refused: Mapping[str, Sequence[str]] | None = None,
    status: int = 200,
) -> HttpResponse:
    action, selection = asked.action, asked.selection
    today = _today(request)
    values = _values(request, asked, today)
    groups, preview_errors = _preview(asked, values)
    errors = preview_errors | asked.errors | {name: list(texts) for name, texts in (refused or {}).items()}
    form = AskForm(
        action.asks,
        values,
        refused=errors,
        today=today,
        sheet_url=reverse("orders-action-sheet", args=[action.name]),
    )
    will = count_of(groups, Outcome.DONE)
    short = sum(group.count for group in groups if group.code == Code.OUT_OF_STOCK)
    context = {
        "action": action,
        "title": action.words.title,
        "form": form,
        "errors": errors,
        "groups": groups,
        "requested": sum(group.count for group in groups),
        "will": will,
        "can_go_on": bool(will or short) or not groups,
        "button": _button_words(action, will, short),
        "is_large": selection.is_large,
        "ids": [] if selection.is_by_filter else selection.ids,
        "frozen": selection.frozen,
        "bench_lines": _bench_lines(asked, errors),
        "back": _way_back(request, asked.body),
        "post_url": reverse(action.url_name),
        "most_shown": MOST_SHOWN,
    }
    return render(request, "actions/sheet.html", context, status=status)


def _button_words(action: BulkAction, will: int, short: int) -> str:
    if will or not short:
        return action.words.button_words(will)
    return BULK_ACTIONS["mark_out_of_stock"].words.button_words(short)


def _preview(asked: _Asked, values: Mapping[str, Any]) -> tuple[list[Group], Errors]:
    """What would become of the orders; what was said wrong is left aside and told."""
    action, selection = asked.action, asked.selection
    if selection.matching is not None:
        return summarize_large(action, selection.matching), {}
    said, _errors = read_asked(action.asks, Body(values, is_json=True))
    if "dispositions" in asked.said:
        said["dispositions"] = asked.said["dispositions"]
    try:
        return summarize(action, action.preview(selection.ids, actor=asked.actor, **said)), {}
    except InvalidInput as refusal:
        errors = refusal.errors
    # Without what was refused, the rest can still be shown.
    plain = {"outcome": CallCenter.CONFIRMED.value} if action.name == "confirm" else {}
    return summarize(action, action.preview(selection.ids, actor=asked.actor, **plain)), errors


def _values(request: HttpRequest, asked: _Asked, today: dt.date) -> dict[str, Any]:
    """What the sheet's fields hold: what was sent, else what is usual."""
    values: dict[str, Any] = {}
    for ask in asked.action.asks:
        sent = asked.body.get(ask.name)
        if ask.name in asked.body and sent is not None:
            values[ask.name] = sent
        elif ask.kind == "day" and ask.is_required:
            values[ask.name] = today.isoformat()
        elif ask.kind == "warehouse" and ask.is_required:
            values[ask.name] = _usual_warehouse(request, asked.selection)
        elif ask.kind == "outcome":
            values[ask.name] = CallCenter.CONFIRMED.value
    return values


def _usual_warehouse(request: HttpRequest, selection: Selection) -> int | None:
    """Where most of the orders' units lie, else the person's own warehouse."""
    lie_in: Counter[int] = Counter(
        Order.objects.filter(pk__in=selection.ids)
        .annotate(lies_in=Coalesce("reserved_warehouse_id", "warehouse_id"))
        .values_list("lies_in", flat=True)
    )
    if lie_in:
        return lie_in.most_common(1)[0][0]
    return cast("User", request.user).warehouse_id


def _bench_lines(asked: _Asked, errors: Errors) -> list[BenchLine]:
    """The lines to say of what came back, where there are few enough orders to look at."""
    if asked.action.name != "restock" or not 0 < len(asked.selection.ids) <= MOST_AT_BENCH:
        return []
    return read_bench_lines(asked.selection.ids, asked.body, errors, actor=asked.actor)


def _today(request: HttpRequest) -> dt.date:
    merchant = cast("User", request.user).merchant
    return merchant.today() if merchant is not None else timezone.localdate()


def _way_back(request: HttpRequest, body: Body) -> str:
    """The list or page that the person came from, as it was: an address of ours, never another's."""
    for url in (body.get("back"), request.headers.get("HX-Current-URL"), request.headers.get("Referer")):
        if isinstance(url, str) and url_has_allowed_host_and_scheme(
            url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        ):
            parts = urlsplit(url)
            # Two strokes would name another host.
            path = "/" + parts.path.lstrip("/")
            if not path.startswith(("/orders/actions/", "/orders/mark-")):
                return f"{path}?{parts.query}" if parts.query else path
    return reverse("order-list")
