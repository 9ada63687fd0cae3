"""Who may open which page: login, permission and method, declared on each view.

What a person may do to an order is the domain's business; how a refusal looks stands in answers.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlencode, urlsplit

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.shortcuts import resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.refusals import NotAllowed
from orders.models import User

READING = ("GET", "HEAD")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

View = TypeVar("View", bound=Callable[..., Any])


def requires(*codenames: str | tuple[str, ...], methods: Iterable[str] = READING) -> Callable[[View], View]:
    """A view for people who are logged in and hold every permission named; a tuple asks for any one of it.

    Works on functions and class-based views. Without a codename anybody logged in may enter. Another
    method than `methods` answers 405, a stranger is sent to the login page (401 to a program), a
    missing permission is 403. The declaration stays readable on the view as `required_permissions`.
    """
    wanted = tuple((name,) if isinstance(name, str) else tuple(name) for name in codenames)
    allowed = tuple(dict.fromkeys((*(("HEAD",) if "GET" in methods else ()), *methods)))

    def decorate(view: View) -> View:
        if isinstance(view, type):
            return cast("View", method_decorator(decorate, name="dispatch")(view))

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in allowed:
                return _wrong_method(request, allowed)
            if not request.user.is_authenticated:
                return _ask_for_login(request)
            for any_of in wanted:
                if not any(request.user.has_perm(f"orders.{codename}") for codename in any_of):
                    raise NotAllowed(_("You are not allowed to do this. Ask an admin for the right."))
            answer = cast("HttpResponse", view(request, *args, **kwargs))
            # The same address answers a page, a part of it or JSON, to one person.
            patch_vary_headers(answer, ("Accept", "HX-Request", "Cookie"))
            if "Cache-Control" not in answer:
                answer["Cache-Control"] = "private, no-store"
            return answer

        guarded.required_permissions = wanted  # type: ignore[attr-defined]
        guarded.allowed_methods = allowed  # type: ignore[attr-defined]
        return cast("View", guarded)

    return decorate


def actor_of(request: HttpRequest, source: str = "dashboard", *, station: str = "") -> Actor:
    """The logged-in person with the permissions of this moment, at the door `source`."""
    kept = getattr(request, "_actor", None)
    if kept is None:
        kept = Actor.of(cast("User", request.user), source=source, station=station)
        request._actor = kept  # type: ignore[attr-defined]
    if (kept.source, kept.station) == (source, station):
        return kept
    return Actor(
        kind=kept.kind,
        name=kept.name,
        source=source,
        user_id=kept.user_id,
        merchant_id=kept.merchant_id,
        station=station,
        permissions=kept.permissions,
    )


def wants_json(request: HttpRequest) -> bool:
    """Whether a program asks: it prefers JSON, sends JSON, or stands at a programs' door."""
    if request.path_info.startswith("/api/") or request.content_type == "application/json":
        return True
    if is_htmx(request):
        return False
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def is_htmx(request: HttpRequest) -> bool:
    """Whether the page asks for a part of itself."""
    return request.headers.get("HX-Request") == "true"


def login_address(request: HttpRequest) -> str:
    """The login page, leading back to where the person was: never to another host, never to an action."""
    back = request.get_full_path()
    if is_htmx(request):
        back = _own_path(request, request.headers.get("HX-Current-URL", ""))
    elif request.method not in SAFE:
        back = _own_path(request, request.headers.get("Referer", ""))
    login = resolve_url("login")
    return f"{login}?{urlencode({REDIRECT_FIELD_NAME: back})}" if back else login


def _own_path(request: HttpRequest, url: str) -> str:
    if not url or not url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return ""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _ask_for_login(request: HttpRequest) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"message": _("Log in first.")}, status=401)
    if not is_htmx(request):
        return HttpResponseRedirect(login_address(request))
    answer = HttpResponse(_("Your session has ended. Log in again."), status=401, content_type="text/plain")
    if request.method in SAFE:
        answer["HX-Redirect"] = login_address(request)
    else:
        # What was typed must not be lost by leaving the page: the page itself offers the way.
        answer["X-Login"] = login_address(request)
    return answer


def _wrong_method(request: HttpRequest, allowed: tuple[str, ...]) -> HttpResponse:
    answer = HttpResponseNotAllowed(allowed)
    message = _("This address answers %(methods)s only.") % {"methods": ", ".join(allowed)}
    if wants_json(request):
        answer["Content-Type"] = "application/json"
        answer.content = JsonResponse({"message": message}).content
    else:
        answer["Content-Type"] = "text/plain; charset=utf-8"
        answer.content = message.encode()
    return answer
