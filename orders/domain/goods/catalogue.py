"""Products: made, changed, and made or changed many at once from a file.

How many there are is stocktaking's business; how a file is read, the exchange's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.reading.texts import UnusableText, clean_line, search_text
from orders.domain.refusals import InvalidInput, NotAllowed, NotThere, StaleVersion
from orders.domain.rows.locking import write_transaction
from orders.domain.rows.rowsets import column_value, rows_source
from orders.domain.setup.changes import Change, Noted, Subject, Verb, differences, record_changes
from orders.models import Merchant, Order, OrderLine, Product

PERMISSION = "manageStock"
MAX_SKU = 64
MAX_NAME = 200
MAX_PRICE = Decimal(10) ** 14 - Decimal("0.01")
_EAN = re.compile(r"[0-9]{8}|[0-9]{12,14}")


@dataclass(frozen=True)
class ProductDraft:
    """A product as somebody wants it; the price in the merchant's currency."""

    sku: str
    name: str
    price: Decimal
    ean: str = ""
    track_stock: bool = True
    is_active: bool = True


@dataclass(frozen=True)
class Saved:
    """How many products a file made, changed and left as they were, and every one's id by SKU."""

    made: int
    changed: int
    unchanged: int
    ids: Mapping[str, int]


def create_product(draft: ProductDraft, *, merchant_id: int, actor: Actor) -> Product:
    """The new product. Refuses with InvalidInput by field; a merchant that is not the actor's is unknown."""
    _check_right(actor)
    if not Merchant.objects.filter(pk=merchant_id, is_active=True).exists() or actor.merchant_id not in (
        None,
        merchant_id,
    ):
        raise InvalidInput({"merchant": [_("There is no such merchant; choose one from the list.")]})
    draft, errors = clean_draft(draft)
    errors |= _taken(draft, merchant_id=merchant_id, but=None)
    if errors:
        raise InvalidInput(errors)
    try:
        with transaction.atomic():
            product = Product.objects.create(merchant_id=merchant_id, **_columns(draft))
            record_changes([_noted(product, Verb.MADE)], actor=actor)
    except IntegrityError as error:  # a rival took the SKU between the look and the write
        raise InvalidInput({"sku": [_sku_taken(draft.sku)]}) from error
    return product


def update_product(product_id: int, draft: ProductDraft, *, actor: Actor, seen: str | None = None) -> Product:
    """The product with the draft's values. `seen` is the `edition` the page was made from.

    Refuses with InvalidInput by field, with StaleVersion when somebody changed the product
    meanwhile, with NotThere for another merchant's. Counting cannot be switched while orders
    hold units: they would be released or shipped by a rule they were not reserved by.
    """
    _check_right(actor)
    draft, errors = clean_draft(draft)
    try:
        return write_transaction(lambda: _update_one(product_id, draft, errors, actor=actor, seen=seen))
    except IntegrityError as error:
        raise InvalidInput({"sku": [_sku_taken(draft.sku)]}) from error


def _update_one(
    product_id: int, draft: ProductDraft, errors: Mapping[str, list[str]], *, actor: Actor, seen: str | None
) -> Product:
    # Not the key: a rival that writes a movement of the product must not wait for this.
    products = Product.objects.select_for_update(no_key=True)
    if actor.merchant_id is not None:
        products = products.filter(merchant_id=actor.merchant_id)
    product = products.filter(pk=product_id).first()
    if product is None:
        raise NotThere(_("There is no such product."))
    _refuse_stale(product, seen)
    errors = {**errors, **_taken(draft, merchant_id=product.merchant_id, but=product.pk)}
    if product.track_stock != draft.track_stock:
        errors |= _refuse_switch(product)
    if errors:
        raise InvalidInput(errors)
    changed = differences(product, _visible(draft))
    if changed:
        for name, value in _columns(draft).items():
            setattr(product, name, value)
        product.save()
        record_changes([_noted(product, Verb.CHANGED, changed)], actor=actor)
    return product


def edition(product: Product) -> str:
    """What tells this state of the product from an earlier one: a form carries it back."""
    return product.updated_at.isoformat()


def clean_draft(draft: ProductDraft) -> tuple[ProductDraft, dict[str, list[str]]]:
    """The draft with its texts put in order, and what is wrong with it by field; touches no table."""
    errors: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    for name, limit in (("sku", MAX_SKU), ("name", MAX_NAME), ("ean", 20)):
        try:
            texts[name] = clean_line(getattr(draft, name))
        except UnusableText:
            texts[name] = ""
            errors[name] = [_("This holds a character that cannot be stored. Type it again.")]
        if len(texts[name]) > limit:
            errors[name] = [_("Use at most %(limit)s characters.") % {"limit": limit}]
    for name in ("sku", "name"):
        if not texts[name] and name not in errors:
            errors[name] = [_("This is required.")]
    texts["ean"] = texts["ean"].replace(" ", "").replace("-", "")
    problem = ean_problem(texts["ean"])
    if problem and "ean" not in errors:
        errors["ean"] = [problem]
    if not draft.price.is_finite() or not 0 <= draft.price <= MAX_PRICE:
        errors["price"] = [_("Write a price from 0 on, such as 129.90.")]
    elif draft.price != draft.price.quantize(Decimal("0.01")):
        errors["price"] = [_("Use at most two decimals, such as 129.90.")]
    return (
        ProductDraft(
            texts["sku"], texts["name"], draft.price, texts["ean"], draft.track_stock, draft.is_active
        ),
        errors,
    )


