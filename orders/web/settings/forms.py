"""The forms of Settings: they read types; the rules stand in the domain."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _

from orders.domain.geography.placenames import CityDraft
from orders.domain.setup.people import MAX_ROLE_NAME, RIGHTS, PersonDraft
from orders.domain.setup.traders import MerchantDraft, WarehouseDraft
from orders.models import City, Country, Merchant, User, Warehouse

_NEW_PASSWORD = {"autocomplete": "new-password"}


def _password_field(**options: Any) -> forms.CharField:
    return forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs=_NEW_PASSWORD),
        help_text=_("At least 12 characters; tell it to the person, who can change it afterwards"),
        **options,
    )


def _code(**attributes: str) -> forms.TextInput:
    return forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off", "spellcheck": "false", **attributes})


class PersonForm(forms.Form):
    """A person's account; a new one with a first password."""

    username = forms.CharField(
        label=_("User name"),
        max_length=150,
        widget=_code(autocapitalize="none"),
        help_text=_("What the person logs in with"),
    )
    password = _password_field()
    first_name = forms.CharField(label=_("First name"), required=False, max_length=150)
    last_name = forms.CharField(label=_("Last name"), required=False, max_length=150)
    email = forms.CharField(label=_("E-mail"), required=False, max_length=254, widget=_code(type="email"))
    roles = forms.ModelMultipleChoiceField(
        label=_("Roles"),
        queryset=Group.objects.order_by("name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What the person may do; several add up"),
    )
    merchant = forms.ModelChoiceField(
        label=_("Works for"),
        queryset=Merchant.objects.all(),
        required=False,
        empty_label=_("Every merchant (staff)"),
        help_text=_("An account of one merchant sees only that merchant's orders and goods"),
    )
    warehouse = forms.ModelChoiceField(
        label=_("Usual warehouse"),
        queryset=Warehouse.objects.all(),
        required=False,
        empty_label=_("None in particular"),
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES, initial="en")
    is_active = forms.BooleanField(
        label=_("May log in"),
        required=False,
        initial=True,
        help_text=_("Off: logged out at once. What the person did stays in the history"),
    )

    def __init__(self, *args: Any, user: User | None = None, **options: Any) -> None:
        if user is not None:
            options["initial"] = {
                "username": user.username,
                "first_name": user.first_name,
                "last_name": user.last_name,
                "email": user.email,
                "roles": list(user.groups.values_list("pk", flat=True)),
                "merchant": user.merchant_id,
                "warehouse": user.warehouse_id,
                "language": user.language,
                "is_active": user.is_active,
            }
        super().__init__(*args, **options)
        if user is not None:
            del self.fields["password"]
        if len(settings.LANGUAGES) < 2:
            self.fields["language"].widget = forms.HiddenInput()

    def draft(self) -> PersonDraft:
        said = self.cleaned_data
        return PersonDraft(
            username=said["username"],
            first_name=said["first_name"],
            last_name=said["last_name"],
            email=said["email"],
            merchant_id=said["merchant"].pk if said["merchant"] else None,
            warehouse_id=said["warehouse"].pk if said["warehouse"] else None,
            language=said["language"],
            is_active=said["is_active"],
            role_ids=frozenset(role.pk for role in said["roles"]),
        )


class PasswordForm(forms.Form):
    """A new password for somebody else."""

    password = _password_field()


