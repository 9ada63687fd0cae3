"""How many orders stand where, exactly and at a cost that does not grow with them.

Small tabs are counted. Large ones are read from history: a count kept in the background that
holds every event up to a certain one, and the few events since. Which orders a filter means
stands in filtering.py.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from django.db import connection
from django.db.models import Count, F, Max, Min, QuerySet, Sum, Value
from django.utils import timezone

from orders.domain.rows.locking import write_transaction
from orders.models import (
    OPEN_TABS,
    TAB_OF_STATUS,
    FoldedCount,
    LedgerMark,
    Merchant,
    Order,
    OrderEvent,
    OrderQuerySet,
    Tab,
)

# Filtered counts stop here: nobody reads on, and counting further slows the list as it grows.
COUNT_LIMIT = 1000
# A tab is counted up to about this many orders; beyond, it is read from history.
COUNTED_UP_TO = 10_000
FOLD_EVERY = dt.timedelta(seconds=60)


@dataclass(frozen=True)
class Tally:
    """How many there are; not exact means at least that many."""

    value: int
    is_exact: bool = True

    def __str__(self) -> str:
        return f"{self.value:,}{'' if self.is_exact else '+'}"


NOTHING = Tally(0)
STOPPED = Tally(COUNT_LIMIT, is_exact=False)


@dataclass(frozen=True)
class TabTallies:
    """The tallies of the nine tabs, and of all together; a tab that is not named holds nothing."""

    by_tab: Mapping[Tab, Tally]

    @property
    def total(self) -> Tally:
        return Tally(
            sum(tally.value for tally in self.by_tab.values()),
            is_exact=all(tally.is_exact for tally in self.by_tab.values()),
        )

    def of(self, tab: Tab | None) -> Tally:
        """The tab's tally; all together for None."""
        return self.total if tab is None else self.by_tab.get(tab, NOTHING)


def count_tabs(merchant_id: int | None) -> TabTallies:
    """How many of the merchant's orders (everybody's for None) stand in each tab; at most three statements.

    Exact, as long as every change of a status has its event; a writer that leaves one out
    makes large tabs wrong until the next fold.
    """
    folded, since = _folded(merchant_id)
    large = {tab: count for tab, count in folded.items() if count > COUNTED_UP_TO}
    if large:
        moves = _moves_since(since)
        if merchant_id is not None:
            moves = moves.filter(order__merchant_id=merchant_id)
        counted_moves = moves.values_list("from_status", "to_status").annotate(count=Count("id"))
        for tab, change in _changes(counted_moves).items():
            if tab in large:
                large[tab] += change
    counted = _count(merchant_id, [tab for tab in Tab if tab not in large])
    return TabTallies({tab: Tally(large.get(tab, counted.get(tab, 0))) for tab in Tab})


def count_matching(orders: OrderQuerySet) -> Tally:
    """How many orders a filter finds, up to COUNT_LIMIT; one statement."""
    value, is_all = orders.count_up_to(COUNT_LIMIT)
    return Tally(value, is_exact=is_all)


def count_matching_by_tab(orders: OrderQuerySet) -> TabTallies | None:
    """As count_tabs for the orders that a filter finds, or None when they are more than COUNT_LIMIT.

    One statement.
    """
    tabs = list(orders.order_by().values_list("tab", flat=True)[: COUNT_LIMIT + 1])
    if len(tabs) > COUNT_LIMIT:
        return None
    return TabTallies({Tab(tab): Tally(count) for tab, count in Counter(tabs).items()})


def fold_counts(*, now: dt.datetime | None = None, at_most_every: dt.timedelta = FOLD_EVERY) -> bool:
    """Keeps the count of every tab and merchant as history stood a while ago; whether it was time to.

    At most eight statements for any number of orders. A sweep may call this as often as it
    likes: it acts at most once in `at_most_every`. On PostgreSQL the first call marks where
    history stands, and a later one counts, once all that wrote then has ended.
    """
    moment = now or timezone.now()
    mark = LedgerMark.objects.order_by("-pk").first()
    if mark is None:
        _mark(moment)
        return False
    if mark.marked_at > moment - at_most_every or not _is_settled(mark):
        return False
    _fold(mark.event_id, moment)
    _mark(moment)
    return True


def fold_counts_now(*, patience: dt.timedelta = dt.timedelta(seconds=10)) -> bool:
    """As fold_counts, at once: after filling a database. False when somebody writes all the while."""
    moment = timezone.now()
    mark = _mark(moment)
    until = time.monotonic() + patience.total_seconds()
    while not _is_settled(mark):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    _fold(mark.event_id, moment)
    return True


