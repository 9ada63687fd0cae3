"""Marks orders as returned or delivered by a file of references: preview, then exactly that, once.

What the action does to an order stands in orders/domain/life/moving.py.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.life.bulk import move_items
from orders.domain.life.moving import preview_move
from orders.domain.life.transitions import TRANSITIONS, Action
from orders.domain.reading.codes import read_printed_code, read_reference, read_scanned, spellings_of
from orders.domain.refusals import Code
from orders.domain.reports import Outcome as Answer
from orders.domain.reports import Result
from orders.domain.work import files
from orders.domain.work.jobchunks import ItemsRefused, allowed_actor, back_to_preview, go_through
from orders.domain.work.jobitems import Outcome, Staged, drop_items, stage_items
from orders.domain.work.jobruns import Finish, JobFailed, Run, handles
from orders.exchange.columns import Column, Heading, find_heading
from orders.exchange.formats import TableFormat
from orders.exchange.problems import RowProblem, give_back_refused_rows
from orders.exchange.reading import Row
from orders.models import Job, Order

SOURCE = "import"
AT_ONCE = 1_000
SAMPLE = 10
MOST_NAMED = 5
COLUMNS = (
    Column(
        "reference",
        True,
        "references, ref, order, order reference, external reference, tracking, tracking number, code, "
        "barcode, référence, références, commande, numéro de suivi, suivi, المرجع, رقم الطلب, رقم التتبع",
    ),
)


@dataclass
class _Found:
    """What a text of the file may mean. `past` holds orders that were renewed since the parcel it names."""

    orders: dict[int, str] = field(default_factory=dict)  # id to reference
    past: dict[int, str] = field(default_factory=dict)


class _Asked(NamedTuple):
    """A row, and the cycle that its text names if it names one."""

    row: int
    cycle: int | None


@handles(Job.Kind.IMPORT_REFERENCES)
def import_references(run: Run) -> Finish:
    """One run: the check that ends in a preview, or the moving of the orders that were previewed."""
    action = Action(run.job.params["action"])
    if run.phase == Job.Phase.CHECK:
        return _check(run, action)
    return _move(run, action)


# --- checking ----------------------------------------------------------------------------


def _check(run: Run, action: Action) -> Finish:
    job = run.job
    actor = allowed_actor(run, TRANSITIONS[action].permission, source=SOURCE)
    with run.transaction():
        drop_items(job.pk)
    run.note(requested=0, done=0, skipped=0, failed=0)
    seen: dict[int, int] = {}
    outcomes: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    sample: list[dict[str, Any]] = []
    with TableFormat.open(files.path_of(job.upload_path), tick=run.tick) as table:
        heading = find_heading(table.rows(), COLUMNS)
        rows = (row for row in table.rows() if row.number > heading.row)
        done = 0
        while chunk := list(islice(rows, AT_ONCE)):
            staged = _check_chunk(chunk, heading, action, actor, job, seen)
            with run.transaction():
                stage_items(job.pk, staged)
            outcomes.update(item.outcome for item in staged)
            codes.update(item.code for item in staged if item.code)
            sample += _sample(staged)[: SAMPLE - len(sample)]
            done += len(chunk)
            run.report(done / table.count)
        if not done:
            raise JobFailed(_("There is no reference below the heading."), code="empty")
        run.note(requested=done, failed=outcomes["failed"], skipped=outcomes["skipped"])
        if outcomes["failed"]:
            give_back_refused_rows(
                run, kind=table.findings.kind, heading=heading.cells, delimiter=table.findings.delimiter
            )
        return Finish(
            Job.State.PREVIEWED,
            {
                "file": asdict(table.findings),
                "heading": list(heading.cells),
                "heading_row": heading.row,
                "columns": {name: heading.cells[place] for name, place in heading.places.items()},
                "unknown_columns": list(heading.unknown),
                "rows": done,
                "ready": outcomes["ready"],
                "refused": outcomes["failed"],
                "duplicates": codes["doubled"],
                "already_done": outcomes["skipped"] - codes["doubled"],
                "refused_by_code": _codes_of(staged_codes=codes),
                "sample": sample,
            },
        )


def _codes_of(*, staged_codes: Counter[str]) -> dict[str, int]:
    skipped = ("doubled", Code.ALREADY_DONE.value)
    return {code: count for code, count in staged_codes.most_common() if code not in skipped}


def _sample(staged: Sequence[Staged]) -> list[dict[str, Any]]:
    return [
        {"row": item.number, "reference": item.payload["reference"], "message": item.message}
        for item in staged
        if item.outcome == Outcome.READY
    ]


def _check_chunk(
    rows: Sequence[Row], heading: Heading, action: Action, actor: Actor, job: Job, seen: dict[int, int]
) -> list[Staged]:
    """Each row with its outcome; the number of statements does not depend on the rows."""
    texts = {row.number: heading.cell(row, "reference") for row in rows}
    meant = _find_orders(texts, actor)
    first_rows: dict[int, int] = {}
    for row in rows:
        if len(meant[row.number].orders) == 1:
            (order_id,) = meant[row.number].orders
            if order_id not in seen:
                seen[order_id] = first_rows[order_id] = row.number
    occurred_on = _day_of(job)
    report = preview_move(action, list(first_rows), actor=actor, occurred_on=occurred_on)
    results = {result.id: result for result in report.results}
    return [_stage(row, texts[row.number], meant[row.number], heading, seen, results) for row in rows]


def _stage(
    row: Row,
    text: str,
    found: _Found,
    heading: Heading,
    seen: Mapping[int, int],
    results: Mapping[int, Result],
) -> Staged:
    payload: dict[str, Any] = {"cells": row.cells, "reference": text}
    problem = _refuse_cell(row, text, found, heading)
    if problem is not None:
        return Staged(row.number, Outcome.FAILED, problem.code, problem.message, payload, [problem.as_json()])
    ((order_id, reference),) = found.orders.items()
    payload["reference"] = reference
    if seen[order_id] != row.number:
        words = _("Row %(row)s names %(reference)s already; an order counts once.")
        return Staged(
            row.number,
            Outcome.SKIPPED,
            "doubled",
            words % {"row": seen[order_id], "reference": reference},
            payload,
            order_id=order_id,
        )
    result = results[order_id]
    if result.outcome == Answer.DONE:
        return Staged(row.number, Outcome.READY, "", result.message, payload, order_id=order_id)
    if result.outcome == Answer.ALREADY_DONE:
        return Staged(
            row.number, Outcome.SKIPPED, result.code.value, result.message, payload, order_id=order_id
        )
    problem = RowProblem("reference", text, result.code.value, result.message, _remedy(result))
    return Staged(
        row.number, Outcome.FAILED, problem.code, problem.message, payload, [problem.as_json()], order_id
    )


def _refuse_cell(row: Row, text: str, found: _Found, heading: Heading) -> RowProblem | None:
    if not text:
        return RowProblem(
            "reference",
            "",
            "required",
            _("The reference is missing."),
            _("Write the order's reference, or delete the row."),
        )
    if heading.note(row, "reference") in ("error", "formula", "date"):
        return RowProblem(
            "reference",
            text,
            heading.note(row, "reference"),
            _("The cell holds a formula or a date, no reference."),
            _("Format the column as text and type the reference again."),
        )
    if not found.orders and found.past:
        return RowProblem(
            "reference",
            text,
            Code.WRONG_STATUS.value,
            _("%(reference)s was renewed since; “%(text)s” is the parcel of an earlier trip.")
            % {"reference": next(iter(found.past.values())), "text": text[:100]},
            _("Take earlier parcels back at the return bench."),
        )
    if not found.orders:
        return RowProblem(
            "reference",
            text,
            Code.UNKNOWN.value,
            _("No order has the reference or tracking “%(text)s”.") % {"text": text[:100]},
            _("Check the spelling; it is looked up exactly."),
        )
    if len(found.orders) > 1:
        named = ", ".join(list(found.orders.values())[:MOST_NAMED])
        return RowProblem(
            "reference",
            text,
            Code.AMBIGUOUS.value,
            _("“%(text)s” may be any of %(orders)s.") % {"text": text[:100], "orders": named},
            _("Write our own reference (ORD-…) instead."),
        )
    return None


def _remedy(result: Result) -> str:
    if result.code == Code.WRONG_STATUS:
        return _("Take the order through the steps before, or leave the row out.")
    return _("Look at the order, then leave the row out or try again.")


def _find_orders(texts: Mapping[int, str], actor: Actor) -> dict[int, _Found]:
    """By row number, the orders that its text may mean, of those the actor sees; four statements."""
    rows_of: dict[str, list[_Asked]] = defaultdict(list)
    ours: dict[str, list[_Asked]] = defaultdict(list)
    printed: dict[int, list[_Asked]] = defaultdict(list)
    for number, text in texts.items():
        for reading in read_scanned(text).readings if text else ():
            for spelling in spellings_of(reading):
                rows_of[spelling].append(_Asked(number, None))
            if (reference := read_reference(reading)) is not None:
                ours[reference[0]].append(_Asked(number, reference[1]))
            if (parcel := read_printed_code(reading)) is not None:
                printed[parcel.order_id].append(_Asked(number, parcel.cycle))
    visible = Order.objects.visible_to(actor.merchant_id).order_by()
    found: dict[int, _Found] = {number: _Found() for number in texts}
    arms: tuple[tuple[str, Mapping[Any, list[_Asked]]], ...] = (
        ("reference", ours),
        ("external_reference", rows_of),
        ("tracking", rows_of),
        ("pk", printed),
    )
    for column, wanted in arms:
        for batch in _batches([value for value in wanted if value != ""]):
            matches = visible.filter(**{f"{column}__in": batch})
            for order_id, our, cycle, value in matches.values_list("pk", "reference", "cycle", column):
                for row, asked_cycle in wanted[value]:
                    of_today = asked_cycle in (None, cycle)
                    (found[row].orders if of_today else found[row].past)[order_id] = our
    return found


def _batches(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Spellings multiply: no statement gets more parameters than any database takes."""
    for start in range(0, len(values), 10_000):
        yield values[start : start + 10_000]


def _day_of(job: Job) -> dt.date | None:
    day = job.params.get("date")
    return dt.date.fromisoformat(day) if day else None


# --- moving ------------------------------------------------------------------------------


def _move(run: Run, action: Action) -> Finish:
    job = run.job
    try:
        go_through(
            run,
            lambda items, actor: move_items(action, items, actor=actor, occurred_on=_day_of(job)),
            permission=TRANSITIONS[action].permission,
            source=SOURCE,
            size=AT_ONCE,
        )
    except ItemsRefused as refusal:
        return back_to_preview(run, refusal.refused)
    found = job.summary.get("file", {})
    if job.failed:
        give_back_refused_rows(
            run,
            kind=found.get("kind", "csv"),
            heading=job.summary.get("heading", []),
            delimiter=found.get("delimiter", ","),
        )
    return Finish()
