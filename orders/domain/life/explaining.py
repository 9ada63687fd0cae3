"""Says of one order what holds it up, line by line of its stock: the sentence a tired clerk looks for.

Nothing is decided here; what may follow stands in transitions.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orders.domain.goods.stock import read_units_out
from orders.domain.incoming.duplicates import Suspect, find_probable_duplicates
from orders.domain.life.transitions import Action, standing_status
from orders.models import CallCenter, EventType, Order, OrderEvent, OrderLine, Status, StockLevel


class Holdup(StrEnum):
    """The kinds of reason, for the door to link each to what mends it."""

    CALL_CENTER = "call_center"
    CITY = "city"
    STOCK = "stock"
    OUT_OF_STOCK = "out_of_stock"
    CANCELED = "canceled"
    ROLLED_BACK = "rolled_back"
    COMPANY = "company"
    PACKING = "packing"
    SHIPPING = "shipping"


@dataclass(frozen=True)
class Reason:
    """One thing that holds the order up. `is_waiting` when nothing is wrong: the work is just not done."""

    kind: Holdup
    text: str
    is_waiting: bool = False


@dataclass(frozen=True)
class LineStock:
    """One counted product of the order's present cycle, against the shelf its units come from.

    `available` is what this order could take: on hand less what others hold. `is_held`
    when the order's own units are reserved.
    """

    product_id: int
    sku: str
    needed: int
    on_hand: int
    reserved: int
    is_held: bool

    @property
    def available(self) -> int:
        return max(self.on_hand - self.reserved + (self.needed if self.is_held else 0), 0)

    @property
    def missing(self) -> int:
        return max(self.needed - self.available, 0)


class GoodsOut(NamedTuple):
    """Units of a parcel of an earlier cycle that neither came back nor were written off."""

    cycle: int
    sku: str
    units: int


class SamePhone(NamedTuple):
    """Another order with the same phone. `is_twin`: of the last 48 hours, with the same product."""

    id: int
    reference: str
    status: str
    created_at: dt.datetime
    is_twin: bool


MOST_SAME_PHONE = 5
_BEFORE_PACKING = frozenset({Status.NEW, Status.PICKED_UP, Status.PREPARING})
# Where the road has begun there is nothing left to explain.
_UNDER_WAY = frozenset(
    {Status.SHIPPED, Status.DELIVERED, Status.RETURNED, Status.RETURN_RECEIVED, Status.RETURNED_TO_STOCK}
)


def read_line_stock(order: Order, lines: Iterable[OrderLine]) -> dict[int, LineStock]:
    """How the shelf stands for each counted product of the lines, by product id; one statement.

    `lines` come with their product. The shelf is the one that holds the order's units, else
    its source warehouse; goods in a company's own warehouse are not counted by us.
    """
    needed: dict[int, int] = {}
    skus: dict[int, str] = {}
    for line in lines:
        if line.product is not None and line.product.track_stock and not order.from_stock:
            needed[line.product.pk] = needed.get(line.product.pk, 0) + line.quantity
            skus[line.product.pk] = line.sku
    if not needed:
        return {}
    warehouse_id = order.reserved_warehouse_id or order.warehouse_id
    levels = {
        product_id: (on_hand, reserved)
        for product_id, on_hand, reserved in StockLevel.objects.filter(
            warehouse_id=warehouse_id, product_id__in=needed
        ).values_list("product_id", "on_hand", "reserved")
    }
    return {
        product_id: LineStock(
            product_id,
            skus[product_id],
            units,
            *levels.get(product_id, (0, 0)),
            is_held=order.reserved_warehouse_id is not None,
        )
        for product_id, units in needed.items()
    }


def read_earlier_goods_out(order: Order) -> list[GoodsOut]:
    """What is still out of the order's earlier cycles; no statement for an order in its first."""
    if order.cycle == 1:
        return []
    lines = {
        line.pk: line for line in order.lines.filter(cycle__lt=order.cycle).order_by("cycle", "position")
    }
    out = read_units_out(lines)
    return [
        GoodsOut(line.cycle, line.sku, out[line.pk]) for line in lines.values() if out.get(line.pk, 0) > 0
    ]


def read_same_phone(order: Order, lines: Iterable[OrderLine]) -> list[SamePhone]:
    """The merchant's newest other orders with the same phone, the probable duplicates marked.

    Two statements; none without a phone that can be dialled.
    """
    if not order.phone_e164:
        return []
    rows = (
        Order.objects.filter(
            merchant_id=order.merchant_id, phone_reversed=order.phone_reversed, deleted_at__isnull=True
        )
        .exclude(pk=order.pk)
        .order_by("-id")
        .values_list("id", "reference", "status", "created_at")[:MOST_SAME_PHONE]
    )
    found = list(rows)
    if not found:
        return []
    products = frozenset(line.product_id for line in lines if line.product_id is not None)
    twins = find_probable_duplicates(
        [Suspect(0, order.phone_e164, products)], merchant=order.merchant, besides=order.pk
    ).get(0, [])
    twin_ids = {twin.id for twin in twins}
    return [SamePhone(*row, is_twin=row[0] in twin_ids) for row in found]


