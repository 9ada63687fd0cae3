"""The form that makes a token: it reads types; the rules stand in orders/domain/setup/tokens.py."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orders.domain.actors import Actor
from orders.domain.setup.tokens import LIFETIME, MAX_NAME, TokenDraft
from orders.models import ApiToken, Merchant
from orders.models.tokens import DEFAULT_RATE, MAX_RATE

ABILITIES = {
    "view": _("See orders"),
    "create": _("Create orders"),
    "update": _("Update orders: change what they say and move them"),
    "delete": _("Delete orders that were never packed"),
}
# As a list says them beside each other.
SHORT_ABILITIES = {"view": _("see"), "create": _("create"), "update": _("update"), "delete": _("delete")}


class TokenForm(forms.Form):
    """A token as somebody wants it; it lives through the last day named, by the merchant's clock."""

    merchant = forms.ModelChoiceField(label=_("Merchant"), queryset=Merchant.objects.none())
    name = forms.CharField(
        label=_("Name"),
        max_length=MAX_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("The program it is for, such as “web shop”; history shows it"),
    )
    abilities = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=[(name, ABILITIES[name]) for name in ApiToken.ABILITIES],
        widget=forms.CheckboxSelectMultiple,
    )
    expires_on = forms.DateField(
        label=_("Last day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    rate = forms.IntegerField(
        label=_("Requests a minute"),
        required=False,
        min_value=1,
        max_value=MAX_RATE,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
        help_text=_("60 unless you say otherwise"),
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        last_day = timezone.localdate() + LIFETIME
        kwargs.setdefault("initial", {"expires_on": last_day, "rate": DEFAULT_RATE, "abilities": ["view"]})
        super().__init__(*args, **kwargs)
        merchants = Merchant.objects.filter(is_active=True)
        if actor.merchant_id is not None:
            merchants = merchants.filter(pk=actor.merchant_id)
        field = self.fields["merchant"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - declared so above
        field.queryset = merchants
        if len(merchants) == 1:
            self.initial["merchant"] = merchants[0].pk

    def draft(self) -> TokenDraft:
        said = self.cleaned_data
        merchant: Merchant = said["merchant"]
        day_after = said["expires_on"] + dt.timedelta(days=1)
        return TokenDraft(
            merchant_id=merchant.pk,
            name=said["name"],
            abilities=frozenset(said["abilities"]),
            expires_at=dt.datetime.combine(day_after, dt.time(), tzinfo=merchant.zone),
            rate=said["rate"] or DEFAULT_RATE,
        )
