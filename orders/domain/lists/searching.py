"""What a person means who types a few signs into the search box: a reference, a phone, a name, a tracking.

How rows are found by each stands in orders/models/querysets.py; scans are read in scanning.py.
"""

from __future__ import annotations

import re

from django.db.models import Q

from orders.domain.reading.codes import read_printed_code, read_reference
from orders.domain.reading.phones import search_digits
from orders.domain.reading.texts import UnusableText, clean_line, fold, western_digits
from orders.models import OrderQuerySet
from orders.models.querysets import name_holds, phone_ends, tracking_begins

MAX_SEARCH = 100
FEW = 1000
_MOST_WORDS = 6
_FEWEST_PHONE_DIGITS = 3
_FEWEST_CODE_SIGNS = 3
_REFERENCE_BEGINNING = re.compile(r"ORD-?([0-9]*)", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,9}")


def find_orders(orders: OrderQuerySet, text: str) -> OrderQuerySet:
    """The orders that the text means: by reference, phone in any spelling or by its last digits, name,
    tracking, external reference or printed code.

    Where the text means few orders they are looked up first, in one statement, so that a rare
    term costs as little as a frequent one.
    """
    conditions = search_conditions(text)
    ids = orders.probe(conditions, limit=FEW)
    return orders.any_of(conditions) if ids is None else orders.filter(pk__in=ids)


def search_conditions(text: str) -> list[Q]:
    """The ways to read the text, each with an index of its own; none when it holds nothing to search."""
    try:
        line = clean_line(text)[:MAX_SEARCH]
    except UnusableText:
        return []
    code = western_digits(line).replace(" ", "")
    folded = fold(line)
    conditions = [*_by_reference(code), *_by_code(code)]
    if any(sign.isalpha() for sign in folded):
        conditions.append(name_holds(folded.split()[:_MOST_WORDS]))
    else:
        conditions += _by_phone(line)
    return conditions


def _by_reference(code: str) -> list[Q]:
    parcel = read_printed_code(code)
    if parcel is not None:
        return [Q(pk=parcel.order_id)]
    exact = read_reference(code)
    if exact is not None:
        return [Q(reference=exact[0])]
    beginning = _REFERENCE_BEGINNING.fullmatch(code)
    if beginning is not None:
        return [Q(reference__startswith=f"ORD-{beginning[1]}")]
    if _NUMBER.fullmatch(code):
        return [Q(reference=f"ORD-{int(code):06d}")]
    return []


def _by_code(code: str) -> list[Q]:
    """Codes of companies and shops, from their beginning, in the case typed or in capitals."""
    if len(code) < _FEWEST_CODE_SIGNS:
        return [Q(external_reference=code)] if code else []
    spellings = dict.fromkeys((code, code.upper(), code.lower()))
    tracking, external = Q(), Q()
    for spelling in spellings:
        tracking |= tracking_begins(spelling)
        external |= Q(external_reference__startswith=spelling)
    return [tracking, external]


def _by_phone(line: str) -> list[Q]:
    digits = search_digits(line)
    return phone_ends(digits) if len(digits) >= _FEWEST_PHONE_DIGITS else []
