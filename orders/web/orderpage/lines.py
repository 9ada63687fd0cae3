"""Reads and draws the lines of an order's form: products, quantities and amounts, from forms and JSON alike.

Whether a line may be so is the domain's business (editing.py, checking.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from orders.domain.reading.texts import UnusableText, clean_line
from orders.domain.refusals import InvalidInput
from orders.models import OrderLine, Product
from orders.web.bodies import Body

_FORM_FIELD = re.compile(r"products\[(?P<place>[0-9]{1,4})\]\[(?P<name>[a-z_]{1,10})\]")
_SUGGESTED = " · "


@dataclass
class TypedLine:
    """One line as it was sent: texts from a form, any value from JSON."""

    product_id: Any = None
    line_id: Any = None
    product: str = ""
    quantity: Any = None
    price: Any = None
    total: Any = None
    is_removed: bool = False
    errors: list[str] = field(default_factory=list)
    # What a form shows beside its own fields.
    name: str = ""

    @property
    def is_empty(self) -> bool:
        """An offered row that nobody filled in."""
        given = (self.product_id, self.line_id, self.product, self.price, self.total)
        return all(value in (None, "") for value in given)

    @property
    def sku(self) -> str:
        """The SKU that was typed, or that a suggestion begins with."""
        return self.product.split(_SUGGESTED)[0].strip()


def suggested_words(sku: str, name: str) -> str:
    """How a suggestion writes a product into the field: read back by TypedLine.sku."""
    return f"{sku}{_SUGGESTED}{name}"


def read_typed_lines(body: Body) -> list[TypedLine] | None:
    """The lines sent, in their order, removed and empty rows left out; None when none were sent at all."""
    sent = body.values.get("products")
    if body.is_json:
        if sent is None:
            return None
        if not isinstance(sent, list) or not all(isinstance(entry, dict) for entry in sent):
            raise InvalidInput({"products": [_("Send a list of products.")]})
        return [_typed(entry) for entry in sent]
    rows: dict[int, dict[str, Any]] = {}
    for name in body.values:
        found = _FORM_FIELD.fullmatch(name)
        if found is not None:
            rows.setdefault(int(found["place"]), {})[found["name"]] = body.get(name)
    if not rows:
        return None
    lines = [_typed(rows[place]) for place in sorted(rows)]
    return [line for line in lines if not line.is_removed and not line.is_empty]


def _typed(entry: Mapping[str, Any]) -> TypedLine:
    return TypedLine(
        product_id=entry.get("id"),
        line_id=entry.get("line"),
        product=str(entry.get("product") or entry.get("sku") or "")[:300],
        quantity=entry.get("quantity"),
        price=entry.get("price"),
        total=entry.get("total"),
        is_removed=bool(entry.get("remove")),
        name=str(entry.get("name") or "")[:200],
    )


def name_products(lines: Iterable[TypedLine], *, merchant_id: int) -> None:
    """Gives lines whose product was typed, not chosen, the id that the SKU has; one statement."""
    wanting = [line for line in lines if line.product_id in (None, "") and line.product]
    skus = {_cleaned(line.sku) for line in wanting}
    if not wanting:
        return
    known = dict(Product.objects.filter(merchant_id=merchant_id, sku__in=skus).values_list("sku", "id"))
    for line in wanting:
        line.product_id = known.get(_cleaned(line.sku))


def draw_lines(lines: Sequence[OrderLine]) -> list[TypedLine]:
    """The order's own lines as the form's rows."""
    return [
        TypedLine(
            product_id=line.product_id,
            line_id=line.pk,
            product=line.sku,
            quantity=line.quantity,
            price=line.unit_price,
            total=line.total,
            name=line.name,
        )
        for line in lines
    ]


def place_errors(lines: Sequence[TypedLine], errors: Mapping[str, Sequence[str]]) -> None:
    """Puts the domain's texts (`products.3.quantity`) at the rows they are about."""
    for path, texts in errors.items():
        head, _dot, rest = path.partition(".")
        number = rest.partition(".")[0]
        if head == "products" and number.isdigit() and int(number) < len(lines):
            lines[int(number)].errors.extend(texts)


def _cleaned(text: str) -> str:
    try:
        return clean_line(text)
    except UnusableText:
        return ""
