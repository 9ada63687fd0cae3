"""Goods of an earlier cycle that come back while the order has gone on to a new one.

The present cycle's return is a step like any other: see orders/domain/life/moving.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.goods import stock
from orders.domain.life.history import Happening, record_events
from orders.domain.refusals import Code, InvalidInput
from orders.domain.reports import Result
from orders.domain.rows.locking import write_transaction
from orders.models import EventType, Order, OrderLine

ACTION = "receive_earlier_cycle"


def receive_earlier_cycle(
    order_id: int,
    cycle: int,
    *,
    actor: Actor,
    dispositions: Mapping[int, stock.Disposition] | None = None,
    warehouse_id: int | None = None,
    occurred_on: dt.date | None = None,
    at: dt.datetime | None = None,
) -> Result:
    """Books the units of an earlier cycle's parcel back in; the order's status stays as it is.

    `dispositions` says by line what was seen; without it all units that are still out
    count as sound. Answers `unknown` for another merchant's order, `already_done` when
    nothing of that cycle is out any more; refuses with `invalid` a cycle that is not
    an earlier one, or units that do not add up.
    """
    moment = at or timezone.now()

    def work() -> Result:
        orders = Order.objects.select_for_update(of=("self",)).filter(pk=order_id)
        if actor.merchant_id is not None:
            orders = orders.filter(merchant_id=actor.merchant_id)
        order = orders.select_related("merchant").first()
        if order is None:
            return Result(id=order_id, code=Code.UNKNOWN, message=_("There is no such order."))
        if not 1 <= cycle < order.cycle:
            raise InvalidInput(
                {
                    "cycle": [
                        _("%(reference)s is in cycle %(now)s; name an earlier one.")
                        % {"reference": order.reference, "now": order.cycle}
                    ]
                }
            )
        return _book_in(
            order,
            cycle,
            actor=actor,
            dispositions=dispositions or {},
            warehouse_id=warehouse_id or order.warehouse_id,
            occurred_on=occurred_on,
            at=moment,
        )

    return write_transaction(work)


def _book_in(
    order: Order,
    cycle: int,
    *,
    actor: Actor,
    dispositions: Mapping[int, stock.Disposition],
    warehouse_id: int,
    occurred_on: dt.date | None,
    at: dt.datetime,
) -> Result:
    plan = stock.StockPlan()
    lines = [
        stock.TrackedLine(*row)
        for row in OrderLine.objects.filter(order=order, cycle=cycle, product__isnull=False)
        .order_by("position")
        .values_list("id", "product_id", "sku", "quantity")
    ]
    out = stock.read_units_out(line.id for line in lines)
    errors: dict[str, list[str]] = {}
    for line in lines:
        units = max(out.get(line.id, 0), 0)
        seen = dispositions.get(line.id) or stock.Disposition(sound=units)
        if seen.units != units:
            errors[f"lines.{line.id}"] = [
                _("%(out)s units of %(sku)s are still out; you named %(named)s.")
                % {"out": units, "sku": line.sku, "named": seen.units}
            ]
        elif units:
            plan.put_back(warehouse_id, line, seen)
    if errors:
        raise InvalidInput(errors)
    names = {"reference": order.reference, "cycle": cycle}
    if not plan.movements:
        return Result(
            id=order.pk,
            reference=order.reference,
            status=order.status,
            code=Code.ALREADY_DONE,
            message=_("Nothing of %(reference)s, cycle %(cycle)s, is out any more.") % names,
        )
    words = _("The parcel of %(reference)s, cycle %(cycle)s, came back.") % names
    event_ids = record_events(
        [
            Happening(
                order_id=order.pk,
                cycle=cycle,
                type=EventType.NOTE,
                action=ACTION,
                occurred_on=occurred_on or at.astimezone(ZoneInfo(order.merchant.timezone)).date(),
                message=words,
            )
        ],
        actor=actor,
        at=at,
    )
    stand = stock.read_stand(plan.shelves(), lock=True)
    stock.write_levels([plan], stand)
    stock.write_movements(
        [(event_ids[order.pk], movement) for movement in plan.movements], actor=actor, at=at
    )
    return Result(
        id=order.pk,
        reference=order.reference,
        status=order.status,
        code=Code.DONE,
        message=words,
        event_id=event_ids[order.pk],
    )
