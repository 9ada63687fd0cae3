"""What a person or a program is told when a request could not be answered.

Plain words for people, JSON for programs; never a stack, a statement or a path.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import is_valid_path
from django.utils.html import format_html
from django.utils.http import escape_leading_slashes
from django.utils.translation import gettext as _

from orders.api.refusing import answer_outside

_log = structlog.get_logger("packhouse.failures")

RETRY_AFTER = "5"
_TOO_LARGE = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)
# SQLite files mistakes of the program under the same class as a database that is locked or gone.
_SQLITE_MISTAKES = ("no such table", "no such column", "near ", "no such function")


@dataclass(frozen=True)
class Failure:
    """One kind of refusal: its status, the template that draws it and the words for it."""

    status: int
    template: str
    title: str
    advice: str


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400, or 413 when the body was larger than is taken."""
    if isinstance(exception, _TOO_LARGE):
        megabytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024**2
        advice = _("Send less at once: at most %(megabytes)s MB in one request.") % {"megabytes": megabytes}
        return _answer(request, Failure(413, "errors/400.html", _("This is too much at once"), advice))
    advice = _("Go back, check what you entered and try again.")
    return _answer(request, Failure(400, "errors/400.html", _("This request cannot be read"), advice))


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: logged in, but not allowed to do this."""
    advice = _("Your account may not do this. Ask an administrator if you need it for your work.")
    return _answer(request, Failure(403, "errors/403.html", _("You may not do this"), advice))


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: not there, or not this person's to see; the two look alike on purpose.

    An address with a slash too many is sent on to the right one.
    """
    bare = request.path_info.rstrip("/")
    if request.method in {"GET", "HEAD"} and bare != request.path_info and is_valid_path(bare):
        query = request.META.get("QUERY_STRING", "")
        return HttpResponsePermanentRedirect(escape_leading_slashes(f"{bare}?{query}" if query else bare))
    advice = _("It may have been moved or deleted, or it belongs to another merchant.")
    return _answer(request, Failure(404, "errors/404.html", _("This is not here"), advice))


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 when the reason is a database that is away or busy.

    This is the one place through which every unforeseen exception passes, whether a view,
    a template or a middleware raised it.
    """
    if is_database_away(sys.exc_info()[1]):
        # A connection that broke under a request must not be handed to the next one.
        connection.close()
        return database_away(request)
    advice = _("The mistake is ours and was written down. Try again; if it stays, tell an administrator.")
    return _answer(request, Failure(500, "errors/500.html", _("Something went wrong here"), advice))


def database_away(request: HttpRequest) -> HttpResponse:
    """503 with Retry-After: the database does not answer, or could not within its time."""
    advice = _("Nothing of this request was saved. Try again in a few seconds.")
    failure = Failure(503, "errors/503.html", _("The database does not answer right now"), advice)
    response = _answer(request, failure)
    response["Retry-After"] = RETRY_AFTER
    return response


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form came without its token, as after a long pause or from another site."""
    _log.warning("csrf refused", reason=reason, path=request.path)
    advice = _("Go back, reload the page and send the form again. Nothing was lost, nothing was changed.")
    return _answer(
        request, Failure(403, "errors/403_csrf.html", _("This page was open for too long"), advice)
    )


def too_many_logins(
    request: HttpRequest, _response: HttpResponse | None = None, _credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """429: too many wrong passwords for this name from this address."""
    pause = settings.AXES_COOLOFF_TIME
    advice = _("Wait %(minutes)s minutes, then try again, or ask an administrator.")
    advice %= {"minutes": int(pause.total_seconds() // 60)}
    response = _answer(request, Failure(429, "errors/429.html", _("Too many wrong passwords"), advice))
    response["Retry-After"] = str(int(pause.total_seconds()))
    return response


def is_database_away(error: BaseException | None) -> bool:
    """Whether the database is the reason, and not a mistake in what it was asked."""
    if isinstance(error, InterfaceError):
        return True
    return isinstance(error, OperationalError) and not str(error).startswith(_SQLITE_MISTAKES)


def wants_json(request: HttpRequest) -> bool:
    """Whether a program is asking: under /api/, or by what it accepts or sends."""
    if request.path.startswith("/api/"):
        return True
    accepted = request.headers.get("Accept", "")
    if request.content_type == "application/json" and "text/html" not in accepted:
        return True
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def _answer(request: HttpRequest, failure: Failure) -> HttpResponse:
    if request.path.startswith("/api/"):
        return answer_outside(request, failure.status, f"{failure.title}. {failure.advice}")
    if wants_json(request):
        body = {
            "message": f"{failure.title}. {failure.advice}",
            "request_id": request.headers.get("X-Request-ID", ""),
        }
        return JsonResponse(body, status=failure.status)
    return HttpResponse(_page(request, failure), status=failure.status)


def _page(request: HttpRequest, failure: Failure) -> str:
    context = {
        "title": failure.title,
        "advice": failure.advice,
        "status": failure.status,
        "request_id": request.headers.get("X-Request-ID", ""),
    }
    # With the request at hand a page asks the database who is looking; after a failure that
    # would fail again.
    around = request if failure.status < 500 else None
    try:
        return render_to_string(failure.template, context, request=around)
    except Exception:
        _log.exception("error page not drawn", template=failure.template)
        return format_html(
            '<!doctype html><html lang="en"><title>{title}</title><h1>{title}</h1><p>{advice}</p>', **context
        )
