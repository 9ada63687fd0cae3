"""Takes more orders through an action than one call may: a job over a frozen selection.

Which orders were meant is read in filtering.py; what the action does to them, in moving.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.filtering import filtered_orders
from orders.domain.jobchunks import go_through
from orders.domain.jobitems import Became, Outcome
from orders.domain.jobruns import Finish, Run, handles
from orders.domain.jobs import create_job
from orders.domain.moving import move_orders, preview_move
from orders.domain.refusals import InvalidInput, NotAllowed
from orders.domain.reports import Outcome as Answer
from orders.domain.reports import Result
from orders.domain.rowsets import rows_source
from orders.domain.transitions import TRANSITIONS, Action
from orders.models import Job, JobItem, OrderQuerySet

CHUNK = 500

_BECAME = {
    Answer.DONE: Outcome.DONE,
    Answer.ALREADY_DONE: Outcome.SKIPPED,
    Answer.REFUSED: Outcome.FAILED,
    Answer.NOT_FOUND: Outcome.FAILED,
}


def start_bulk_action(
    action: Action | str,
    *,
    actor: Actor,
    ids: Sequence[int] | None = None,
    frozen: str = "",
    occurred_on: dt.date | None = None,
    warehouse_id: int | None = None,
    message: str = "",
) -> Job:
    """A job that takes the orders through the action; which ones they are is settled now.

    `ids`, or the orders that the frozen filter (OrderFilter.freeze) asks for; the other
    arguments as for move_orders. Belongs to the actor. Refuses with `invalid`
    (InvalidInput) a call that is wrong in itself or names no order, with `not_allowed`
    an actor who lacks the action's permission.
    """
    action = Action(action)
    row = TRANSITIONS[action]
    if not row.is_offered or not actor.may(row.permission):
        raise NotAllowed(_("You are not allowed to do this. Ask an admin for the right."))
    message = message.strip()
    if row.needs_message and not message:
        raise InvalidInput({"description": [_("Say why; the reason stands in the order's history.")]})
    # The call as such is refused now, not by the first chunk.
    preview_move(action, [], actor=actor, occurred_on=occurred_on, warehouse_id=warehouse_id, message=message)
    with transaction.atomic():
        job = create_job(
            Job.Kind.BULK_ACTION,
            actor=actor,
            params={
                "action": action.value,
                "occurred_on": occurred_on.isoformat() if occurred_on else None,
                "warehouse_id": warehouse_id,
                "message": message,
                "source": actor.source,
                "filter": frozen,
            },
        )
        if ids is None:
            found = _freeze_orders(job, filtered_orders(frozen, actor=actor))
        else:
            found = _freeze_ids(job, list(dict.fromkeys(ids)), actor)
        if not found:
            raise InvalidInput({"ids": [_("Choose at least one order.")]})
        unknown = JobItem.objects.filter(job=job, outcome=Outcome.FAILED).count() if ids is not None else 0
        job.requested, job.failed = found, unknown
        job.save(update_fields=("requested", "failed"))
    return job


def _freeze_orders(job: Job, orders: OrderQuerySet) -> int:
    """An item for each of the orders, in id order; one statement."""
    numbered = orders.order_by().annotate(place=Window(RowNumber(), order_by=F("id").asc()))
    sql, params = numbered.values_list("place", "id").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders_jobitem"  # noqa: S608
            " (job_id, number, order_id, outcome, code, message, payload, problems)"
            f" SELECT %s, chosen.place, chosen.id, 'ready', '', '', '{{}}', '[]' FROM ({sql}) AS chosen",
            [job.pk, *params],
        )
        return int(cursor.rowcount)


def _freeze_ids(job: Job, ids: Sequence[int], actor: Actor) -> int:
    """An item for each id, in the order given; those that the actor does not see are refused at once."""
    source, params = rows_source("r", {"place": "int", "id": "int"}, list(enumerate(ids, start=1)))
    seen = "" if actor.merchant_id is None else " AND o.merchant_id = %s"
    bound = [] if actor.merchant_id is None else [actor.merchant_id]
    unknown = _("There is no such order.")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders_jobitem"  # noqa: S608
            " (job_id, number, order_id, outcome, code, message, payload, problems)"
            " SELECT %s, r.place, o.id, CASE WHEN o.id IS NULL THEN 'failed' ELSE 'ready' END,"
            " CASE WHEN o.id IS NULL THEN 'unknown' ELSE '' END,"
            " CASE WHEN o.id IS NULL THEN %s ELSE '' END,"
            f" {_JSON_OBJECT[connection.vendor]}, '[]' FROM {source}"
            f" LEFT JOIN orders_order o ON o.id = r.id AND o.deleted_at IS NULL{seen}",
            [job.pk, unknown, *params, *bound],
        )
        return int(cursor.rowcount)


_JSON_OBJECT = {
    "postgresql": "jsonb_build_object('id', r.id)",
    "sqlite": "json_object('id', r.id)",
}


@handles(Job.Kind.BULK_ACTION)
def run_bulk_action(run: Run) -> Finish:
    """Moves what is left of the selection, chunk by chunk."""
    params = run.job.params
    action = Action(params["action"])

    def move(items: Sequence[JobItem], actor: Actor) -> list[Became]:
        return move_items(
            action,
            items,
            actor=actor,
            occurred_on=dt.date.fromisoformat(params["occurred_on"]) if params["occurred_on"] else None,
            warehouse_id=params["warehouse_id"],
            message=params["message"],
        )

    go_through(run, move, permission=TRANSITIONS[action].permission, source=params["source"], size=CHUNK)
    return Finish()


def move_items(action: Action, items: Sequence[JobItem], *, actor: Actor, **said: Any) -> list[Became]:
    """Takes the items' orders through the action; what became of each."""
    numbers = {item.order_id: item.number for item in items if item.order_id is not None}
    report = move_orders(action, list(numbers), actor=actor, **said)
    return [became(numbers[result.id], result) for result in report.results]


def became(number: int, result: Result) -> Became:
    """The item's outcome by its order's answer."""
    outcome = _BECAME[result.outcome]
    code = "" if outcome == Outcome.DONE else result.code.value
    return Became(number, outcome, code, result.message)