def why_not_shipping(
    order: Order, stock: Iterable[LineStock] | None = None, history: Sequence[OrderEvent] | None = None
) -> tuple[Reason, ...]:
    """What keeps the order from being on the road, most important first; empty once it is under way.

    `stock` (read_line_stock) and `history` (the order's events, newest first) are read when
    they are not given.
    """
    standing = standing_status(order.status, order.remembered_status)
    if order.status != Status.ROLLBACK and standing in _UNDER_WAY:
        return ()
    if history is None:
        history = list(order.events.order_by("-id"))
    if stock is None:
        stock = read_line_stock(
            order, order.lines.filter(cycle=order.cycle).select_related("product")
        ).values()
    lacking = [line for line in stock if line.missing]
    if order.status == Status.CANCELED:
        return (_canceled(history),)
    if order.status == Status.OUT_OF_STOCK:
        return (_out_of_stock(history, lacking),)
    reasons = [_rolled_back(order, history)] if order.status == Status.ROLLBACK else []
    if standing in _UNDER_WAY or standing in (Status.CANCELED, Status.OUT_OF_STOCK):
        return tuple(reasons)
    reasons += _open_reasons(order, standing, lacking)
    return tuple(reasons)


def _open_reasons(order: Order, standing: Status, lacking: Sequence[LineStock]) -> list[Reason]:
    """What an order on its way to the truck may still lack."""
    reasons: list[Reason] = []
    if order.call_center != CallCenter.CONFIRMED:
        reasons.append(Reason(Holdup.CALL_CENTER, _call_center_words(order)))
    if order.city_place_id is None:
        reasons.append(
            Reason(
                Holdup.CITY,
                _("“%(city)s” is not a known city. Choose the right one before it goes to a company.")
                % {"city": order.city},
            )
        )
    is_packed = order.packed_at is not None
    if lacking and not is_packed:
        short = "; ".join(
            _("%(sku)s needs %(needed)s, %(available)s available")
            % {"sku": line.sku, "needed": line.needed, "available": line.available}
            for line in lacking
        )
        reasons.append(Reason(Holdup.STOCK, _("Short of stock: %(short)s.") % {"short": short}))
    if standing == Status.WAITING:
        reasons.append(Reason(Holdup.COMPANY, _company_words(order), is_waiting=True))
    elif standing in _BEFORE_PACKING and not reasons:
        reasons.append(
            Reason(Holdup.PACKING, _("Nothing is missing: it waits to be packed."), is_waiting=True)
        )
    elif standing == Status.PACKED and order.packed_at is not None:
        since = _moment_words(order.packed_at, order)
        reasons.append(
            Reason(
                Holdup.SHIPPING,
                _("Packed since %(since)s; it waits to be handed over.") % {"since": since},
                is_waiting=True,
            )
        )
    return reasons


def _call_center_words(order: Order) -> str:
    match order.call_center:
        case CallCenter.NO_ANSWER:
            return ngettext(
                "The customer has not answered yet (%(count)d call).",
                "The customer has not answered yet (%(count)d calls).",
                order.call_attempts,
            ) % {"count": order.call_attempts}
        case CallCenter.POSTPONED if order.postponed_to is not None:
            return _("The customer wants it later: call again on %(day)s.") % {
                "day": date_format(order.postponed_to, "j M Y")
            }
        case CallCenter.POSTPONED:
            return _("The customer wants it later: call again.")
        case CallCenter.REJECTED:
            return _("The customer does not want it any more. Cancel it, or call again.")
        case _:
            return _("The call centre has not confirmed it yet.")


def _company_words(order: Order) -> str:
    said = {
        "company": order.company_name or _("the shipping company"),
        "since": _moment_words(order.pushed_at or order.status_changed_at, order),
    }
    if order.packed_at is None:
        return _("Waiting for %(company)s since %(since)s, and not packed yet.") % said
    return _("Waiting for %(company)s since %(since)s.") % said


def _canceled(history: Sequence[OrderEvent]) -> Reason:
    step = _newest_step(history, Action.CANCEL)
    if step is None:
        return Reason(Holdup.CANCELED, _("Canceled."))
    words = (
        _("Canceled by %(who)s on %(day)s: %(why)s") if step.message else _("Canceled by %(who)s on %(day)s.")
    )
    return Reason(Holdup.CANCELED, words % _said_of(step))


def _out_of_stock(history: Sequence[OrderEvent], lacking: Sequence[LineStock]) -> Reason:
    step = _newest_step(history, Action.MARK_OUT_OF_STOCK)
    since = _("Out of stock since %(day)s.") % _said_of(step) if step else _("Out of stock.")
    if lacking:
        short = "; ".join(
            _("%(sku)s needs %(needed)s, %(available)s available")
            % {"sku": line.sku, "needed": line.needed, "available": line.available}
            for line in lacking
        )
        return Reason(Holdup.OUT_OF_STOCK, f"{since} " + _("Still short: %(short)s.") % {"short": short})
    return Reason(Holdup.OUT_OF_STOCK, f"{since} " + _("Everything it needs is there now: renew it."))


def _rolled_back(order: Order, history: Sequence[OrderEvent]) -> Reason:
    step = _newest_step(history, Action.ROLLBACK)
    target = Status(order.remembered_status).label
    if step is None:
        return Reason(Holdup.ROLLED_BACK, _("Rolled back to %(target)s.") % {"target": target})
    return Reason(
        Holdup.ROLLED_BACK,
        _("Rolled back to %(target)s by %(who)s on %(day)s: %(why)s") % (_said_of(step) | {"target": target}),
    )


def _newest_step(history: Iterable[OrderEvent], action: Action) -> OrderEvent | None:
    return next(
        (event for event in history if event.type == EventType.SHIPPING and event.action == action.value),
        None,
    )


def _said_of(step: OrderEvent) -> dict[str, str]:
    return {
        "who": step.actor_name,
        "day": date_format(step.occurred_on, "j M Y"),
        "why": step.message,
    }


def _moment_words(moment: dt.datetime, order: Order) -> str:
    """The moment as the merchant's clock showed it."""
    return date_format(timezone.localtime(moment, order.merchant.zone), "j M Y H:i")
