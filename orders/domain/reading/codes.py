"""Codes on paper: what we print, and how what a scanner typed is read back.

Which order a code belongs to is looked up in scanning.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

PREFIX = "20"  # GS1: numbers beginning so are for use inside a shop; no product on sale bears one
LONGEST = 100  # of any code we know: an external reference
_MOST_ORDERS = 10**8
_MOST_CYCLES = 10**2


class Parcel(NamedTuple):
    """What our printed code says: the order's id and which of its trips."""

    order_id: int
    cycle: int


def printed_code(order_id: int, cycle: int) -> str:
    """The 13 digits (EAN-13) printed on the parcel of one cycle of an order.

    Prefix 20, eight digits of the order's id, two of its cycle, the check digit.
    """
    if not (0 < order_id < _MOST_ORDERS and 0 < cycle < _MOST_CYCLES):
        raise ValueError(f"Order {order_id}, cycle {cycle} does not fit into an EAN-13.")
    digits = f"{PREFIX}{order_id:08d}{cycle:02d}"
    return digits + check_digit(digits)


def read_printed_code(text: str) -> Parcel | None:
    """The parcel that our printed code names; None when it is not one, or was misread."""
    if not re.fullmatch(rf"{PREFIX}[0-9]{{11}}", text) or check_digit(text[:12]) != text[12]:
        return None
    parcel = Parcel(int(text[2:10]), int(text[10:12]))
    return parcel if parcel.order_id and parcel.cycle else None


def check_digit(digits: str) -> str:
    """The digit that makes an EAN whole: weights 3 and 1 from the right."""
    total = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


# As printed: six digits or, from the millionth order on, more. A shortened number is
# not completed: a scan that lost a digit would complete to another order.
_REFERENCE = re.compile(r"ORD-?([0-9]{6}|[1-9][0-9]{6,})(?:-([1-9][0-9]?))?", re.IGNORECASE)


def read_reference(text: str) -> tuple[str, int | None] | None:
    """Our reference as stored, and the cycle where one is named (`ORD-000837-2`); None: not ours."""
    found = _REFERENCE.fullmatch(text)
    if found is None:
        return None
    return f"ORD-{found[1]}", int(found[2]) if found[2] else None


class Unreadable(StrEnum):
    """Why what arrived is no code at all."""

    NOTHING = "nothing"
    TOO_LONG = "too_long"
    JOINED = "joined"
    ADDRESS = "address"


@dataclass(frozen=True)
class Scanned:
    """What arrived, as a person would write it, and the ways it may be read.

    Every reading is to be looked up exactly; when two of them name two orders, nobody
    knows which was meant. `unreadable` says why there is nothing to look up.
    """

    shown: str
    readings: tuple[str, ...] = ()
    unreadable: Unreadable | None = None


def read_scanned(typed: str, keys: str = "") -> Scanned:
    """The ways to read what a scanner typed.

    `typed` is the text that arrived in the field, `keys` the same by key positions of a US
    keyboard where the page could tell. Repairs case, AZERTY and Arabic layouts, digits
    of other scripts, AIM prefixes and unprintable signs around the code.
    """
    shown = _tidy(typed)[:LONGEST] or _tidy(keys)[:LONGEST]
    if max(len(typed), len(keys)) > 4 * LONGEST:
        return Scanned(shown, unreadable=Unreadable.TOO_LONG)
    readings: dict[str, None] = {}
    for source in (keys, typed):
        if len([part for part in re.split(r"[\r\n\t]+", source) if _tidy(part)]) > 1:
            return Scanned(shown, unreadable=Unreadable.JOINED)
        readings |= dict.fromkeys(_readings_of(source))
    if not readings:
        return Scanned(shown, unreadable=Unreadable.NOTHING)
    if any(len(reading) > LONGEST for reading in readings):
        return Scanned(shown, unreadable=Unreadable.TOO_LONG)
    if any(_is_joined(reading) for reading in readings):
        return Scanned(shown, unreadable=Unreadable.JOINED)
    if any(re.match(r"(https?:|www\.)", reading, re.IGNORECASE) for reading in readings):
        return Scanned(shown, unreadable=Unreadable.ADDRESS)
    return Scanned(shown, tuple(readings))


