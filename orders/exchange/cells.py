"""Cells as text: numbers as their digits, damage told from text, nothing that a spreadsheet would run.

What a column means stands elsewhere; nothing here loads Django.
"""

from __future__ import annotations

import re
from decimal import Decimal

# What spreadsheets take for the beginning of a formula, in their wide forms too.
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_WORTH_A_LOOK = frozenset(("'", *_STARTS_FORMULA))
_SHORTENED = re.compile(r"([+-]?)(\d)(?:[.,](\d+))?[eE]\+?(\d{1,2})")
# Excel keeps fifteen digits of a number and shows zeros for the rest.
EXACT_DIGITS = 15
_OTHER_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹０１２３４５６７８９", "0123456789" * 3)
_SPACES = re.compile(r"[\s\u00a0\u202f\u2009']")


def text_of_number(value: float) -> str:
    """A number's digits as a person writes them: 399.0 is 399, 3.39 is 3.39, never 2.1E+11."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    exact = Decimal(value) if isinstance(value, int) else Decimal(f"{value:.{EXACT_DIGITS}g}")
    text = format(exact, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def is_shortened(text: str) -> bool:
    """Whether a spreadsheet wrote a long number as 2.12661E+11."""
    return _SHORTENED.fullmatch(text.strip()) is not None


def restored(text: str) -> str | None:
    """The digits of a number written as 2.12661234567E+11; None when some were cut off for good."""
    match = _SHORTENED.fullmatch(text.strip())
    if match is None:
        return text
    sign, first, rest, exponent = match[1], match[2], match[3] or "", int(match[4])
    if len(rest) != exponent or len(rest) + 1 > EXACT_DIGITS:
        return None
    return f"{'-' if sign == '-' else ''}{first}{rest}"


def plain_number(text: str) -> str:
    """A number typed by hand, ready for Decimal: Arabic digits, spaces and a decimal comma put right.

    `1 234,50` is 1234.50; `1,234.50` and `1.234,50` are too. Where a comma could be either
    (`1,234`) three digits behind it make it a thousands sign only when the number has more of them.
    Text that is no number comes back as it is.
    """
    digits = _SPACES.sub("", text.strip().translate(_OTHER_DIGITS)).replace("٫", ".").replace("٬", "")
    if (whole := restored(digits)) is not None:
        digits = whole
    last_dot, last_comma = digits.rfind("."), digits.rfind(",")
    if last_comma >= 0 and last_dot >= 0:
        thousands, point = (",", ".") if last_dot > last_comma else (".", ",")
        return digits.replace(thousands, "").replace(point, ".")
    if digits.count(",") > 1:
        return digits.replace(",", "") if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+", digits) else text
    return digits.replace(",", ".")


def as_data(text: str) -> str:
    """The text for a CSV cell: with an apostrophe before what a spreadsheet would take for a formula.

    A text that already begins with apostrophes gets one more where they hide such a
    beginning, so that as_typed() gives back exactly what went in.
    """
    if text[:1] not in _WORTH_A_LOOK:
        return text
    return f"'{text}" if text.lstrip("'").startswith(_STARTS_FORMULA) else text


def as_typed(text: str) -> str:
    """What as_data() was given: the reverse, applied to every cell that is read from a CSV file."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(_STARTS_FORMULA) else text
