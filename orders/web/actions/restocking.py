"""Reads what was seen at the return bench: units by line, sound, damaged, missing or not ours.

What becomes of them is the domain's business (orders/domain/goods/stock.py).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orders.domain.actors import Actor
from orders.domain.goods.stock import Disposition, read_units_out
from orders.domain.reading.texts import read_whole
from orders.domain.refusals import InvalidInput
from orders.models import OrderLine
from orders.web.bodies import Body, whole_number

SEEN = tuple(field.name for field in fields(Disposition))
Dispositions = dict[int, dict[int, Disposition]]
_FORM_FIELD = re.compile(r"lines\[(?P<line>[0-9]{1,18})\]\[(?P<seen>[a-z_]{1,10})\]")


SEEN_WORDS = {
    "sound": gettext_lazy("Sound"),
    "damaged": gettext_lazy("Damaged"),
    "missing": gettext_lazy("Missing"),
    "not_ours": gettext_lazy("Not ours"),
}


@dataclass(frozen=True)
class Cell:
    """How many units of a line were seen in one way."""

    field: str
    label: str | Promise
    value: str


@dataclass(frozen=True)
class BenchLine:
    """A line whose units are still out, for a person to say what came of each."""

    id: int
    reference: str
    sku: str
    name: str
    out: int
    cells: tuple[Cell, ...]
    errors: tuple[str, ...]


@dataclass(frozen=True)
class _Entry:
    """One entry of a JSON list: the line by its id, or the order and one of its SKUs."""

    path: str
    line_id: int | None
    order: str
    sku: str
    said: Mapping[str, Any]


def read_dispositions(body: Body, *, actor: Actor) -> Dispositions:
    """What was seen, by order and line id; empty when nothing was said: then all units are sound.

    JSON: `lines` as a list of `{"order", "sku", "sound", "damaged", "missing", "not_ours"}`, the
    order by id or reference, or `{"line", ...}` by the line's own id. Forms:
    `lines[<line id>][sound]` and so on. Refuses with `invalid` what names no line the actor sees.
    """
    entries = _read_json(body.values["lines"]) if body.is_json and "lines" in body else _read_form(body)
    if not entries:
        return {}
    errors: dict[str, list[str]] = {}
    by_id, by_order = _index_lines(entries, actor=actor)
    seen: Dispositions = defaultdict(dict)
    for entry in entries:
        waiting = by_order.get((entry.order, entry.sku), [])
        line = by_id.get(entry.line_id) if entry.line_id is not None else waiting.pop(0) if waiting else None
        disposition = _read_units(entry, errors)
        if line is None:
            errors.setdefault(entry.path, []).append(_("There is no such line in such an order."))
        elif disposition is not None:
            seen[line.order_id][line.pk] = disposition
    if errors:
        raise InvalidInput(errors)
    return dict(seen)


def read_bench_lines(
    order_ids: Iterable[int], body: Body, errors: Mapping[str, Sequence[str]], *, actor: Actor
) -> list[BenchLine]:
    """The counted lines of the orders' present cycles with units still out, all sound unless typed otherwise.

    `errors` are what was refused, by `lines.<line id>`. Two statements.
    """
    lines = list(
        _visible_lines(actor)
        .filter(order_id__in=list(order_ids), product__track_stock=True)
        .order_by("order_id", "position")
    )
    out = read_units_out(line.pk for line in lines)
    return [
        BenchLine(
            line.pk,
            line.order.reference,
            line.sku,
            line.name,
            out[line.pk],
            tuple(_cells(line.pk, out[line.pk], body)),
            tuple(
                text
                for path, texts in errors.items()
                if f"{path}.".startswith(f"lines.{line.pk}.")
                for text in texts
            ),
        )
        for line in lines
        if out.get(line.pk, 0) > 0
    ]


def _cells(line_id: int, out: int, body: Body) -> Iterator[Cell]:
    for seen, label in SEEN_WORDS.items():
        field = f"lines[{line_id}][{seen}]"
        usual = out if seen == "sound" else 0
        yield Cell(field, label, str(body.get(field, usual)))


def _read_form(body: Body) -> list[_Entry]:
    by_line: dict[int, dict[str, Any]] = defaultdict(dict)
    for name in body.values:
        found = _FORM_FIELD.fullmatch(name)
        if found is not None and found["seen"] in SEEN:
            by_line[int(found["line"])][found["seen"]] = body.get(name)
    return [_Entry(f"lines.{line_id}", line_id, "", "", said) for line_id, said in by_line.items()]


def _read_json(sent: Any) -> list[_Entry]:
    if not isinstance(sent, list):
        raise InvalidInput({"lines": [_("Send a list of lines.")]})
    entries = []
    for place, said in enumerate(sent):
        if not isinstance(said, dict):
            raise InvalidInput({f"lines.{place}": [_("Send an object with a line and its units.")]})
        order = next((str(said[name]) for name in ("order", "order_id", "reference") if name in said), "")
        line_id = whole_number(said.get("line", said.get("line_id")))
        if not order and line_id is None:
            # A bare id is the order's beside a SKU, and the line's own without one.
            if "sku" in said:
                order = str(said.get("id", ""))
            else:
                line_id = whole_number(said.get("id"))
        entries.append(_Entry(f"lines.{place}", line_id, order, str(said.get("sku", "")), said))
    return entries


def _visible_lines(actor: Actor) -> QuerySet[OrderLine]:
    lines = OrderLine.objects.select_related("order").filter(
        order__deleted_at__isnull=True, cycle=F("order__cycle")
    )
    return lines if actor.merchant_id is None else lines.filter(order__merchant_id=actor.merchant_id)


def _index_lines(
    entries: Sequence[_Entry], *, actor: Actor
) -> tuple[dict[int, OrderLine], dict[tuple[str, str], list[OrderLine]]]:
    """The lines that the entries mean, by line id, and by (order's id or reference, SKU); one statement."""
    order_ids = {number for entry in entries if (number := whole_number(entry.order)) is not None}
    meant = (
        Q(pk__in={entry.line_id for entry in entries if entry.line_id is not None})
        | Q(order_id__in=order_ids)
        | Q(order__reference__in={entry.order for entry in entries})
    )
    by_id: dict[int, OrderLine] = {}
    by_order: dict[tuple[str, str], list[OrderLine]] = defaultdict(list)
    for line in _visible_lines(actor).filter(meant).order_by("order_id", "position"):
        by_id[line.pk] = line
        # Two lines of one SKU are named one after the other, under either name of the order.
        for name in (str(line.order_id), line.order.reference):
            by_order[name, line.sku].append(line)
    return by_id, by_order


def _read_units(entry: _Entry, errors: dict[str, list[str]]) -> Disposition | None:
    units: dict[str, int] = {}
    for name in SEEN:
        given = entry.said.get(name)
        number = 0 if given in (None, "") else read_whole(given)
        if number is None or number < 0:
            errors.setdefault(f"{entry.path}.{name}", []).append(_("Write a whole number from 0."))
        else:
            units[name] = number
    return Disposition(**units) if len(units) == len(SEEN) else None
