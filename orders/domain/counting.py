"""How many orders stand where: exact where it is cheap, folded or stopped where it would slow the list.

Which orders a filter means stands in filtering.py.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from django.db.models import Count, Max, Min, QuerySet, Sum
from django.utils import timezone

from orders.models import FINAL_TABS, OPEN_TABS, FoldedCount, Merchant, Order, OrderQuerySet, Tab

# Filtered counts stop here: nobody reads on, and counting further slows the list as it grows.
COUNT_LIMIT = 1000
# Final tabs are counted exactly up to this many; beyond, the folded count is shown with its moment.
EXACT_UP_TO = 10_000
FOLD_EVERY = dt.timedelta(seconds=60)


@dataclass(frozen=True)
class Tally:
    """How many there are. Not exact: `value` is the least there are, or the count at `as_of`."""

    value: int
    is_exact: bool = True
    as_of: dt.datetime | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether there are more and nobody counted them."""
        return not self.is_exact and self.as_of is None

    def __str__(self) -> str:
        return f"{self.value:,}{'+' if self.is_stopped else ''}"


NOTHING = Tally(0)
STOPPED = Tally(COUNT_LIMIT, is_exact=False)


@dataclass(frozen=True)
class TabTallies:
    """The tallies of all nine tabs, and of all together."""

    by_tab: Mapping[Tab, Tally]

    @property
    def total(self) -> Tally:
        moments = [tally.as_of for tally in self.by_tab.values() if tally.as_of is not None]
        return Tally(
            sum(tally.value for tally in self.by_tab.values()),
            is_exact=not moments,
            as_of=min(moments, default=None),
        )

    def of(self, tab: Tab | None) -> Tally:
        """The tab's tally; all together for None."""
        return self.total if tab is None else self.by_tab.get(tab, NOTHING)


def count_tabs(merchant_id: int | None) -> TabTallies:
    """How many of the merchant's orders (everybody's for None) stand in each tab; two statements.

    Open tabs are exact, read from an index as small as what is open. Final tabs are exact
    while they are small; large ones are folded in the background (`fold_counts`).
    """
    folded = _folded(merchant_id)
    large = {tab: tally for tab, tally in folded.items() if tally.value > EXACT_UP_TO}
    exact = _count_exactly(merchant_id, [tab for tab in FINAL_TABS if tab not in large])
    return TabTallies({tab: large.get(tab) or Tally(exact.get(tab, 0)) for tab in Tab})


def count_matching(orders: OrderQuerySet) -> Tally:
    """How many orders a filter finds, up to COUNT_LIMIT; one statement."""
    value, is_all = orders.count_up_to(COUNT_LIMIT)
    return Tally(value, is_exact=is_all)


def count_matching_by_tab(orders: OrderQuerySet) -> TabTallies | None:
    """As count_tabs for the orders that a filter finds, or None when they are more than COUNT_LIMIT.

    One statement; a tab without any is not named.
    """
    tabs = list(orders.order_by().values_list("tab", flat=True)[: COUNT_LIMIT + 1])
    if len(tabs) > COUNT_LIMIT:
        return None
    return TabTallies({Tab(tab): Tally(count) for tab, count in Counter(tabs).items()})


def fold_counts(
    *, now: dt.datetime | None = None, at_most_every: dt.timedelta = FOLD_EVERY, force: bool = False
) -> bool:
    """Counts the final tabs of every merchant and keeps the counts; whether it was time to.

    Four statements for any number of orders and merchants. A sweep may call this as often
    as it likes.
    """
    moment = now or timezone.now()
    newest = FoldedCount.objects.aggregate(at=Max("folded_at"))["at"]
    if not force and newest is not None and newest > moment - at_most_every:
        return False
    counted = {
        (merchant_id, tab): count
        for merchant_id, tab, count in Order.objects.alive()
        .filter(tab__in=FINAL_TABS)
        .order_by()
        .values_list("merchant_id", "tab")
        .annotate(count=Count("id"))
    }
    merchants = Merchant.objects.values_list("pk", flat=True)
    FoldedCount.objects.bulk_create(
        (
            FoldedCount(
                merchant_id=merchant_id, tab=tab, count=counted.get((merchant_id, tab), 0), folded_at=moment
            )
            for merchant_id, tab in product(merchants, FINAL_TABS)
        ),
        update_conflicts=True,
        update_fields=("count", "folded_at"),
        unique_fields=("merchant", "tab"),
    )
    return True


def _folded(merchant_id: int | None) -> dict[Tab, Tally]:
    rows = FoldedCount.objects.all()
    if merchant_id is not None:
        rows = rows.filter(merchant_id=merchant_id)
    return {
        Tab(tab): Tally(count, is_exact=False, as_of=as_of)
        for tab, count, as_of in rows.order_by()
        .values_list("tab")
        .annotate(total=Sum("count"), as_of=Min("folded_at"))
    }


def _count_exactly(merchant_id: int | None, final_tabs: Iterable[Tab]) -> dict[Tab, int]:
    visible = Order.objects.visible_to(merchant_id)
    counted = _by_tab(visible.filter(tab__in=OPEN_TABS))
    small = tuple(final_tabs)
    if small:
        # Apart from the open ones, whose index holds no other tab.
        counted = counted.union(_by_tab(visible.filter(tab__in=small)), all=True)
    return {Tab(tab): count for tab, count in counted}


def _by_tab(orders: OrderQuerySet) -> QuerySet[Order, Any]:
    return orders.order_by().values_list("tab").annotate(count=Count("id"))
