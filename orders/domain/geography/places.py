"""Finds the city that people mean: exact names, Arabic names, learned spellings, the region beside them.

The places shipped with the product stand in gazetteer.py; who may edit them, in the settings' door.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.life.history import Happening, record_events
from orders.domain.reading.texts import UnusableText, clean_line, fold
from orders.domain.refusals import InvalidInput, NotAllowed, NotThere
from orders.domain.rows.locking import write_transaction
from orders.domain.rows.rowsets import column_value, rows_source
from orders.models import City, CityAlias, EventType, Merchant, Order, Status

MAX_CITY = 100
SUGGESTIONS = 5
_WORDS_LOOKED_AT = 8
_LIKENESS = 0.6
# Statuses in which an order may still go to a company and so needs its city known.
STILL_GOING_OUT = (
    Status.NEW,
    Status.PICKED_UP,
    Status.PREPARING,
    Status.PACKED,
    Status.WAITING,
    Status.OUT_OF_STOCK,
    Status.ROLLBACK,
)


class Place(NamedTuple):
    """A known city (Morocco) or commune (Algeria)."""

    id: int
    country: str
    name: str
    name_ar: str
    region: str
    region_ar: str
    region_code: str

    @property
    def label(self) -> str:
        return f"{self.name} ({self.region})" if self.region else self.name


class Typed(NamedTuple):
    """A city as somebody typed it, and whose spellings count."""

    merchant_id: int
    country: str
    city: str


class _Found(NamedTuple):
    """The cities that a key fits, by how it fits them."""

    named: tuple[Place, ...]
    named_in_arabic: tuple[Place, ...]
    aliases: Mapping[int | None, Place]  # by merchant; None is everybody's

    def certain(self, merchant_id: int) -> Place | None:
        """The one city the key can mean; None when it means none or several."""
        if len(self.named) == 1:
            return self.named[0]
        if not self.named and len(self.named_in_arabic) == 1:
            return self.named_in_arabic[0]
        return self.aliases.get(merchant_id) or self.aliases.get(None)

    def any_of(self) -> set[Place]:
        return {*self.named, *self.named_in_arabic, *self.aliases.values()}


_Key = tuple[str, str]  # country, folded spelling
_NOTHING = _Found((), (), {})


def resolve_cities(
    names: Iterable[str], *, merchant: Merchant, country: str | None = None
) -> dict[str, Place]:
    """The city each typed name means; names that mean none, or several, are left out.

    `country` defaults to the merchant's. At most two statements for any number of names.
    """
    of_country = country or merchant.country
    asked = {Typed(merchant.pk, of_country, name) for name in names}
    return {typed.city: place for typed, place in resolve_typed(asked).items()}


def resolve_typed(asked: Iterable[Typed]) -> dict[Typed, Place]:
    """As resolve_cities, for several merchants and countries at once.

    A name counts as the one city of that name, else as the one of that Arabic name, else
    as the merchant's own alias, else as everybody's. A name that several cities share
    (41 Algerian ones) is certain only with the region beside it: `name, wilaya`.
    """
    keys = {typed: (typed.country, fold(typed.city)[:MAX_CITY]) for typed in asked}
    found = _look_up(set(keys.values()))
    resolved: dict[Typed, Place] = {}
    uncertain: dict[Typed, Sequence[tuple[_Key, str]]] = {}
    for typed, key in keys.items():
        place = found.get(key, _NOTHING).certain(typed.merchant_id)
        if place is not None:
            resolved[typed] = place
        elif " " in key[1]:
            uncertain[typed] = _split_before_region(key)
    if uncertain:
        found = _look_up({key for splits in uncertain.values() for key, _region in splits})
        for typed, splits in uncertain.items():
            place = _in_region(splits, found)
            if place is not None:
                resolved[typed] = place
    return resolved


def suggest_cities(names: Iterable[str], *, country: str, limit: int = SUGGESTIONS) -> dict[str, list[Place]]:
    """For each typed name the cities it may mean, likeliest first; one statement.

    Made for a handful of names: each is compared with every city of the country.
    """
    cities = [
        (key, key_ar, Place._make(rest))
        for key, key_ar, *rest in City.objects.filter(country=country, is_active=True)
        .order_by("name", "region")
        .values_list("key", "key_ar", *Place._fields)
    ]
    return {name: _likeliest(fold(name)[:MAX_CITY], cities, limit) for name in set(names)}


def learn_alias(
    spelling: str, city: City, *, actor: Actor, merchant: Merchant | None = None
) -> CityAlias | None:
    """The alias that makes `spelling` mean `city` from now on; None when it means that already.

    With a merchant it counts for that merchant's orders only and beats everybody's.
    A spelling known before is pointed to the new city. Refuses with `not_allowed` who may
    neither edit places nor (for one merchant) orders, with `unknown` another's merchant,
    with `invalid` an empty or too long spelling.
    """
    _check_teacher(actor, merchant)
    try:
        spelling = clean_line(spelling)
    except UnusableText:
        spelling = ""
    key = fold(spelling)
    if not key or len(spelling) > MAX_CITY or len(key) > MAX_CITY:
        raise InvalidInput(
            {
                "spelling": [
                    _("Write the spelling as customers type it, with 1 to %(limit)s characters.")
                    % {"limit": MAX_CITY}
                ]
            }
        )
    found = _look_up({(city.country, key)}).get((city.country, key), _NOTHING)
    meant = found.certain(merchant.pk if merchant else 0)
    if meant is not None and meant.id == city.pk:
        return None

    def work() -> CityAlias:
        alias, _created = CityAlias.objects.update_or_create(
            country=city.country, key=key, merchant=merchant, defaults={"city": city, "spelling": spelling}
        )
        return alias

    return write_transaction(work)


def _check_teacher(actor: Actor, merchant: Merchant | None) -> None:
    if merchant is not None and actor.merchant_id not in (None, merchant.pk):
        raise NotThere(_("There is no such merchant; choose one from the list."))
    may = actor.may("managePlaces") or (merchant is not None and actor.may("change_order"))
    if not may or (merchant is None and actor.merchant_id is not None):
        raise NotAllowed(_("You may not teach spellings of cities. Ask a manager to do it."))


class Unresolved(NamedTuple):
    """A spelling that orders wait with, and how many do."""

    merchant_id: int
    country: str
    city: str
    orders: int


def list_unresolved(*, merchant_id: int | None = None, limit: int = 100) -> list[Unresolved]:
    """The spellings that open orders wait with, the most frequent first; one statement."""
    rows = (
        _waiting(merchant_id)
        .values("merchant_id", "country", "city")
        .annotate(orders=Count("id"))
        .order_by("-orders", "city")[:limit]
    )
    return [Unresolved(**row) for row in rows]


def settle_waiting_orders(
    *, actor: Actor, merchant_id: int | None = None, at: dt.datetime | None = None
) -> int:
    """How many open orders now have their city, because their spelling has become known.

    Each gets an `edit` event. At most seven statements for any number of orders.
    """
    moment = at or timezone.now()

    def work() -> int:
        asked = [
            Typed(*row)
            for row in _waiting(merchant_id).values_list("merchant_id", "country", "city").distinct()
        ]
        resolved = resolve_typed(asked)
        if not resolved:
            return 0
        source, params = rows_source(
            "r",
            {"merchant_id": "int", "country": "text", "city": "text", "place_id": "int"},
            [(*typed, place.id) for typed, place in resolved.items()],
        )
        cast = "::timestamptz" if connection.vendor == "postgresql" else ""
        statuses = ", ".join(["%s"] * len(STILL_GOING_OUT))
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE orders_order SET city_place_id = r.place_id, updated_at = %s{cast},"  # noqa: S608
                f" version = orders_order.version + 1 FROM {source}"
                " WHERE orders_order.merchant_id = r.merchant_id AND orders_order.country = r.country"
                " AND orders_order.city = r.city AND orders_order.city_place_id IS NULL"
                f" AND orders_order.deleted_at IS NULL AND orders_order.status IN ({statuses})"
                " RETURNING orders_order.id, orders_order.cycle, orders_order.merchant_id,"
                " orders_order.city_place_id",
                [column_value(moment), *params, *(status.value for status in STILL_GOING_OUT)],
            )
            settled = cursor.fetchall()
        places = {place.id: place for place in resolved.values()}
        days = {
            id: moment.astimezone(ZoneInfo(zone)).date()
            for id, zone in Merchant.objects.values_list("id", "timezone")
        }
        record_events(
            [
                Happening(
                    order_id=order_id,
                    cycle=cycle,
                    type=EventType.EDIT,
                    action="resolve_city",
                    occurred_on=days[of_merchant],
                    before={"city_place_id": None},
                    message=_("City: %(city)s") % {"city": places[place_id].label},
                    details={"city_place_id": place_id},
                )
                for order_id, cycle, of_merchant, place_id in settled
            ],
            actor=actor,
            at=moment,
        )
        return len(settled)

    return write_transaction(work)


def _waiting(merchant_id: int | None) -> QuerySet[Order]:
    """Orders that may still go out and whose city is not known."""
    waiting = Order.objects.filter(
        city_place__isnull=True, deleted_at__isnull=True, status__in=STILL_GOING_OUT
    ).exclude(city="")
    return waiting if merchant_id is None else waiting.filter(merchant_id=merchant_id)


_COLUMNS = ", ".join(f"c.{name}" for name in Place._fields)


def _look_up(keys: set[_Key]) -> dict[_Key, _Found]:
    """What each (country, folded spelling) fits; one statement for any number of them."""
    if not keys:
        return {}
    source, params = rows_source("given", {"country": "text", "key": "text"}, sorted(keys))
    # CROSS JOIN: SQLite is to go by the names, not to look each city up among them.
    sql = f"""
        WITH r AS (SELECT country, key FROM {source})
        SELECT r.country, r.key, 'name', CAST(NULL AS bigint), {_COLUMNS}
          FROM r CROSS JOIN orders_city c
         WHERE c.country = r.country AND c.key = r.key AND c.is_active
        UNION ALL
        SELECT r.country, r.key, 'arabic', CAST(NULL AS bigint), {_COLUMNS}
          FROM r CROSS JOIN orders_city c
         WHERE c.country = r.country AND c.key_ar = r.key AND c.is_active
        UNION ALL
        SELECT r.country, r.key, 'alias', a.merchant_id, {_COLUMNS}
          FROM r CROSS JOIN orders_cityalias a CROSS JOIN orders_city c
         WHERE a.country = r.country AND a.key = r.key AND c.id = a.city_id AND c.is_active
    """  # noqa: S608
    named: dict[_Key, dict[str, set[Place]]] = defaultdict(lambda: defaultdict(set))
    aliases: dict[_Key, dict[int | None, Place]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        for country, key, how, merchant_id, *facts in cursor.fetchall():
            place = Place._make(facts)
            if how == "alias":
                aliases[country, key][merchant_id] = place
            else:
                named[country, key][how].add(place)
    return {
        key: _Found(tuple(named[key]["name"]), tuple(named[key]["arabic"]), aliases.get(key, {}))
        for key in {*named, *aliases}
    }


def _split_before_region(key: _Key) -> list[tuple[_Key, str]]:
    """The ways to read `city region`, the longest city first: what is left may be its region."""
    country, spelling = key
    words = spelling.split()
    ends = range(min(len(words) - 1, _WORDS_LOOKED_AT), 0, -1)
    return [((country, " ".join(words[:end])), " ".join(words[end:])) for end in ends]


def _in_region(splits: Sequence[tuple[_Key, str]], found: Mapping[_Key, _Found]) -> Place | None:
    for key, rest in splits:
        fitting = [place for place in found.get(key, _NOTHING).any_of() if _names_region(rest, place)]
        if len(fitting) == 1:
            return fitting[0]
    return None


def _names_region(text: str, place: Place) -> bool:
    """Whether the folded text holds the place's region by name, in either script, or by number."""
    spaced = f" {text} "
    if any(region and f" {fold(region)} " in spaced for region in (place.region, place.region_ar)):
        return True
    code = place.region_code.lstrip("0")
    return bool(code) and any(word.lstrip("0") == code for word in text.split())


def _likeliest(key: str, cities: Sequence[tuple[str, str, Place]], limit: int) -> list[Place]:
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(key)
    scored: list[tuple[float, str, str, Place]] = []
    for own, arabic, place in cities:
        score = max((_likeness(matcher, key, name) for name in (own, arabic) if name), default=0.0)
        if score >= _LIKENESS:
            scored.append((-score, place.name, place.region, place))
    return [place for *_order, place in sorted(scored)[:limit]] if key else []


def _likeness(matcher: SequenceMatcher[str], key: str, name: str) -> float:
    """1 for the same, close to 1 for a beginning, else how much the two have in common."""
    if key == name:
        return 1.0
    if name.startswith(key) or key.startswith(f"{name} "):
        return 0.95
    if f" {key}" in name:
        return 0.9
    matcher.set_seq1(name)
    # The two quick bounds spare the costly comparison for most of a country's cities.
    if matcher.real_quick_ratio() < _LIKENESS or matcher.quick_ratio() < _LIKENESS:
        return 0.0
    return matcher.ratio()