def ean_problem(ean: str) -> str:
    """Why the digits cannot be a product's barcode; '' when they can, or when there are none."""
    if not ean:
        return ""
    if not _EAN.fullmatch(ean):
        return _("An EAN has 8, 12, 13 or 14 digits.")
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(ean)))
    if weighted % 10:
        return _("The last digit does not fit the others: one of them is misread. Scan or type it again.")
    if len(ean) == 13 and ean.startswith("20"):
        return _("EANs that begin with 20 stand for orders here. Use the maker's EAN, or none.")
    return ""


def save_products(
    drafts: Sequence[ProductDraft], *, merchant_id: int, actor: Actor, given: Collection[str] = ()
) -> Saved:
    """Makes the products whose SKU is new and changes the others, in one go; `drafts` are clean.

    Only the fields named in `given` are changed on products that exist (a file may lack a
    column); none means all. Statements do not grow with the drafts. One row of the log
    tells of the whole file; call it inside the transaction of the whole.
    """
    _check_right(actor)
    named = set(given) or {"name", "price", "ean", "track_stock", "is_active"}
    now = timezone.now()
    kept = {
        row["sku"]: row
        for row in Product.objects.filter(merchant_id=merchant_id, sku__in={d.sku for d in drafts})
        .order_by("pk")
        .select_for_update(no_key=True)
        .values("pk", "sku", "name", "price", "ean", "track_stock", "is_active")
    }
    fresh = [draft for draft in drafts if draft.sku not in kept]
    changed = [
        (kept[draft.sku]["pk"], after)
        for draft in drafts
        if draft.sku in kept and (after := _merged(kept[draft.sku], draft, named)) is not None
    ]
    _refuse_switches(kept, changed)
    _insert(fresh, merchant_id=merchant_id, at=now)
    _update(changed, at=now)
    ids = dict(
        Product.objects.filter(merchant_id=merchant_id, sku__in={d.sku for d in drafts}).values_list(
            "sku", "pk"
        )
    )
    if fresh or changed:
        words = _("%(made)s made, %(changed)s changed from a file") % {
            "made": len(fresh),
            "changed": len(changed),
        }
        record_changes(
            [Noted(Subject.PRODUCT, None, words, Verb.MADE, merchant_id=merchant_id)], actor=actor, at=now
        )
    return Saved(len(fresh), len(changed), len(drafts) - len(fresh) - len(changed), ids)


def find_by_codes(codes: Collection[str], *, merchant_id: int) -> dict[str, int]:
    """The merchant's product that each SKU or EAN names; those that name none are left out.

    A code that is one product's SKU and another's EAN means the SKU. One statement.
    """
    wanted = {code for code in codes if code and "\x00" not in code}
    rows = Product.objects.filter(
        Q(sku__in=wanted) | Q(ean__in=wanted) & ~Q(ean=""), merchant_id=merchant_id
    ).values_list("pk", "sku", "ean")
    by_ean: dict[str, int] = {}
    by_sku: dict[str, int] = {}
    for pk, sku, ean in rows:
        if sku in wanted:
            by_sku[sku] = pk
        if ean in wanted:
            by_ean[ean] = pk
    return by_ean | by_sku


def switch_problems(products: Iterable[int]) -> set[int]:
    """Those of the products whose counting cannot be switched now; one statement."""
    return set(_held_lines(products).order_by().values_list("product_id", flat=True).distinct())


# --- rules ------------------------------------------------------------------------


def _check_right(actor: Actor) -> None:
    if not actor.may(PERMISSION):
        raise NotAllowed(_("You are not allowed to change products. Ask an admin for the right."))


def _columns(draft: ProductDraft) -> dict[str, Any]:
    return {**_visible(draft), "search_name": search_text(draft.name, limit=MAX_NAME)}


def _visible(draft: ProductDraft) -> dict[str, Any]:
    return {
        "sku": draft.sku,
        "name": draft.name,
        "price": draft.price,
        "ean": draft.ean,
        "track_stock": draft.track_stock,
        "is_active": draft.is_active,
    }


def _noted(product: Product, verb: Verb, changes: tuple[Change, ...] = ()) -> Noted:
    return Noted(Subject.PRODUCT, product.pk, str(product), verb, changes, merchant_id=product.merchant_id)


def _sku_taken(sku: str) -> str:
    return _("%(sku)s is another product's SKU already. Change that one, or choose another SKU.") % {
        "sku": sku
    }


