"""The sections of Settings: which there are, who may open which, what stands on the first page.

Each section's own pages stand in a module of its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from orders.domain.actors import Actor
from orders.models import SettingChange
from orders.web.access import actor_of, requires
from orders.web.bodies import whole_number

CHANGES_SHOWN = 50
# Whoever holds one of these has something to set up.
ANY_SECTION = ("manageUsers", "managePlaces", "manageCompanies", "issueApiTokens")


@dataclass(frozen=True)
class Section:
    """A part of Settings. Without a permission everybody has it; `for_staff` leaves sellers out."""

    name: str
    word: str | Promise
    lead: str | Promise
    icon: str
    route: str
    permission: str = ""
    for_staff: bool = True


SECTIONS = (
    Section(
        "people",
        _("People"),
        _("Who works here, with which roles, for which merchant"),
        "users",
        "settings-people",
        "manageUsers",
    ),
    Section(
        "roles",
        _("Roles"),
        _("What each role may do"),
        "shield-check",
        "settings-roles",
        "manageUsers",
    ),
    Section(
        "merchants",
        _("Merchants"),
        _("Whose goods these are: currency, time zone, contact"),
        "store",
        "settings-merchants",
        "manageUsers",
    ),
    Section(
        "warehouses",
        _("Warehouses"),
        _("Where the shelves stand"),
        "warehouse",
        "settings-warehouses",
        "manageUsers",
    ),
    Section(
        "places",
        _("Places"),
        _("Cities, their spellings, and spellings nobody knows yet"),
        "map-pin",
        "settings-places",
        "managePlaces",
    ),
    Section(
        "companies",
        _("Shipping companies"),
        _("Accounts at the companies that carry parcels"),
        "truck",
        "settings-companies",
        "manageCompanies",
    ),
    Section(
        "tokens",
        _("API tokens"),
        _("Keys for programs"),
        "key-round",
        "settings-tokens",
        "issueApiTokens",
    ),
    Section(
        "changes",
        _("Changes"),
        _("Who changed what here, and when"),
        "history",
        "settings-changes",
        "manageUsers",
    ),
    Section(
        "profile",
        _("Your profile"),
        _("Your name, language and password"),
        "circle-user",
        "settings-profile",
        for_staff=False,
    ),
)


def sections_for(actor: Actor) -> Iterator[tuple[Section, str]]:
    """The sections the actor may open, each with its address; parts that are not installed are left out."""
    for section in SECTIONS:
        if section.permission and not actor.may(section.permission):
            continue
        if section.for_staff and actor.merchant_id is not None:
            continue
        try:
            yield section, reverse(section.route)
        except NoReverseMatch:
            continue


def draw(
    request: HttpRequest, template: str, section: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page of Settings, with the tabs of what this person may open."""
    tabs = [
        {"word": known.word, "url": url, "count": None, "is_current": known.name == section}
        for known, url in sections_for(actor_of(request))
    ]
    return render(request, template, {"tabs": tabs, **context}, status=status)


@requires(ANY_SECTION)
def settings_home(request: HttpRequest) -> HttpResponse:
    """Everything this person may set up."""
    sections = list(sections_for(actor_of(request)))
    return render(request, "settings/home.html", {"sections": sections})


@requires("manageUsers")
def list_changes(request: HttpRequest) -> HttpResponse:
    """Who changed what, newest first; of staff only, because it tells of every merchant."""
    actor = actor_of(request)
    changes = SettingChange.objects.order_by("-id")
    if actor.merchant_id is not None:
        changes = changes.filter(merchant_id=actor.merchant_id)
    subject = request.GET.get("subject", "")
    if subject in SettingChange.Subject.values:
        changes = changes.filter(subject=subject)
    before = whole_number(request.GET.get("before", ""))
    if before is not None:
        changes = changes.filter(pk__lt=before)
    found = list(changes[: CHANGES_SHOWN + 1])
    entries = found[:CHANGES_SHOWN]
    asked = f"subject={subject}&" if subject in SettingChange.Subject.values else ""
    context = {
        "entries": entries,
        "next_url": f"?{asked}before={entries[-1].pk}" if len(found) > CHANGES_SHOWN else "",
        "newest_url": f"?{asked}".rstrip("&?") or request.path if before is not None else "",
        "subjects": SettingChange.Subject.choices,
        "subject": subject,
    }
    return draw(request, "settings/changes.html", "changes", context)
