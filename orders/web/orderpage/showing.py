"""One order's page: lines and customer, the three axes with what may be done next, the whole history.

What may be done is read from the table of transitions; editing stands in changing.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.life.confirming import OUTCOMES, can_be_called
from orders.domain.life.deleting import DELETABLE, TOMBSTONE
from orders.domain.life.editing import why_lines_locked, why_not_editable
from orders.domain.life.explaining import (
    LineStock,
    Reason,
    read_earlier_goods_out,
    read_line_stock,
    read_same_phone,
    why_not_shipping,
)
from orders.domain.life.moving import preview_move
from orders.domain.life.transitions import TRANSITIONS, Action, allowed_actions, resumes
from orders.domain.reports import Outcome
from orders.models import CallCenter, Order, OrderEvent, OrderLine, Status, Tab
from orders.web.access import actor_of, requires, wants_json
from orders.web.actions.bulk_actions import BULK_ACTIONS
from orders.web.orderpage.finding import find_order
from orders.web.orderpage.timeline import history_json, tell_history
from orders.web.shapes import ITEM_COLUMNS, json_amount, order_item

# The step that is usually next stands first where it is allowed; the others stand beside their axis.
_USUAL_NEXT = (
    Action.PACK,
    Action.RECEIVE_RETURN,
    Action.RESTOCK,
    Action.SHIP,
    Action.DELIVER,
    Action.RENEW,
)
_GRAVE = frozenset({Action.CANCEL, Action.ROLLBACK})


@dataclass(frozen=True)
class Step:
    """A button that opens an action's sheet for this order."""

    name: str
    word: str | Promise
    url: str


@dataclass(frozen=True)
class ShownLine:
    """A line with how its shelf stands; `stock` is None for what no shelf counts."""

    line: OrderLine
    stock: LineStock | None


class OrderFacts:
    """All that the page and its JSON say of one order, read with a fixed number of statements."""

    def __init__(self, order: Order, *, actor: Actor) -> None:
        self.order = order
        self.actor = actor
        self.lines: list[OrderLine] = list(
            order.lines.filter(cycle=order.cycle).select_related("product").order_by("position")
        )
        self.events: list[OrderEvent] = list(order.events.order_by("-id"))
        self.stock = read_line_stock(order, self.lines)
        self.reasons: Sequence[Reason] = (
            () if order.is_deleted else why_not_shipping(order, self.stock.values(), self.events)
        )

    @property
    def allowed(self) -> list[Action]:
        """What this person may do next: by the table, and by their permissions."""
        order = self.order
        if order.is_deleted:
            return []
        return [
            action
            for action in allowed_actions(
                status=order.status,
                remembered_status=order.remembered_status,
                is_packed=order.packed_at is not None,
            )
            if self.actor.may(TRANSITIONS[action].permission)
        ]

    def as_json(self) -> dict[str, Any]:
        order = self.order
        row = {name: getattr(order, name) for name in ITEM_COLUMNS}
        return {
            **order_item(row, merchant=order.merchant.slug),
            "second_phone": order.second_phone,
            "email": order.email,
            "area": order.area,
            "address": order.address,
            "notes": order.notes,
            "cycle": order.cycle,
            "warehouse": order.warehouse.code,
            "version": order.version,
            "allowed": [action.value for action in self.allowed],
            "why_not_shipping": " ".join(reason.text for reason in self.reasons) or None,
            "products": [
                {
                    "id": str(line.product_id) if line.product_id is not None else None,
                    "sku": line.sku,
                    "name": line.name,
                    "quantity": line.quantity,
                    "price": json_amount(line.unit_price),
                    "total": json_amount(line.total),
                }
                for line in self.lines
            ],
            "history": list(history_json(self.events)),
        }


