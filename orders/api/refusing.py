"""The one place that turns refusals, the domain's and the framework's, into answers for programs.

What a dialect's body looks like is said by the dialect; people's pages have their own: orders/web/answers.py.
"""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
)
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from rest_framework import exceptions

from orders.api.dialects import Dialect, Failed, Failure, dialect_of
from orders.domain.refusals import InvalidInput, Locked, NotAllowed, NotThere, Refusal, StaleVersion

INVALID_TOKEN = "invalid_token"  # noqa: S105 - a code
CHALLENGE = f'Bearer error="{INVALID_TOKEN}"'


def failure_of(error: Exception, dialect: Dialect) -> Failure | None:
    """The failure that the exception stands for; None when it is a fault of ours."""
    if isinstance(error, Failed):
        return error.failure
    if isinstance(error, Refusal):
        return _refused(error, dialect)
    if isinstance(error, exceptions.APIException | Http404 | PermissionDenied | SuspiciousOperation):
        return _of_framework(error)
    return None


def respond(failure: Failure, dialect: Dialect) -> HttpResponse:
    """The failure as the dialect words it."""
    return json_response(dialect.envelope(failure), failure.status, headers=dict(failure.headers))


def json_response(body: Any, status: int = 200, *, headers: dict[str, str] | None = None) -> HttpResponse:
    """The body as compact JSON, text as it is."""
    return json_text_response(json_text(body), status, headers=headers)


def json_text(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def json_text_response(text: str, status: int, *, headers: dict[str, str] | None = None) -> HttpResponse:
    # Half of a surrogate pair can stand in a text that is echoed, and in no UTF-8.
    return HttpResponse(
        text.encode(errors="replace"), status=status, content_type="application/json", headers=headers
    )


def answer_outside(request: HttpRequest, status: int, message: str) -> HttpResponse:
    """A failure that no view saw: raised before one was found, or a fault inside one.

    It names the request, so that whoever is told of it finds it in the log.
    """
    body = dialect_of(request.path).envelope(Failure(status, message))
    return json_response(body | {"request_id": request.headers.get("X-Request-ID", "")}, status)


def no_such_token() -> Failure:
    """401, the same whatever is wrong with the token."""
    message = _("The API token is missing or not valid.")
    return Failure(401, message, INVALID_TOKEN, headers={"WWW-Authenticate": CHALLENGE})


def ability_missing(ability: str) -> Failure:
    message = _("This token may not do this: it lacks the ability “%(ability)s”.") % {"ability": ability}
    challenge = f'Bearer error="insufficient_scope", scope="{ability}"'
    return Failure(403, message, "insufficient_scope", headers={"WWW-Authenticate": challenge})


def not_found() -> Failure:
    return Failure(404, _("There is nothing here."))


def _refused(refusal: Refusal, dialect: Dialect) -> Failure:
    if isinstance(refusal, InvalidInput):
        return Failure(422, dialect.invalid_message or refusal.message, errors=refusal.errors)
    if isinstance(refusal, NotThere):
        return Failure(404, refusal.message)
    if isinstance(refusal, NotAllowed):
        return Failure(403, refusal.message, str(refusal.code))
    if isinstance(refusal, Locked):
        return Failure(409, refusal.message, str(refusal.code), headers={"Retry-After": "1"})
    if isinstance(refusal, StaleVersion):
        return Failure(409, refusal.message, str(refusal.code))
    return Failure(422, refusal.message, str(refusal.code))


def _of_framework(error: Exception) -> Failure:
    if isinstance(error, exceptions.MethodNotAllowed):
        return Failure(405, _("This address does not answer this method."))
    if isinstance(error, exceptions.UnsupportedMediaType):
        return Failure(415, _("Send JSON, with the header Content-Type: application/json."))
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return no_such_token()
    if isinstance(error, exceptions.PermissionDenied | PermissionDenied):
        return Failure(403, _("This token may not do this."))
    if isinstance(error, exceptions.NotFound | Http404):
        return not_found()
    if isinstance(error, RequestDataTooBig | TooManyFieldsSent):
        return Failure(413, _("This is too much at once. Send less in one request."))
    return Failure(400, _("This request cannot be read."))
