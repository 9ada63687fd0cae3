"""Merchants and warehouses: made, changed, closed, but not under the orders and goods that rest on them.

Who works for a merchant stands in people.py, what lies in a warehouse in shelves.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.reading.texts import UnusableText, clean_line
from orders.domain.refusals import InvalidInput, NotThere
from orders.domain.setup.changes import Noted, Subject, Verb, differences, record_changes
from orders.domain.setup.people import check_manager
from orders.models import Country, Merchant, Order, StockLevel, Warehouse

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class MerchantDraft:
    """A merchant as somebody wants it. The short name stays for ever: programs and addresses use it."""

    slug: str
    name: str
    country: str
    currency: str
    timezone: str
    default_warehouse_id: int
    confirm_by_phone: bool = False
    contact_name: str = ""
    contact_phone: str = ""
    contact_address: str = ""
    is_active: bool = True


@dataclass(frozen=True)
class WarehouseDraft:
    """A warehouse as somebody wants it; the code stays for ever, as a merchant's short name does."""

    code: str
    name: str
    address: str = ""
    is_active: bool = True


def create_merchant(draft: MerchantDraft, *, actor: Actor) -> Merchant:
    """The new merchant. Refuses with InvalidInput by field."""
    check_manager(actor)
    texts, errors = _clean(draft, Merchant, ("slug", "name", *_CONTACT))
    errors |= _slug_errors("slug", texts["slug"])
    errors |= _merchant_errors(draft)
    if not errors and Merchant.objects.filter(slug=texts["slug"]).exists():
        errors["slug"] = [_taken(texts["slug"])]
    if errors:
        raise InvalidInput(errors)
    try:
        with transaction.atomic():
            merchant = Merchant.objects.create(slug=texts["slug"], **_merchant_columns(draft, texts))
            record_changes(
                [Noted(Subject.MERCHANT, merchant.pk, merchant.name, Verb.MADE, merchant_id=merchant.pk)],
                actor=actor,
            )
    except IntegrityError as error:
        raise InvalidInput({"slug": [_taken(texts["slug"])]}) from error
    return merchant


def update_merchant(merchant_id: int, draft: MerchantDraft, *, actor: Actor) -> Merchant:
    """The merchant with the draft's values, its short name aside.

    Refuses another country or currency once there are orders: their phones, cities and
    amounts were read by the old ones.
    """
    check_manager(actor)
    texts, errors = _clean(draft, Merchant, ("name", *_CONTACT))
    errors |= _merchant_errors(draft)
    with transaction.atomic():
        merchant = Merchant.objects.select_for_update(no_key=True).filter(pk=merchant_id).first()
        if merchant is None:
            raise NotThere(_("There is no such merchant."))
        moved = [name for name in ("country", "currency") if getattr(merchant, name) != getattr(draft, name)]
        if moved and Order.objects.filter(merchant=merchant).exists():
            for name in moved:
                errors.setdefault(name, [_("There are orders already: this can no longer be changed.")])
        if errors:
            raise InvalidInput(errors)
        after = _merchant_columns(draft, texts)
        changes = differences(merchant, after)
        for name, value in after.items():
            setattr(merchant, name, value)
        merchant.save()
        record_changes(
            [
                Noted(
                    Subject.MERCHANT,
                    merchant.pk,
                    merchant.name,
                    Verb.CHANGED,
                    changes,
                    merchant_id=merchant.pk,
                )
            ],
            actor=actor,
        )
    return merchant


def create_warehouse(draft: WarehouseDraft, *, actor: Actor) -> Warehouse:
    """The new warehouse. Refuses with InvalidInput by field."""
    check_manager(actor)
    texts, errors = _clean(draft, Warehouse, ("code", "name", "address"))
    errors |= _slug_errors("code", texts["code"])
    if not errors and Warehouse.objects.filter(code=texts["code"]).exists():
        errors["code"] = [_taken(texts["code"])]
    if errors:
        raise InvalidInput(errors)
    try:
        with transaction.atomic():
            warehouse = Warehouse.objects.create(**texts, is_active=draft.is_active)
            record_changes([Noted(Subject.WAREHOUSE, warehouse.pk, warehouse.name, Verb.MADE)], actor=actor)
    except IntegrityError as error:
        raise InvalidInput({"code": [_taken(texts["code"])]}) from error
    return warehouse


