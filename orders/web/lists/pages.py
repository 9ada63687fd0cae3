"""What the list's page shows: tabs, chips, filter fields, heads, rows, pages, the bulk bar, the way out.

Which orders they are is decided before; how it looks stands in templates/lists.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.lists.counting import STOPPED, TabTallies, Tally
from orders.domain.lists.filtering import OrderFilterSet, Problem, newest_order_id
from orders.domain.lists.paging import Page, SortKey
from orders.domain.refusals import InvalidInput
from orders.models import CallCenter, Merchant, Order, Payment, Status, Tab, statuses_of
from orders.web.lists.asking import FILTER_NAMES, NEWEST_FIRST, PAGE_SIZES, Address, Question
from orders.web.lists.bulk import SHOWN_AT_ONCE, BulkButton, bulk_buttons
from orders.web.lists.rows import draw_rows

Words = str | Promise
CHOICES: Mapping[str, Sequence[tuple[str, Words]]] = {
    "call_center": CallCenter.choices,
    "payment": Payment.choices,
    "problem": Problem.choices,
}
DAYS = ("from", "to")
# Fields of the panel in their order; the search box stands in the frame.
PANEL = (
    "merchant",
    "city",
    "sku",
    "from",
    "to",
    "phone",
    "tracking",
    "call_center",
    "payment",
    "status",
    "problem",
)


@dataclass(frozen=True)
class Link:
    """A tab, a page size: a word that leads somewhere."""

    word: Words
    url: str
    is_current: bool
    count: str | None = None


@dataclass(frozen=True)
class Chip:
    """A filter in use; `url` is the page without it."""

    name: Words
    value: Words
    url: str


@dataclass(frozen=True)
class Field:
    """A filter's field in the panel."""

    name: str
    label: Words
    value: str
    kind: str = "text"
    choices: Sequence[tuple[str, Words]] = ()
    errors: Sequence[str] = ()


@dataclass(frozen=True)
class Head:
    """A column's heading that sorts by it."""

    word: Words
    url: str
    direction: str


@dataclass(frozen=True)
class Empty:
    """Why nothing is here, and the way out."""

    title: str
    text: str = ""
    icon: str = "inbox"
    action_url: str = ""
    action_word: Words = ""


class ListPage:
    """What every list page shows, found or refused."""

    errors: Mapping[str, Sequence[str]] = {}
    rows: Sequence[Mapping[str, Any]] = ()

    def __init__(
        self,
        address: Address,
        *,
        actor: Actor,
        merchants: Mapping[int, Merchant],
        tabs: TabTallies | None = None,
    ) -> None:
        self.address = address
        self.actor = actor
        self.merchants = merchants
        self.tallies = tabs

    @property
    def tab(self) -> Tab | None:
        return self.address.tab

    @property
    def own_url(self) -> str:
        """The address that shows this page again."""
        return self.address.url()

    @property
    def title(self) -> Words:
        return _("Orders") if self.tab is None else self.tab.label

    @cached_property
    def tabs(self) -> list[Link]:
        """All orders and the nine tabs, with the filters kept and the tab's own step let go."""
        given = {name: value for name, value in self.address.given.items() if name != "status"}
        kept = Address(self.tab, given, self.address.sort, self.address.per_page)
        return [
            Link(
                _("All") if tab is None else tab.label,
                kept.in_tab(tab).url(),
                tab == self.tab,
                self._count_of(tab),
            )
            for tab in (None, *Tab)
        ]

    def _count_of(self, tab: Tab | None) -> str | None:
        """The tab's count where it is known."""
        return None if self.tallies is None else str(self.tallies.of(tab))

    @cached_property
    def chips(self) -> list[Chip]:
        return [
            Chip(_label_of(name), self._shown(name, value), self.address.url(**{name: None}))
            for name, value in self.address.given.items()
        ]

    @property
    def clear_url(self) -> str:
        return Address(self.tab, {}, self.address.sort, self.address.per_page).url()

    @cached_property
    def fields(self) -> list[Field]:
        """The panel's fields. A step is asked for only where a tab holds several."""
        steps = tuple(Status) if self.tab is None else statuses_of(self.tab)
        choices = {
            **CHOICES,
            "status": [(step.value, step.label) for step in steps],
            "merchant": [(merchant.slug, merchant.name) for merchant in self.merchants.values()],
        }
        return [
            Field(
                name,
                _label_of(name),
                self.address.given.get(name, ""),
                "date" if name in DAYS else "select" if name in choices else "text",
                choices.get(name, ()),
                self.errors.get(name, ()),
            )
            for name in PANEL
            if (name != "status" or len(steps) > 1) and (name != "merchant" or len(self.merchants) > 1)
        ]

    @property
    def filters_in_panel(self) -> int:
        """How many filters of the panel are in use."""
        return sum(1 for name in self.address.given if name in PANEL)

    @property
    def kept_by_panel(self) -> list[tuple[str, str]]:
        """What the panel's form sends along beside its own fields."""
        return [(name, value) for name, value in self.address.parameters().items() if name not in PANEL]

    @property
    def kept_by_merchant(self) -> list[tuple[str, str]]:
        """What the choice of a merchant sends along."""
        return [(name, value) for name, value in self.address.parameters().items() if name != "merchant"]

    @property
    def chosen_merchant(self) -> Merchant | None:
        asked = self.address.given.get("merchant", "")
        return next((one for one in self.merchants.values() if asked in (one.slug, str(one.pk))), None)

    @cached_property
    def shows_merchants(self) -> bool:
        """Whether rows of several merchants may stand here."""
        return len(self.merchants) > 1 and self.chosen_merchant is None

    def _shown(self, name: str, value: str) -> Words:
        """A filter's value as people say it."""
        if name == "merchant":
            return self.chosen_merchant.name if self.chosen_merchant else value
        choices = Status.choices if name == "status" else CHOICES.get(name, ())
        if name in DAYS:
            try:
                return date_format(dt.date.fromisoformat(value), "j M Y")
            except ValueError:
                return value
        return dict(choices).get(value, value)


