"""Changes that come together: what an order says and where it stands, or many orders each their own way.

Both or neither, all or none. What an edit may change stands in editing.py, what a move does in moving.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.life.editing import edit_order
from orders.domain.life.moving import BatchRefused, move_orders
from orders.domain.life.transitions import Action
from orders.domain.refusals import Code, InvalidInput, Locked, NotThere, Refusal
from orders.domain.reports import Result
from orders.domain.rows.locking import Conflict, write_transaction
from orders.models import Merchant, Order

_FINE = frozenset({Code.DONE, Code.ALREADY_DONE})


class StepRefused(Refusal):
    """The order may not move so; `status` is where it stands now."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.message, code=result.code)
        self.status = result.status


def change_order(
    order_id: int,
    *,
    actor: Actor,
    changes: Mapping[str, Any],
    action: Action | None = None,
    standing_in: str = "",
    message: str = "",
    must_know_city: bool = False,
) -> None:
    """Edits the order and takes it through the action, in one transaction: both, or neither.

    Refuses as edit_order does, and a move with StepRefused. A shortage is the exception
    to "neither": the edit is not made, but the order is OUT_OF_STOCK, as everywhere else.
    With `standing_in` an order whose status is another by now is refused with `locked`.
    """

    def move(*, all_or_nothing: bool) -> Result | None:
        if action is None:
            return None
        return move_orders(
            action, [order_id], actor=actor, message=message, all_or_nothing=all_or_nothing
        ).results[0]

    def work() -> Result | None:
        _lock(order_id, actor=actor, standing_in=standing_in)
        if not changes:
            return move(all_or_nothing=False)
        try:
            with transaction.atomic():
                edit_order(order_id, actor=actor, changes=changes, must_know_city=must_know_city)
                return move(all_or_nothing=True)
        except BatchRefused as refusal:
            if refusal.code != Code.OUT_OF_STOCK:
                raise
        short = move(all_or_nothing=False)
        if short is None or short.code != Code.OUT_OF_STOCK:
            raise Conflict  # goods arrived in between: start over
        return short

    try:
        result = write_transaction(work)
    except BatchRefused as refusal:
        raise StepRefused(refusal.report.results[0]) from refusal
    if result is not None and result.code not in _FINE:
        raise StepRefused(result)


@dataclass(frozen=True, slots=True)
class Asked:
    """One order of a list: what is to become of it. `path` names it in errors (`orders.17`)."""

    path: str
    reference: str
    action: Action
    occurred_on: dt.date | None = None
    message: str = ""


def move_together(asked: Sequence[Asked], *, merchant: Merchant, actor: Actor) -> dict[str, str]:
    """Takes each order through its own action, all of them or none; the status of each by reference.

    Refuses with `invalid` by path (`orders.17.status`, `.reference`, `.action_date`). A shortage
    refuses the whole call too and changes nothing. The number of statements depends on how many
    different actions there are, not on how many orders.
    """
    return write_transaction(lambda: _move_all(asked, merchant, actor))


def _move_all(asked: Sequence[Asked], merchant: Merchant, actor: Actor) -> dict[str, str]:
    ids = _find_and_lock({one.reference for one in asked}, merchant)
    errors = dict(_wrong_in_itself(asked, ids, merchant))
    if errors:
        raise InvalidInput(errors)
    statuses: dict[str, str] = {}
    for action in dict.fromkeys(one.action for one in asked):
        group = [one for one in asked if one.action == action]
        by_id = {ids[one.reference]: one for one in group}
        is_pushed = action == Action.PUSH
        try:
            # What is written by a refused call is undone with the transaction; trying every action
            # names everything that is wrong at once.
            with transaction.atomic():
                report = move_orders(
                    action,
                    list(by_id),
                    actor=actor,
                    message=group[0].message,
                    messages={order_id: one.message for order_id, one in by_id.items()},
                    days={order_id: one.occurred_on for order_id, one in by_id.items() if one.occurred_on},
                    all_or_nothing=True,
                    company_key=merchant.default_company_key if is_pushed else "",
                    company_name=merchant.default_company_name if is_pushed else "",
                )
        except BatchRefused as refusal:
            report = refusal.report
        for result in report.results:
            one = by_id[result.id]
            statuses[one.reference] = result.status
            if result.code not in _FINE:
                errors.setdefault(f"{one.path}.status", []).append(result.message)
    if errors:
        raise InvalidInput(errors)
    return statuses


def _wrong_in_itself(
    asked: Sequence[Asked], ids: Mapping[str, int], merchant: Merchant
) -> Iterator[tuple[str, list[str]]]:
    today = merchant.today()
    seen: dict[str, Asked] = {}
    for one in asked:
        first = seen.setdefault(one.reference, one)
        if one.reference not in ids:
            yield f"{one.path}.reference", [_("There is no such order.")]
        elif first.action != one.action:
            yield (
                f"{one.path}.reference",
                [_("%(reference)s stands in this list with two statuses.") % {"reference": one.reference}],
            )
        elif one.action == Action.PUSH and not merchant.default_company_key:
            yield (
                f"{one.path}.status",
                [_("%(merchant)s has no default shipping company yet.") % {"merchant": merchant.name}],
            )
        if one.occurred_on is not None and one.occurred_on > today:
            yield f"{one.path}.action_date", [_("This day is in the future.")]


def _find_and_lock(references: set[str], merchant: Merchant) -> dict[str, int]:
    """The merchant's orders by reference, locked in id order."""
    orders = (
        Order.objects.visible_to(merchant.pk)
        .filter(reference__in=references)
        .order_by("pk")
        .select_for_update(of=("self",))
    )
    return dict(orders.values_list("reference", "pk"))


def _lock(order_id: int, *, actor: Actor, standing_in: str) -> None:
    orders = Order.objects.visible_to(actor.merchant_id).filter(pk=order_id).select_for_update(of=("self",))
    status = orders.values_list("status", flat=True).first()
    if status is None:
        raise NotThere(_("There is no such order."))
    if standing_in and status != standing_in:
        raise Locked(_("The order was moved a moment ago. Nothing was changed; look again."))
