"""Checks drafts of orders: one pass over a batch that collects every error with its path.

What needs the database is looked up for the whole batch before; nothing is written here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.geography.places import MAX_CITY, Place, Typed, resolve_typed
from orders.domain.incoming.drafts import (
    MAX_SHIPMENT_WAY,
    MAX_TOTAL,
    Amount,
    Checked,
    LineDraft,
    OrderDraft,
    OrderRow,
    Problem,
    ReadyLine,
    ReadyOrder,
    Rules,
)
from orders.domain.reading.phones import MAX_PHONE, NO_PHONE, Phone, normalize_phone
from orders.domain.reading.texts import (
    UnusableText,
    clean_line,
    clean_paragraphs,
    read_amount,
    read_whole,
    search_text,
)
from orders.domain.refusals import NotThere
from orders.domain.rows.rowsets import is_among, rows_source
from orders.models import CallCenter, Merchant, Payment, PaymentMethod, Warehouse


def check_orders(
    drafts: Sequence[OrderDraft], *, merchant: Merchant, actor: Actor | None = None, rules: Rules
) -> Checked:
    """What create_orders would make of the drafts at this moment; writes nothing.

    One pass, at most six statements: every error of every draft is in the answer, and
    the drafts without any stand ready.
    """
    if actor is not None and actor.merchant_id not in (None, merchant.pk):
        raise NotThere(_("There is no such merchant; choose one from the list."))
    refused = _refuse_call(drafts, merchant, rules)
    if refused:
        return Checked((), (), refused)
    checker = _Checker(drafts, merchant, rules)
    ready = tuple(order for order in map(checker.check, range(len(drafts)), drafts) if order is not None)
    return Checked(ready, tuple(checker.problems))


def looks_like_ours(reference: str) -> bool:
    """Whether a text reads as one of our own references, with or without a cycle."""
    return _OUR_REFERENCE.fullmatch(reference) is not None


_OUR_REFERENCE = re.compile(r"\s*ORD-[0-9]+(-[0-9]+)?\s*", re.IGNORECASE)


def _refuse_call(drafts: Sequence[OrderDraft], merchant: Merchant, rules: Rules) -> dict[str, list[str]]:
    if not merchant.is_active:
        return {
            "merchant": [
                _("%(merchant)s is not active. Activate it under Settings to take its orders.")
                % {"merchant": merchant.name}
            ]
        }
    if not drafts:
        return {"orders": [_("There is no order to take in. Send at least one.")]}
    if len(drafts) > rules.max_orders:
        return {
            "orders": [
                _("%(count)s orders are too many for one call. Send at most %(limit)s.")
                % {"count": len(drafts), "limit": rules.max_orders}
            ]
        }
    return {}


class _Product(NamedTuple):
    id: int
    sku: str
    name: str
    price: Decimal
    is_active: bool


class _Text(NamedTuple):
    """How a text field of a draft is read."""

    limit: int
    keeps_lines: bool = False


_TEXTS: Mapping[str, _Text] = {
    "full_name": _Text(100),
    "phone": _Text(MAX_PHONE),
    "second_phone": _Text(MAX_PHONE),
    "email": _Text(254),
    "city": _Text(MAX_CITY),
    "area": _Text(100),
    "address": _Text(1000),
    "notes": _Text(1000, keeps_lines=True),
    "external_reference": _Text(100),
}
MAX_SKU = 64
MAX_NAME = 200
# The vocabularies as plain tuples: an enumeration builds its list anew each time it is asked.
_METHODS = tuple(PaymentMethod.values)
_PAYMENTS = tuple(Payment.values)
_CALL_CENTER = tuple(CallCenter.values)
_STILL_TO_PAY = Payment.AWAITING.value
_ALREADY_PAID = Payment.COLLECTED.value
_COD = PaymentMethod.COD.value
_COUNTRY = re.compile("[A-Z]{2}")


class _Checker:
    """One pass over a batch; what needs the database was looked up for all drafts before."""

    def __init__(self, drafts: Sequence[OrderDraft], merchant: Merchant, rules: Rules) -> None:
        self.merchant = merchant
        self.rules = rules
        self.problems: list[Problem] = []
        self._index = 0
        self._call_center = (
            CallCenter.PENDING.value if merchant.confirm_by_phone else CallCenter.CONFIRMED.value
        )
        self._by_sku, self._by_id = _look_up_products(drafts, merchant)
        self._cities = _look_up_cities(drafts, merchant)
        self._taken = _look_up_external_references(drafts, merchant)
        self._seen: dict[str, int] = {}
        self._warehouses: set[int] | None = None

    def check(self, index: int, draft: OrderDraft) -> ReadyOrder | None:
        """The draft made ready, or None: what is wrong with it is among the problems."""
        self._index = index
        found_before = len(self.problems)
        full_name = self._text("full_name", draft.full_name)
        country = self._country(draft.country)
        phone = self._phone("phone", draft.phone, country)
        second_phone = self._phone("second_phone", draft.second_phone, country)
        email = self._email(draft.email)
        city = self._text("city", draft.city)
        place = self._place(country, city)
        area = self._text("area", draft.area)
        address = self._text("address", draft.address)
        notes = self._text("notes", draft.notes)
        external_reference = self._external_reference(draft.external_reference)
        shipment_way = self._shipment_way(draft.shipment_way)
        pays_fees = self._pays_fees(draft.is_fees_paid_by_customer)
        lines = self._lines(draft.lines)
        total = self._total(draft.total, lines)
        method = self._choice("payment_method", draft.payment_method, _METHODS, _COD)
        prepaid = self._prepaid(draft.prepaid, total, method)
        payment = self._choice(
            "payment_status",
            draft.payment_status,
            _PAYMENTS,
            _STILL_TO_PAY if method == _COD else _ALREADY_PAID,
        )
        call_center = self._choice("call_center", draft.call_center, _CALL_CENTER, self._call_center)
        warehouse_id = self._warehouse(draft.warehouse_id)
        if len(self.problems) > found_before:
            return None
        row = OrderRow(
            external_reference,
            call_center,
            payment,
            method,
            total,
            prepaid,
            total - prepaid,
            full_name,
            search_text(full_name, limit=100),
            *phone,
            second_phone.typed,
            second_phone.reversed,
            email,
            country,
            city,
            place.id if place is not None else None,
            area,
            address,
            notes,
            shipment_way,
            pays_fees,
            warehouse_id,
        )
        return ReadyOrder(index, place, row, lines)

    # Each of these returns the value to store and notes what is wrong; the value of a
    # field with a problem is never used.

    def _refuse(self, field: str, code: str, message: str, remedy: str, value: object = "") -> None:
        shown = "" if value is None else str(value)[:200]
        self.problems.append(Problem(self._index, field, code, message, remedy, shown))

    def _text(self, name: str, given: object) -> str:
        text = "" if given is None or given == "" else self._cleaned(name, given, *_TEXTS[name])
        if not text and name in self.rules.required and not self._has_problem(name):
            self._refuse(name, "required", _MISSING[name](), _("Fill it in."), given)
        return text

    def _has_problem(self, name: str) -> bool:
        last = self.problems[-1] if self.problems else None
        return last is not None and last.index == self._index and last.field == name

    def _cleaned(self, name: str, given: object, limit: int, keeps_lines: bool = False) -> str:
        if not isinstance(given, str):
            if isinstance(given, bool) or not isinstance(given, int) or abs(given) >= 10**30:
                self._refuse(name, "not_text", _("This is not a text."), _("Send it as text."), given)
                return ""
            given = str(given)
        if len(given) <= limit * 4:
            try:
                text = clean_paragraphs(given) if keeps_lines else clean_line(given)
            except UnusableText:
                self._refuse(
                    name,
                    "unusable",
                    _("This text holds a sign that cannot be stored."),
                    _("Remove the invisible signs, or type the text again."),
                )
                return ""
            if len(text) <= limit:
                return text
        self._refuse(
            name,
            "too_long",
            _("This text is too long."),
            _("Use at most %(limit)s characters.") % {"limit": limit},
            given,
        )
        return ""

    def _phone(self, name: str, given: object, country: str) -> Phone:
        typed = self._text(name, given)
        return normalize_phone(typed, country) if typed else NO_PHONE

    def _email(self, given: object) -> str:
        email = self._text("email", given)
        if email:
            try:
                validate_email(email)
            except ValidationError:
                self._refuse(
                    "email",
                    "not_an_email",
                    _("This is not an e-mail address."),
                    _("Write it as name@example.com, or leave it out."),
                    email,
                )
        return email

    def _country(self, given: object) -> str:
        country = _country_code(given, self.merchant)
        if not country:
            self._refuse(
                "country",
                "not_a_country",
                _("This is not a country code."),
                _("Use two letters, such as MA or DZ."),
                given,
            )
        return country

    def _place(self, country: str, city: str) -> Place | None:
        if not city:
            return None
        place = self._cities.get(Typed(self.merchant.pk, country, city))
        if place is None and self.rules.must_know_city:
            self._refuse(
                "city",
                "unknown_city",
                _("The city “%(city)s” is not known, or several share the name.") % {"city": city},
                _("Use a name from the list of places; where several share it, write “name, region”."),
                city,
            )
        return place

    def _external_reference(self, given: object) -> str | None:
        reference = self._text("external_reference", given)
        if not reference:
            return None
        if looks_like_ours(reference):
            self._refuse(
                "external_reference",
                "looks_like_ours",
                _("“%(reference)s” looks like a reference of ours.") % {"reference": reference},
                _("Use your own numbering, or leave it out."),
                reference,
            )
        elif reference in self._taken:
            self._refuse(
                "external_reference",
                "taken",
                _("“%(reference)s” is the reference of %(order)s already.")
                % {"reference": reference, "order": self._taken[reference]},
                _("Send each order once, with a reference of its own."),
                reference,
            )
        elif (first := self._seen.setdefault(reference, self._index)) != self._index:
            self._refuse(
                "external_reference",
                "repeated",
                _("“%(reference)s” is the reference of order %(number)s of this list already.")
                % {"reference": reference, "number": first + 1},
                _("Send each order once, with a reference of its own."),
                reference,
            )
        return reference

    def _shipment_way(self, given: object) -> int | None:
        if given is None or given == "":
            return None
        way = read_whole(given)
        if way is None or not 0 <= way <= MAX_SHIPMENT_WAY:
            self._refuse(
                "shipment_way",
                "not_a_number",
                _("This is not a way of shipping."),
                _("Send its number, or leave it out."),
                given,
            )
        return way

    def _pays_fees(self, given: object) -> bool:
        if isinstance(given, bool):
            return given
        name = "is_fees_paid_by_customer"
        if given is not None:
            self._refuse(
                name, "not_yes_or_no", _("This is neither true nor false."), _("Send true or false."), given
            )
        elif name in self.rules.required:
            self._refuse(
                name,
                "required",
                _("It is not said whether the customer pays the shipping fees."),
                _("Send true or false."),
            )
        return True

    def _choice(self, name: str, given: object, known: Sequence[str], default: str) -> str:
        if given is None or given == "":
            return default
        if given in known:
            return str(given)
        self._refuse(
            name,
            "unknown_word",
            _("“%(word)s” is not known here.") % {"word": str(given)[:50]},
            _("Use one of: %(words)s.") % {"words": ", ".join(known)},
            given,
        )
        return default

    def _warehouse(self, given: object) -> int:
        if given is None:
            return self.merchant.default_warehouse_id
        if self._warehouses is None:
            self._warehouses = set(Warehouse.objects.filter(is_active=True).values_list("id", flat=True))
        wanted = read_whole(given)
        if wanted is None or wanted not in self._warehouses:
            self._refuse(
                "warehouse_id",
                "unknown_warehouse",
                _("There is no such warehouse."),
                _("Choose one from the list."),
                given,
            )
            return 0
        return wanted

    # Lines and money.

    def _lines(self, drafts: Sequence[LineDraft]) -> tuple[ReadyLine, ...]:
        if not drafts:
            self._refuse("products", "required", _("The order has no product."), _("Add at least one."))
        elif len(drafts) > self.rules.max_lines:
            self._refuse(
                "products",
                "too_many",
                _("The order has %(count)s products.") % {"count": len(drafts)},
                _("Use at most %(limit)s, or split the order.") % {"limit": self.rules.max_lines},
                len(drafts),
            )
            return ()
        lines = []
        for place, draft in enumerate(drafts):
            found_before = len(self.problems)
            product = self._product(place, draft)
            quantity = self._quantity(place, draft.quantity)
            price = self._price(place, draft.price, product)
            total = price * quantity
            if total > MAX_TOTAL:
                self._refuse(
                    f"products.{place}.quantity",
                    "above_maximum",
                    _("This line costs more than %(limit)s.") % {"limit": MAX_TOTAL},
                    _("Use fewer units or a lower price, or split the line."),
                    draft.quantity,
                )
            if len(self.problems) == found_before and product is not None:
                lines.append(ReadyLine(product.id or None, product.sku, product.name, quantity, price, total))
        return tuple(lines)

    def _product(self, place: int, draft: LineDraft) -> _Product | None:
        """The merchant's product; one with the id 0 stands for a product that is not known."""
        by_id = draft.product_id is not None
        path = f"products.{place}.{'id' if by_id else 'sku'}"
        if by_id:
            wanted = read_whole(draft.product_id)
            named = str(draft.product_id)
            product = self._by_id.get(wanted) if wanted is not None else None
        else:
            named = self._cleaned(path, draft.sku or "", MAX_SKU)
            product = self._by_sku.get(named)
            if product is None and self._has_problem(path):
                return None
        if product is None:
            return self._unknown_product(path, place, named, draft)
        if not product.is_active:
            self._refuse(
                path,
                "inactive_product",
                _("The product %(sku)s is not active any more.") % {"sku": product.sku},
                _("Activate it under Products, or choose another."),
                named,
            )
            return None
        return product

    def _unknown_product(self, path: str, place: int, named: str, draft: LineDraft) -> _Product | None:
        if self.rules.keeps_unknown_products:
            name = self._cleaned(f"products.{place}.name", draft.name or named, MAX_NAME)
            sku = "" if draft.product_id is not None else named
            return _Product(0, sku, name, Decimal(0), True)
        if not named:
            self._refuse(path, "required", _("The product is not named."), _("Give its SKU."))
        elif draft.product_id is not None:
            self._refuse(
                path,
                "unknown_product",
                _("%(merchant)s has no product with the id %(id)s.")
                % {"merchant": self.merchant.name, "id": named[:50]},
                _("Use an id from the list of products."),
                named,
            )
        else:
            self._refuse(
                path,
                "unknown_sku",
                _("%(merchant)s has no product with the SKU “%(sku)s”.")
                % {"merchant": self.merchant.name, "sku": named},
                _("Check the spelling, or add the product under Products."),
                named,
            )
        return None

    def _quantity(self, place: int, given: object) -> int:
        quantity = read_whole(given)
        if quantity is not None and 1 <= quantity <= self.rules.max_quantity:
            return quantity
        path = f"products.{place}.quantity"
        if given is None or given == "":
            self._refuse(path, "required", _("The quantity is missing."), _("Write a whole number from 1."))
        elif quantity is None:
            self._refuse(
                path,
                "not_a_whole_number",
                _("The quantity is not a whole number."),
                _("Write a whole number from 1, in digits."),
                given,
            )
        elif quantity < 1:
            self._refuse(
                path,
                "below_minimum",
                _("The quantity is below 1."),
                _("Write a whole number from 1. Returned goods are taken back as returns, not as orders."),
                given,
            )
        else:
            self._refuse(
                path,
                "above_maximum",
                _("The quantity is too large."),
                _("Use at most %(limit)s, or split the line.") % {"limit": self.rules.max_quantity},
                given,
            )
        return 1

    def _price(self, place: int, given: Amount, product: _Product | None) -> Decimal:
        path = f"products.{place}.price"
        if given is None or given == "":
            if "price" in self.rules.required:
                self._refuse(path, "required", _("The price is missing."), _("Write the price of one unit."))
            return product.price if product is not None else Decimal(0)
        return self._amount(path, given, self.rules.min_price, self.rules.max_price)

    def _total(self, given: Amount, lines: Sequence[ReadyLine]) -> Decimal:
        if given is not None and given != "":
            return self._amount("total", given, self.rules.min_total, self.rules.max_total)
        if "total" in self.rules.required:
            self._refuse("total", "required", _("The total is missing."), _("Write what the customer pays."))
            return Decimal(0)
        total = sum((line.total for line in lines), Decimal(0))
        if lines and not self.rules.min_total <= total <= self.rules.max_total:
            return self._amount("total", total, self.rules.min_total, self.rules.max_total)
        return total

    def _prepaid(self, given: Amount, total: Decimal, method: str) -> Decimal:
        """What of the total was paid ahead: all of it, unless the courier collects."""
        if method != _COD:
            return total
        if given is None or given == "":
            return Decimal(0)
        prepaid = self._amount("prepaid", given, Decimal(0), MAX_TOTAL)
        if prepaid > total and not self._has_problem("prepaid"):
            self._refuse(
                "prepaid",
                "above_maximum",
                _("More was paid ahead than the total."),
                _("Use at most %(total)s.") % {"total": total},
                given,
            )
        return prepaid

    def _amount(self, path: str, given: Amount, low: Decimal, high: Decimal) -> Decimal:
        amount = read_amount(given)
        if amount is None:
            self._refuse(
                path,
                "not_an_amount",
                _("This is not an amount of money."),
                _("Write digits with at most two decimals, such as 399 or 399.50."),
                given,
            )
        elif amount < low or amount.is_signed():
            self._refuse(
                path,
                "below_minimum",
                _("This amount is below %(limit)s.") % {"limit": low},
                _("Write an amount from %(limit)s.") % {"limit": low},
                given,
            )
        elif amount > high:
            self._refuse(
                path,
                "above_maximum",
                _("This amount is above %(limit)s.") % {"limit": high},
                _("Write an amount up to %(limit)s.") % {"limit": high},
                given,
            )
        else:
            return amount
        return Decimal(0)


