"""The numbers of Today: what waits for somebody, orders by day, how many parcels each city takes.

Each number is the count of a list that a page can show: it is asked by the list's own filters.
How the numbers are drawn is the door's business.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from orders.domain.actors import Actor
from orders.domain.lists.counting import Tally, count_matching, count_tabs
from orders.domain.lists.filtering import OrderFilter, Problem, read_filter, start_of
from orders.models import CallCenter, Job, Merchant, Status, Tab

DAYS = 14
# A parcel this long after its order is usually somewhere by now; one that is not wants looking at.
LONG_OUT_DAYS = 10
# Rates look at orders old enough for their parcels to have ended, and young enough to say something of today.
MATURED_AFTER_DAYS, RATE_DAYS = 7, 30
MOST_CITIES = 10
# A job that failed longer ago than this is history.
FAILED_DAYS = 7


@dataclass(frozen=True)
class Queue:
    """Something that waits: the list that holds it, and who may do something about it.

    Any one of the permissions will do. `days_ago` narrows to orders made so many days ago or earlier.
    """

    key: str
    tab: Tab | None
    permissions: tuple[str, ...]
    filters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    days_ago: int | None = None


_PACKING, _SHIPPING = "markAsPackedByScanner", "markAsShippedByScanner"
_RETURNING = "markAsReturnedByScanner"

QUEUES: tuple[Queue, ...] = (
    Queue("to_confirm", Tab.NEW, ("confirmOrder",), {"call_center": CallCenter.PENDING.value}),
    Queue("no_answer", Tab.NEW, ("confirmOrder",), {"call_center": CallCenter.NO_ANSWER.value}),
    Queue("to_pack", Tab.NEW, (_PACKING,), {"call_center": CallCenter.CONFIRMED.value}),
    Queue("to_ship", Tab.PACKED, (_SHIPPING, "assignOrderToShippingCompany", "handOver")),
    Queue("waiting_for_company", Tab.WAITING, (_SHIPPING, "assignOrderToShippingCompany", "handOver")),
    Queue(
        "long_out", Tab.SHIPPED, (_SHIPPING, "markAsDeliveredByScanner", _RETURNING), days_ago=LONG_OUT_DAYS
    ),
    Queue("to_receive", Tab.RETURNED, (_RETURNING,), {"status": Status.RETURNED.value}),
    Queue("to_restock", Tab.RETURNED, (_RETURNING,), {"status": Status.RETURN_RECEIVED.value}),
    Queue("out_of_stock", Tab.OUT_OF_STOCK, ("manageStock", "ReNewOrder", "markAsCanceledByScanner")),
    Queue("rolled_back", Tab.ROLLBACK, ("rollbackOrder", _PACKING, _SHIPPING)),
    Queue("unknown_city", None, ("managePlaces", "change_order"), {"problem": Problem.CITY}),
    Queue("owed", None, ("manageStock",), {"problem": Problem.OWED}),
)


@dataclass(frozen=True)
class Waiting:
    """How many orders wait in a queue, and the filters that show them."""

    queue: Queue
    tally: Tally
    filters: Mapping[str, str]


def count_waiting(
    *, actor: Actor, merchants: Mapping[int, Merchant], merchant: Merchant | None = None
) -> list[Waiting]:
    """What waits in every queue, of one merchant or of all that the actor sees.

    The numbers are those the list shows: exact for a tab, up to 1,000 for a filter. A number
    of statements that does not depend on the orders.
    """
    bound_to = merchant.pk if merchant else actor.merchant_id
    tabs = count_tabs(bound_to)
    counted = []
    for queue in QUEUES:
        filters = _filters_of(queue, actor=actor, merchants=merchants, merchant=merchant)
        if queue.tab is not None and not filters.is_narrowed:
            tally = tabs.of(queue.tab)
        elif queue.tab is not None and not tabs.of(queue.tab).value:
            tally = Tally(0)  # nothing there to count again
        else:
            tally = count_matching(filters.orders)
        counted.append(Waiting(queue, tally, filters.given))
    return counted


def _filters_of(
    queue: Queue, *, actor: Actor, merchants: Mapping[int, Merchant], merchant: Merchant | None
) -> OrderFilter:
    asked = dict(queue.filters)
    if merchant is not None:
        asked["merchant"] = merchant.slug
    if queue.days_ago is not None:
        zone = read_filter(asked, actor=actor, merchants=merchants).zone
        day = timezone.localdate(timezone=zone) - dt.timedelta(days=queue.days_ago)
        asked["to"] = day.isoformat()
    return read_filter(asked, actor=actor, tab=queue.tab, merchants=merchants)


# --- background work ----------------------------------------------------------------


@dataclass(frozen=True)
class OwnJobs:
    """How many of a person's jobs run, wait for their go, and failed lately."""

    running: int
    previewed: int
    failed: int


