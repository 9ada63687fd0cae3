"""How a bench shows an answer: colour, icon, sound and the one huge word.

The lines below the word are the domain's (orders/domain/bench/scan_answers.py).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orders.domain.bench.scanning import RecentScan, ScanAnswer, ScanOutcome
from orders.domain.refusals import Code
from orders.web.scan.benches import Bench

_REFUSED_WORDS: dict[Code, str | Promise] = {
    Code.OUT_OF_STOCK: gettext_lazy("Out of stock"),
    Code.INSUFFICIENT_STOCK: gettext_lazy("Out of stock"),
    Code.WRONG_STATUS: gettext_lazy("Stop"),
    Code.CANCELED: gettext_lazy("Canceled"),
    Code.OTHER_WAREHOUSE: gettext_lazy("Other warehouse"),
    Code.OTHER_COMPANY: gettext_lazy("Other company"),
    Code.LOCKED: gettext_lazy("Scan again"),
    Code.NOT_ALLOWED: gettext_lazy("Not allowed"),
    Code.AMBIGUOUS: gettext_lazy("Which one?"),
    Code.UNKNOWN: gettext_lazy("Unknown"),
    Code.INVALID: gettext_lazy("Not readable"),
}
_ASKING = frozenset({Code.AMBIGUOUS, Code.LOCKED})  # the person has to do something at the screen


@dataclass(frozen=True)
class Panel:
    """One answer as drawn. `look` is done, already, refused or idle; `sound` one of the four."""

    look: str
    sound: str
    word: str
    code: str = ""
    what: str = ""
    why: str = ""
    next_step: str = ""
    note: str = ""
    candidates: tuple[Any, ...] = ()


def panel_of(answer: ScanAnswer, bench: Bench) -> Panel:
    """The answer as the bench draws it; a resent scan looks as it did the first time."""
    code, note = answer.code, ""
    if code == Code.DUPLICATE_IGNORED:
        code, note = Code(answer.first["code"]), _("Sent twice, counted once.")
    look, sound, word = _looks(code, bench)
    return Panel(
        look,
        sound,
        str(word),
        code=answer.code.value,
        what=answer.what,
        why=answer.why,
        next_step=answer.next_step,
        note=note,
        candidates=answer.candidates,
    )


def undo_panel(answer: ScanAnswer) -> Panel:
    """The answer to an undo: amber when it worked, because a parcel has to be handled again."""
    if answer.code == Code.DONE:
        return Panel("already", "already", _("Undone"), "done", answer.what, answer.why)
    word = _REFUSED_WORDS.get(answer.code, _("Stop"))
    return Panel(
        "refused", "refused", str(word), answer.code.value, answer.what, answer.why, answer.next_step
    )


def wrong_call_panel(errors: dict[str, list[str]], scanned: str) -> Panel:
    """The scan that could not be taken because of what was chosen beside it."""
    why = " ".join(text for texts in errors.values() for text in texts)
    return Panel(
        "refused",
        "attention",
        _("Not taken"),
        Code.INVALID.value,
        scanned,
        why,
        _("Put it right above, then scan again."),
    )


def _looks(code: Code, bench: Bench) -> tuple[str, str, str | Promise]:
    if code == Code.DONE:
        return "done", "done", bench.done_word
    if code == Code.ALREADY_DONE:
        return "already", "already", bench.already_word
    return "refused", "attention" if code in _ASKING else "refused", _REFUSED_WORDS.get(code, _("Stop"))


# Outcomes of scans share the four looks of orders/templatetags/badges.py.
_LOOK_OF_OUTCOME = {
    ScanOutcome.DONE.value: "done",
    ScanOutcome.ALREADY_DONE.value: "already_done",
    ScanOutcome.UNKNOWN.value: "not_found",
}


@dataclass(frozen=True)
class ScanRow:
    """One of the last scans as listed."""

    look: str
    what: str
    why: str
    recent: RecentScan


def rows_of(recent: list[RecentScan]) -> list[ScanRow]:
    """The last scans as the bench lists them."""
    return [
        ScanRow(
            look=_LOOK_OF_OUTCOME.get(scan.attempt.outcome, "refused"),
            what=scan.attempt.answer.get("what") or scan.attempt.scanned,
            why="" if scan.attempt.outcome == ScanOutcome.DONE else scan.attempt.answer.get("why", ""),
            recent=scan,
        )
        for scan in recent
    ]


@dataclass(frozen=True)
class Tally:
    """How many of today's scans came to one of the four things a bench counts."""

    look: str
    word: str
    count: int


def tallies_of(counts: Counter[ScanOutcome]) -> list[Tally]:
    """The counts per outcome; what needs a person's choice counts as refused."""
    return [
        Tally("done", _("done"), counts[ScanOutcome.DONE]),
        Tally("already_done", _("already"), counts[ScanOutcome.ALREADY_DONE]),
        Tally("refused", _("refused"), counts[ScanOutcome.REFUSED] + counts[ScanOutcome.AMBIGUOUS]),
        Tally("not_found", _("unknown"), counts[ScanOutcome.UNKNOWN]),
    ]
