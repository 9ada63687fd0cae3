"""Reads a row of an order table as a draft of an order (WedoCOD dashboard, import columns).

Whether the order may come in is checked by orders/domain/incoming/intake.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from orders.domain.incoming.intake import LineDraft, OrderDraft, ReadyOrder
from orders.domain.incoming.intake import Problem as DraftProblem
from orders.exchange.cells import is_shortened, plain_number, restored
from orders.exchange.columns import Column, Heading
from orders.exchange.problems import RowProblem
from orders.exchange.reading import Row

COLUMNS = (
    Column(
        "full_name",
        True,
        "name, customer, customer name, recipient, nom, nom complet, nom et prénom, client, nom du client, "
        "destinataire, الاسم, الاسم الكامل, اسم الزبون, اسم العميل, الزبون",
    ),
    Column(
        "phone",
        True,
        "phone number, phone 1, mobile, telephone, tel, téléphone, téléphone 1, numéro de téléphone, gsm, "
        "portable, الهاتف, رقم الهاتف, هاتف",
    ),
    Column(
        "second_phone",
        False,
        "phone 2, second phone number, other phone, alternate phone, deuxième téléphone, téléphone 2, "
        "autre téléphone, second téléphone, الهاتف الثاني, هاتف 2, رقم الهاتف 2",
    ),
    Column("email", False, "e mail, courriel, البريد الإلكتروني"),
    Column("city", True, "ville, commune, destination, المدينة, البلدية"),
    Column("area", False, "district, quartier, secteur, الحي, المنطقة"),
    Column("address", True, "adresse, adresse de livraison, delivery address, العنوان"),
    Column(
        "skus",
        True,
        "sku, products, product, produits, produit, articles, article, références produits, المنتجات, "
        "المنتج, رموز المنتجات",
    ),
    Column("quantities", True, "quantity, qty, quantités, quantité, qté, الكميات, الكمية"),
    Column(
        "prices",
        True,
        "price, unit price, unit prices, prix, prix unitaire, prix unitaires, الأسعار, السعر, الأثمان, الثمن",
    ),
    Column(
        "total",
        True,
        "total price, amount, montant, montant total, total à payer, المجموع, المبلغ, المبلغ الإجمالي",
    ),
    Column(
        "notes",
        False,
        "note, remark, remarks, comment, comments, remarque, remarques, commentaire, commentaires, "
        "observation, observations, ملاحظات, ملاحظة",
    ),
    Column(
        "external_reference",
        False,
        "your reference, order id, order number, référence commande, numéro de commande, n° commande, "
        "رقم الطلب, مرجع الطلب",
    ),
)
_TEXTS = (
    "full_name",
    "phone",
    "second_phone",
    "email",
    "city",
    "area",
    "address",
    "notes",
    "external_reference",
)
_PHONES = ("phone", "second_phone")
_SEPARATORS = ("|", ";", "\n", ",")
_COLUMN_OF = {"sku": "skus", "quantity": "quantities", "price": "prices", "id": "skus", "name": "skus"}


def read_draft(row: Row, heading: Heading) -> tuple[OrderDraft, list[RowProblem]]:
    """The row as a draft, and what is wrong with its cells as such; with problems the draft is not whole."""
    problems = refuse_damaged(row, heading)
    texts = {name: heading.cell(row, name) or None for name in _TEXTS}
    for name in _PHONES:
        texts[name] = _whole_phone(name, texts[name], problems)
    lines = _read_lines(row, heading, problems)
    total = heading.cell(row, "total")
    return _draft(texts, plain_number(total) if total else None, lines), problems


def _draft(texts: Mapping[str, str | None], total: str | None, lines: tuple[LineDraft, ...]) -> OrderDraft:
    return OrderDraft(
        full_name=texts["full_name"],
        phone=texts["phone"],
        second_phone=texts["second_phone"],
        email=texts["email"],
        city=texts["city"],
        area=texts["area"],
        address=texts["address"],
        notes=texts["notes"],
        external_reference=texts["external_reference"],
        total=total,
        lines=lines,
    )


def refuse_damaged(row: Row, heading: Heading) -> list[RowProblem]:
    """Cells whose text is not what the person typed: error values, formulas never worked out, dates."""
    problems = []
    for name in heading.places:
        note, value = heading.note(row, name), heading.cell(row, name)
        if note == "error":
            problems.append(
                RowProblem(
                    name,
                    value,
                    "formula_error",
                    _("The cell's formula ended in the error %(value)s.") % {"value": value},
                    _("Mend the formula, or type the value."),
                )
            )
        elif note == "formula":
            problems.append(
                RowProblem(
                    name,
                    value,
                    "formula",
                    _("The cell holds a formula without a result."),
                    _("Open the file in Excel or LibreOffice and save it, or type the value."),
                )
            )
        elif note == "date" and name not in ("notes", "address"):
            problems.append(
                RowProblem(
                    name,
                    value,
                    "date",
                    _("The spreadsheet made the date %(value)s of what was typed.") % {"value": value},
                    _("Format the column as text and type it again."),
                )
            )
    return problems


def _whole_phone(name: str, typed: str | None, problems: list[RowProblem]) -> str | None:
    if typed is None or not is_shortened(typed):
        return typed
    whole = restored(typed)
    if whole is None:
        problems.append(
            RowProblem(
                name,
                typed,
                "shortened_number",
                _("The spreadsheet shortened this number; its last digits are lost."),
                _("Format the column as text and type the number again."),
            )
        )
    return whole


def _read_lines(row: Row, heading: Heading, problems: list[RowProblem]) -> tuple[LineDraft, ...]:
    skus_cell = heading.cell(row, "skus")
    separator = next((sign for sign in _SEPARATORS if sign in skus_cell), ",")
    skus = _split(skus_cell, separator)
    quantities = _parallel(heading.cell(row, "quantities"), separator, len(skus))
    prices = _parallel(heading.cell(row, "prices"), separator, len(skus))
    if not skus_cell:
        return ()  # said by the check: the order has no product
    is_whole = True
    if not quantities:
        is_whole = False
        problems.append(
            RowProblem(
                "quantities",
                "",
                "required",
                _("The quantities are missing."),
                _("Write one whole number from 1 for each SKU."),
            )
        )
    for name, found in (("quantities", quantities), ("prices", prices)):
        if found and len(found) != len(skus):
            is_whole = False
            problems.append(
                RowProblem(
                    name,
                    heading.cell(row, name),
                    "lengths_differ",
                    _("There are %(skus)s SKUs but %(found)s entries here.")
                    % {"skus": len(skus), "found": len(found)},
                    _("Write one entry for each SKU, in the same order, separated by commas."),
                )
            )
    if not is_whole:
        # The SKUs can be checked all the same; what is wrong beside them was said.
        return tuple(LineDraft(sku=whole_sku(sku), quantity=1) for sku in skus)
    return tuple(
        LineDraft(
            sku=whole_sku(sku),
            quantity=plain_number(quantities[place]),
            price=plain_number(prices[place]) if prices and prices[place] else None,
        )
        for place, sku in enumerate(skus)
    )


def _split(cell: str, separator: str) -> list[str]:
    parts = [part.strip() for part in cell.split(separator)]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts if any(parts) else []


def _parallel(cell: str, separator: str, count: int) -> list[str]:
    """The cell's entries in the way that gives as many as there are SKUs, if one does.

    A lone number keeps its decimal comma: `2,55` beside one SKU is one price.
    """
    if count == 1 and cell and plain_number(cell).replace(".", "", 1).lstrip("+-").isdigit():
        return [cell]
    first = _split(cell, separator)
    ways = (_split(cell, other) for other in _SEPARATORS if other != separator)
    return first if len(first) == count else next((way for way in ways if len(way) == count), first)


def whole_sku(sku: str) -> str:
    """A long numeric SKU that a spreadsheet wrote as 8.51230012345E+11, where no digit was lost."""
    if is_shortened(sku) and ("." in sku or "," in sku):
        return restored(sku) or sku
    return sku


def row_problem(problem: DraftProblem, count: int) -> RowProblem:
    """What the check said of a draft with `count` lines, as said of the file's cell."""
    parts = problem.field.split(".")
    if parts[0] != "products":
        return RowProblem(parts[0], problem.value, problem.code, problem.message, problem.remedy)
    column = _COLUMN_OF.get(parts[-1], "skus") if len(parts) == 3 else "skus"
    message = problem.message
    if len(parts) == 3 and count > 1:
        message = _("%(message)s (Entry %(number)s of %(count)s.)") % {
            "message": message,
            "number": int(parts[1]) + 1,
            "count": count,
        }
    return RowProblem(column, problem.value, problem.code, message, problem.remedy)


def kept_draft(order: ReadyOrder) -> dict[str, Any]:
    """The checked order as it is kept until it is written: prices and total as the preview shows them."""
    row = order.row
    return {
        "full_name": row.full_name,
        "phone": row.phone,
        "second_phone": row.second_phone,
        "email": row.email,
        "city": row.city,
        "area": row.area,
        "address": row.address,
        "notes": row.notes,
        "external_reference": row.external_reference,
        "total": str(row.total),
        "lines": [[line.sku, line.quantity, str(line.unit_price)] for line in order.lines],
    }


def draft_of(kept: dict[str, Any]) -> OrderDraft:
    """The draft that kept_draft() kept."""
    return _draft(
        {name: kept[name] or None for name in _TEXTS},
        kept["total"],
        tuple(LineDraft(sku=sku, quantity=quantity, price=price) for sku, quantity, price in kept["lines"]),
    )
