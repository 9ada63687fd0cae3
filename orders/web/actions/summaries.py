"""Sums a report up for people: how many, by what becomes of them, and which with what reason.

The report itself is the domain's (orders/domain/reports.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import BooleanField, Count, ExpressionWrapper, Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from orders.domain.refusals import Code
from orders.domain.reports import Outcome, Report, Result
from orders.models import OrderQuerySet, Status
from orders.web.actions.bulk_actions import BulkAction

MOST_SHOWN = 200

_CODE_WORDS: Mapping[Code, str | Promise] = {
    Code.OUT_OF_STOCK: ngettext_lazy(
        "%(count)d lacks stock and goes to “Out of stock”",
        "%(count)d lack stock and go to “Out of stock”",
        "count",
    ),
    Code.INSUFFICIENT_STOCK: ngettext_lazy(
        "%(count)d cannot be taken back: the units are needed elsewhere",
        "%(count)d cannot be taken back: the units are needed elsewhere",
        "count",
    ),
    Code.CANCELED: ngettext_lazy("%(count)d is canceled", "%(count)d are canceled", "count"),
    Code.OTHER_WAREHOUSE: ngettext_lazy(
        "%(count)d was packed in another warehouse", "%(count)d were packed in another warehouse", "count"
    ),
    Code.OTHER_COMPANY: ngettext_lazy(
        "%(count)d belongs to another company", "%(count)d belong to another company", "count"
    ),
    Code.LOCKED: ngettext_lazy(
        "%(count)d is held by its goods", "%(count)d are held by their goods", "count"
    ),
    Code.NOT_ALLOWED: ngettext_lazy(
        "%(count)d is not yours to take back", "%(count)d are not yours to take back", "count"
    ),
    Code.ALREADY_DONE: ngettext_lazy("%(count)d is so already", "%(count)d are so already", "count"),
    Code.UNKNOWN: ngettext_lazy("%(count)d is not there", "%(count)d are not there", "count"),
}


def words_beside(result: Result) -> str:
    """The result's message as it reads beside its reference: without it."""
    return result.message.removeprefix(f"{result.reference} ") if result.reference else result.message


@dataclass(frozen=True)
class Group:
    """Orders that share what becomes of them, as (reference, reason); `rows` may stop before `count` does."""

    code: Code
    outcome: Outcome
    words: str
    count: int
    rows: tuple[tuple[str, str], ...] = ()

    @property
    def more(self) -> int:
        return self.count - len(self.rows) if self.rows else 0

    @property
    def has_reasons(self) -> bool:
        return bool(self.rows) and self.outcome != Outcome.DONE


def summarize(action: BulkAction, report: Report) -> list[Group]:
    """What would become of the orders, the moving ones first; the counts add up to the report's."""
    sorted_out: dict[tuple[Code, str], list[Result]] = {}
    for result in report.results:
        # Orders in the wrong status are told apart by it; every other reason is the same for all.
        status = result.status if result.code == Code.WRONG_STATUS else ""
        sorted_out.setdefault((result.code, status), []).append(result)
    return [
        Group(
            code=code,
            outcome=rows[0].outcome,
            words=_group_words(action, code, status, len(rows)),
            count=len(rows),
            rows=tuple((row.reference or str(row.id), words_beside(row)) for row in rows[:MOST_SHOWN]),
        )
        for (code, status), rows in sorted(
            sorted_out.items(), key=lambda item: (_rank_of(item[0][0]), item[0])
        )
    ]


def summarize_large(action: BulkAction, orders: OrderQuerySet) -> list[Group]:
    """As summarize, counted by status alone in one statement: what lacks stock shows only when done."""
    counts: dict[tuple[Outcome, str], int] = {}
    rows = (
        orders.order_by()
        .annotate(is_packed=ExpressionWrapper(Q(packed_at__isnull=False), output_field=BooleanField()))
        .values_list("status", "remembered_status", "is_packed")
        .annotate(count=Count("id"))
    )
    for status, remembered, is_packed, count in rows:
        outcome = action.stance(status, remembered, is_packed)
        key = (outcome, status if outcome == Outcome.REFUSED else "")
        counts[key] = counts.get(key, 0) + count
    groups = [
        Group(
            _LARGE_CODES[outcome], outcome, _group_words(action, _LARGE_CODES[outcome], status, count), count
        )
        for (outcome, status), count in sorted(counts.items())
    ]
    return sorted(groups, key=lambda group: _rank_of(group.code))


_LARGE_CODES = {
    Outcome.DONE: Code.DONE,
    Outcome.ALREADY_DONE: Code.ALREADY_DONE,
    Outcome.REFUSED: Code.WRONG_STATUS,
}
_RANKS = (Code.DONE, Code.OUT_OF_STOCK)
_LAST = (Code.ALREADY_DONE, Code.UNKNOWN)


def _rank_of(code: Code) -> int:
    if code in _RANKS:
        return _RANKS.index(code)
    return 20 + _LAST.index(code) if code in _LAST else 10


def _group_words(action: BulkAction, code: Code, status: str, count: int) -> str:
    if code == Code.DONE:
        return action.words.will_words(count)
    if code == Code.WRONG_STATUS and status:
        return ngettext("%(count)d is “%(status)s”", "%(count)d are “%(status)s”", count) % {
            "count": count,
            "status": Status(status).label,
        }
    words = _CODE_WORDS.get(code)
    if words is None:
        return _("%(count)d cannot be done") % {"count": count}
    return str(words % {"count": count})


def count_of(groups: Iterable[Group], outcome: Outcome) -> int:
    return sum(group.count for group in groups if group.outcome == outcome)
