"""Loads the places shipped with the product: cities of Morocco, communes of Algeria, other spellings.

How a typed city is matched to one of them stands in places.py.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from orders.domain.reading.texts import clean_line, fold
from orders.domain.rows.writing import copy_rows
from orders.models import City, CityAlias, Country

SHIPPED = Path(__file__).resolve().parents[2] / "data"


@dataclass(frozen=True)
class Loaded:
    """How many rows were new, and how many cities and aliases there are now."""

    new_cities: int
    new_aliases: int
    cities: int
    aliases: int

    @property
    def is_nothing_new(self) -> bool:
        return not self.new_cities and not self.new_aliases


def load_places() -> Loaded:
    """Adds the shipped places that are missing; what people changed or added stays as it is.

    Folded keys that an older way of folding made are brought up to date. Set-based; a
    second run changes nothing.
    """
    with transaction.atomic():
        refresh_keys()
        known = set(City.objects.values_list("country", "region", "name"))
        missing = [row for row in _shipped_cities() if row[:3] not in known]
        copy_rows(
            City,
            (
                "country",
                "region",
                "name",
                "name_ar",
                "region_ar",
                "region_code",
                "key",
                "key_ar",
                "is_active",
            ),
            missing,
        )
        new_aliases = _add_missing_aliases()
        return Loaded(len(missing), new_aliases, City.objects.count(), CityAlias.objects.count())


def refresh_keys() -> int:
    """How many cities and aliases had keys that the present folding makes differently."""
    stale_cities = []
    for city in City.objects.all():
        key, key_ar = fold(city.name), fold(city.name_ar)
        if (city.key, city.key_ar) != (key, key_ar):
            city.key, city.key_ar = key, key_ar
            stale_cities.append(city)
    City.objects.bulk_update(stale_cities, ("key", "key_ar"), batch_size=500)
    stale_aliases = []
    for alias in CityAlias.objects.all():
        key = fold(alias.spelling)
        if alias.key != key:
            alias.key = key
            stale_aliases.append(alias)
    CityAlias.objects.bulk_update(stale_aliases, ("key",), batch_size=500)
    return len(stale_cities) + len(stale_aliases)


CityRow = tuple[str, str, str, str, str, str, str, str, bool]


def _shipped_cities() -> Iterator[CityRow]:
    for row in _read("ma_cities.csv"):
        yield _city_row(Country.MOROCCO, row["region_fr"], "", "", row["name_fr"], row["name_ar"])
    wilayas = {row["code"]: row for row in _read("dz_wilayas.csv")}
    for row in _read("dz_communes.csv"):
        wilaya = wilayas[row["wilaya_code"]]
        yield _city_row(
            Country.ALGERIA,
            wilaya["name_fr"],
            wilaya["name_ar"],
            wilaya["code"],
            row["name_fr"],
            row["name_ar"],
        )


def _city_row(
    country: Country, region: str, region_ar: str, region_code: str, name: str, name_ar: str
) -> CityRow:
    name, name_ar = clean_line(name).strip("\u200e\u200f"), clean_line(name_ar).strip("\u200e\u200f")
    return (
        country.value,
        clean_line(region),
        name,
        name_ar,
        clean_line(region_ar),
        region_code,
        fold(name),
        fold(name_ar),
        True,
    )


def _add_missing_aliases() -> int:
    cities = {
        (country, region, name): id
        for id, country, region, name in City.objects.values_list("id", "country", "region", "name")
    }
    taught = set(CityAlias.objects.filter(merchant__isnull=True).values_list("country", "key"))
    rows = [
        (row["country"], row["spelling"], fold(row["spelling"]), city_id)
        for row in _read("city_aliases.csv")
        if (row["country"], fold(row["spelling"])) not in taught
        # Somebody may have renamed the city since: its other spellings are theirs to keep then.
        and (city_id := cities.get((row["country"], row["region"], row["city"]))) is not None
    ]
    copy_rows(CityAlias, ("country", "spelling", "key", "city_id"), rows)
    return len(rows)


def _read(name: str) -> Iterator[dict[str, str]]:
    with (SHIPPED / name).open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)
