"""The order list's filters: read once, combined, and frozen for work that runs later.

Search terms are read in searching.py, pages in paging.py; how filters are drawn is the door's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import django_filters as filters
from django import forms
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orders.domain.actors import Actor
from orders.domain.geography.places import STILL_GOING_OUT, Typed, resolve_typed
from orders.domain.lists.searching import MAX_SEARCH, find_orders
from orders.domain.reading.phones import search_digits
from orders.domain.reading.texts import UnusableText, clean_line, fold
from orders.domain.refusals import InvalidInput
from orders.models import (
    CallCenter,
    City,
    Country,
    JobItem,
    Merchant,
    Order,
    OrderLine,
    OrderQuerySet,
    Payment,
    Product,
    Status,
    Tab,
)
from orders.models.querysets import phone_ends, tracking_begins

MOST_CITIES = 200
MOST_FROZEN = 20_000
MOST_ID = 2**63 - 1
EARLIEST, LATEST = dt.date(2000, 1, 1), dt.date(2999, 12, 31)


class Problem:
    """What holds an order up and is a task for a person."""

    CITY = "city"
    OWED = "owed"
    choices = (
        (CITY, gettext_lazy("City not known")),
        (OWED, gettext_lazy("Units owed to a parcel")),
    )


def merchants_of(actor: Actor) -> dict[int, Merchant]:
    """The merchants whose orders the actor sees, by id; one statement."""
    visible = Merchant.objects.all()
    if actor.merchant_id is not None:
        visible = visible.filter(pk=actor.merchant_id)
    return {merchant.pk: merchant for merchant in visible}


class FilterForm(forms.Form):
    """What filters have to say together."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("from"), cleaned.get("to")
        if first and last and last < first:
            self.add_error("to", _("The last day lies before the first."))
        return cleaned


def _text(label: Any, **kwargs: Any) -> filters.CharFilter:
    return filters.CharFilter(label=label, max_length=MAX_SEARCH, **kwargs)


def _day(label: Any, **kwargs: Any) -> filters.DateFilter:
    return filters.DateFilter(
        label=label,
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": gettext_lazy("Write the date as YYYY-MM-DD.")},
        validators=[MinValueValidator(EARLIEST), MaxValueValidator(LATEST)],
        **kwargs,
    )


