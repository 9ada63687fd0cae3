"""The forms of products and stock: they read types; the rules stand in the domain."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from orders.domain.actors import Actor
from orders.domain.goods.catalogue import MAX_NAME, MAX_SKU, ProductDraft, edition
from orders.domain.goods.stocktaking import MAX_REASON, MAX_UNITS
from orders.models import Merchant, Product, Warehouse
from orders.web.forms import PriceField, fresh_nonce

MAX_LISTED = 100_000  # characters of a pasted delivery


def merchants_of(actor: Actor) -> Any:
    """The merchants whose products the actor may make."""
    merchants = Merchant.objects.filter(is_active=True)
    return merchants if actor.merchant_id is None else merchants.filter(pk=actor.merchant_id)


def _code_input(**attributes: str) -> forms.TextInput:
    return forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off", "spellcheck": "false", **attributes})


def _units(label: Any, **options: Any) -> forms.IntegerField:
    options.setdefault("widget", forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}))
    return forms.IntegerField(label=label, **options)


class WarehouseField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A warehouse by its id, as the choice sends it, or by its code, as programs know it."""

    def to_python(self, value: Any) -> Warehouse | None:
        if isinstance(value, str) and value and not value.isdigit():
            value = Warehouse.objects.filter(code=value).values_list("pk", flat=True).first() or value
        return super().to_python(value)


class ProductForm(forms.Form):
    """A product's own facts. A new one also says whose it is."""

    merchant = forms.ModelChoiceField(label=_("Merchant"), queryset=Merchant.objects.none())
    sku = forms.CharField(
        label=_("SKU"),
        max_length=MAX_SKU,
        widget=_code_input(),
        help_text=_("As it stands on the shelf and in order files; each product has its own"),
    )
    name = forms.CharField(label=_("Name"), max_length=MAX_NAME)
    price = PriceField(label=_("Price"))
    ean = forms.CharField(
        label=_("EAN"),
        required=False,
        max_length=20,
        widget=_code_input(inputmode="numeric"),
        help_text=_("The maker's barcode; scan it here"),
    )
    track_stock = forms.BooleanField(
        label=_("Track stock"),
        required=False,
        initial=True,
        help_text=_("Off for services and gifts that no shelf counts"),
    )
    is_active = forms.BooleanField(
        label=_("Sold"), required=False, initial=True, help_text=_("Off: no new order can name it")
    )
    edition = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, actor: Actor, product: Product | None = None, **options: Any) -> None:
        if product is not None:
            options["initial"] = {
                "sku": product.sku,
                "name": product.name,
                "price": product.price,
                "ean": product.ean,
                "track_stock": product.track_stock,
                "is_active": product.is_active,
                "edition": edition(product),
            }
        super().__init__(*args, **options)
        if product is not None:
            del self.fields["merchant"]
            return
        choice = self.fields["merchant"]
        assert isinstance(choice, forms.ModelChoiceField)  # noqa: S101 - declared above
        choice.queryset = merchants_of(actor)
        only = list(choice.queryset[:2])
        if len(only) == 1:
            choice.initial = only[0].pk
            choice.empty_label = None

    def draft(self) -> ProductDraft:
        said = self.cleaned_data
        return ProductDraft(
            sku=said["sku"],
            name=said["name"],
            price=said["price"],
            ean=said["ean"],
            track_stock=said["track_stock"],
            is_active=said["is_active"],
        )


class MovementForm(forms.Form):
    """What receiving, adjusting and counting one product have in common."""

    warehouse = WarehouseField(label=_("Warehouse"), queryset=Warehouse.objects.all(), empty_label=None)
    reason = forms.CharField(label=_("Reason"), required=False, max_length=MAX_REASON)
    nonce = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False, initial=fresh_nonce)


class ReceiveForm(MovementForm):
    quantity = _units(_("Units that came"), min_value=1, max_value=MAX_UNITS)
    field_order = ("warehouse", "quantity", "reason")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        warehouses = self.fields["warehouse"]
        assert isinstance(warehouses, WarehouseField)  # noqa: S101 - declared above
        warehouses.queryset = Warehouse.objects.filter(is_active=True)
        self.fields["reason"].help_text = _("Such as the delivery note's number")


class AdjustForm(MovementForm):
    delta = _units(
        _("Change"),
        help_text=_("How many more, or how many fewer with a minus before it: -3"),
        min_value=-MAX_UNITS,
        max_value=MAX_UNITS,
        widget=forms.NumberInput(attrs={"autocomplete": "off"}),
    )
    field_order = ("warehouse", "delta", "reason")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"].required = True
        self.fields["reason"].help_text = _("It stands in the ledger: broken, found, given away …")


class CountForm(MovementForm):
    """The warehouse is the one whose number the page shows: `seen` belongs to it."""

    counted = _units(_("Units counted"), min_value=0, max_value=MAX_UNITS)
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)
    field_order = ("counted", "reason")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["warehouse"].widget = forms.HiddenInput()


class DeliveryForm(forms.Form):
    """Many products at once: one a line, typed, pasted or scanned."""

    merchant = forms.ModelChoiceField(label=_("Merchant"), queryset=Merchant.objects.none(), empty_label=None)
    warehouse = WarehouseField(
        label=_("Warehouse"), queryset=Warehouse.objects.filter(is_active=True), empty_label=None
    )
    lines = forms.CharField(
        label=_("Products"),
        max_length=MAX_LISTED,
        widget=forms.Textarea(
            attrs={
                "rows": "14",
                "dir": "ltr",
                "spellcheck": "false",
                "autocomplete": "off",
                "placeholder": "85123A 12\n4006381333931",
            }
        ),
        help_text=_(
            "One a line: SKU or EAN, then how many. A line without a number counts as one unit,"
            " so scanning piece by piece works as well."
        ),
    )
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=MAX_REASON,
        help_text=_("Such as the delivery note's number"),
    )
    nonce = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False, initial=fresh_nonce)

    def __init__(self, *args: Any, actor: Actor, **options: Any) -> None:
        super().__init__(*args, **options)
        choice = self.fields["merchant"]
        assert isinstance(choice, forms.ModelChoiceField)  # noqa: S101 - declared above
        choice.queryset = merchants_of(actor)
