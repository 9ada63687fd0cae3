"""Today: what waits as linked counts, for this person first, and two pictures.

What is counted stands in orders/domain/lists/figures.py; how bars are drawn in orders/templatetags/charts.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orders.domain.actors import Actor
from orders.domain.lists.counting import Tally
from orders.domain.lists.figures import (
    DAYS,
    LONG_OUT_DAYS,
    RATE_DAYS,
    ByDay,
    CityRate,
    OwnJobs,
    Rates,
    Waiting,
    count_by_day,
    count_jobs,
    count_waiting,
    rate_cities,
)
from orders.domain.lists.filtering import merchants_of, read_filter
from orders.domain.refusals import InvalidInput
from orders.models import Merchant, Tab
from orders.templatetags.badges import status_tone
from orders.templatetags.charts import Mark, Share, Strip, Strips
from orders.web.access import actor_of, requires, wants_json
from orders.web.answers import invalid

SMALL_SAMPLE = 10
NARROW_DAYS = 7


@dataclass(frozen=True)
class Look:
    """A queue's words and mark."""

    name: str | Promise
    icon: str
    tone: str
    note: str | Promise = ""


LOOKS: Mapping[str, Look] = {
    "to_confirm": Look(
        gettext_lazy("To confirm"), "phone", "tone-waiting", gettext_lazy("call the customer")
    ),
    "no_answer": Look(gettext_lazy("No answer"), "phone-missed", "tone-waiting", gettext_lazy("call again")),
    "to_pack": Look(gettext_lazy("To pick and pack"), "inbox", "tone-new", gettext_lazy("confirmed")),
    "to_ship": Look(
        gettext_lazy("Packed, to ship"), "package-check", "tone-packed", gettext_lazy("ready to leave")
    ),
    "waiting_for_company": Look(
        gettext_lazy("Waiting for company"), "clock", "tone-waiting", gettext_lazy("announced to it")
    ),
    "long_out": Look(gettext_lazy("Long on the road"), "truck", "tone-shipped"),
    "to_receive": Look(
        gettext_lazy("Returns to receive"), "undo-2", "tone-returned", gettext_lazy("on their way back")
    ),
    "to_restock": Look(
        gettext_lazy("To restock"), "package-open", "tone-returned", gettext_lazy("received, not yet back")
    ),
    "out_of_stock": Look(
        gettext_lazy("Out of stock"), "package-x", "tone-out-of-stock", gettext_lazy("goods are missing")
    ),
    "rolled_back": Look(
        gettext_lazy("Rolled back"), "rotate-ccw", "tone-rollback", gettext_lazy("decide what is right")
    ),
    "unknown_city": Look(
        gettext_lazy("City not known"), "map-pin", "tone-waiting", gettext_lazy("teach the spelling")
    ),
    "owed": Look(
        gettext_lazy("Owed units"),
        "triangle-alert",
        "tone-out-of-stock",
        gettext_lazy("orders short of them"),
    ),
}


@requires()
def today(request: HttpRequest) -> HttpResponse:
    """What waits, for this person first. Anybody logged in comes here; what they may not see is not there."""
    actor = actor_of(request)
    jobs = count_jobs(actor)
    if not actor.may("view_order"):
        return render(request, "today/today.html", {"jobs": _job_figures(jobs), "sees_orders": False})
    merchants = merchants_of(actor)
    try:
        everything = read_filter(_asked(request), actor=actor, merchants=merchants)
    except InvalidInput as refusal:
        if wants_json(request):
            return invalid(refusal.errors)
        everything = read_filter({}, actor=actor, merchants=merchants)
    waiting = count_waiting(actor=actor, merchants=merchants, merchant=everything.merchant)
    mine, others = _shared_out(waiting, actor)
    by_day = count_by_day(everything)
    rates = rate_cities(everything)
    context = {
        "sees_orders": True,
        "merchants": list(merchants.values()),
        "merchant": everything.merchant,
        "mine": [_figure(one) for one in mine],
        "others": [_figure(one) for one in others if one.tally.value],
        "jobs": _job_figures(jobs),
        "by_day": by_day,
        "strips": _strips(by_day, everything.merchant),
        "day_rows": _day_rows(by_day, everything.merchant),
        "days_url": _list_url(None, everything.merchant, **_span(by_day)),
        "narrow_days": NARROW_DAYS,
        "rates": rates,
        "shares": _shares(rates, everything.merchant),
        "rate_rows": _rate_rows(rates, everything.merchant),
        "rates_url": _list_url(
            Tab.DELIVERED, everything.merchant, **{"from": str(rates.first), "to": str(rates.last)}
        ),
        "days": DAYS,
        "rate_days": RATE_DAYS,
    }
    return render(request, "today/today.html", context)


def _asked(request: HttpRequest) -> dict[str, str]:
    merchant = request.GET.get("merchant", "").strip()
    return {"merchant": merchant} if merchant else {}


# --- what waits ---------------------------------------------------------------------


def _shared_out(waiting: list[Waiting], actor: Actor) -> tuple[list[Waiting], list[Waiting]]:
    """What this person may do something about, and the rest; a bigger number does not come first."""
    mine = [one for one in waiting if any(actor.may(name) for name in one.queue.permissions)]
    return mine, [one for one in waiting if one not in mine]


