"""Reads what an action was told, from forms and JSON alike, and draws the same fields in its sheet.

Whether a value makes sense is the domain's business; which fields an action has: bulk_actions.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.forms.utils import ErrorDict
from django.utils.translation import gettext_lazy as _

from orders.domain.life.confirming import OUTCOMES
from orders.domain.life.moving import MAX_MESSAGE
from orders.domain.refusals import InvalidInput
from orders.models import Warehouse
from orders.web.actions.bulk_actions import Ask
from orders.web.bodies import Body

Errors = dict[str, list[str]]

_READERS: Mapping[str, Callable[[Body, Ask], Any]] = {
    "day": lambda body, ask: body.day(ask.name, required=ask.is_required),
    "later_day": lambda body, ask: body.day(ask.name, required=ask.is_required),
    "warehouse": lambda body, ask: body.number(ask.name, required=ask.is_required),
    "outcome": lambda body, ask: body.text(ask.name, required=ask.is_required),
    "reason": lambda body, ask: body.text(ask.name, required=ask.is_required, max_length=MAX_MESSAGE),
}


def read_asked(asks: Iterable[Ask], body: Body) -> tuple[dict[str, Any], Errors]:
    """The domain's arguments that were sent, and everything that cannot be read, by field."""
    said: dict[str, Any] = {}
    errors: Errors = {}
    for ask in asks:
        try:
            value = _READERS[ask.kind](body, ask)
        except InvalidInput as refusal:
            errors |= refusal.errors
            continue
        if value not in (None, ""):
            said[ask.argument] = value
    return said, errors


class AskForm(forms.Form):
    """The fields of a sheet with what was typed and what was refused; it checks nothing itself."""

    def __init__(
        self,
        asks: Sequence[Ask],
        values: Mapping[str, Any],
        *,
        refused: Mapping[str, Sequence[str]] | None = None,
        today: dt.date,
        sheet_url: str = "",
    ) -> None:
        super().__init__(data=dict(values), auto_id="ask_%s")
        self._refused = refused or {}
        for ask in asks:
            self.fields[ask.name] = _DRAWN[ask.kind](ask, today)
        preview = {"hx-post": sheet_url, "hx-trigger": "change", "hx-target": "#action-form"}
        for ask in asks:
            # Where the goods come from decides what lacks: the preview follows it.
            if ask.kind in ("warehouse", "outcome") and sheet_url:
                self.fields[ask.name].widget.attrs |= preview | {
                    "hx-select": "#action-form",
                    "hx-select-oob": "#action-go",
                    "hx-swap": "outerHTML",
                }

    def full_clean(self) -> None:
        self._errors = ErrorDict()
        self.cleaned_data: dict[str, Any] = {}
        for name, texts in self._refused.items():
            self.add_error(name if name in self.fields else None, list(texts))


def _draw_day(ask: Ask, today: dt.date) -> forms.Field:
    return forms.DateField(
        label=_("Day it happened"),
        required=ask.is_required,
        widget=forms.DateInput(attrs={"type": "date", "max": today.isoformat()}),
    )


def _draw_later_day(ask: Ask, today: dt.date) -> forms.Field:
    return forms.DateField(
        label=_("Call again on"),
        required=ask.is_required,
        help_text=_("Only when the customer asked for another day"),
        widget=forms.DateInput(attrs={"type": "date", "min": today.isoformat()}),
    )


def _draw_warehouse(ask: Ask, _today: dt.date) -> forms.Field:
    return forms.ModelChoiceField(
        label=_("Warehouse"),
        queryset=Warehouse.objects.filter(is_active=True),
        required=ask.is_required,
        empty_label=_("Choose…") if ask.is_required else _("Each order's own"),
    )


def _draw_reason(ask: Ask, _today: dt.date) -> forms.Field:
    return forms.CharField(
        label=_("Note") if ask.name == "note" else _("Reason"),
        required=ask.is_required,
        max_length=MAX_MESSAGE,
        help_text=_("It stands in the history of each order"),
        widget=forms.Textarea(attrs={"rows": "3"} | ({"autofocus": ""} if ask.is_required else {})),
    )


def _draw_outcome(ask: Ask, _today: dt.date) -> forms.Field:
    return forms.ChoiceField(
        label=_("What came of the call"),
        required=ask.is_required,
        choices=[(outcome.value, outcome.label) for outcome in OUTCOMES],
        widget=forms.RadioSelect,
    )


_DRAWN: Mapping[str, Callable[[Ask, dt.date], forms.Field]] = {
    "day": _draw_day,
    "later_day": _draw_later_day,
    "warehouse": _draw_warehouse,
    "reason": _draw_reason,
    "outcome": _draw_outcome,
}