class RefusedPage(ListPage):
    """The page when the address cannot be read: what was asked, what is wrong with it, no rows."""

    def __init__(
        self,
        params: Mapping[str, str],
        refusal: InvalidInput,
        *,
        tab: Tab | None,
        actor: Actor,
        merchants: Mapping[int, Merchant],
    ) -> None:
        given = {name: params[name].replace("\x00", "") for name in FILTER_NAMES if params.get(name)}
        super().__init__(Address(tab, given), actor=actor, merchants=merchants)
        self.errors = refusal.errors

    @property
    def wrongs(self) -> list[tuple[Words, str]]:
        """What is wrong, by the name people know it by."""
        return [(_label_of(name), text) for name, texts in self.errors.items() for text in texts]


class FoundPage(ListPage):
    """A page of orders that were found, or of none."""

    def __init__(
        self,
        question: Question,
        taken: Page,
        *,
        tabs: TabTallies | None,
        total: Tally,
        actor: Actor,
    ) -> None:
        super().__init__(question.address, actor=actor, merchants=question.filter.merchants, tabs=tabs)
        self.question = question
        self.taken = taken
        self.total = total
        self.rows = draw_rows(taken.rows, merchants=self.merchants)

    @property
    def own_url(self) -> str:
        cursor, at = self.question.cursor, self.question.at
        if at is not None:
            return self.address.url(at=at.isoformat())
        return self.address.url(cursor=cursor.write() if cursor else None)

    def _count_of(self, tab: Tab | None) -> str | None:
        if self.tallies is not None:
            return super()._count_of(tab)
        # Too many match to say where they stand; here and all together are known all the same.
        return str(self.total) if tab == self.tab else str(STOPPED) if tab is None else None

    @property
    def previous_url(self) -> str:
        place = self.taken.previous
        return self.address.url(cursor=place.write()) if place else ""

    @property
    def next_url(self) -> str:
        place = self.taken.next
        return self.address.url(cursor=place.write()) if place else ""

    @property
    def summary(self) -> str:
        return _("%(shown)d of %(total)s") % {"shown": len(self.rows), "total": self.total}

    @property
    def sizes(self) -> list[Link]:
        return [
            Link(str(size), self.address.url(per_page=size), size == self.address.per_page)
            for size in PAGE_SIZES
        ]

    @property
    def jump_value(self) -> str:
        return self.question.at.isoformat() if self.question.at else ""

    @property
    def kept_by_jump(self) -> list[tuple[str, str]]:
        """What a jump to a day sends along; only a list by creation has days to jump to."""
        parameters = self.address.parameters(sort_by=None)
        if self.address.sort.key != SortKey.CREATED:
            parameters.pop("sort_dir", None)
        return list(parameters.items())

    @cached_property
    def currency(self) -> str:
        """The currency of all rows, to be named once in the heading; '' when there are several."""
        found = {row["currency"] for row in self.rows}
        return found.pop() if len(found) == 1 else ""

    @cached_property
    def heads(self) -> dict[str, Head]:
        """The headings that sort, by the column's name."""
        words = {
            SortKey.REFERENCE: _("Reference"),
            SortKey.TOTAL: _("Total %(currency)s") % {"currency": self.currency},
            SortKey.CREATED: _("Created"),
        }
        return {key.value: self._head(key, word.strip()) for key, word in words.items()}

    def _head(self, key: SortKey, word: str) -> Head:
        sort = self.address.sort
        is_current = sort.key == key
        turned = "asc" if is_current and sort.descending else "desc"
        usual = key == NEWEST_FIRST.key and turned == NEWEST_FIRST.direction
        return Head(
            word,
            self.address.url(sort_by=None if usual else key.value, sort_dir=None if usual else turned),
            sort.direction if is_current else "",
        )

    @cached_property
    def actions(self) -> list[BulkButton]:
        return bulk_buttons(self.tab, self.actor) if self.rows else []

    @property
    def actions_at_once(self) -> list[BulkButton]:
        return self.actions[:SHOWN_AT_ONCE] if len(self.actions) > SHOWN_AT_ONCE + 1 else self.actions

    @property
    def actions_behind(self) -> list[BulkButton]:
        return self.actions[len(self.actions_at_once) :]

    @cached_property
    def frozen(self) -> str:
        """The filter as it stands at this moment, for "all that match": later orders do not match."""
        return self.question.filter.freeze(up_to=newest_order_id(Order.objects.all()))

    @property
    def matching(self) -> str:
        """How many match beyond this page; '' when the page shows them all."""
        return str(self.total) if self.taken.next or self.taken.previous else ""

    @cached_property
    def empty(self) -> Empty | None:
        return None if self.rows else self._why_empty()

    def _why_empty(self) -> Empty:
        if self.question.at is not None:
            return Empty(
                _("No order was made that early"),
                icon="calendar",
                action_url=self.address.url(),
                action_word=_("Go to the first page"),
            )
        if self.chips:
            return self._why_nothing_matches()
        if self.tab is not None:
            return Empty(
                _("No order is here: %(tab)s") % {"tab": self.tab.label},
                _("Orders come here as work goes on."),
                action_url=self.address.in_tab(None).url(),
                action_word=_("Show all orders"),
            )
        return Empty(_("No orders yet"), _("Orders come in by file, by hand or from a shop's program."))

    def _why_nothing_matches(self) -> Empty:
        values = [str(chip.value) for chip in self.chips]
        if self.tab is not None:
            values.append(str(self.tab.label))
        title = _("No order matches %(filters)s") % {"filters": _joined(values)}
        elsewhere = self.tallies.total.value if self.tallies and self.tab else 0
        if elsewhere:
            return Empty(
                title,
                _("In other tabs: %(count)s") % {"count": elsewhere},
                "search-x",
                self.address.in_tab(None).url(),
                _("Look in all tabs"),
            )
        if len(self.chips) == 1:
            chip = self.chips[0]
            return Empty(
                title, "", "search-x", chip.url, _("Clear %(filter)s") % {"filter": str(chip.name).lower()}
            )
        return Empty(title, "", "search-x", self.clear_url, _("Clear all filters"))


def _label_of(name: str) -> Words:
    found = OrderFilterSet.base_filters.get(name)
    return found.label if found is not None else name


def _joined(values: Iterable[str]) -> str:
    *first, last = values
    return _("%(first)s and %(last)s") % {"first": ", ".join(first), "last": last} if first else last