def spellings_of(reading: str) -> tuple[str, ...]:
    """The reading in the cases that a CapsLock left on may have made of it."""
    return tuple(dict.fromkeys((reading, reading.upper(), reading.lower(), reading.swapcase())))


def _readings_of(source: str) -> Iterator[str]:
    """The text as typed, then as the two layouts would have meant it; each without blanks too."""
    for text in (source, _by_arabic_layout(source), _by_azerty_layout(_tidy(source))):
        clean = _bare(_tidy(text))
        if clean:
            yield clean
        if " " in clean:
            yield clean.replace(" ", "")


_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−﹣－"), "-")


def _tidy(text: str) -> str:
    """Latin digits, plain dashes, single blanks; no sign that does not print."""
    text = unicodedata.normalize("NFKC", text.translate(_DASHES))
    signs = []
    for sign in text:
        kind = unicodedata.category(sign)
        if kind == "Nd":
            signs.append(str(unicodedata.decimal(sign)))
        elif kind.startswith("Z"):
            signs.append(" ")
        elif kind not in ("Cc", "Cf", "Cs", "Co", "Cn"):
            signs.append(sign)
    return " ".join("".join(signs).split())


def _bare(text: str) -> str:
    """The code without the scanner's own signs: AIM symbology prefix, Code 39's asterisks."""
    text = re.sub(r"^\][A-Za-z][0-9A-Za-z](?=.)", "", text).strip()
    if len(text) > 2 and text.startswith("*") and text.endswith("*"):
        text = text[1:-1].strip()
    return text


def _is_joined(reading: str) -> bool:
    """Whether the text is two or more of our own codes without anything between."""
    text = reading.replace(" ", "").upper()
    if len(re.findall(r"ORD-?[0-9]{3}", text)) > 1:
        return True
    return any(
        read_printed_code(one) is not None
        and (read_printed_code(rest[:13]) is not None or read_reference(rest) is not None)
        for one, rest in ((text[:13], text[13:]), (text[-13:], text[:-13]))
    )


# What the keys of a US keyboard type on a French one (Windows, Linux, macOS and Belgian).
_AZERTY = dict(
    zip(
        map(ord, "&é\"'(-è_çàÉÈÇÀ§!)°aqzwAQZW,?$"),
        "1234567890279068--qawzQAWZmM]",
        strict=True,
    )
)
_AZERTY_DIGITS = frozenset("&é\"'(è_çàÉÈÇÀ§!")


def _by_azerty_layout(text: str) -> str:
    """The text by key positions, when it bears the marks of an AZERTY keyboard; else nothing.

    Without CapsLock its digit row types no digit at all; with CapsLock it types the
    digits, and ° in the place of the dash.
    """
    has_digits = any("0" <= sign <= "9" for sign in text)
    looks_so = "°" in text if has_digits else bool(_AZERTY_DIGITS.intersection(text))
    return text.translate(_AZERTY) if looks_so else ""


# What the letter keys of a US keyboard type on an Arabic one (101 keys), plain and with Shift.
_ARABIC = {
    **dict(zip(map(ord, "ضصثقفغعهخحشسيبلاتنمئءؤرىة"), "qwertyuiopasdfghjklzxcvnm", strict=True)),
    **dict(
        zip(map(ord, "\u064e\u064b\u064f\u064c\u0625\u2018÷×؛"), "QWERYUIOP", strict=True),
    ),
    **dict(zip(map(ord, "\u0650\u064d][\u0623\u0640،/~\u0652}{\u0622\u2019"), "ASDFHJKLZXCVNM", strict=True)),
}
_ARABIC_ONLY = frozenset(chr(sign) for sign in _ARABIC if sign > 0x7F)


def _by_arabic_layout(text: str) -> str:
    """The text by key positions, when it holds what an Arabic keyboard types; else nothing.

    Lam with alef is one key as well as two: which one was pressed cannot be told.
    """
    if not _ARABIC_ONLY.intersection(text) or re.search("ل[اأإآ]", text):
        return ""
    return text.translate(_ARABIC)
