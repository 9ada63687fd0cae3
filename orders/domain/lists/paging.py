"""Pages of orders that neither skip nor repeat while rows come and go: by key, never by number.

Which orders are on the list is said in filtering.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, NamedTuple, Self

from django.core import signing
from django.utils.translation import gettext as _

from orders.domain.refusals import InvalidInput
from orders.models.querysets import OrderQuerySet

DEFAULT_PER_PAGE = 50
MOST_PER_PAGE = 100
_SIGNER = signing.Signer(salt="orders.paging")


class SortKey(StrEnum):
    """What lists are sorted by; each has its index."""

    CREATED = "created_at"
    REFERENCE = "reference"
    TOTAL = "total"

    @property
    def field(self) -> str:
        """The column: references are given out by id, and sort as numbers, not as text."""
        return "id" if self is SortKey.REFERENCE else self.value


@dataclass(frozen=True)
class Sort:
    """An order of the list; newest, highest or largest first unless said otherwise."""

    key: SortKey = SortKey.CREATED
    descending: bool = True

    @property
    def direction(self) -> str:
        return "desc" if self.descending else "asc"


_READERS: Mapping[SortKey, Callable[[str], Any]] = {
    SortKey.CREATED: dt.datetime.fromisoformat,
    SortKey.REFERENCE: int,
    SortKey.TOTAL: Decimal,
}


class Cursor(NamedTuple):
    """A place between two rows: a page of those after it, or of those before it."""

    sort: Sort
    value: Any
    id: int
    is_backwards: bool = False

    def write(self) -> str:
        """The cursor as it travels in an address: opaque, signed against tampering."""
        value = self.value.isoformat() if isinstance(self.value, dt.datetime) else str(self.value)
        parts = [self.sort.key.value, self.sort.direction, value, self.id, int(self.is_backwards)]
        return _SIGNER.sign_object(parts)

    @classmethod
    def read(cls, text: str) -> Self:
        """The cursor that `write` wrote; refuses any other text with `invalid` on `cursor`."""
        try:
            key, direction, value, id, is_backwards = _SIGNER.unsign_object(text)
            sort = Sort(SortKey(key), direction == "desc")
            return cls(sort, _READERS[sort.key](value), int(id), bool(is_backwards))
        except (signing.BadSignature, ValueError, TypeError, InvalidOperation):
            raise InvalidInput(
                {"cursor": [_("This page cannot be found again. Start from the first one.")]}
            ) from None

    def check(self, sort: Sort) -> None:
        """Refuses with `invalid` on `cursor` when the cursor belongs to another order of the list."""
        if self.sort != sort:
            raise InvalidInput({"cursor": [_("This page belongs to another order of the list.")]})

    @classmethod
    def at_moment(cls, moment: dt.datetime, sort: Sort) -> Self:
        """The place where a list by creation reaches the moment."""
        return cls(sort, moment, 0)


@dataclass(frozen=True)
class Page:
    """Rows as dicts of the columns asked for, and the places where the list goes on."""

    rows: list[dict[str, Any]]
    next: Cursor | None
    previous: Cursor | None


def take_page(
    orders: OrderQuerySet,
    columns: tuple[str, ...],
    *,
    sort: Sort,
    per_page: int,
    cursor: Cursor | None = None,
) -> Page:
    """One page of the orders; one statement. `columns` must hold `id` and what is sorted by.

    A row inserted meanwhile moves no other one to another page. Refuses a cursor of
    another sort with `invalid`.
    """
    if cursor is not None:
        cursor.check(sort)
    backwards = cursor is not None and cursor.is_backwards
    descending = sort.descending != backwards
    if cursor is not None:
        orders = orders.beyond(sort.key.field, cursor.value, cursor.id, descending=descending)
    taken = list(orders.sorted_by(sort.key.field, descending=descending).values(*columns)[: per_page + 1])
    goes_on = len(taken) > per_page
    rows = taken[:per_page]
    if backwards:
        rows.reverse()
    if not rows:
        return Page([], None, None)
    return Page(
        rows,
        next=_place(rows[-1], sort) if goes_on or backwards else None,
        previous=_place(rows[0], sort, is_backwards=True) if (goes_on if backwards else cursor) else None,
    )


def _place(row: dict[str, Any], sort: Sort, *, is_backwards: bool = False) -> Cursor:
    return Cursor(sort, row[sort.key.field], row["id"], is_backwards)