def update_warehouse(warehouse_id: int, draft: WarehouseDraft, *, actor: Actor) -> Warehouse:
    """The warehouse with the draft's values, its code aside.

    Refuses to close one that a merchant's orders are taken from, or that holds packed units.
    """
    check_manager(actor)
    texts, errors = _clean(draft, Warehouse, ("name", "address"))
    with transaction.atomic():
        warehouse = Warehouse.objects.select_for_update(no_key=True).filter(pk=warehouse_id).first()
        if warehouse is None:
            raise NotThere(_("There is no such warehouse."))
        if warehouse.is_active and not draft.is_active:
            errors |= _closing_errors(warehouse)
        if errors:
            raise InvalidInput(errors)
        after: dict[str, Any] = {**texts, "is_active": draft.is_active}
        changes = differences(warehouse, after)
        for name, value in after.items():
            setattr(warehouse, name, value)
        warehouse.save()
        record_changes(
            [Noted(Subject.WAREHOUSE, warehouse.pk, warehouse.name, Verb.CHANGED, changes)], actor=actor
        )
    return warehouse


_CONTACT = ("contact_name", "contact_phone", "contact_address")


def _clean(
    draft: MerchantDraft | WarehouseDraft, model: type[Any], names: tuple[str, ...]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The draft's texts in order, and what is wrong with each."""
    errors: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    for name in names:
        try:
            texts[name] = clean_line(getattr(draft, name))
        except UnusableText:
            texts[name] = ""
            errors[name] = [_("This holds a character that cannot be stored. Type it again.")]
        limit = model._meta.get_field(name).max_length
        if len(texts[name]) > limit:
            errors[name] = [_("Use at most %(limit)s characters.") % {"limit": limit}]
    if not texts["name"]:
        errors.setdefault("name", [_("This is required.")])
    return texts, errors


def _slug_errors(name: str, text: str) -> dict[str, list[str]]:
    if _SLUG.fullmatch(text):
        return {}
    return {name: [_("Use small letters, digits and hyphens, such as atlas-2.")]}


def _merchant_errors(draft: MerchantDraft) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    if draft.country not in Country.values:
        errors["country"] = [_("Choose a country from the list.")]
    if not _CURRENCY.fullmatch(draft.currency):
        errors["currency"] = [_("Write the currency's three letters, such as MAD or DZD.")]
    if draft.timezone not in available_timezones():
        errors["timezone"] = [_("There is no such time zone; choose one from the list.")]
    else:
        ZoneInfo(draft.timezone)
    if not Warehouse.objects.filter(pk=draft.default_warehouse_id, is_active=True).exists():
        errors["default_warehouse"] = [_("Choose a warehouse that is open.")]
    return errors


def _merchant_columns(draft: MerchantDraft, texts: dict[str, str]) -> dict[str, Any]:
    return {
        "name": texts["name"],
        "country": draft.country,
        "currency": draft.currency,
        "timezone": draft.timezone,
        "confirm_by_phone": draft.confirm_by_phone,
        "default_warehouse_id": draft.default_warehouse_id,
        **{name: texts[name] for name in _CONTACT},
        "is_active": draft.is_active,
    }


def _closing_errors(warehouse: Warehouse) -> dict[str, list[str]]:
    merchants = Merchant.objects.filter(default_warehouse=warehouse, is_active=True)
    named = ", ".join(merchants.values_list("name", flat=True)[:3])
    if named:
        return {
            "is_active": [
                _("%(merchants)s take their orders' goods from here. Give them another warehouse first.")
                % {"merchants": named}
            ]
        }
    if StockLevel.objects.filter(warehouse=warehouse, reserved__gt=0).exists():
        return {"is_active": [_("Packed orders still hold units here. Ship or cancel them first.")]}
    return {}


def _taken(text: str) -> str:
    return _("%(text)s is taken already.") % {"text": text}
