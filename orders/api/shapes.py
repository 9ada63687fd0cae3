"""How values travel to and from programs in every dialect: amounts, moments, pages, references.

Which fields there are, and their names, is each dialect's own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from orders.domain.reading.texts import UnusableText, clean_line
from orders.domain.refusals import InvalidInput

MAX_PER_PAGE = 100
_LARGEST_PAGE = 10**9


def amount(value: Decimal) -> int | float:
    """An amount of money as a JSON number: a whole one without a point."""
    whole = int(value)
    return whole if whole == value else float(value)


def moment(at: dt.datetime, zone: dt.tzinfo) -> str:
    """2026-05-19T14:30:00+01:00, on the clock of the zone."""
    return at.astimezone(zone).isoformat(timespec="seconds")


@dataclass(frozen=True)
class PageAsked:
    """A page by its number, as older lists are asked."""

    number: int
    per_page: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.per_page


def read_page(params: Mapping[str, str], *, default: int) -> PageAsked:
    """`page` from 1 and `per_page` from 1, capped at 100. Refuses others with `invalid`."""
    number = _read_count(params, "page", 1)
    per_page = _read_count(params, "per_page", default)
    return PageAsked(min(number, _LARGEST_PAGE), min(per_page, MAX_PER_PAGE))


def _read_count(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 18 or int(text) < 1:
        raise InvalidInput({name: [_("Send a whole number from 1.")]})
    return int(text)


def read_word(params: Mapping[str, Any], name: str, known: Mapping[str, Any], default: str) -> str:
    """One of the words known, as sent or in lower case. Refuses others with `invalid`."""
    given = params.get(name)
    if given is None or given == "":
        return default
    word = given.strip().lower() if isinstance(given, str) else ""
    if word not in known:
        raise InvalidInput({name: [_("Use one of: %(words)s.") % {"words": ", ".join(known)}]})
    return word


def read_reference(given: object) -> str:
    """The text as a reference to look for; '' for what no order can have."""
    if not isinstance(given, str) or len(given) > 400:
        return ""
    try:
        return clean_line(given)[:101]
    except UnusableText:
        return ""
