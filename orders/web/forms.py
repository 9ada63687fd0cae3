"""Forms that show what the domain refused at the fields it is about.

Forms read types and keep what was typed; the rules stand in the domain.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from orders.domain.reading.texts import read_amount
from orders.domain.refusals import InvalidInput, Refusal


def show_refusal(form: forms.BaseForm, refusal: Refusal, *, fields: Mapping[str, str] | None = None) -> None:
    """Puts the refusal's texts at the form's fields; what belongs to none stands above the form.

    `fields` maps a path of the refusal (`lines.0.quantity`) to a field's name where they differ.
    """
    errors: Mapping[str, Any] = getattr(refusal, "errors", None) or {}
    if not errors:
        form.add_error(None, refusal.message)
    for path, texts in errors.items():
        name = (fields or {}).get(path, path)
        form.add_error(name if name in form.fields else None, list(texts))


def status_of(refusal: Refusal) -> int:
    """422 for input that is wrong in itself, 409 for what stands against it."""
    return 422 if isinstance(refusal, InvalidInput) else 409


def fresh_nonce() -> str:
    """What tells two submissions of one form from two forms."""
    return uuid.uuid4().hex


class PriceField(forms.CharField):
    """An amount as people type it, with a point or a comma; never a float on the way."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal", "dir": "ltr"}))
        super().__init__(**options)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        amount = read_amount(text)
        if amount is None:
            raise forms.ValidationError(
                _("Write an amount with at most two decimals, such as 129.90."), code="invalid"
            )
        return amount

    def prepare_value(self, value: Any) -> Any:
        return f"{value:.2f}" if isinstance(value, Decimal) else value
