"""Reads what an address asks of the list: filters, order, page; and writes addresses that ask again.

Which orders a filter means stands in orders/domain/lists/filtering.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.lists.filtering import EARLIEST, LATEST, OrderFilter, OrderFilterSet, read_filter, start_of
from orders.domain.lists.paging import DEFAULT_PER_PAGE, MOST_PER_PAGE, Cursor, Page, Sort, SortKey, take_page
from orders.domain.refusals import InvalidInput
from orders.models import Merchant, Tab
from orders.web.bodies import read_day, whole_number

NEWEST_FIRST = Sort()
PAGE_SIZES = (25, 50, 100)
PAGE_PARAMETERS = ("sort_by", "sort_dir", "per_page", "cursor", "at")
FILTER_NAMES = tuple(OrderFilterSet.base_filters)


@dataclass(frozen=True)
class Question:
    """What is asked of the list, read and checked."""

    filter: OrderFilter
    sort: Sort
    per_page: int
    cursor: Cursor | None
    at: dt.date | None

    def take(self, columns: tuple[str, ...]) -> Page:
        """The page asked for; one statement, and one for a search."""
        return take_page(
            self.filter.orders, columns, sort=self.sort, per_page=self.per_page, cursor=self.cursor
        )

    @property
    def address(self) -> Address:
        return Address(self.filter.tab, self.filter.given, self.sort, self.per_page)


def read_question(
    params: Mapping[str, Any],
    *,
    actor: Actor,
    tab: Tab | None,
    merchants: Mapping[int, Merchant],
    refuse_unknown: bool,
) -> Question:
    """The question that an address asks; refuses with `invalid`, keyed by name, what cannot be read.

    `per_page` over 100 is 100. With `refuse_unknown` a name that is neither filter nor
    paging is refused too: a program that misspells a filter must not work on everything.
    """
    errors: dict[str, list[str]] = {}
    if refuse_unknown:
        known = {*FILTER_NAMES, *PAGE_PARAMETERS}
        errors |= {name: [_("There is no such parameter.")] for name in params if name not in known}
    asked: OrderFilter | None = None
    try:
        asked = read_filter(params, actor=actor, tab=tab, merchants=merchants)
    except InvalidInput as refusal:
        errors |= refusal.errors
    sort = _read_sort(params, errors)
    per_page = _read_size(params, errors)
    cursor = _read_cursor(params, sort, errors)
    at = _read_jump(params, errors)
    if errors or asked is None:
        raise InvalidInput(errors)
    if at is not None:
        cursor = Cursor.at_moment(start_of(at + dt.timedelta(days=sort.descending), asked.zone), sort)
    return Question(asked, sort, per_page, cursor, at)


@dataclass(frozen=True)
class Address:
    """The address of a list: its tab, filters, order and page size; what is usual is left out."""

    tab: Tab | None
    given: Mapping[str, str]
    sort: Sort = NEWEST_FIRST
    per_page: int = DEFAULT_PER_PAGE

    def parameters(self, **changes: str | int | None) -> dict[str, str]:
        """The parameters with changes; None takes one out."""
        parameters: dict[str, Any] = dict(self.given)
        if self.sort != NEWEST_FIRST:
            parameters |= {"sort_by": self.sort.key.value, "sort_dir": self.sort.direction}
        if self.per_page != DEFAULT_PER_PAGE:
            parameters["per_page"] = self.per_page
        parameters |= changes
        return {name: str(value) for name, value in parameters.items() if value is not None}

    def url(self, **changes: str | int | None) -> str:
        """The address of the first page, with changes; `cursor` names another page."""
        path = reverse("order-list") if self.tab is None else reverse("order-list-status", args=[self.tab])
        query = urlencode(self.parameters(**changes))
        return f"{path}?{query}" if query else path

    def in_tab(self, tab: Tab | None) -> Address:
        return replace(self, tab=tab)


def _read_sort(params: Mapping[str, Any], errors: dict[str, list[str]]) -> Sort:
    by = str(params.get("sort_by", "")).strip() or SortKey.CREATED.value
    direction = str(params.get("sort_dir", "")).strip().lower() or "desc"
    if by not in tuple(SortKey):
        errors["sort_by"] = [_("Sort by one of these: %(keys)s.") % {"keys": ", ".join(SortKey)}]
    if direction not in ("asc", "desc"):
        errors["sort_dir"] = [_("Sort asc or desc.")]
    return Sort(SortKey(by) if by in tuple(SortKey) else SortKey.CREATED, direction == "desc")


def _read_size(params: Mapping[str, Any], errors: dict[str, list[str]]) -> int:
    text = str(params.get("per_page", "")).strip()
    if not text:
        return DEFAULT_PER_PAGE
    size = whole_number(text)
    if size is None or size < 1:
        errors["per_page"] = [_("Ask for 1 to %(most)d orders a page.") % {"most": MOST_PER_PAGE}]
        return DEFAULT_PER_PAGE
    return min(size, MOST_PER_PAGE)


def _read_cursor(params: Mapping[str, Any], sort: Sort, errors: dict[str, list[str]]) -> Cursor | None:
    text = str(params.get("cursor", "")).strip()
    if not text:
        return None
    try:
        cursor = Cursor.read(text)
        cursor.check(sort)
    except InvalidInput as refusal:
        errors |= refusal.errors
        return None
    return cursor


def _read_jump(params: Mapping[str, Any], errors: dict[str, list[str]]) -> dt.date | None:
    text = str(params.get("at", "")).strip()
    if not text:
        return None
    day = read_day(text)
    if day is None or not EARLIEST <= day <= LATEST:
        errors["at"] = [_("Write the date as YYYY-MM-DD.")]
        return None
    if str(params.get("sort_by", "")).strip() not in ("", SortKey.CREATED):
        errors["at"] = [_("Only a list sorted by creation can jump to a day.")]
        return None
    return day
