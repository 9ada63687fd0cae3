"""Serves steps from the shelves, in id order: an order takes all its units or none.

The arithmetic of shelves stands in orders/domain/goods/stock.py; which step an order takes
in orders/domain/life/deciding.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.utils.translation import gettext as _

from orders.domain.goods import stock
from orders.domain.life import wording
from orders.domain.life.deciding import Call, Step
from orders.domain.life.transitions import Action, StockEffect, resumes
from orders.domain.refusals import Code, InvalidInput
from orders.domain.reports import Result
from orders.models import Status


def plan_stock(call: Call, steps: Sequence[Step], *, lock: bool) -> stock.Stand:
    """Fills in what each step would do to the shelves, and reads how those stand."""
    effect = call.row.stock
    touching = [step for step in steps if _touches_stock(effect, step)]
    if not touching:
        return stock.Stand({})
    lines = stock.read_lines({step.facts.id: step.facts.cycle for step in touching})
    if effect == StockEffect.REVERSE:
        moved = stock.read_moved(step.reverses.event_id for step in touching if step.reverses)
        for step in touching:
            _plan_reversal(step, lines.get(step.facts.id, []), moved)
    elif effect == StockEffect.RESTOCK:
        _plan_restock(call, touching, lines)
    else:
        for step in touching:
            _plan_simple(effect, step, lines.get(step.facts.id, []))
    shelves = {shelf for step in touching for shelf in step.stock.shelves()}
    return stock.read_stand(shelves, lock=lock)


def _touches_stock(effect: StockEffect, step: Step) -> bool:
    order = step.facts
    if order.from_stock or effect == StockEffect.NOTHING:
        return False
    if effect == StockEffect.REVERSE:
        return step.reverses is not None
    if resumes(step.action, status=order.status, remembered_status=order.remembered_status):
        return False
    if effect == StockEffect.RELEASE:
        return order.reserved_warehouse_id is not None
    if effect == StockEffect.RESERVE:
        return order.reserved_warehouse_id is None
    return True


def _plan_simple(effect: StockEffect, step: Step, lines: Sequence[stock.TrackedLine]) -> None:
    order = step.facts
    held = order.reserved_warehouse_id
    source = held or step.after.get("warehouse_id") or order.warehouse_id
    match effect:
        case StockEffect.RESERVE:
            step.stock.reserve(source, lines)
            step.after["reserved_warehouse_id"] = source
        case StockEffect.CONSUME:
            step.stock.consume(source, lines, is_reserved=held is not None)
            step.after["reserved_warehouse_id"] = None
        case StockEffect.RELEASE if held is not None:
            step.stock.release(held, lines)
            step.after["reserved_warehouse_id"] = None
        case _:
            pass


def _plan_restock(
    call: Call, steps: Sequence[Step], lines: Mapping[int, Sequence[stock.TrackedLine]]
) -> None:
    out = stock.read_units_out(line.id for found in lines.values() for line in found)
    errors: dict[str, list[str]] = {}
    for step in steps:
        seen = (call.dispositions or {}).get(step.facts.id)
        target = call.warehouse_id or step.facts.warehouse_id
        counted = lines.get(step.facts.id, [])
        for line_id in set(seen or ()) - {line.id for line in counted}:
            errors[f"lines.{line_id}"] = [
                _("%(reference)s has no such line.") % {"reference": step.facts.reference}
            ]
        for line in counted:
            units = max(out.get(line.id, 0), 0)
            said = seen.get(line.id) if seen is not None else None
            disposition = said if said is not None else stock.Disposition(sound=units)
            if disposition.units != units:
                errors[f"lines.{line.id}"] = [
                    _("%(out)s units of %(sku)s went out with %(reference)s; you named %(named)s.")
                    % {
                        "out": units,
                        "sku": line.sku,
                        "reference": step.facts.reference,
                        "named": disposition.units,
                    }
                ]
                continue
            step.stock.put_back(target, line, disposition)
    if errors:
        raise InvalidInput(errors)


def _plan_reversal(
    step: Step,
    lines: Sequence[stock.TrackedLine],
    moved: Mapping[int, list[tuple[stock.Shelf, int, int, str]]],
) -> None:
    assert step.reverses is not None  # noqa: S101 - only reversals come here
    step.stock.take_back(moved.get(step.reverses.event_id, []))
    held = step.facts.reserved_warehouse_id
    to_hold = step.after.get("reserved_warehouse_id", held)
    if to_hold != held:
        if held is not None:
            step.stock.release(held, lines)
        if to_hold is not None:
            step.stock.reserve(to_hold, lines)
    for line_id in step.reverses.details.get("owed", {}):
        step.stock.owed[int(line_id)] = 0


def take_stock(call: Call, step: Step, stand: stock.Stand) -> Result | None:
    """Serves the step from the shelves, or turns it into what a shortage means for it."""
    lacking = stand.shortages(step.stock)
    if lacking and call.shortage == "owe" and call.row.stock == StockEffect.CONSUME:
        step.stock.owe_missing(stand)
        step.details["owed"] = {str(line_id): units for line_id, units in step.stock.owed.items()}
        lacking = []
    if not lacking:
        stand.serve(step.stock)
        return None
    words = _shortage_words(lacking)
    if call.row.stock not in (StockEffect.RESERVE, StockEffect.CONSUME):
        return wording.refuse(
            step.facts,
            Code.INSUFFICIENT_STOCK,
            _("%(reference)s cannot be taken back, the units are needed elsewhere: %(short)s.")
            % {"reference": step.facts.reference, "short": words},
        )
    step.action = Action.MARK_OUT_OF_STOCK
    step.stock = stock.StockPlan()
    step.after = {"status": Status.OUT_OF_STOCK.value, "remembered_status": ""}
    step.code = Code.OUT_OF_STOCK
    step.text = _("Short of stock: %(short)s.") % {"short": words}
    step.details = {"attempted": call.action.value, "short": [shortage._asdict() for shortage in lacking]}
    return None


def _shortage_words(lacking: Iterable[stock.Shortage]) -> str:
    return "; ".join(
        _("%(sku)s needs %(needed)s, %(available)s available")
        % {"sku": s.sku, "needed": s.needed, "available": s.available}
        for s in lacking
    )
