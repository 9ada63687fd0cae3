"""How orders come in: every door hands over drafts, one pass checks them all, one write makes them.

How a door's words (a file's columns, a dialect's fields) become drafts is the door's own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import IntegrityError
from django.utils import timezone

from orders.domain.actors import Actor
from orders.domain.incoming import checking
from orders.domain.incoming.checking import looks_like_ours
from orders.domain.incoming.drafts import (
    DASHBOARD,
    IMPORT,
    V1,
    WEB,
    Checked,
    LineDraft,
    OrderDraft,
    OrderRow,
    OrdersRefused,
    Problem,
    ReadyLine,
    ReadyOrder,
    Rules,
)
from orders.domain.incoming.duplicates import Suspect, Twin, find_probable_duplicates
from orders.domain.rows.locking import write_transaction
from orders.domain.rows.writing import EMPTY_OBJECT, allocate_ids, copy_rows
from orders.models import EventType, Merchant, Order, OrderEvent, OrderLine, Status

__all__ = [
    "CREATE",
    "DASHBOARD",
    "IMPORT",
    "V1",
    "WEB",
    "Checked",
    "CreatedOrder",
    "LineDraft",
    "OrderDraft",
    "OrderRow",
    "OrdersRefused",
    "Problem",
    "ReadyLine",
    "ReadyOrder",
    "Rules",
    "Suspect",
    "Twin",
    "check_orders",
    "create_orders",
    "find_probable_duplicates",
    "looks_like_ours",
    "reference_of",
]


@dataclass(frozen=True, slots=True)
class CreatedOrder:
    index: int
    id: int
    reference: str
    external_reference: str | None


def create_orders(
    drafts: Sequence[OrderDraft],
    *,
    merchant: Merchant,
    actor: Actor,
    rules: Rules = DASHBOARD,
    at: dt.datetime | None = None,
) -> list[CreatedOrder]:
    """The new orders, in the order of the drafts: all of them, or OrdersRefused with every error.

    They are NEW, in cycle 1, with a `create` event each, recorded at `at` (default: now).
    At most ten statements however many there are. Another's merchant is `unknown`.
    """
    checked = check_orders(drafts, merchant=merchant, actor=actor, rules=rules)
    if not checked.is_fine:
        raise OrdersRefused(checked)
    moment = at or timezone.now()
    try:
        return write_transaction(lambda: _write(checked.ready, merchant, actor, moment))
    except IntegrityError:
        # A rival took an external reference or removed a product in between: the same answer as if
        # it had been there from the start.
        checked = check_orders(drafts, merchant=merchant, actor=actor, rules=rules)
        if checked.is_fine:
            raise
        raise OrdersRefused(checked) from None


def check_orders(
    drafts: Sequence[OrderDraft], *, merchant: Merchant, actor: Actor | None = None, rules: Rules = DASHBOARD
) -> Checked:
    """What create_orders would make of the drafts at this moment; writes nothing.

    One pass, at most six statements: every error of every draft is in the answer, and
    the drafts without any stand ready.
    """
    return checking.check_orders(drafts, merchant=merchant, actor=actor, rules=rules)


_ORDER_COLUMNS = (
    "id",
    "reference",
    "merchant_id",
    "source",
    "created_by_id",
    "created_at",
    "updated_at",
    "status_changed_at",
    "version",
    "status",
    "remembered_status",
    "call_attempts",
    "currency",
    "amount_collected",
    "cycle",
    "company_key",
    "company_name",
    "company_status",
    "tracking",
    "from_stock",
    *OrderRow._fields,
)
_LINE_COLUMNS = ("order_id", "cycle", "position", "owed", *ReadyLine._fields)
_EVENT_COLUMNS = (
    "order_id",
    "cycle",
    "type",
    "action",
    "from_status",
    "to_status",
    "remembered_status",
    "before",
    "message",
    "details",
    "actor_kind",
    "user_id",
    "actor_name",
    "source",
    "station",
    "occurred_on",
    "recorded_at",
)
CREATE = "create"


def reference_of(order_id: int) -> str:
    """`ORD-000837`."""
    return f"ORD-{order_id:06d}"


def _write(
    ready: Sequence[ReadyOrder], merchant: Merchant, actor: Actor, at: dt.datetime
) -> list[CreatedOrder]:
    """Orders, lines and events: one statement each, and one for the ids."""
    ids = allocate_ids(Order, len(ready))
    same = (
        merchant.pk,
        actor.source,
        actor.user_id,
        at,
        at,
        at,
        1,  # version
        Status.NEW.value,
        "",
        0,
        merchant.currency,
        Decimal(0),
        1,  # cycle
        "",
        "",
        "",
        "",
        False,
    )
    created = [
        CreatedOrder(order.index, id, reference_of(id), order.row.external_reference)
        for id, order in zip(ids, ready, strict=True)
    ]
    copy_rows(
        Order,
        _ORDER_COLUMNS,
        ((made.id, made.reference, *same, *order.row) for made, order in zip(created, ready, strict=True)),
    )
    copy_rows(
        OrderLine,
        _LINE_COLUMNS,
        (
            (id, 1, position, 0, *line)
            for id, order in zip(ids, ready, strict=True)
            for position, line in enumerate(order.lines, start=1)
        ),
    )
    event = (
        1,
        EventType.SHIPPING.value,
        CREATE,
        "",
        Status.NEW.value,
        "",
        EMPTY_OBJECT,
        "",
        EMPTY_OBJECT,
        actor.kind.value,
        actor.user_id,
        actor.name[:150],
        actor.source,
        actor.station,
        at.astimezone(merchant.zone).date(),
        at,
    )
    copy_rows(OrderEvent, _EVENT_COLUMNS, ((id, *event) for id in ids))
    return created
