"""Reads a row of a product table as a draft of a product and how many of it lie on the shelf.

What a product may be is said in orders/domain/goods/catalogue.py; which rows may be taken, in products.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from orders.domain.goods.catalogue import ProductDraft, clean_draft
from orders.domain.goods.stocktaking import MAX_UNITS
from orders.domain.reading.texts import fold, read_amount, read_whole
from orders.exchange.cells import plain_number
from orders.exchange.columns import Column, Heading
from orders.exchange.order_rows import refuse_damaged, whole_sku
from orders.exchange.problems import RowProblem
from orders.exchange.reading import Row

COLUMNS = (
    Column(
        "sku",
        True,
        "code, product code, article, reference, item, référence, référence produit, code article, réf, "
        "رمز المنتج, الرمز, المرجع",
    ),
    Column(
        "name",
        False,
        "product, product name, title, description, nom, nom du produit, désignation, libellé, "
        "اسم المنتج, الاسم, المنتج",
    ),
    Column("price", False, "unit price, sale price, prix, prix unitaire, prix de vente, السعر, الثمن"),
    Column(
        "on_hand",
        False,
        "stock, quantity, qty, in stock, on hand, counted, units, quantité, qté, en stock, المخزون, الكمية",
    ),
    Column("ean", False, "barcode, gtin, upc, ean13, ean 13, code barres, code à barres, الباركود"),
    Column(
        "track_stock", False, "track stock, counted product, suivi du stock, suivre le stock, تتبع المخزون"
    ),
    Column("is_active", False, "active, sold, for sale, actif, en vente, نشط"),
)
_YES = frozenset(("1", "yes", "y", "true", "on", "oui", "vrai", "x", "نعم"))
_NO = frozenset(("0", "no", "n", "false", "off", "non", "faux", "لا"))
_FLAGS = ("track_stock", "is_active")


@dataclass(frozen=True)
class ProductRow:
    """A row as it was read. `given` names the product's fields that the row says something about."""

    draft: ProductDraft
    given: frozenset[str]
    on_hand: int | None


def read_product(row: Row, heading: Heading) -> tuple[ProductRow, list[RowProblem]]:
    """The row, and what is wrong with its cells as such; with problems the draft is not whole."""
    problems = refuse_damaged(row, heading)
    damaged = {problem.column for problem in problems}
    given: set[str] = set()
    values: dict[str, Any] = {"sku": whole_sku(heading.cell(row, "sku")), "name": "", "price": Decimal(0)}
    for name in ("name", "ean"):
        text = heading.cell(row, name)
        if text and name not in damaged:
            given.add(name)
            values[name] = whole_sku(text) if name == "ean" else text
    _read_price(row, heading, values, given, problems)
    for name in _FLAGS:
        _read_flag(name, row, heading, values, given, problems)
    draft, errors = clean_draft(ProductDraft(**values))
    for name, texts in errors.items():
        # What the row does not say is no error here: a known product keeps it.
        if (name == "sku" or name in given) and name not in damaged:
            problems += [
                RowProblem(name, heading.cell(row, name), "invalid", text, _remedy(name)) for text in texts
            ]
    return ProductRow(draft, frozenset(given), _read_on_hand(row, heading, problems)), problems


def missing_of_new(read: ProductRow, *, said: Collection[str]) -> list[RowProblem]:
    """What a new product needs beside its SKU; columns already `said` to be wrong aside."""
    wanted = {
        "name": _("A new product needs a name."),
        "price": _("A new product needs a price."),
    }
    return [
        RowProblem(name, "", "required", words, _remedy(name))
        for name, words in wanted.items()
        if name not in read.given and name not in said
    ]


def kept_product(read: ProductRow) -> dict[str, Any]:
    """The row as it is kept between the preview and the writing."""
    draft = read.draft
    return {
        "sku": draft.sku,
        "name": draft.name,
        "price": str(draft.price),
        "ean": draft.ean,
        "track_stock": draft.track_stock,
        "is_active": draft.is_active,
        "given": sorted(read.given),
        "on_hand": read.on_hand,
    }


def product_of(kept: Mapping[str, Any]) -> ProductRow:
    """The row that kept_product() kept."""
    draft = ProductDraft(
        kept["sku"],
        kept["name"],
        Decimal(kept["price"]),
        kept["ean"],
        kept["track_stock"],
        kept["is_active"],
    )
    return ProductRow(draft, frozenset(kept["given"]), kept["on_hand"])


def _read_price(
    row: Row, heading: Heading, values: dict[str, Any], given: set[str], problems: list[RowProblem]
) -> None:
    text = heading.cell(row, "price")
    if not text or any(problem.column == "price" for problem in problems):
        return
    amount = read_amount(plain_number(text))
    if amount is None:
        problems.append(
            RowProblem(
                "price",
                text,
                "invalid",
                _("This is no price with at most two decimals."),
                _remedy("price"),
            )
        )
        return
    given.add("price")
    values["price"] = amount


def _read_flag(
    name: str,
    row: Row,
    heading: Heading,
    values: dict[str, Any],
    given: set[str],
    problems: list[RowProblem],
) -> None:
    text = heading.cell(row, name)
    if not text:
        return
    word = fold(text)
    if word in _YES or word in _NO:
        given.add(name)
        values[name] = word in _YES
        return
    problems.append(RowProblem(name, text, "invalid", _("This is neither yes nor no."), _remedy(name)))


def _read_on_hand(row: Row, heading: Heading, problems: list[RowProblem]) -> int | None:
    text = heading.cell(row, "on_hand")
    if not text or any(problem.column == "on_hand" for problem in problems):
        return None
    units = read_whole(plain_number(text))
    if units is None or not 0 <= units <= MAX_UNITS:
        problems.append(
            RowProblem(
                "on_hand",
                text,
                "invalid",
                _("This is no whole number from 0 to %(limit)s.") % {"limit": f"{MAX_UNITS:,}"},
                _remedy("on_hand"),
            )
        )
        return None
    return units


def _remedy(column: str) -> str:
    return {
        "sku": _("Write the product's own code, of at most 64 characters."),
        "name": _("Write the product's name, of at most 200 characters."),
        "price": _("Write a price from 0 on, such as 129.90."),
        "on_hand": _("Write how many units lie there, or leave the cell empty."),
        "ean": _("Scan the maker's barcode into the cell, or leave it empty."),
        "track_stock": _("Write yes or no, or leave the cell empty."),
        "is_active": _("Write yes or no, or leave the cell empty."),
    }[column]
