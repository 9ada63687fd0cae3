"""A barcode scanner at a PC: key presses as the browser gets them, whatever layout the PC is set to.

What a bench makes of them is tested beside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from playwright.sync_api import CDPSession, Page

SHIFT = 8
_SHIFTED = ")!@#$%^&*("

# What the keys of a US keyboard type elsewhere, plain and with Shift, by the sign they have on a US one.
AZERTY = dict(zip("1234567890-", "&é\"'(-è_çà)", strict=True)) | dict(
    zip("aqzwAQZW", "qawzQAWZ", strict=True)
)
ARABIC = dict(zip("qwertyuiopasdfghjkzxcvnm", "ضصثقفغعهخحشسيبلاتنئءؤرىة", strict=True)) | dict(
    zip("ORD", ["×", "\u064c", "]"], strict=True)
)
US: dict[str, str] = {}


class Key(NamedTuple):
    code: str
    number: int  # Windows' virtual key
    has_shift: bool


def us_key(sign: str) -> Key:
    """The key that a scanner set to a US keyboard presses for the sign."""
    if sign.isalpha():
        return Key(f"Key{sign.upper()}", ord(sign.upper()), sign.isupper())
    if sign.isdigit():
        return Key(f"Digit{sign}", ord(sign), False)
    if sign in _SHIFTED:
        digit = _SHIFTED.index(sign)
        return Key(f"Digit{digit}", ord(str(digit)), True)
    return {
        "-": Key("Minus", 189, False),
        "_": Key("Minus", 189, True),
        "/": Key("Slash", 191, False),
        " ": Key("Space", 32, False),
    }[sign]


@dataclass
class Scanner:
    """Types codes as fast as the browser takes keys, each ended by `end` ("" for none)."""

    page: Page
    layout: dict[str, str]
    end: str = "Enter"

    def __post_init__(self) -> None:
        self._keys: CDPSession = self.page.context.new_cdp_session(self.page)

    def scan(self, *codes: str) -> None:
        for code in codes:
            for sign in code:
                self._press(sign)
            if self.end:
                self.page.keyboard.press(self.end)

    def _press(self, sign: str) -> None:
        key = us_key(sign)
        typed = self.layout.get(sign, sign)
        facts = {
            "code": key.code,
            "key": typed,
            "windowsVirtualKeyCode": key.number,
            "modifiers": SHIFT if key.has_shift else 0,
        }
        self._keys.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": typed, **facts})
        self._keys.send("Input.dispatchKeyEvent", {"type": "keyUp", **facts})