_MISSING = {
    "full_name": lambda: _("The customer's name is missing."),
    "phone": lambda: _("The phone number is missing."),
    "second_phone": lambda: _("The second phone number is missing."),
    "email": lambda: _("The e-mail address is missing."),
    "city": lambda: _("The city is missing."),
    "area": lambda: _("The area is missing."),
    "address": lambda: _("The address is missing."),
    "notes": lambda: _("The notes are missing."),
    "external_reference": lambda: _("Your reference is missing."),
}


# --- looking up, for all drafts at once -----------------------------------------------
# CROSS JOIN means: the named first. SQLite would otherwise read the whole list of names once
# for every row of the table.


def _look_up_products(
    drafts: Sequence[OrderDraft], merchant: Merchant
) -> tuple[dict[str, _Product], dict[int, _Product]]:
    """The merchant's products that the drafts name, by SKU and by id; a statement for each way of naming."""
    skus: set[str] = set()
    ids: set[int] = set()
    for draft in drafts:
        for line in draft.lines:
            if line.product_id is not None:
                if (id := read_whole(line.product_id)) is not None:
                    ids.add(id)
            elif line.sku:
                skus.add(_quietly_cleaned(line.sku, MAX_SKU))
    found = [
        *_read_products("sku", "text", skus - {""}, merchant),
        *_read_products("id", "int", ids, merchant),
    ]
    return {product.sku: product for product in found}, {product.id: product for product in found}


