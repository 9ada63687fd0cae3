"""What every view for programs does before and after its own part: who calls, may they, how often.

What a request means and what is answered is each dialect's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from orders.api.authentication import BearerAuthentication, Caller
from orders.api.dialects import Dialect, Failed, Failure, dialect_of
from orders.api.parsing import MEDIA_TYPE, drain, read_bytes, read_json, too_large
from orders.api.refusing import ability_missing, failure_of, not_found, respond
from orders.api.repeating import Work, answer_once
from orders.api.throttling import Window, count_call

_log = structlog.get_logger("packhouse.api")


class OnlyJson(BaseContentNegotiation):
    """Answers are JSON, whatever a caller says it accepts."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """None: bodies are read by read_object."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class DialectView(APIView):
    """One address of a dialect. `abilities` names, by method, what a token has to be able to do."""

    dialect: ClassVar[Dialect]
    abilities: ClassVar[Mapping[str, str]]

    authentication_classes = (BearerAuthentication,)
    permission_classes = ()
    throttle_classes = ()
    parser_classes = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = OnlyJson
    metadata_class = None

    window: Window | None = None

    @property
    def caller(self) -> Caller:
        return cast("Caller", self.request.auth)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        token = self.caller.token
        self.window = count_call(f"token:{token.pk}", limit=token.rate)
        if not self.window.passes:
            _log.warning("rate exceeded", caller=str(token))
            raise Failed(
                Failure(
                    429,
                    _("Too many requests: %(limit)s a minute are allowed. Wait and try again.")
                    % {"limit": self.window.limit},
                    "rate_limited",
                    headers={"Retry-After": str(self.window.wait)},
                )
            )
        ability = self.abilities.get("GET" if request.method == "HEAD" else request.method or "")
        if ability is not None and ability not in token.abilities:
            _log.warning("ability missing", ability=ability, caller=str(token))
            raise Failed(ability_missing(f"orders.{ability}"))

    def handle_exception(self, error: Exception) -> HttpResponse:  # type: ignore[override]
        failure = failure_of(error, self.dialect)
        if failure is None:
            raise error  # a fault of ours: config/failures.py writes it down and answers
        if self.window is not None:  # a stranger's body is not waited for
            drain(self.request._request)
        response = respond(failure, self.dialect)
        if failure.status == 405:
            response["Allow"] = ", ".join(self.allowed_methods)
        response.exception = True  # type: ignore[attr-defined]
        return response

    def finalize_response(  # type: ignore[override]
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        if self.window is not None:
            for name, value in self.window.headers().items():
                response[name] = value
        return response

    @property
    def allowed_methods(self) -> list[str]:
        return [*(("HEAD",) if "GET" in self.abilities else ()), *self.abilities]

    def once(self, request: Request, raw: bytes, work: Work) -> HttpResponse:
        """What `work` answers, once for each Idempotency-Key."""
        return answer_once(request, self.caller, raw, work)


def read_object(request: Request) -> tuple[dict[str, Any], bytes]:
    """The JSON object that was sent, and its bytes; 400, 411, 413 or 415 for what is none."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and request.META.get("HTTP_TRANSFER_ENCODING"):
        raise Failed(Failure(411, _("Send the length of the body, in the header Content-Length.")))
    if (request.content_type or "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise Failed(Failure(415, _("Send JSON, with the header Content-Type: application/json.")))
    if length.isdigit() and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise too_large()
    raw = read_bytes(request._request)
    value = read_json(raw)
    if not isinstance(value, dict):
        raise Failed(Failure(400, _("Send one JSON object.")))
    return value, raw


@csrf_exempt
def answer_unknown(request: HttpRequest, **_said: Any) -> HttpResponse:
    """404 in the words of the dialect that the address begins like."""
    return respond(not_found(), dialect_of(request.path))