def _figure(waiting: Waiting) -> dict[str, Any]:
    look = LOOKS[waiting.queue.key]
    return {
        "key": waiting.queue.key,
        "name": look.name,
        "value": waiting.tally.value,
        "shown": str(waiting.tally),
        "note": _note(waiting, look),
        "icon": look.icon,
        "tone": look.tone,
        "url": _queue_url(waiting),
    }


def _note(waiting: Waiting, look: Look) -> str | Promise:
    if waiting.queue.key == "long_out":
        return _("ordered %(days)s+ days ago") % {"days": LONG_OUT_DAYS}
    return look.note


def _queue_url(waiting: Waiting) -> str:
    queue = waiting.queue
    path = reverse("order-list") if queue.tab is None else reverse("order-list-status", args=[queue.tab])
    return f"{path}?{urlencode(waiting.filters)}" if waiting.filters else path


def _job_figures(jobs: OwnJobs) -> list[dict[str, Any]]:
    """This person's background work; nothing where nothing is."""
    try:
        url = reverse("job-list")
    except NoReverseMatch:
        return []
    known = (
        (jobs.previewed, _("Imports waiting for your go"), "list-checks", "tone-waiting", "previewed"),
        (jobs.failed, _("Jobs that failed"), "circle-alert", "tone-out-of-stock", "failed"),
        (jobs.running, _("Jobs running"), "loader", "tone-new", "running"),
    )
    return [
        {
            "key": f"jobs_{state}",
            "name": name,
            "value": value,
            "shown": str(Tally(value)),
            "note": "",
            "icon": icon,
            "tone": tone,
            "url": f"{url}?state={state}",
        }
        for value, name, icon, tone, state in known
        if value
    ]


# --- pictures -----------------------------------------------------------------------


def _list_url(tab: Tab | None, merchant: Merchant | None, **filters: str) -> str:
    path = reverse("order-list") if tab is None else reverse("order-list-status", args=[tab])
    asked = {name: value for name, value in filters.items() if value}
    if merchant is not None:
        asked["merchant"] = merchant.slug
    return f"{path}?{urlencode(asked)}" if asked else path


def _span(by_day: ByDay) -> dict[str, str]:
    return {"from": str(by_day.days[0]), "to": str(by_day.days[-1])}


def _strips(by_day: ByDay, merchant: Merchant | None) -> Strips:
    """A row for all orders, then one a status that occurs."""

    def strip(tab: Tab | None, word: str, tone: str) -> Strip:
        marks = [
            Mark(
                by_day.of(day, tab),
                f"{by_day.of(day, tab):,}",
                _list_url(tab, merchant, **{"from": str(day), "to": str(day)}),
                f"{word}, {date_format(day, 'D j M')}: {by_day.of(day, tab):,}",
            )
            for day in by_day.days
        ]
        return Strip(word, tone, marks)

    return Strips(
        [date_format(day, "j") for day in by_day.days],
        [
            strip(None, _("All orders"), ""),
            *(strip(tab, str(tab.label), status_tone(tab.value)) for tab in by_day.tabs),
        ],
    )


def _day_rows(by_day: ByDay, merchant: Merchant | None) -> list[dict[str, Any]]:
    """The same as a table: a row a day, newest first, each number a link."""
    return [
        {
            "day": day,
            "cells": [
                {
                    "value": by_day.of(day, tab),
                    "url": _list_url(tab, merchant, **{"from": str(day), "to": str(day)}),
                }
                for tab in (None, *by_day.tabs)
            ],
        }
        for day in reversed(by_day.days)
    ]


def _rate_url(tab: Tab, rate: CityRate, rates: Rates, merchant: Merchant | None) -> str:
    return _list_url(
        tab,
        merchant,
        **{
            "city": str(rate.city_id) if rate.city_id else "",
            "from": str(rates.first),
            "to": str(rates.last),
        },
    )


def _shares(rates: Rates, merchant: Merchant | None) -> list[Share]:
    if not rates.overall.finished:
        return []
    return [_share(_("All cities"), rates.overall, rates, merchant)] + [
        _share(rate.name, rate, rates, merchant) for rate in rates.cities
    ]


def _share(word: str, rate: CityRate, rates: Rates, merchant: Merchant | None) -> Share:
    facts = {
        "percent": rate.percent,
        "delivered": rate.delivered,
        "finished": f"{rate.finished:,}",
        "city": word,
    }
    return Share(
        word=word,
        percent=rate.percent,
        label=_("%(percent)s%% of %(finished)s") % facts,
        url=_rate_url(Tab.DELIVERED, rate, rates, merchant),
        title=_("%(city)s: %(delivered)s of %(finished)s finished parcels delivered") % facts,
        is_weak=rate.finished < SMALL_SAMPLE,
    )


def _rate_rows(rates: Rates, merchant: Merchant | None) -> list[dict[str, Any]]:
    return [
        {
            "rate": rate,
            "name": rate.name or _("All cities"),
            "delivered_url": _rate_url(Tab.DELIVERED, rate, rates, merchant),
            "returned_url": _rate_url(Tab.RETURNED, rate, rates, merchant),
        }
        for rate in (rates.overall, *rates.cities)
        if rate.finished
    ]
