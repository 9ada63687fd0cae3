"""The fields of an order's form as people see them: who the customer is and where the parcel goes.

They draw and keep what was typed; the rules stand in the domain (editing.py, checking.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.db.models import Model
from django.forms.utils import ErrorDict
from django.utils.translation import gettext_lazy as _

from orders.models import Merchant, Warehouse


class CustomerForm(forms.Form):
    """Texts about the customer, with what was refused beside each; it checks nothing itself."""

    full_name = forms.CharField(
        label=_("Full name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    phone = forms.CharField(
        label=_("Phone"),
        max_length=100,
        widget=forms.TextInput(attrs={"inputmode": "tel", "dir": "ltr", "autocomplete": "off"}),
    )
    second_phone = forms.CharField(
        label=_("Second phone"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"inputmode": "tel", "dir": "ltr", "autocomplete": "off"}),
    )
    area = forms.CharField(
        label=_("Area"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    address = forms.CharField(
        label=_("Address"), max_length=1000, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    notes = forms.CharField(
        label=_("Notes"),
        required=False,
        max_length=1000,
        help_text=_("For the courier; they go with the parcel"),
        widget=forms.Textarea(attrs={"rows": "3"}),
    )

    def __init__(self, values: Mapping[str, Any], refused: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(data=dict(values))
        self._refused = refused or {}

    def full_clean(self) -> None:
        self._errors = ErrorDict()
        self.cleaned_data: dict[str, Any] = {}
        for name, texts in self._refused.items():
            if name in self.fields:
                self.add_error(name, list(texts))


class MerchantField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Merchants by name, with the currency that amounts are typed in."""

    def label_from_instance(self, obj: Model) -> str:
        assert isinstance(obj, Merchant)  # noqa: S101 - the field's own queryset
        return f"{obj.name} · {obj.currency}"


class NewOrderForm(CustomerForm):
    """What a new order says besides: whose it is, from which shelf, under which reference of theirs."""

    merchant = MerchantField(label=_("Merchant"), queryset=Merchant.objects.none(), empty_label=_("Choose…"))
    warehouse_id = forms.ModelChoiceField(
        label=_("Warehouse"),
        queryset=Warehouse.objects.filter(is_active=True),
        required=False,
        empty_label=_("The merchant's usual one"),
    )
    external_reference = forms.CharField(
        label=_("Your reference"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off"}),
    )

    def __init__(
        self,
        values: Mapping[str, Any],
        refused: Mapping[str, Sequence[str]] | None = None,
        *,
        merchants: Any,
    ) -> None:
        super().__init__(values, refused)
        choice = self.fields["merchant"]
        assert isinstance(choice, MerchantField)  # noqa: S101 - declared above
        choice.queryset = merchants
        if values.get("merchant"):
            choice.empty_label = None
        if not refused:
            first = "full_name" if values.get("merchant") else "merchant"
            self.fields[first].widget.attrs["autofocus"] = ""
