"""Cities and their spellings as people edit them: added, corrected, taught, forgotten.

How a typed city is matched stands in places.py; what is shipped with the product, in gazetteer.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.geography.places import learn_alias, settle_waiting_orders
from orders.domain.reading.texts import UnusableText, clean_line, fold
from orders.domain.refusals import InvalidInput, NotAllowed, NotThere
from orders.domain.setup.changes import Change, Noted, Subject, Verb, differences, record_changes
from orders.models import City, CityAlias, Country, Merchant

PERMISSION = "managePlaces"


@dataclass(frozen=True)
class CityDraft:
    """A city (Morocco) or commune (Algeria) as somebody wants it."""

    country: str
    name: str
    name_ar: str = ""
    region: str = ""
    region_ar: str = ""
    region_code: str = ""
    is_active: bool = True


@dataclass(frozen=True)
class Taught:
    """What teaching did: whether the spelling was new, and how many waiting orders have their city now."""

    is_new: bool
    settled: int


# The texts of a city, and how long each may be.
_TEXTS = {"name": 100, "name_ar": 100, "region": 100, "region_ar": 100, "region_code": 10}


def add_city(draft: CityDraft, *, actor: Actor) -> City:
    """The new city; orders that waited for it get it. Refuses with InvalidInput by field."""
    _check(actor)
    texts, errors = _clean(draft)
    if draft.country not in Country.values:
        errors["country"] = [_("Choose a country from the list.")]
    if errors:
        raise InvalidInput(errors)
    try:
        with transaction.atomic():
            city = City.objects.create(
                country=draft.country, is_active=draft.is_active, **texts, **_keys(texts)
            )
            record_changes([Noted(Subject.CITY, city.pk, str(city), Verb.MADE)], actor=actor)
    except IntegrityError as error:
        raise InvalidInput({"name": [_taken(texts["name"])]}) from error
    settle_waiting_orders(actor=actor)
    return city


def update_city(city_id: int, draft: CityDraft, *, actor: Actor) -> City:
    """The city with the draft's values, its country aside; one switched off is offered to nobody."""
    _check(actor)
    texts, errors = _clean(draft)
    if errors:
        raise InvalidInput(errors)
    try:
        with transaction.atomic():
            city = City.objects.select_for_update(no_key=True).filter(pk=city_id).first()
            if city is None:
                raise NotThere(_("There is no such city."))
            after: dict[str, Any] = {**texts, "is_active": draft.is_active}
            changes = differences(city, after)
            for name, value in {**after, **_keys(texts)}.items():
                setattr(city, name, value)
            city.save()
            record_changes([Noted(Subject.CITY, city.pk, str(city), Verb.CHANGED, changes)], actor=actor)
    except IntegrityError as error:
        raise InvalidInput({"name": [_taken(texts["name"])]}) from error
    settle_waiting_orders(actor=actor)
    return city


def teach_spelling(spelling: str, city_id: int, *, actor: Actor, merchant: Merchant | None = None) -> Taught:
    """Makes the spelling mean the city from now on, and gives their city to the orders that waited for it."""
    city = City.objects.filter(pk=city_id, is_active=True).first()
    if city is None:
        raise InvalidInput({"city": [_("There is no such city; choose one from the list.")]})
    with transaction.atomic():
        alias = learn_alias(spelling, city, actor=actor, merchant=merchant)
        if alias is not None:
            means = Change(_("means"), _("nothing"), str(city))
            record_changes(
                [
                    Noted(
                        Subject.SPELLING,
                        alias.pk,
                        alias.spelling,
                        Verb.MADE,
                        (means,),
                        merchant_id=merchant.pk if merchant else None,
                    )
                ],
                actor=actor,
            )
        settled = settle_waiting_orders(actor=actor, merchant_id=merchant.pk if merchant else None)
    return Taught(alias is not None, settled)


def forget_spelling(alias_id: int, *, actor: Actor) -> City:
    """Forgets the spelling; orders that have their city keep it. The city it meant."""
    _check(actor)
    with transaction.atomic():
        alias = CityAlias.objects.select_related("city").filter(pk=alias_id).first()
        if alias is None:
            raise NotThere(_("There is no such spelling; it may have been forgotten already."))
        meant = Change(_("means"), str(alias.city), _("nothing"))
        record_changes(
            [
                Noted(
                    Subject.SPELLING,
                    alias.pk,
                    alias.spelling,
                    Verb.REMOVED,
                    (meant,),
                    merchant_id=alias.merchant_id,
                )
            ],
            actor=actor,
        )
        alias.delete()
    return alias.city


def find_cities(*, search: str = "", country: str = "") -> QuerySet[City, Any]:
    """Cities whose name, Arabic name, region or a spelling holds the text, with their count of spellings."""
    cities = City.objects.annotate(spellings=Count("aliases")).order_by("name", "region", "pk")
    if country in Country.values:
        cities = cities.filter(country=country)
    try:
        key = fold(clean_line(search))
    except UnusableText:
        return cities.none()
    if not search.strip():
        return cities
    if not key:
        return cities.none()
    taught = CityAlias.objects.filter(city=OuterRef("pk"), key__contains=key)
    return cities.filter(
        Q(key__contains=key) | Q(key_ar__contains=key) | Q(region__icontains=search.strip()) | Exists(taught)
    )


def _check(actor: Actor) -> None:
    if not actor.may(PERMISSION) or actor.merchant_id is not None:
        raise NotAllowed(_("You are not allowed to edit places. Ask a manager to do it."))


def _clean(draft: CityDraft) -> tuple[dict[str, str], dict[str, list[str]]]:
    errors: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    for name, limit in _TEXTS.items():
        try:
            texts[name] = clean_line(getattr(draft, name))
        except UnusableText:
            texts[name] = ""
            errors[name] = [_("This holds a character that cannot be stored. Type it again.")]
        if len(texts[name]) > limit or len(fold(texts[name])) > limit:
            errors[name] = [_("Use at most %(limit)s characters.") % {"limit": limit}]
    if not fold(texts["name"]):
        errors.setdefault("name", [_("This is required.")])
    return texts, errors


def _keys(texts: dict[str, str]) -> dict[str, str]:
    return {"key": fold(texts["name"]), "key_ar": fold(texts["name_ar"])}


def _taken(name: str) -> str:
    return _("There is a city named %(name)s in this region already.") % {"name": name}