class ProfileForm(forms.Form):
    """What a person may change about their own account."""

    first_name = forms.CharField(label=_("First name"), required=False, max_length=150)
    last_name = forms.CharField(label=_("Last name"), required=False, max_length=150)
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    warehouse = forms.ModelChoiceField(
        label=_("Usual warehouse"),
        queryset=Warehouse.objects.filter(is_active=True),
        required=False,
        empty_label=_("None in particular"),
        help_text=_("Chosen for you where a page asks for one"),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if len(settings.LANGUAGES) < 2:
            self.fields["language"].widget = forms.HiddenInput()


class RoleForm(forms.Form):
    """A role: its name and its rights, in groups."""

    name = forms.CharField(label=_("Name"), max_length=MAX_ROLE_NAME)
    rights = forms.MultipleChoiceField(
        label=_("Rights"),
        required=False,
        choices=[(codename, words) for _title, rights in RIGHTS for codename, words in rights],
    )

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The rights as the page shows them: under a heading, each ticked or not."""
        chosen = set(self["rights"].value() or ())
        return [
            {
                "title": title,
                "rights": [
                    {"codename": codename, "words": words, "is_chosen": codename in chosen}
                    for codename, words in rights
                ],
            }
            for title, rights in RIGHTS
        ]


class MerchantForm(forms.Form):
    """A merchant; the short name is asked once."""

    slug = forms.CharField(
        label=_("Short name"),
        max_length=32,
        widget=_code(),
        help_text=_("Small letters, digits and hyphens; it stays for ever"),
    )
    name = forms.CharField(label=_("Name"), max_length=100)
    country = forms.ChoiceField(
        label=_("Country"), choices=Country.choices, help_text=_("Its phones and cities are understood")
    )
    currency = forms.CharField(
        label=_("Currency"), max_length=3, widget=_code(), help_text=_("Three letters, such as MAD or DZD")
    )
    timezone = forms.ChoiceField(label=_("Time zone"), help_text=_("A day is this merchant's day"))
    default_warehouse = forms.ModelChoiceField(
        label=_("Default warehouse"),
        queryset=Warehouse.objects.filter(is_active=True),
        empty_label=None,
        help_text=_("Where its new orders are taken from"),
    )
    confirm_by_phone = forms.BooleanField(
        label=_("Confirm by phone"),
        required=False,
        help_text=_("New orders wait until the call centre reached the customer"),
    )
    contact_name = forms.CharField(label=_("Contact"), required=False, max_length=100)
    contact_phone = forms.CharField(
        label=_("Contact phone"), required=False, max_length=40, widget=_code(inputmode="tel")
    )
    contact_address = forms.CharField(label=_("Return address"), required=False, max_length=300)
    is_active = forms.BooleanField(
        label=_("Active"), required=False, initial=True, help_text=_("Off: no new orders are taken")
    )

    def __init__(self, *args: Any, merchant: Merchant | None = None, **options: Any) -> None:
        if merchant is not None:
            options["initial"] = {
                name: getattr(merchant, name)
                for name in self.base_fields
                if name not in ("slug", "default_warehouse")
            } | {"default_warehouse": merchant.default_warehouse_id}
        super().__init__(*args, **options)
        zones = self.fields["timezone"]
        assert isinstance(zones, forms.ChoiceField)  # noqa: S101 - declared above
        zones.choices = [(zone, zone) for zone in sorted(available_timezones()) if "/" in zone]
        zones.initial = zones.initial or "Africa/Casablanca"
        if merchant is not None:
            del self.fields["slug"]

    def draft(self) -> MerchantDraft:
        said = self.cleaned_data
        return MerchantDraft(
            slug=said.get("slug", ""),
            name=said["name"],
            country=said["country"],
            currency=said["currency"].strip().upper(),
            timezone=said["timezone"],
            default_warehouse_id=said["default_warehouse"].pk,
            confirm_by_phone=said["confirm_by_phone"],
            contact_name=said["contact_name"],
            contact_phone=said["contact_phone"],
            contact_address=said["contact_address"],
            is_active=said["is_active"],
        )


class WarehouseForm(forms.Form):
    """A warehouse; the code is asked once."""

    code = forms.CharField(
        label=_("Code"),
        max_length=32,
        widget=_code(),
        help_text=_("Small letters, digits and hyphens; it stays for ever"),
    )
    name = forms.CharField(label=_("Name"), max_length=100)
    address = forms.CharField(label=_("Address"), required=False, max_length=300)
    is_active = forms.BooleanField(
        label=_("Open"), required=False, initial=True, help_text=_("Off: nothing is received or packed here")
    )

    def __init__(self, *args: Any, warehouse: Warehouse | None = None, **options: Any) -> None:
        if warehouse is not None:
            options["initial"] = {
                name: getattr(warehouse, name) for name in self.base_fields if name != "code"
            }
        super().__init__(*args, **options)
        if warehouse is not None:
            del self.fields["code"]

    def draft(self) -> WarehouseDraft:
        said = self.cleaned_data
        return WarehouseDraft(said.get("code", ""), said["name"], said["address"], said["is_active"])


class CityForm(forms.Form):
    """A city or commune; the country is asked once."""

    country = forms.ChoiceField(label=_("Country"), choices=Country.choices)
    name = forms.CharField(label=_("Name"), max_length=100)
    name_ar = forms.CharField(
        label=_("Arabic name"), required=False, max_length=100, widget=forms.TextInput(attrs={"dir": "rtl"})
    )
    region = forms.CharField(label=_("Region or wilaya"), required=False, max_length=100)
    region_ar = forms.CharField(
        label=_("Arabic region or wilaya"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"dir": "rtl"}),
    )
    region_code = forms.CharField(
        label=_("Number of the wilaya"), required=False, max_length=10, widget=_code(inputmode="numeric")
    )
    is_active = forms.BooleanField(
        label=_("Delivered to"),
        required=False,
        initial=True,
        help_text=_("Off: offered to nobody, matched to nothing"),
    )

    def __init__(self, *args: Any, city: City | None = None, **options: Any) -> None:
        if city is not None:
            options["initial"] = {name: getattr(city, name) for name in self.base_fields if name != "country"}
        super().__init__(*args, **options)
        if city is not None:
            del self.fields["country"]

    def draft(self) -> CityDraft:
        said = self.cleaned_data
        return CityDraft(
            country=said.get("country", ""),
            name=said["name"],
            name_ar=said["name_ar"],
            region=said["region"],
            region_ar=said["region_ar"],
            region_code=said["region_code"],
            is_active=said["is_active"],
        )