def _taken(draft: ProductDraft, *, merchant_id: int, but: int | None) -> dict[str, list[str]]:
    """What another product of the merchant has already; one statement."""
    same = Q(sku=draft.sku)
    if draft.ean:
        same |= Q(ean=draft.ean)
    others = Product.objects.filter(same, merchant_id=merchant_id).exclude(pk=but or 0)
    errors: dict[str, list[str]] = {}
    for sku, ean in others.values_list("sku", "ean")[:10]:
        if sku == draft.sku:
            errors["sku"] = [_sku_taken(draft.sku)]
        if draft.ean and ean == draft.ean:
            errors["ean"] = [_("This is the EAN of %(sku)s already.") % {"sku": sku}]
    return errors


def _refuse_stale(product: Product, seen: str | None) -> None:
    if seen is not None and seen != edition(product):
        raise StaleVersion(
            _("Somebody else changed this product meanwhile. Look at the newer values, then save again."),
            current={
                "sku": product.sku,
                "name": product.name,
                "price": str(product.price),
                "ean": product.ean,
                "track_stock": product.track_stock,
                "is_active": product.is_active,
                "edition": edition(product),
            },
        )


def _held_lines(product_ids: Iterable[int]) -> QuerySet[OrderLine]:
    """Lines of the products whose units an order holds on a shelf."""
    return OrderLine.objects.filter(
        product_id__in=list(product_ids),
        cycle=F("order__cycle"),
        order__reserved_warehouse__isnull=False,
    )


def _refuse_switch(product: Product) -> dict[str, list[str]]:
    _keep_orders_still()
    references = list(
        _held_lines([product.pk])
        .order_by("order_id")
        .values_list("order__reference", flat=True)
        .distinct()[:4]
    )
    if not references:
        return {}
    named = ", ".join(references[:3]) + ("…" if len(references) > 3 else "")
    return {
        "track_stock": [
            _(
                "Orders hold units of this product on a shelf (%(references)s)."
                " Ship or cancel them first, then switch it."
            )
            % {"references": named}
        ]
    }


def _refuse_switches(
    kept: Mapping[str, Mapping[str, Any]], changed: Sequence[tuple[int, Mapping[str, Any]]]
) -> None:
    """A file's switches were looked at before; one that orders hold by now stops the file."""
    before = {row["pk"]: row for row in kept.values()}
    switched = [pk for pk, after in changed if after["track_stock"] != before[pk]["track_stock"]]
    if not switched:
        return
    _keep_orders_still()
    held = switch_problems(switched)
    if held:
        skus = ", ".join(sorted(before[pk]["sku"] for pk in held)[:5])
        raise InvalidInput(
            {
                "track_stock": [
                    _("Orders hold units of %(skus)s meanwhile; their counting cannot be switched now.")
                    % {"skus": skus}
                ]
            }
        )


def _keep_orders_still() -> None:
    """No order is packed or shipped between this look and the commit: a rare switch may make them wait."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {Order._meta.db_table} IN EXCLUSIVE MODE")


# --- many at once -----------------------------------------------------------------


def _merged(row: Mapping[str, Any], draft: ProductDraft, given: Collection[str]) -> dict[str, Any] | None:
    """The row's values with those given by the file; None when nothing differs."""
    wanted = _visible(draft)
    after = {name: wanted[name] if name in given else row[name] for name in row if name not in ("pk", "sku")}
    return after if any(after[name] != row[name] for name in after) else None


def _insert(drafts: Sequence[ProductDraft], *, merchant_id: int, at: Any) -> None:
    if not drafts:
        return
    source, params = rows_source(
        "r",
        {
            "sku": "text",
            "name": "text",
            "search_name": "text",
            "price": "numeric",
            "ean": "text",
            "track_stock": "bool",
            "is_active": "bool",
        },
        [
            (
                d.sku,
                d.name,
                search_text(d.name, limit=MAX_NAME),
                d.price,
                d.ean,
                d.track_stock,
                d.is_active,
            )
            for d in drafts
        ],
    )
    moment = "%s::timestamptz" if connection.vendor == "postgresql" else "%s"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders_product (merchant_id, sku, name, search_name, price, ean, track_stock,"  # noqa: S608
            " is_active, created_at, updated_at)"
            " SELECT %s, r.sku, r.name, r.search_name, r.price, r.ean, r.track_stock, r.is_active,"
            f" {moment}, {moment} FROM {source} WHERE true",
            [merchant_id, column_value(at), column_value(at), *params],
        )


def _update(changed: Sequence[tuple[int, Mapping[str, Any]]], *, at: Any) -> None:
    if not changed:
        return
    source, params = rows_source(
        "r",
        {
            "id": "int",
            "name": "text",
            "search_name": "text",
            "price": "numeric",
            "ean": "text",
            "track_stock": "bool",
            "is_active": "bool",
        },
        [
            (
                pk,
                after["name"],
                search_text(after["name"], limit=MAX_NAME),
                after["price"],
                after["ean"],
                after["track_stock"],
                after["is_active"],
            )
            for pk, after in changed
        ],
    )
    moment = "%s::timestamptz" if connection.vendor == "postgresql" else "%s"
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_product SET name = r.name, search_name = r.search_name, price = r.price,"  # noqa: S608
            " ean = r.ean, track_stock = r.track_stock, is_active = r.is_active,"
            f" updated_at = {moment} FROM {source} WHERE orders_product.id = r.id",
            [column_value(at), *params],
        )