@requires("view_order")
def show_order(request: HttpRequest, order: str) -> HttpResponse:
    """The order by id or reference (WedoCOD dashboard, Show Order).

    A deleted one is shown, as a tombstone, to those who may delete; for everybody else it is gone.
    """
    actor = actor_of(request)
    found = find_order(order, actor=actor, with_deleted=actor.may("delete_order"))
    facts = OrderFacts(found, actor=actor)
    if wants_json(request):
        return JsonResponse({"data": facts.as_json()})
    return render(request, "orderpage/show.html", _page(facts))


def _page(facts: OrderFacts) -> dict[str, Any]:
    order, actor = facts.order, facts.actor
    steps = [_step(order, action) for action in facts.allowed if action.value in BULK_ACTIONS]
    usual = [name for name in _USUAL_NEXT if not _resumes(name, order)]
    first = next((step for name in usual for step in steps if step.name == name), None)
    lines_total = sum((line.total for line in facts.lines), Decimal(0))
    may_edit = actor.may("change_order") and not order.is_deleted
    not_editable = why_not_editable(order)
    return {
        "order": order,
        "tab": Tab(order.tab),
        "reasons": facts.reasons,
        "lines": [ShownLine(line, facts.stock.get(line.product_id or 0)) for line in facts.lines],
        "lines_total": lines_total,
        "difference": order.total - lines_total,
        "history": tell_history(facts.events, zone=order.merchant.zone),
        "first_step": first,
        "steps": [step for step in steps if step is not first and step.name not in _GRAVE],
        "grave_steps": [step for step in steps if step.name in _GRAVE] + _delete_step(order, actor),
        "call_steps": _call_steps(order, actor),
        "undo": _undo_step(facts),
        "may_edit": may_edit and not not_editable,
        "not_editable": not_editable if may_edit else "",
        "lines_locked": why_lines_locked(order) if may_edit and not not_editable else "",
        "may_note": may_edit or (actor.may("confirmOrder") and not order.is_deleted),
        "same_phone": [] if order.is_deleted else read_same_phone(order, facts.lines),
        "earlier_goods_out": read_earlier_goods_out(order),
        "tombstone": next((event for event in facts.events if event.action == TOMBSTONE), None)
        if order.is_deleted
        else None,
    }


def _step(order: Order, action: Action) -> Step:
    word: str | Promise = TRANSITIONS[action].label
    if _resumes(action, order):
        word = _("Back to %(status)s") % {"status": Status(order.remembered_status).label}
    return Step(action.value, word, _sheet_url(action.value, order))


def _resumes(action: Action, order: Order) -> bool:
    return resumes(action, status=order.status, remembered_status=order.remembered_status)


def _sheet_url(name: str, order: Order, **said: str) -> str:
    query = urlencode({"ids": order.pk, **said})
    return f"{reverse('orders-action-sheet', args=[name])}?{query}"


def _delete_step(order: Order, actor: Actor) -> list[Step]:
    if order.is_deleted or order.status not in DELETABLE or not actor.may("delete_order"):
        return []
    return [Step("delete", _("Delete"), _sheet_url("delete", order))]


def _call_steps(order: Order, actor: Actor) -> list[Step]:
    """The outcomes a call may have, where there is still something to ask."""
    if (
        order.is_deleted
        or not actor.may("confirmOrder")
        or not can_be_called(status=order.status, remembered_status=order.remembered_status)
    ):
        return []
    settled = (CallCenter.CONFIRMED, CallCenter.REJECTED)
    return [
        Step(outcome.value, outcome.label, _sheet_url("confirm", order, outcome=outcome.value))
        for outcome in OUTCOMES
        if not (outcome == order.call_center and outcome in settled)
    ]


def _undo_step(facts: OrderFacts) -> OrderEvent | None:
    """The step that this person could take back right now."""
    newest = next(
        (event for event in facts.events if event.to_status and event.user_id == facts.actor.user_id), None
    )
    if newest is None or facts.order.is_deleted:
        return None
    report = preview_move(Action.UNDO, [facts.order.pk], actor=facts.actor)
    return newest if report.results[0].outcome == Outcome.DONE else None
