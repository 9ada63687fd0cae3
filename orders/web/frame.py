"""The frame of every page: the places a person may enter, who they are, how they like it drawn.

Pages themselves and their permissions do not belong here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import NoReverseMatch, resolve, reverse
from django.utils.functional import Promise, cached_property
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext_lazy as _

from orders.models import Job, User
from orders.web.access import requires
from orders.web.jobs.presenting import announce_ended_jobs

THEMES = ("light", "dark")
THEME_COOKIE = "theme"
THEME_SECONDS = 365 * 86_400
BOTTOM_PLACES = 4  # beside them stands "More"

# As views declare it: all of the groups, of each group any one codename.
Wanted = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Place:
    """An entry of the rail. Who may enter is said by the view behind its route, and only there."""

    name: str
    word: str | Promise
    icon: str
    route: str
    also_under: tuple[str, ...] = ()


PLACES = (
    Place("today", _("Today"), "layout-dashboard", "today"),
    Place("orders", _("Orders"), "inbox", "order-list"),
    Place("scan", _("Scan"), "scan-barcode", "scan-home", ("/scan",)),
    Place("deliveries", _("Deliveries"), "map-pin", "deliveries"),
    Place("returns", _("Returns"), "undo-2", "returns"),
    Place("stock", _("Stock"), "boxes", "stock-list", ("/stock", "/products")),
    Place("shipping", _("Shipping"), "truck", "shipping-home", ("/shipping",)),
    Place("cash", _("Cash"), "banknote", "cash"),
    Place("files", _("Files"), "files", "job-list", ("/jobs", "/orders/import", "/orders/export")),
    Place("settings", _("Settings"), "settings", "settings-home", ("/settings",)),
)


@dataclass(frozen=True)
class Entry:
    """A place this person may enter, with its address."""

    place: Place
    url: str
    is_current: bool


class Frame:
    """What base.html asks for; each answer is worked out when it is first asked."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @property
    def user(self) -> User | AnonymousUser:
        return cast("User | AnonymousUser", getattr(self.request, "user", AnonymousUser()))

    @cached_property
    def entries(self) -> list[Entry]:
        """The rail, in order, without places that have no route or no permission."""
        found = [(place, url) for place, url, wanted in _routed() if self._may_enter(wanted)]
        roots = [(root, place.name) for place, url in found for root in (url, *place.also_under)]
        nearest = max((len(root), name) for root, name in [*roots, ("", "")] if self._is_under(root))[1]
        return [Entry(place, url, place.name == nearest) for place, url in found]

    @property
    def bottom_entries(self) -> list[Entry]:
        return self.entries if len(self.entries) <= BOTTOM_PLACES + 1 else self.entries[:BOTTOM_PLACES]

    @property
    def more_entries(self) -> list[Entry]:
        return self.entries[len(self.bottom_entries) :]

    @property
    def more_is_current(self) -> bool:
        return any(entry.is_current for entry in self.more_entries)

    @cached_property
    def open_jobs(self) -> list[tuple[int, int]]:
        """This person's jobs that are waiting or running, with their progress in percent."""
        if not self.user.is_authenticated:
            return []
        own = Job.objects.filter(owner_id=self.user.pk, state__in=(Job.State.QUEUED, Job.State.RUNNING))
        return list(own.order_by("id").values_list("pk", "progress"))

    @property
    def running_jobs(self) -> int:
        return len(self.open_jobs)

    @property
    def jobs_progress(self) -> int:
        return sum(progress for _pk, progress in self.open_jobs) // len(self.open_jobs)

    @property
    def jobs_query(self) -> str:
        """What the slot sends along, to be told which of its jobs have ended."""
        return f"?known={','.join(str(pk) for pk, _progress in self.open_jobs)}" if self.open_jobs else ""

    @property
    def initials(self) -> str:
        words = getattr(self.user, "display_name", "").replace(".", " ").replace("_", " ").split()
        return "".join(word[0] for word in words[:2]).upper() or "?"

    @property
    def person_colour(self) -> int:
        """One of eight, the same for a person on every screen."""
        return (self.user.pk or 0) % 8

    @property
    def theme(self) -> str:
        """light or dark where the person chose, else empty: as the device says."""
        chosen = self.request.COOKIES.get(THEME_COOKIE, "")
        return chosen if chosen in THEMES else ""

    @property
    def direction(self) -> str:
        return "rtl" if get_language_bidi() else "ltr"

    def _is_under(self, root: str) -> bool:
        """Whether this page lies at or below the address; everything lies below `/`, so that counts alone."""
        path = self.request.path
        return path == root or not root or (root != "/" and path.startswith(f"{root.rstrip('/')}/"))

    def _may_enter(self, wanted: Wanted) -> bool:
        return self.user.is_authenticated and all(
            any(self.user.has_perm(f"orders.{codename}") for codename in any_of) for any_of in wanted
        )


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `frame` for base.html."""
    return {"frame": Frame(request)}


@requires()
def show_running_jobs(request: HttpRequest) -> HttpResponse:
    """The slot of the top bar that says how many of the person's jobs are under way, and which have ended."""
    answer = render(request, "frame/running_jobs.html")
    announce_ended_jobs(request, answer)
    return answer


@requires(methods=("POST",))
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Remember light, dark or the device's own on this browser, and go back."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        back = "/"
    answer = HttpResponseRedirect(back)
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        answer.set_cookie(
            THEME_COOKIE,
            theme,
            max_age=THEME_SECONDS,
            samesite="Lax",
            httponly=True,
            secure=request.is_secure(),
        )
    else:
        answer.delete_cookie(THEME_COOKIE, samesite="Lax")
    return answer


def _routed() -> Iterator[tuple[Place, str, Wanted]]:
    for place in PLACES:
        try:
            url = reverse(place.route)
        except NoReverseMatch:
            continue
        wanted = getattr(resolve(url).func, "required_permissions", None)
        if wanted is not None:  # a view that declares nothing is not advertised
            yield place, url, wanted