class OrderFilterSet(filters.FilterSet):  # type: ignore[misc]
    """Each filter of the list by its name in the address."""

    search = _text(gettext_lazy("Search"), method="by_search")
    merchant = _text(gettext_lazy("Merchant"), method="by_merchant")
    status = filters.ChoiceFilter(label=gettext_lazy("Step"), choices=Status.choices)
    city = _text(gettext_lazy("City"), method="by_city")
    created_from = _day(gettext_lazy("From"), method="by_first_day")
    created_to = _day(gettext_lazy("To"), method="by_last_day")
    sku = _text(gettext_lazy("Product"), method="by_sku")
    phone = _text(gettext_lazy("Phone"), method="by_phone")
    tracking = _text(gettext_lazy("Tracking"), method="by_tracking")
    call_center = filters.ChoiceFilter(label=gettext_lazy("Call centre"), choices=CallCenter.choices)
    payment = filters.ChoiceFilter(
        label=gettext_lazy("Payment"), field_name="payment_status", choices=Payment.choices
    )
    problem = filters.ChoiceFilter(
        label=gettext_lazy("Problem"), choices=Problem.choices, method="by_problem"
    )
    job = filters.CharFilter(
        label=gettext_lazy("Job"),
        max_length=18,
        validators=[RegexValidator("^[0-9]+$", gettext_lazy("This is no job's number."))],
        method="by_job",
    )

    class Meta:
        model = Order
        fields: tuple[str, ...] = ()
        form = FilterForm

    def __init__(self, *args: Any, merchants: Mapping[int, Merchant], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.merchants = merchants

    @classmethod
    def get_filters(cls) -> dict[str, filters.Filter]:
        # `from` is a word of Python's and cannot name an attribute.
        in_address = {"created_from": "from", "created_to": "to"}
        return {in_address.get(name, name): one for name, one in super().get_filters().items()}

    @property
    def asked_merchant(self) -> Merchant | None:
        """The merchant asked for; None when all are."""
        asked = self.form.cleaned_data.get("merchant", "")
        return next((one for one in self.merchants.values() if asked in (one.slug, str(one.pk))), None)

    @cached_property
    def only_merchant(self) -> Merchant | None:
        """The merchant whose orders alone the list shows; None when it shows several merchants'."""
        only = next(iter(self.merchants.values())) if len(self.merchants) == 1 else None
        return self.asked_merchant or only

    @cached_property
    def zone(self) -> ZoneInfo:
        """Whose days are meant: the merchant's where the list shows one merchant, else those of staff."""
        return self.only_merchant.zone if self.only_merchant else ZoneInfo(settings.TIME_ZONE)

    def by_search(self, orders: OrderQuerySet, _name: str, text: str) -> OrderQuerySet:
        return find_orders(orders, text)

    def by_merchant(self, orders: OrderQuerySet, _name: str, _value: str) -> OrderQuerySet:
        merchant = self.asked_merchant
        return orders.filter(merchant_id=merchant.pk) if merchant else orders.none()

    def by_first_day(self, orders: OrderQuerySet, _name: str, day: dt.date) -> OrderQuerySet:
        return orders.made_from(start_of(day, self.zone))

    def by_last_day(self, orders: OrderQuerySet, _name: str, day: dt.date) -> OrderQuerySet:
        return orders.made_before(start_of(day + dt.timedelta(days=1), self.zone))

    def by_city(self, orders: OrderQuerySet, _name: str, typed: str) -> OrderQuerySet:
        merchant = self.only_merchant
        return orders.filter(_city_meant(typed, merchant.pk if merchant else 0))

    def by_sku(self, orders: OrderQuerySet, _name: str, typed: str) -> OrderQuerySet:
        sku = _line(typed)
        products = Product.objects.filter(Q(sku=sku) | Q(sku=sku.upper()), merchant__in=self.merchants)
        return orders.with_product(list(products.values_list("pk", flat=True)), sku)

    def by_phone(self, orders: OrderQuerySet, _name: str, typed: str) -> OrderQuerySet:
        digits = search_digits(typed)
        return orders.any_of(phone_ends(digits)) if digits else orders.none()

    def by_tracking(self, orders: OrderQuerySet, _name: str, typed: str) -> OrderQuerySet:
        code = _line(typed).replace(" ", "")
        if not code:
            return orders.none()
        return orders.filter(tracking_begins(code) | tracking_begins(code.upper()))

    def by_problem(self, orders: OrderQuerySet, _name: str, problem: str) -> OrderQuerySet:
        if problem == Problem.CITY:
            return orders.filter(city_place__isnull=True, status__in=STILL_GOING_OUT).exclude(city="")
        owed = OrderLine.objects.filter(order_id=OuterRef("pk"), cycle=OuterRef("cycle"), owed__gt=0)
        return orders.filter(Exists(owed))

    def by_job(self, orders: OrderQuerySet, _name: str, number: str) -> OrderQuerySet:
        """Those that a job of the background made or moved."""
        items = JobItem.objects.filter(job_id=int(number), outcome=JobItem.Outcome.DONE)
        return orders.filter(pk__in=items.values("order_id"))


class OrderFilter:
    """One question to the list, read and checked: which orders, of those the actor sees.

    `given` holds what was asked by name, as typed; `tab` the dashboard's tab, if any;
    `up_to` the newest order's id when the question was frozen.
    """

    def __init__(
        self, filter_set: OrderFilterSet, *, actor: Actor, tab: Tab | None, up_to: int | None
    ) -> None:
        self._filter_set = filter_set
        self.actor = actor
        self.tab = tab
        self.up_to = up_to
        self.given: dict[str, str] = {
            name: str(filter_set.data[name]).strip()
            for name in filter_set.filters
            if str(filter_set.data.get(name, "")).strip()
        }

    @property
    def merchants(self) -> Mapping[int, Merchant]:
        return self._filter_set.merchants

    @property
    def merchant(self) -> Merchant | None:
        """The merchant asked for by name; None when no one was."""
        return self._filter_set.asked_merchant

    @property
    def zone(self) -> ZoneInfo:
        return self._filter_set.zone

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the tab and the merchant was asked."""
        return bool(self.given.keys() - {"merchant"}) or self.up_to is not None

    @cached_property
    def in_all_tabs(self) -> OrderQuerySet:
        """The orders asked for, whatever their tab. A search costs one statement here."""
        orders = Order.objects.visible_to(self.actor.merchant_id)
        found: OrderQuerySet = self._filter_set.filter_queryset(orders)
        return found if self.up_to is None else found.filter(pk__lte=self.up_to)

    @property
    def orders(self) -> OrderQuerySet:
        """The orders asked for."""
        return self.in_all_tabs if self.tab is None else self.in_all_tabs.in_tab(self.tab)

    def as_query(self) -> str:
        """The question as an address says it, tab aside."""
        return urlencode(self.given)

    def freeze(self, *, up_to: int) -> str:
        """The question as work that runs later reads it: orders made from now on do not match."""
        tab = {"tab": self.tab.value} if self.tab else {}
        return urlencode({**tab, **self.given, "up_to": up_to})


def read_filter(
    params: Mapping[str, Any],
    *,
    actor: Actor,
    tab: Tab | None = None,
    up_to: int | None = None,
    merchants: Mapping[int, Merchant] | None = None,
) -> OrderFilter:
    """The filter that the parameters ask for; names that are no filter's are ignored.

    Refuses with `invalid`, keyed by the parameter's name, what cannot be read. One
    statement, unless the caller has `merchants_of(actor)` at hand.
    """
    known = merchants_of(actor) if merchants is None else merchants
    filter_set = OrderFilterSet(_plain(params), queryset=Order.objects.none(), merchants=known)
    if not filter_set.form.is_valid():
        raise InvalidInput({name: [str(text) for text in texts] for name, texts in filter_set.errors.items()})
    if filter_set.form.cleaned_data["merchant"] and filter_set.asked_merchant is None:
        raise InvalidInput({"merchant": [_("There is no such merchant.")]})
    return OrderFilter(filter_set, actor=actor, tab=tab, up_to=up_to)


def filtered_orders(frozen: str, *, actor: Actor) -> OrderQuerySet:
    """The orders that a frozen filter (`OrderFilter.freeze`, or any address's query) asks for now.

    Only those the actor sees. Refuses a filter that cannot be read with `invalid`.
    """
    return read_frozen(frozen, actor=actor).orders


def read_frozen(frozen: str, *, actor: Actor) -> OrderFilter:
    """The filter that `freeze` wrote; refuses what it did not write with `invalid`."""
    if len(frozen) > MOST_FROZEN:
        # Cut short it would mean more orders, not fewer.
        raise InvalidInput({"filter": [_("This filter is too long.")]})
    params = dict(parse_qsl(frozen))
    tab, up_to = params.pop("tab", ""), params.pop("up_to", "")
    if unknown := params.keys() - OrderFilterSet.base_filters.keys():
        # Work on "all that match" must never match more than was looked at.
        raise InvalidInput({name: [_("There is no such filter.")] for name in sorted(unknown)})
    if tab and tab not in Tab.values:
        raise InvalidInput({"tab": [_("There is no such tab.")]})
    if up_to and (not up_to.isascii() or not up_to.isdigit() or len(up_to) > len(str(MOST_ID)) - 1):
        raise InvalidInput({"up_to": [_("This is no order's number.")]})
    return read_filter(
        params, actor=actor, tab=Tab(tab) if tab else None, up_to=int(up_to) if up_to else None
    )


def newest_order_id(orders: OrderQuerySet) -> int:
    """The id of the newest order there is, for freezing a filter; 0 when there is none."""
    return orders.order_by("-pk").values_list("pk", flat=True).first() or 0


def start_of(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The moment at which the day begins in the zone."""
    return dt.datetime.combine(day, dt.time(), tzinfo=zone)


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """One value a name, as a form wants it; a status comes in in any case."""
    plain = {name: params[name] for name in params}
    if "status" in plain:
        plain["status"] = str(plain["status"]).upper()
    return plain


def _line(typed: str) -> str:
    try:
        return clean_line(typed)
    except UnusableText:
        return ""


def _city_meant(typed: str, merchant_id: int) -> Q:
    """Orders to the one city that the text means, else to every city whose name holds it.

    The spellings learned for the merchant count, and everybody's; 0 is no merchant. Orders whose
    city is not known yet count by what was typed. At most three statements.
    """
    name = _line(typed)
    if not name:
        return Q(pk__in=())
    if name.isascii() and name.isdigit():
        return Q(city_place_id=int(name[:18]))
    meant = {
        place.id
        for place in resolve_typed(Typed(merchant_id, country, name) for country in Country.values).values()
    }
    if meant:
        return Q(city_place__in=meant) | Q(city_place__isnull=True, city__iexact=name)
    key = fold(name)
    held = City.objects.filter(Q(key__contains=key) | Q(key_ar__contains=key)) if key else City.objects.none()
    ids = list(held.values_list("pk", flat=True)[:MOST_CITIES])
    return Q(city_place__in=ids) | Q(city_place__isnull=True, city__icontains=name)
