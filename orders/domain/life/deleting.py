"""Deletes orders: softly, with a tombstone in history; the reference stays taken.

Taking an order out of the warehouse's work (cancel, roll back) is a move: see moving.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.goods.stock import read_units_out
from orders.domain.life.batches import report_for, words_if_too_many
from orders.domain.life.history import Happening, record_events
from orders.domain.refusals import Code, InvalidInput
from orders.domain.reports import Report, Result
from orders.domain.rows.locking import Conflict, write_transaction
from orders.domain.rows.rowsets import column_value, rows_source
from orders.models import EventType, Order, OrderLine, Status

DELETABLE = frozenset({Status.NEW, Status.CANCELED, Status.OUT_OF_STOCK})
TOMBSTONE = "delete"


class _Facts(NamedTuple):
    id: int
    reference: str
    version: int
    status: str
    cycle: int
    reserved_warehouse_id: int | None
    deleted: bool
    timezone: str


def delete_orders(ids: Sequence[int], *, actor: Actor) -> Report:
    """Deletes the orders that may be deleted and answers for every id, once, in the order asked.

    Only NEW, CANCELED and OUT_OF_STOCK orders (WedoCOD dashboard, Delete Orders): another
    status is refused with `wrong_status`, goods of any cycle that are still out, or held on a
    shelf, with `locked`. An order deleted before is `already_done`. More than 1,000 ids are
    refused as a whole with `invalid`. The row stays, and with it reference and history.
    """
    _refuse_too_many(ids)

    def work() -> Report:
        facts, answers = _decide_all(ids, actor=actor, lock=True)
        doomed = [order for order in facts.values() if answers[order.id].code == Code.DONE]
        _write(doomed, actor=actor)
        return report_for(ids, answers)

    return write_transaction(work)


def preview_delete(ids: Sequence[int], *, actor: Actor) -> Report:
    """What delete_orders would answer at this moment; writes nothing."""
    _refuse_too_many(ids)
    return report_for(ids, _decide_all(ids, actor=actor, lock=False)[1])


def _refuse_too_many(ids: Sequence[int]) -> None:
    if words := words_if_too_many(ids):
        raise InvalidInput({"ids": words})


def _decide_all(
    ids: Sequence[int], *, actor: Actor, lock: bool
) -> tuple[dict[int, _Facts], dict[int, Result]]:
    facts = _read_orders(ids, actor=actor, lock=lock)
    out = _read_goods_out(facts)
    return facts, {order.id: _decide(order, out.get(order.id, {})) for order in facts.values()}


def _read_orders(ids: Sequence[int], *, actor: Actor, lock: bool) -> dict[int, _Facts]:
    orders = Order.objects.filter(pk__in=set(ids)).order_by("pk")
    if actor.merchant_id is not None:
        orders = orders.filter(merchant_id=actor.merchant_id)
    if lock:
        orders = orders.select_for_update(of=("self",))
    rows = orders.values_list(
        "id",
        "reference",
        "version",
        "status",
        "cycle",
        "reserved_warehouse_id",
        "deleted_at",
        "merchant__timezone",
    )
    return {row[0]: _Facts(*row[:6], row[6] is not None, row[7]) for row in rows}


def _read_goods_out(facts: Mapping[int, _Facts]) -> dict[int, dict[str, int]]:
    """Units by SKU that left for an order, in any cycle, and neither came back nor were written off."""
    lines = {
        line_id: (order_id, sku)
        for line_id, order_id, sku in OrderLine.objects.filter(order_id__in=facts, movements__isnull=False)
        .distinct()
        .values_list("id", "order_id", "sku")
    }
    if not lines:
        return {}
    out: dict[int, dict[str, int]] = defaultdict(dict)
    for line_id, units in read_units_out(lines).items():
        if units > 0:
            order_id, sku = lines[line_id]
            out[order_id][sku] = out[order_id].get(sku, 0) + units
    return out


def _decide(order: _Facts, out: Mapping[str, int]) -> Result:
    names = {"reference": order.reference}
    if order.deleted:
        return _answer(order, Code.ALREADY_DONE, _("%(reference)s is deleted already.") % names)
    if order.status not in DELETABLE:
        words = _("%(reference)s is %(status)s; only new, canceled and out of stock orders can be deleted.")
        return _answer(order, Code.WRONG_STATUS, words % (names | {"status": Status(order.status).label}))
    if out:
        short = ", ".join(f"{units} × {sku}" for sku, units in sorted(out.items()))
        words = _("Goods of %(reference)s are still out: %(goods)s. Scan them in first.")
        return _answer(order, Code.LOCKED, words % (names | {"goods": short}))
    if order.reserved_warehouse_id is not None:
        words = _("%(reference)s still holds units on a shelf. Cancel it first.")
        return _answer(order, Code.LOCKED, words % names)
    return _answer(order, Code.DONE, _("%(reference)s is deleted now.") % names)


def _answer(order: _Facts, code: Code, message: str) -> Result:
    return Result(id=order.id, reference=order.reference, code=code, message=message, status=order.status)


def _write(doomed: Sequence[_Facts], *, actor: Actor) -> None:
    if not doomed:
        return
    at = timezone.now()
    source, params = rows_source(
        "r",
        {"id": "int", "old_version": "int", "old_status": "text"},
        [(order.id, order.version, order.status) for order in doomed],
    )
    cast = "::timestamptz" if connection.vendor == "postgresql" else ""
    now = column_value(at)
    with connection.cursor() as cursor:
        # The condition on version and status is what a rival's move and this cannot both meet.
        cursor.execute(
            f"UPDATE orders_order SET deleted_at = %s{cast}, updated_at = %s{cast},"  # noqa: S608
            f" version = orders_order.version + 1 FROM {source}"
            " WHERE orders_order.id = r.id AND orders_order.version = r.old_version"
            " AND orders_order.status = r.old_status AND orders_order.deleted_at IS NULL",
            [now, now, *params],
        )
        if cursor.rowcount != len(doomed):
            raise Conflict
    record_events(
        [
            Happening(
                order_id=order.id,
                cycle=order.cycle,
                type=EventType.EDIT,
                action=TOMBSTONE,
                occurred_on=at.astimezone(ZoneInfo(order.timezone)).date(),
                from_status=order.status,
                message=_("Deleted"),
            )
            for order in doomed
        ],
        actor=actor,
        at=at,
    )
