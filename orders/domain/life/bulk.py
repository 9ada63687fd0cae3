"""Takes more orders through an action than one call may: a job over a frozen selection.

Which orders were meant is read in filtering.py; what the action does to them, in moving.py, confirming.py
and deleting.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orders.domain.actors import Actor
from orders.domain.life.confirming import confirm_orders, preview_confirm
from orders.domain.life.deleting import delete_orders, preview_delete
from orders.domain.life.moving import move_orders, preview_move
from orders.domain.life.transitions import TRANSITIONS, Action
from orders.domain.lists.filtering import filtered_orders
from orders.domain.refusals import InvalidInput, NotAllowed
from orders.domain.reports import Outcome as Answer
from orders.domain.reports import Report, Result
from orders.domain.rows.rowsets import rows_source
from orders.domain.work.jobchunks import go_through
from orders.domain.work.jobitems import Became, Outcome
from orders.domain.work.jobruns import Finish, Run, handles
from orders.domain.work.jobs import create_job
from orders.models import Job, JobItem, OrderQuerySet

CHUNK = 500

_BECAME = {
    Answer.DONE: Outcome.DONE,
    Answer.ALREADY_DONE: Outcome.SKIPPED,
    Answer.REFUSED: Outcome.FAILED,
    Answer.NOT_FOUND: Outcome.FAILED,
}


@dataclass(frozen=True)
class Doing:
    """Something that can be done to many orders in the background: run and preview as move_orders."""

    label: str | Promise
    permission: str
    run: Callable[..., Report]
    preview: Callable[..., Report]


DOINGS: Mapping[str, Doing] = {
    **{
        action.value: Doing(
            row.label, row.permission, partial(move_orders, action), partial(preview_move, action)
        )
        for action, row in TRANSITIONS.items()
        if row.is_offered
    },
    "confirm": Doing(gettext_lazy("Call outcome"), "confirmOrder", confirm_orders, preview_confirm),
    "delete": Doing(gettext_lazy("Delete"), "delete_order", delete_orders, preview_delete),
}
_DAYS = ("occurred_on", "postponed_to")


def start_bulk_action(
    action: Action | str,
    *,
    actor: Actor,
    ids: Sequence[int] | None = None,
    frozen: str = "",
    **said: Any,
) -> Job:
    """A job that takes the orders through the action; which ones they are is settled now.

    `action` is a transition, `confirm` or `delete`. `ids`, or the orders that the frozen filter
    (OrderFilter.freeze) asks for; what else is said is as for move_orders, confirm_orders or
    delete_orders. Belongs to the actor. Refuses with `invalid` (InvalidInput) a call that is
    wrong in itself or names no order, with `not_allowed` an actor who lacks the action's permission.
    """
    doing = DOINGS.get(str(action))
    if doing is None or not actor.may(doing.permission):
        raise NotAllowed(_("You are not allowed to do this. Ask an admin for the right."))
    row = TRANSITIONS.get(Action(action)) if action in TRANSITIONS else None
    if row is not None and row.needs_message and not str(said.get("message", "")).strip():
        raise InvalidInput({"description": [_("Say why; the reason stands in the order's history.")]})
    # The call as such is refused now, not by the first chunk.
    doing.preview([], actor=actor, **said)
    with transaction.atomic():
        job = create_job(
            Job.Kind.BULK_ACTION,
            actor=actor,
            params={
                "action": str(action),
                "said": {name: _kept(value) for name, value in said.items()},
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
    doing = DOINGS[params["action"]]
    said = {name: _restored(name, value) for name, value in params["said"].items()}

    def take(items: Sequence[JobItem], actor: Actor) -> list[Became]:
        return _take(doing.run, items, actor=actor, **said)

    go_through(run, take, permission=doing.permission, source=params["source"], size=CHUNK)
    return Finish()


def _kept(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


def _restored(name: str, value: Any) -> Any:
    return dt.date.fromisoformat(value) if name in _DAYS and value else value


def move_items(action: Action, items: Sequence[JobItem], *, actor: Actor, **said: Any) -> list[Became]:
    """Takes the items' orders through the action; what became of each."""
    return _take(partial(move_orders, action), items, actor=actor, **said)


def _take(run: Callable[..., Report], items: Sequence[JobItem], *, actor: Actor, **said: Any) -> list[Became]:
    numbers = {item.order_id: item.number for item in items if item.order_id is not None}
    report = run(list(numbers), actor=actor, **said)
    return [became(numbers[result.id], result) for result in report.results]


def became(number: int, result: Result) -> Became:
    """The item's outcome by its order's answer."""
    outcome = _BECAME[result.outcome]
    code = "" if outcome == Outcome.DONE else result.code.value
    return Became(number, outcome, code, result.message)
