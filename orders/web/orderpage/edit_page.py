"""Draws the form of an order: as it is, or with what was typed beside what others have made of it meanwhile.

How a form is read and saved stands in changing.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from orders.domain.life.editing import why_lines_locked, why_not_editable
from orders.domain.reading.texts import read_amount
from orders.models import Order
from orders.web.orderpage.forms import CustomerForm
from orders.web.orderpage.lines import TypedLine, draw_lines, place_errors

TEXTS = ("full_name", "phone", "second_phone", "area", "address", "notes")
TYPED = (*TEXTS, "city", "city_to_id", "total", "total_before")
SPARE_ROWS = 3  # offered where there is no script to add more
NOTHING = "–"
Errors = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class EditPage:
    """The form and what surrounds it. `newer` holds, by field, what stands in the order by now."""

    order: Order
    values: Mapping[str, Any]
    lines: Sequence[TypedLine]
    standing_in: str
    errors: Errors = field(default_factory=dict)
    refused: str = ""
    newer: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def fresh(cls, order: Order) -> EditPage:
        """The form with the order as it is."""
        lines = draw_lines(list(order.lines.filter(cycle=order.cycle).order_by("position")))
        return cls(order, _values_of(order, lines), lines, order.status)

    def with_typed(
        self, typed: Mapping[str, Any], lines: Sequence[TypedLine] | None, *, standing_in: str
    ) -> EditPage:
        """The form as it was sent, to be mended: the version and status it was made from stay its own."""
        kept = {name: typed[name] for name in (*TYPED, "version", "opened") if name in typed}
        return replace(
            self,
            values={**self.values, **kept},
            lines=self.lines if lines is None else lines,
            standing_in=standing_in,
        )

    def merged_with(self, typed: Mapping[str, Any], lines: Sequence[TypedLine] | None) -> EditPage:
        """The form of the order as it is now, with what this person changed in theirs put over it.

        A field they left alone shows the newer value; where they typed, theirs stays, and the
        newer one is named beside it.
        """
        opened = _read_opened(typed.get("opened"))
        values, newer = dict(self.values), {}
        for name in (*TEXTS, "city"):
            mine, now = _as_stored(typed.get(name)), str(self.values[name] or "")
            if name in typed and mine != now and mine != opened.get(name):
                values[name] = typed[name]
                newer[name] = now or NOTHING
                if name == "city":
                    values["city_to_id"] = typed.get("city_to_id")
        if typed.get("total") != typed.get("total_before"):
            values["total"] = typed.get("total")
            newer["total"] = str(self.values["total"])
        merged = replace(self, values=values, newer=newer)
        if lines is None or _compared(lines) in (opened.get("lines"), _compared(self.lines)):
            return merged
        newer["lines"] = "; ".join(f"{line.quantity} × {line.product}, {line.total}" for line in self.lines)
        return replace(merged, lines=lines)

    def draw(self, request: HttpRequest, *, status: int = 200) -> HttpResponse:
        order, lines = self.order, list(self.lines)
        place_errors(lines, self.errors)
        locked = why_lines_locked(order)
        context = {
            "order": order,
            "form": CustomerForm(self.values, self.errors),
            "values": self.values,
            "lines": lines,
            "lines_locked": locked,
            "empty_line": TypedLine(),
            "first_spare": len(lines),
            "spare_lines": [] if locked else [TypedLine() for _row in range(SPARE_ROWS)],
            "not_editable": why_not_editable(order),
            "has_errors": bool(self.errors),
            "city_error": _first(self.errors, "city_to_id", "city"),
            "lines_error": _first(self.errors, "products"),
            "total_error": _first(self.errors, "total"),
            "refused": self.refused,
            "newer": self.newer,
            "suggest_url": f"{reverse('places-suggest')}?country={order.country}",
            "products_url": f"{reverse('products-suggest')}?merchant={order.merchant_id}",
            "post_url": reverse("order-update", args=[self.standing_in, order.pk]),
            "back_url": reverse("order-show", args=[order.pk]),
            "lines_total": sum((read_amount(line.total) or Decimal(0) for line in lines), Decimal(0)),
        }
        return render(request, "orderpage/edit.html", context, status=status)


def _values_of(order: Order, lines: Sequence[TypedLine]) -> dict[str, Any]:
    """What the form's fields hold before anybody types."""
    values: dict[str, Any] = {name: getattr(order, name) for name in TEXTS}
    values["city"] = str(order.city_place) if order.city_place else order.city
    opened = {**values, "lines": _compared(lines)}
    return values | {
        "city_to_id": order.city_place_id or "",
        "total": order.total,
        "total_before": order.total,
        "version": order.version,
        "opened": json.dumps(opened, ensure_ascii=False),
    }


def _as_stored(text: object) -> str:
    """The text with line ends as they are kept: browsers send them as two signs."""
    return str(text or "").replace("\r\n", "\n")


def _compared(lines: Sequence[TypedLine]) -> list[list[str]]:
    return [[str(line.product_id or ""), str(line.quantity), str(line.total)] for line in lines]


def _read_opened(sent: object) -> dict[str, Any]:
    """What the form held when it was opened; nothing when that cannot be read: all counts as typed then."""
    try:
        opened = json.loads(sent) if isinstance(sent, str) else {}
    except ValueError:
        return {}
    return opened if isinstance(opened, dict) else {}


def _first(errors: Errors, *names: str) -> str:
    return next((texts[0] for name in names for texts in [errors.get(name)] if texts), "")
