"""Turns what the domain refuses into HTTP, in this one place: JSON, parts of a page, whole pages.

Who may enter is decided in access.py; pages that show errors beside their fields catch them themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orders.domain.refusals import InvalidInput, Locked, NotAllowed, NotThere, Refusal, StaleVersion
from orders.web.access import is_htmx, wants_json
from orders.web.shapes import json_values

# What each kind of refusal is on the wire; a kind not named here is a conflict with what is there.
STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (InvalidInput, 422),
    (NotAllowed, 403),
    (PermissionDenied, 403),
    (NotThere, 404),
    (Http404, 404),
    (BadRequest, 400),
    (StaleVersion, 409),
    (Locked, 409),
    (Refusal, 409),
)

_TITLES = {
    400: gettext_lazy("This request cannot be read"),
    403: gettext_lazy("You may not do this"),
    404: gettext_lazy("This is not here"),
}
_TEMPLATES = {status: f"errors/{status}.html" for status in _TITLES}


class RefusalMiddleware:
    """Answers for a view that was refused, so that views need not catch anything."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return answer_to(request, exception)


def answer_to(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    """The answer that the exception stands for; None when it is no refusal but a fault."""
    status = next((status for kind, status in STATUSES if isinstance(exception, kind)), None)
    if status is None:
        return None
    facts: dict[str, Any] = {}
    if isinstance(exception, InvalidInput):
        facts["errors"] = exception.errors
    elif isinstance(exception, Refusal):
        facts["code"] = str(exception.code)
    if isinstance(exception, StaleVersion):
        facts["current"] = json_values(exception.current)
    return answer_failure(request, status, _words_of(exception, status), **facts)


def answer_failure(
    request: HttpRequest,
    status: int,
    message: str,
    *,
    errors: Mapping[str, Sequence[str]] | None = None,
    **facts: Any,
) -> HttpResponse:
    """A failure in the form the caller reads: `{"message", ...}`, a message on the open page, or a page."""
    if wants_json(request):
        body: dict[str, Any] = {"message": message}
        if errors is not None:
            body["errors"] = errors
        return JsonResponse({**body, **facts}, status=status)
    if is_htmx(request):
        return _message_on_page(status, message, errors or {})
    context = {
        "title": _TITLES.get(status, _("This was not done")),
        "advice": message,
        "message": message,
        "errors": {field: texts for field, texts in (errors or {}).items() if list(texts) != [message]},
        "status": status,
        "back": _way_back(request),
        "request_id": request.headers.get("X-Request-ID", ""),
    }
    return render(request, _TEMPLATES.get(status, "errors/refused.html"), context, status=status)


def invalid(errors: Mapping[str, Sequence[str]], message: str = "") -> JsonResponse:
    """422 to a program whose form had errors."""
    refusal = InvalidInput(errors, message)
    return JsonResponse({"message": refusal.message, "errors": refusal.errors}, status=422)


def _words_of(exception: Exception, status: int) -> str:
    if isinstance(exception, Refusal):
        return exception.message
    if isinstance(exception, BadRequest):
        return str(exception) or _("This request cannot be read.")
    if status == 403:
        return _("You are not allowed to do this. Ask an admin for the right.")
    return _("This is not here. It may have been deleted, or the address is wrong.")


def _message_on_page(status: int, message: str, errors: Mapping[str, Sequence[str]]) -> HttpResponse:
    said = [message] + [text for texts in errors.values() for text in texts if text != message]
    text = " ".join(said)[:1000]
    answer = HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
    if status in (409, 422):
        # The page keeps what it shows; the words appear as a message.
        answer["HX-Reswap"] = "none"
        answer["HX-Trigger"] = json.dumps({"notify": {"kind": "error", "text": text}})
    return answer


def _way_back(request: HttpRequest) -> str:
    """Where the person came from, when that is a page of ours."""
    came_from = request.headers.get("Referer", "")
    origin = f"{request.scheme}://{request.get_host()}"
    if not came_from.startswith(f"{origin}/") or came_from == request.build_absolute_uri():
        return ""
    return came_from.removeprefix(origin)