def _mark(moment: dt.datetime) -> LedgerMark:
    """Notes the newest event id given out, and the moment by which it had been."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT CASE WHEN is_called THEN last_value ELSE 0 END, clock_timestamp()"
                " FROM orders_orderevent_id_seq"
            )
            event_id, horizon = cursor.fetchone()
    else:
        # One writer at a time: what is written is written in the order of its ids.
        event_id, horizon = OrderEvent.objects.aggregate(newest=Max("pk"))["newest"] or 0, moment
    mark, _created = LedgerMark.objects.update_or_create(
        pk=1, defaults={"event_id": event_id, "horizon": horizon, "marked_at": moment}
    )
    return mark


def _is_settled(mark: LedgerMark) -> bool:
    """Whether every transaction that may hold an id below the mark has ended.

    Whoever was given such an id had begun before the horizon. Seen are the sessions of this
    database's own role, which is the one that writes.
    """
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND xact_start <= %s)",
            [mark.horizon],
        )
        row = cursor.fetchone()
    return bool(row[0])


def _fold(event_id: int, moment: dt.datetime) -> None:
    """Keeps the counts as they were after the event: those of now, less what has happened since.

    Both come from one statement, so that they are of the same moment.
    """
    standing = (
        Order.objects.alive()
        .order_by()
        .values_list("merchant_id", "tab", Value(""))
        .annotate(count=Count("id"))
    )
    moves = (
        _moves_since(event_id)
        .values_list("order__merchant_id", "from_status", "to_status")
        .annotate(count=Count("id"))
    )
    counts: Counter[tuple[int, Tab]] = Counter()
    moved: dict[int, list[Any]] = defaultdict(list)
    for merchant_id, one, other, count, is_move in standing.annotate(is_move=Value(0)).union(
        moves.annotate(is_move=Value(1)), all=True
    ):
        if is_move:
            moved[merchant_id].append((one, other, count))
        else:
            counts[merchant_id, Tab(one)] += count
    for merchant_id, rows in moved.items():
        for tab, change in _changes(rows).items():
            counts[merchant_id, tab] -= change

    def work() -> None:
        merchants = Merchant.objects.values_list("pk", flat=True)
        FoldedCount.objects.bulk_create(
            (
                FoldedCount(
                    merchant_id=merchant_id,
                    tab=tab,
                    count=counts[merchant_id, tab],
                    event_id=event_id,
                    folded_at=moment,
                )
                for merchant_id, tab in product(merchants, Tab)
            ),
            update_conflicts=True,
            update_fields=("count", "event_id", "folded_at"),
            unique_fields=("merchant", "tab"),
        )

    write_transaction(work)


def _moves_since(event_id: int) -> QuerySet[OrderEvent]:
    """The events after the one given that took an order elsewhere; coming in is from '', deletion to ''."""
    return OrderEvent.objects.filter(pk__gt=event_id).exclude(from_status=F("to_status")).order_by()


def _changes(moves: Iterable[tuple[str, str, int]]) -> Counter[Tab]:
    """How many more each tab holds after the moves."""
    changes: Counter[Tab] = Counter()
    for came_from, went_to, count in moves:
        if came_from:
            changes[TAB_OF_STATUS[came_from]] -= count
        if went_to:
            changes[TAB_OF_STATUS[went_to]] += count
    return changes


def _folded(merchant_id: int | None) -> tuple[dict[Tab, int], int]:
    """The kept counts, and the event up to which they hold; one statement."""
    rows = FoldedCount.objects.all()
    if merchant_id is not None:
        rows = rows.filter(merchant_id=merchant_id)
    found = list(rows.order_by().values_list("tab").annotate(total=Sum("count"), since=Min("event_id")))
    return {Tab(tab): total for tab, total, _ in found}, min((since for *_, since in found), default=0)


def _count(merchant_id: int | None, tabs: Iterable[Tab]) -> dict[Tab, int]:
    """The tabs counted, open ones by the index that holds no others; one statement."""
    visible = Order.objects.visible_to(merchant_id)
    wanted = frozenset(tabs)
    parts = [
        visible.filter(tab__in=part).order_by().values_list("tab").annotate(count=Count("id"))
        for part in ([tab for tab in OPEN_TABS if tab in wanted], sorted(wanted - frozenset(OPEN_TABS)))
        if part
    ]
    if not parts:
        return {}
    rows: Iterator[Any] = iter(parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0])
    return {Tab(tab): count for tab, count in rows}
