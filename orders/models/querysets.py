"""Which orders: those alive, one merchant's, a tab's, those that a search means.

What a person typed is read in orders/domain/lists/searching.py and filtering.py; pages of rows in paging.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self, cast

from django.db import connections, models
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, Value

from orders.models.choices import Tab

if TYPE_CHECKING:
    from orders.models.orders import Order


class OrderQuerySet(models.QuerySet["Order"]):
    """Orders by the questions that lists, searches and counts ask; each states its index."""

    def alive(self) -> Self:
        """Those not deleted; every list index holds them alone."""
        return self.filter(deleted_at__isnull=True)

    def visible_to(self, merchant_id: int | None) -> Self:
        """The merchant's orders; everybody's for None, which is staff."""
        return self.alive() if merchant_id is None else self.alive().filter(merchant_id=merchant_id)

    def in_tab(self, tab: Tab) -> Self:
        return self.filter(tab=tab)

    def made_from(self, moment: dt.datetime) -> Self:
        return self.filter(created_at__gte=moment)

    def made_before(self, moment: dt.datetime) -> Self:
        return self.filter(created_at__lt=moment)

    def with_product(self, product_ids: Collection[int], sku: str) -> Self:
        """Those with a line of the products in their present cycle, or of a SKU that no product bears."""
        lines = self.model._meta.get_field("lines").related_model._default_manager.filter(
            order_id=OuterRef("pk"), cycle=OuterRef("cycle")
        )
        wanted = Q(product_id__in=product_ids) | Q(product__isnull=True, sku=sku)
        return self.filter(Exists(lines.filter(wanted)))

    def any_of(self, conditions: Iterable[Q]) -> Self:
        """Those that meet at least one of the conditions."""
        met = Q()
        for condition in conditions:
            met |= condition
        return self.filter(met) if met else self.none()

    def probe(self, conditions: Sequence[Q], *, limit: int) -> list[int] | None:
        """The ids that meet a condition, or None when one of them is met by more than `limit`.

        One statement, each condition by its own index: joined by OR in the list's statement
        they would make the database walk the whole list for a term that is rare.
        """
        if not conditions:
            return []
        if connections[self.db].features.supports_slicing_ordering_in_compound:
            first, *others = (self._first_ids(self.filter(one), limit + 1) for one in conditions)
            found = set(first.union(*others, all=True) if others else first)
        else:
            found = set(self._first_ids(self.any_of(conditions), limit + 1))
        return None if len(found) > limit else sorted(found)

    @staticmethod
    def _first_ids(orders: OrderQuerySet, count: int) -> models.QuerySet[Order, int]:
        return orders.order_by().values_list("pk", flat=True)[:count]

    def beyond(self, field: str, value: Any, id: int, *, descending: bool) -> Self:
        """The rows that follow (value, id) in an order by the field and then by id."""
        if field == "id":
            return self.filter(id__lt=id) if descending else self.filter(id__gt=id)
        of_model = cast("models.Field[Any, Any]", self.model._meta.get_field(field))
        return self.filter(follows(of_model, value, id, descending=descending))

    def sorted_by(self, field: str, *, descending: bool) -> Self:
        """Ordered by the field and then by id, both one way, as the indexes are."""
        sign = "-" if descending else ""
        return self.order_by(f"{sign}id") if field == "id" else self.order_by(f"{sign}{field}", f"{sign}id")

    def count_up_to(self, limit: int) -> tuple[int, bool]:
        """How many there are, and whether that is all: the count stops at `limit`."""
        found = self.order_by()[: limit + 1].count()
        return min(found, limit), found <= limit


def phone_ends(reversed_digits: str) -> list[Q]:
    """The first or the second number ends with the digits, given back to front.

    The indexes hold them so too, and an ending is a beginning there.
    """
    return [
        Q(phone_reversed__startswith=reversed_digits),
        Q(second_phone_reversed__startswith=reversed_digits) & ~Q(second_phone_reversed=""),
    ]


def tracking_begins(beginning: str) -> Q:
    return Q(tracking__startswith=beginning) & ~Q(tracking="")


def name_holds(words: Iterable[str]) -> Q:
    """Each folded word somewhere in the name; one of one or two letters at a word's beginning.

    Trigrams cannot find shorter parts, and nobody means them.
    """
    held = Q()
    for word in words:
        if len(word) > 2:
            held &= Q(search_name__contains=word)
        else:
            held &= Q(search_name__startswith=word) | Q(search_name__contains=f" {word}")
    return held


def follows(field: models.Field[Any, Any], value: Any, id: int, *, descending: bool) -> Func:
    """Whether a row follows (value, id) in an order by the field and then by id.

    A comparison of pairs, so that the index bounds the walk even among a thousand equal totals.
    """
    of_row = _pair(F(field.name), F("id"))
    given = _pair(Value(value, output_field=field), Value(id))
    return Func(
        of_row,
        given,
        arg_joiner=" < " if descending else " > ",
        template="%(expressions)s",
        output_field=BooleanField(),
    )


def _pair(*parts: F | Value) -> Func:
    return Func(*parts, template="(%(expressions)s)", output_field=BooleanField())
