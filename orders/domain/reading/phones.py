"""Reads phone numbers as people type them and brings them to one form beside the typed one.

Whether an order may come in with a number nobody can dial is decided by its door.
"""

from __future__ import annotations

from functools import lru_cache
from re import Pattern
from re import compile as pattern
from typing import NamedTuple

import phonenumbers

from orders.domain.reading.texts import western_digits
from orders.models import Country

MAX_PHONE = 100
_REVERSED_DIGITS = 40
_SHORTEST_FULL_NUMBER = 9
_INLAND_AFTER_COUNTRY = pattern(r"^(212|213)0")
_SEPARATORS = pattern(r"[ .()\-/]+")
_NOT_A_DIGIT = pattern(r"[^0-9]+")


class Phone(NamedTuple):
    """A number as typed, in E.164 ('' when it cannot be read), and its digits back to front."""

    typed: str
    e164: str
    reversed: str


NO_PHONE = Phone("", "", "")


def normalize_phone(typed: str, country: str) -> Phone:
    """The number in its three forms; `country` is where it is dialled from.

    A number without its country's prefix is read as one of `country`, then as a Moroccan
    or Algerian one; numbers with a prefix may be from anywhere. What cannot be read keeps
    its digits for searching.
    """
    if not typed or len(typed) > MAX_PHONE:
        return Phone(typed, "", "")
    text = western_digits(typed)
    for region in _regions(country):
        e164 = _read(text, region)
        if e164:
            return Phone(typed, e164, e164[:0:-1])
    return Phone(typed, "", _digits(text)[: -_REVERSED_DIGITS - 1 : -1])


def search_digits(text: str) -> str:
    """What `phone_reversed` begins with for a number typed in any spelling, or for its last digits.

    '' when there is no digit to search for.
    """
    digits = _digits(western_digits(text[:MAX_PHONE]))
    if len(digits) >= _SHORTEST_FULL_NUMBER:
        # A whole number: the prefix for abroad and the one for inland are not part of it.
        digits = _INLAND_AFTER_COUNTRY.sub(r"\1", digits.lstrip("0")) or digits
    return digits[: -_REVERSED_DIGITS - 1 : -1]


@lru_cache(maxsize=64)
def _regions(country: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((country, Country.MOROCCO.value, Country.ALGERIA.value)))


def _digits(text: str) -> str:
    return _NOT_A_DIGIT.sub("", text)


class _Plan(NamedTuple):
    """How numbers of a country are written: its code, its prefix inland, and their shape."""

    code: str
    inland: str
    shape: Pattern[str]


def _read(text: str, region: str) -> str:
    return _read_plain(_SEPARATORS.sub("", text), region) or _read_any(text, region)


def _read_plain(number: str, region: str) -> str:
    """E.164 of the country's own number in one of the five usual spellings, '' for anything else.

    The same answer as _read_any in a twentieth of its time: an import reads thousands.
    """
    plan = _plan_of(region)
    if plan is None:
        return ""
    if number.startswith("+"):
        national = number[1:].removeprefix(plan.code) if number.startswith(plan.code, 1) else ""
    elif number.startswith("00"):
        national = number[2:].removeprefix(plan.code) if number.startswith(plan.code, 2) else ""
    elif number.startswith(plan.inland):
        national = number.removeprefix(plan.inland)
    elif number.startswith(plan.code) and not plan.shape.fullmatch(number):
        national = number.removeprefix(plan.code)
    else:
        national = number
    return f"+{plan.code}{national}" if plan.shape.fullmatch(national) else ""


@lru_cache(maxsize=64)
def _plan_of(region: str) -> _Plan | None:
    """The plan of a country whose numbers are dialled with 00 abroad and a prefix inland."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if metadata is None or metadata.international_prefix != "00" or not metadata.national_prefix:
        return None
    shape = _shape_of(metadata.country_code or 0)
    return _Plan(str(metadata.country_code), metadata.national_prefix, shape) if shape is not None else None


def _read_any(text: str, region: str) -> str:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return ""
    national = phonenumbers.national_significant_number(number)
    shape = _shape_of(number.country_code or 0)
    if shape is None or not shape.fullmatch(national):
        return ""
    return f"+{number.country_code}{national}"


@lru_cache(maxsize=256)
def _shape_of(country_code: int) -> Pattern[str] | None:
    """What numbers of the country look like: its plan as a whole, not the ranges handed out so far.

    Operators are given new ranges faster than any library learns of them.
    """
    region = phonenumbers.region_code_for_country_code(country_code)
    metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(country_code, region)
    general = metadata.general_desc if metadata is not None else None
    if general is None or general.national_number_pattern is None:
        return None
    return pattern(general.national_number_pattern)
