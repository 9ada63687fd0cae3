"""Cleans what people type and folds it for comparing: French, Arabic, capitals, stray signs.

What a text means (a city, a phone, a SKU) is not decided here.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

# Joiners shape Arabic letters and emoji, and the two marks keep mixed lines in order: they stay.
_KEPT_FORMAT_SIGNS = frozenset("\u200c\u200d\u200e\u200f")
# Letters and symbols that draw nothing: a name made of them is blank all the same.
_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# Beyond this plane of rare scripts there are only unassigned and private signs, and the tags.
_LOOKED_AT = (*range(0x20000), *range(0xE0000, 0xE0200))
_INVISIBLE = frozenset({"Cf", "Zs", "Mn", "Me"})
_MARKS_IN_A_ROW = 8

_ARABIC_LETTERS = {
    "أ": "ا",
    "إ": "ا",
    "آ": "ا",
    "ٱ": "ا",
    "ٲ": "ا",
    "ٳ": "ا",
    "ؤ": "و",
    "ئ": "ي",
    "ى": "ي",
    "ی": "ي",
    "ې": "ي",
    "ة": "ه",
    "ۃ": "ه",
    "ہ": "ه",
    "ە": "ه",
    "ک": "ك",
    "گ": "ك",
    "ڭ": "ك",
    "ݣ": "ك",
    "ڨ": "ق",
    "ڤ": "ف",
    "پ": "ب",
    "ء": None,
    "ـ": None,
}
_LATIN_LETTERS = {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe"}
_APOSTROPHES = "'’‘ʼʹ`´ʿʾ′＇"


def _cleaning_table(*, keep_line_ends: bool) -> dict[int, str | None]:
    table: dict[int, str | None] = {}
    for point in _LOOKED_AT:
        character = chr(point)
        kind = unicodedata.category(character)
        if kind in ("Cc", "Zl", "Zp", "Zs"):
            table[point] = "\n" if keep_line_ends and character in "\n\x0b\x0c\x85\u2028\u2029" else " "
        elif kind == "Cf" and character not in _KEPT_FORMAT_SIGNS:
            table[point] = None
    return table


def _folding_table() -> dict[int, str | None]:
    table: dict[int, str | None] = {}
    for point in _LOOKED_AT:
        character = chr(point)
        kind = unicodedata.category(character)
        if kind in ("Mn", "Me", "Cf"):
            table[point] = None
        elif kind == "Nd":
            table[point] = str(unicodedata.digit(character))
        elif kind[0] in "ZCP" or character in "|~^":
            table[point] = " "
    table.update(dict.fromkeys(map(ord, _APOSTROPHES)))
    table.update({ord(letter): plain for letter, plain in (_ARABIC_LETTERS | _LATIN_LETTERS).items()})
    return table


_TO_LINE = _cleaning_table(keep_line_ends=False)
_TO_PARAGRAPHS = _cleaning_table(keep_line_ends=True)
_TO_FOLDED = _folding_table()
# Signs that pile up on the one before them.
_MARKS = frozenset(chr(point) for point in _LOOKED_AT if unicodedata.category(chr(point)) in ("Mn", "Me"))
_EMPTY_LINES = re.compile(r"\n{3,}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_DIGITS = {
    point: str(unicodedata.digit(chr(point)))
    for point in _LOOKED_AT
    if unicodedata.category(chr(point)) == "Nd"
} | {0x066B: "."}
_WHOLE = re.compile(r"\+?[0-9]{1,15}")
_TOO_BIG = Decimal(10) ** 15
_CENT = Decimal("0.01")
_AMOUNT = re.compile(r"[+-]?[0-9]{1,15}(?:[.,][0-9]{1,2})?")


class UnusableText(ValueError):
    """The text holds a sign that no database stores: NUL, or half of a surrogate pair."""


def clean_line(text: str) -> str:
    """One line fit to be stored, printed and logged; '' when nothing visible is left.

    Canonical composition; line ends, tabs and odd spaces become single spaces; invisible
    signs go, those that reverse the reading direction among them, except the joiners and
    direction marks that Arabic and emoji need. Raises UnusableText.
    """
    if text.isprintable():  # nothing to replace: the usual case
        if text.isascii():
            return " ".join(text.split())
        line = " ".join(_level(unicodedata.normalize("NFC", text)).split())
    else:
        line = " ".join(_composed(text, _TO_LINE).split())
    return line if _is_visible(line) else ""


def clean_paragraphs(text: str) -> str:
    """As clean_line, but line ends stay (as one `\\n` each, at most one line left empty in between)."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    cleaned = _composed(text.replace("\r\n", "\n").replace("\r", "\n"), _TO_PARAGRAPHS)
    lines = "\n".join(" ".join(line.split()) for line in cleaned.split("\n"))
    paragraphs = _EMPTY_LINES.sub("\n\n", lines).strip()
    return paragraphs if _is_visible(paragraphs) else ""


