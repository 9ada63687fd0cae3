"""What every request gets before anything else looks at it, and every answer before it leaves.

Who somebody is and what they may do is decided further in.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

View = Callable[[HttpRequest], HttpResponseBase]

_WELL_FORMED_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_log = structlog.get_logger("packhouse.requests")

PERMISSIONS_POLICY = "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), serial=()"


def identify_request(get_response: View) -> View:
    """Gives each request an id, in `request.headers["X-Request-ID"]`, every log line and the answer.

    A caller's own id is kept when it is 8 to 64 letters, digits or hyphens, otherwise made anew.
    """
    quiet = ("/healthz", "/readyz", f"/{settings.STATIC_URL.strip('/')}/")

    def answer(request: HttpRequest) -> HttpResponseBase:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _WELL_FORMED_ID.fullmatch(given) else uuid.uuid4().hex
        request.META["HTTP_X_REQUEST_ID"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        begun = time.perf_counter()
        response = get_response(request)
        response["X-Request-ID"] = request_id
        if not request.path.startswith(quiet):
            _log.info(
                "request",
                method=request.method,
                path=request.path,
                status=response.status_code,
                ms=round((time.perf_counter() - begun) * 1000, 1),
                client=client_address(request),
            )
        return response

    return answer


def add_headers(get_response: View) -> View:
    """Adds the headers that Django has no setting for; what a view has set itself stays."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        # Pages show people's names and phones: the next person at this terminal must not find
        # them behind the back button. Static files have set their own by now.
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return answer


def client_address(request: HttpRequest) -> str:
    """The address a request came from, as far as it can be trusted.

    X-Forwarded-For can be written by anybody; with PROXIES=n only the entry that the
    outermost of the n own proxies added is believed.
    """
    direct = str(request.META.get("REMOTE_ADDR", ""))
    if not settings.PROXIES:
        return direct
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    return hops[-settings.PROXIES] if len(hops) >= settings.PROXIES else direct