def own_jobs(actor: Actor, state: str = "") -> QuerySet[Job]:
    """The actor's own jobs: all of them, or those `running`, `previewed`, or `failed` in the last days."""
    mine = Job.objects.filter(owner_id=actor.user_id)
    match state:
        case "running":
            return mine.filter(state__in=(Job.State.QUEUED, Job.State.RUNNING))
        case "previewed":
            return mine.filter(state=Job.State.PREVIEWED)
        case "failed":
            return mine.filter(
                state=Job.State.FAILED, finished_at__gte=timezone.now() - dt.timedelta(days=FAILED_DAYS)
            )
        case _:
            return mine


def count_jobs(actor: Actor) -> OwnJobs:
    """The actor's own jobs by what they wait for; one statement."""
    listed = {
        state: own_jobs(actor, state).order_by().values("pk") for state in ("running", "previewed", "failed")
    }
    counted = own_jobs(actor).aggregate(
        **{state: Count("pk", filter=Q(pk__in=found)) for state, found in listed.items()}
    )
    return OwnJobs(**counted)


# --- pictures -----------------------------------------------------------------------


@dataclass(frozen=True)
class ByDay:
    """How many orders made on each of the last days stand in each tab now; days oldest first."""

    days: tuple[dt.date, ...]
    counts: Mapping[tuple[dt.date, Tab], int]

    @property
    def tabs(self) -> list[Tab]:
        """The tabs with any order of these days, in the dashboard's order."""
        present = {tab for _day, tab in self.counts}
        return [tab for tab in Tab if tab in present]

    def of(self, day: dt.date, tab: Tab | None = None) -> int:
        if tab is not None:
            return self.counts.get((day, tab), 0)
        return sum(self.counts.get((day, one), 0) for one in Tab)

    def total(self, tab: Tab | None = None) -> int:
        return sum(self.of(day, tab) for day in self.days)


def count_by_day(filters: OrderFilter, *, days: int = DAYS) -> ByDay:
    """Orders of the last days by day and tab; days are those of the filter's zone. One statement."""
    today = timezone.localdate(timezone=filters.zone)
    listed = tuple(today - dt.timedelta(days=ago) for ago in range(days - 1, -1, -1))
    rows = (
        filters.orders.made_from(start_of(listed[0], filters.zone))
        .made_before(start_of(today + dt.timedelta(days=1), filters.zone))
        .order_by()
        .annotate(day=TruncDate("created_at", tzinfo=filters.zone))
        .values_list("day", "tab")
        .annotate(count=Count("id"))
    )
    return ByDay(listed, {(day, Tab(tab)): count for day, tab, count in rows})


class CityRate(NamedTuple):
    """How many of a city's finished parcels were delivered."""

    city_id: int
    name: str
    delivered: int
    returned: int

    @property
    def finished(self) -> int:
        return self.delivered + self.returned

    @property
    def percent(self) -> int:
        return round(100 * self.delivered / self.finished)


@dataclass(frozen=True)
class Rates:
    """Delivery rates of the cities with most finished parcels, and of all together.

    Looks at orders made from `first` to `last`, both included: their parcels had time to end.
    """

    first: dt.date
    last: dt.date
    cities: tuple[CityRate, ...]
    overall: CityRate


def rate_cities(filters: OrderFilter, *, limit: int = MOST_CITIES) -> Rates:
    """Of the parcels that ended, how many were delivered, by city; one statement.

    Parcels still on the road count nowhere, and orders younger than a week not at all: a
    delivery comes back sooner than a return, and would make a young week look too good.
    """
    today = timezone.localdate(timezone=filters.zone)
    last = today - dt.timedelta(days=MATURED_AFTER_DAYS)
    first = last - dt.timedelta(days=RATE_DAYS - 1)
    rows = (
        filters.orders.filter(tab__in=(Tab.DELIVERED, Tab.RETURNED))
        .made_from(start_of(first, filters.zone))
        .made_before(start_of(last + dt.timedelta(days=1), filters.zone))
        .order_by()
        .values_list("city_place_id", "city_place__name", "city_place__region")
        .annotate(
            delivered=Count("id", filter=Q(tab=Tab.DELIVERED)),
            returned=Count("id", filter=Q(tab=Tab.RETURNED)),
        )
    )
    found = list(rows)
    names = Counter(name for _id, name, *_rest in found)
    known = [
        # Algeria has communes of one name in several wilayas.
        CityRate(id or 0, f"{name} ({region})" if names[name] > 1 else name or "", delivered, returned)
        for id, name, region, delivered, returned in found
    ]
    return Rates(
        first,
        last,
        cities=tuple(_largest([rate for rate in known if rate.city_id], limit)),
        overall=CityRate(0, "", sum(rate.delivered for rate in known), sum(rate.returned for rate in known)),
    )


def _largest(rates: Collection[CityRate], limit: int) -> Sequence[CityRate]:
    return sorted(rates, key=lambda rate: (-rate.finished, rate.name, rate.city_id))[:limit]