def _read_products(
    column: str, kind: Literal["text", "int"], values: Collection[str] | Collection[int], merchant: Merchant
) -> Iterator[_Product]:
    if not values:
        return
    source, params = rows_source("r", {"named": kind}, [(value,) for value in values])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.id, p.sku, p.name, p.price, p.is_active"  # noqa: S608
            f" FROM {source} CROSS JOIN orders_product p WHERE p.{column} = r.named AND p.merchant_id = %s",
            [*params, merchant.pk],
        )
        for id, sku, name, price, is_active in cursor.fetchall():
            yield _Product(id, sku, name, read_amount(price) or Decimal(0), bool(is_active))


def _look_up_cities(drafts: Sequence[OrderDraft], merchant: Merchant) -> dict[Typed, Place]:
    return resolve_typed(
        {
            Typed(merchant.pk, country, city)
            for draft in drafts
            if draft.city
            and (country := _country_code(draft.country, merchant))
            and (city := _quietly_cleaned(draft.city, MAX_CITY))
        }
    )


def _country_code(given: object, merchant: Merchant) -> str:
    """Two letters, the merchant's where none are given, '' for what is no country code."""
    if given is None or given == "":
        return merchant.country
    country = given.strip().upper() if isinstance(given, str) else ""
    return country if _COUNTRY.fullmatch(country) else ""


def _look_up_external_references(drafts: Sequence[OrderDraft], merchant: Merchant) -> dict[str, str]:
    """Our references of the orders that have the drafts' external ones already, deleted ones too."""
    asked = {
        _quietly_cleaned(draft.external_reference, 100) for draft in drafts if draft.external_reference
    } - {""}
    if not asked:
        return {}
    is_asked, params = is_among("external_reference", asked)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT external_reference, reference FROM orders_order WHERE merchant_id = %s AND {is_asked}",  # noqa: S608
            [merchant.pk, *params],
        )
        return dict(cursor.fetchall())


def _quietly_cleaned(given: object, limit: int) -> str:
    """The text as the pass will clean it, '' where the pass will refuse it."""
    text = given if isinstance(given, str) else str(given)
    if len(text) > limit * 4:
        return ""
    try:
        cleaned = clean_line(text)
    except UnusableText:
        return ""
    return cleaned if len(cleaned) <= limit else ""