def _composed(text: str, table: dict[int, str | None]) -> str:
    if _UNSTORABLE.search(text):
        raise UnusableText
    # Invisible signs go first: one between a letter and its accent would keep the two apart.
    return _level(unicodedata.normalize("NFC", text.translate(table)))


def _level(text: str) -> str:
    """The text with piles of marks cut to what a letter of any living script carries."""
    if _MARKS.isdisjoint(text):
        return text
    kept, row = [], 0
    for character in text:
        row = row + 1 if character in _MARKS else 0
        if row <= _MARKS_IN_A_ROW:
            kept.append(character)
    return "".join(kept)


def _is_visible(text: str) -> bool:
    return any(
        character not in _INVISIBLE_LETTERS
        and unicodedata.category(character) not in ("Cf", "Zs", "Mn", "Me")
        for character in text
    )


def fold(text: str) -> str:
    """The text as it is compared and searched: two spellings that people hold for the same are equal.

    Capitals, accents, Arabic vowel signs, apostrophes and invisible signs go; the variants
    of an Arabic letter become one; digits of any script become 0 to 9; hyphens, commas
    and brackets count as a space.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text).casefold()
    return " ".join(text.lower().translate(_TO_FOLDED).split())


def search_text(text: str, *, limit: int) -> str:
    """The folded text cut to what a search column holds; decomposing may have made it longer."""
    return fold(text)[:limit]


def western_digits(text: str) -> str:
    """The text with digits of any script written 0 to 9."""
    return text if text.isascii() else text.translate(_DIGITS)


def read_whole(given: object) -> int | None:
    """A whole number of units from what a form, a file or JSON gave; None when it is no such number.

    Signs, underscores, exponents and fractions are no whole number; 2.0 is. The caller
    checks the range.
    """
    if isinstance(given, bool):
        return None
    if isinstance(given, int):
        return given if abs(given) < 10**15 else None
    if isinstance(given, str) and _WHOLE.fullmatch(given):
        return int(given)
    amount = read_amount(given)
    return int(amount) if amount is not None and amount == int(amount) else None


def read_amount(given: object) -> Decimal | None:
    """An exact amount of money with two decimals; None when it is none.

    Text is digits with at most one point or comma and two decimals: no exponent, no
    grouping, no underscore. A float counts as the decimal number it was written as.
    """
    if isinstance(given, bool):
        return None
    if isinstance(given, str):
        text = western_digits(given.strip())
        return Decimal(text.replace(",", ".")).quantize(_CENT) if _AMOUNT.fullmatch(text) else None
    if isinstance(given, float):
        given = Decimal(repr(given))
    elif isinstance(given, int):
        given = Decimal(given) if abs(given) < 10**15 else None
    # copy_abs: plain abs() would round, and overflow on 1E+999999.
    if not isinstance(given, Decimal) or not given.is_finite() or given.copy_abs() >= _TOO_BIG:
        return None
    cents = given.quantize(_CENT)
    return cents if cents == given else None
