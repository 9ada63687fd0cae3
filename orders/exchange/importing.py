"""Takes orders in from a file: checks every row, shows what would happen, then writes exactly that, once.

How a row is read stands in order_rows.py, what an order has to be in orders/domain/incoming/intake.py.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.incoming.intake import (
    IMPORT,
    CreatedOrder,
    OrderDraft,
    OrdersRefused,
    ReadyOrder,
    Suspect,
    Twin,
    check_orders,
    create_orders,
    find_probable_duplicates,
)
from orders.domain.work import files
from orders.domain.work.jobchunks import ItemsRefused, allowed_actor, back_to_preview, go_through
from orders.domain.work.jobitems import Became, Outcome, Staged, drop_items, stage_items
from orders.domain.work.jobruns import Finish, JobFailed, Run, handles
from orders.exchange.columns import Heading, find_heading
from orders.exchange.formats import TableFormat
from orders.exchange.order_rows import COLUMNS, draft_of, kept_draft, read_draft, row_problem
from orders.exchange.problems import RowProblem, give_back_refused_rows
from orders.exchange.reading import Row, Table
from orders.models import Job, JobItem, Merchant

PERMISSION = "importOrders"
SOURCE = "import"
CHECKED_AT_ONCE = 1_000
WRITTEN_AT_ONCE = 500
SAMPLE = 10
DUPLICATE = "duplicate"


@handles(Job.Kind.IMPORT_ORDERS)
def import_orders(run: Run) -> Finish:
    """One run of an import: the check that ends in a preview, or the writing of what was previewed."""
    if run.phase == Job.Phase.CHECK:
        return _check(run)
    return _write(run)


# --- checking ------------------------------------------------------------------------------


@dataclass
class _Check:
    """What is remembered from one chunk of rows to the next."""

    run: Run
    merchant: Merchant
    actor: Actor
    heading: Heading
    earlier: Job | None
    seen_rows: dict[bytes, int] = field(default_factory=dict)
    seen_references: dict[str, int] = field(default_factory=dict)
    seen_pairs: dict[tuple[str, int], int] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    refused_codes: Counter[str] = field(default_factory=Counter)
    warned_codes: Counter[str] = field(default_factory=Counter)
    sample: list[dict[str, Any]] = field(default_factory=list)


def _check(run: Run) -> Finish:
    job = run.job
    actor = allowed_actor(run, PERMISSION, source=SOURCE)
    if job.merchant is None:
        raise JobFailed(_("The import names no merchant."), code="invalid")
    with run.transaction():
        drop_items(job.pk)
    with TableFormat.open(files.path_of(job.upload_path), tick=run.tick) as table:
        heading = find_heading(table.rows(), COLUMNS)
        check = _Check(run, job.merchant, actor, heading, _earlier_import(job))
        run.note(requested=0, done=0, skipped=0, failed=0)
        done = 0
        for chunk in _chunks(_rows_below(heading, table)):
            staged = _check_chunk(check, chunk)
            with run.transaction():
                stage_items(job.pk, staged)
            done += len(chunk)
            run.report(done / table.count)
        if not done:
            raise JobFailed(
                _("There is no row below the heading. Fill in the template and upload it again."),
                code="empty",
            )
        run.note(requested=done, failed=check.outcomes["failed"], skipped=check.outcomes["skipped"])
        if check.outcomes["failed"]:
            give_back_refused_rows(
                run, kind=table.findings.kind, heading=heading.cells, delimiter=table.findings.delimiter
            )
        return Finish(Job.State.PREVIEWED, _summary(check, table, done))


def _earlier_import(job: Job) -> Job | None:
    """The import of the very same file that was written last, if there is one."""
    same = Job.objects.filter(
        merchant=job.merchant,
        upload_sha256=job.upload_sha256,
        kind=Job.Kind.IMPORT_ORDERS,
        phase=Job.Phase.COMMIT,
    )
    return same.exclude(pk=job.pk).order_by("-id").first()


def _rows_below(heading: Heading, table: Table) -> Iterator[Row]:
    for row in table.rows():
        if row.number > heading.row and any(cell.strip() for cell in row.cells):
            yield row


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHECKED_AT_ONCE)):
        yield chunk


def _check_chunk(check: _Check, rows: Sequence[Row]) -> list[Staged]:
    """Every row of the chunk with its outcome; the number of statements does not depend on the rows."""
    drafts, own = zip(*(read_draft(row, check.heading) for row in rows), strict=True)
    found: list[list[RowProblem]] = [list(problems) for problems in own]
    drafts = tuple(
        _refuse_repeated(check, row, draft, found[i])
        for i, (row, draft) in enumerate(zip(rows, drafts, strict=True))
    )
    checked = check_orders(drafts, merchant=check.merchant, actor=check.actor, rules=IMPORT)
    if checked.call_errors:
        raise JobFailed(next(iter(checked.call_errors.values()))[0], code="refused")
    for problem in checked.problems:
        found[problem.index].append(row_problem(problem, len(drafts[problem.index].lines)))
    ready = {order.index: order for order in checked.ready if not found[order.index]}
    twins = find_probable_duplicates(map(Suspect.of, ready.values()), merchant=check.merchant)
    earlier = _written_before(check.run.job, [row.number for row in rows])
    return [
        _stage(check, row, found[index], ready.get(index), twins.get(index, []), earlier.get(row.number))
        for index, row in enumerate(rows)
    ]


def _refuse_repeated(check: _Check, row: Row, draft: OrderDraft, problems: list[RowProblem]) -> OrderDraft:
    """Refuses an external reference that an earlier row of the file bears."""
    reference = draft.external_reference
    if not reference:
        return draft
    first = check.seen_references.setdefault(reference, row.number)
    if first == row.number:
        return draft
    problems.append(
        RowProblem(
            "external_reference",
            reference,
            "repeated",
            _("Row %(row)s has the reference “%(reference)s” already.")
            % {"row": first, "reference": reference},
            _("Give each order a reference of its own, or remove the row."),
        )
    )
    return replace(draft, external_reference=None)


def _written_before(job: Job, numbers: Sequence[int]) -> dict[int, JobItem]:
    """By row number: what an earlier import of the very same file made of it; the last word counts."""
    items = JobItem.objects.filter(
        job__merchant=job.merchant,
        job__upload_sha256=job.upload_sha256,
        job__kind=Job.Kind.IMPORT_ORDERS,
        job__phase=Job.Phase.COMMIT,
        outcome__in=(Outcome.DONE, Outcome.FAILED),
        number__range=(min(numbers), max(numbers)),
    ).exclude(job_id=job.pk)
    found: dict[int, JobItem] = {}
    for item in (
        items.select_related("order")
        .only("number", "outcome", "job", "order", "order__reference")
        .order_by("id")
    ):
        if item.outcome == Outcome.DONE or item.number not in found:
            found[item.number] = item
    return found


def _stage(
    check: _Check,
    row: Row,
    problems: list[RowProblem],
    ready: ReadyOrder | None,
    twins: Sequence[Twin],
    earlier: JobItem | None,
) -> Staged:
    payload: dict[str, Any] = {"cells": row.cells}
    if ready is not None:
        payload["draft"] = kept_draft(ready)
        problems += _warnings(check, row, ready, twins)
    outcome, code, message = _judge(row, problems, ready, earlier)
    check.outcomes[outcome] += 1
    codes = {problem.code for problem in problems}
    if outcome == Outcome.FAILED:
        check.refused_codes.update(codes)
    elif outcome == Outcome.READY:
        check.warned_codes.update(codes)
    if ready is not None and outcome == Outcome.READY and len(check.sample) < SAMPLE:
        check.sample.append(_sample_row(row, ready))
    return Staged(row.number, outcome, code, message, payload, [problem.as_json() for problem in problems])


def _judge(
    row: Row, problems: Sequence[RowProblem], ready: ReadyOrder | None, earlier: JobItem | None
) -> tuple[JobItem.Outcome, str, str]:
    if earlier is not None and earlier.outcome == Outcome.DONE and earlier.order is not None:
        words = _("Row %(row)s of this file is %(reference)s already (import %(job)s).")
        facts = {"row": row.number, "reference": earlier.order.reference, "job": earlier.job_id}
        return Outcome.SKIPPED, DUPLICATE, words % facts
    if ready is not None:
        first = problems[0] if problems else None  # warnings only
        return (Outcome.READY, first.code, first.words) if first else (Outcome.READY, "", "")
    errors = [problem for problem in problems if not problem.is_warning]
    if earlier is not None:
        words = _("Row %(row)s of this file was refused before (import %(job)s): %(why)s")
        facts = {"row": row.number, "job": earlier.job_id, "why": errors[0].words}
        return Outcome.SKIPPED, DUPLICATE, words % facts
    return Outcome.FAILED, errors[0].code, errors[0].words


def _warnings(check: _Check, row: Row, ready: ReadyOrder, twins: Sequence[Twin]) -> Iterator[RowProblem]:
    """What a person should look at before writing; none of it keeps the row out."""
    if ready.place is None:
        yield RowProblem(
            "city",
            ready.row.city,
            "unknown_city",
            _("The city “%(city)s” is not known, or several share the name.") % {"city": ready.row.city},
            _("The order is taken; somebody has to choose its city before it goes to a company."),
            is_warning=True,
        )
    fingerprint = hashlib.blake2b("\x1f".join(row.cells).encode("utf-8", "replace"), digest_size=16).digest()
    first = check.seen_rows.setdefault(fingerprint, row.number)
    if first != row.number:
        yield RowProblem(
            "",
            "",
            "repeated_row",
            _("This row is the same as row %(row)s.") % {"row": first},
            _("Both are taken. Remove one of them if it is one order."),
            is_warning=True,
        )
    elif (other := _same_customer_and_product(check, row, ready)) is not None:
        yield RowProblem(
            "phone",
            ready.row.phone,
            "same_phone_and_product",
            _("Row %(row)s has the same phone and one of the products.") % {"row": other},
            _("Both are taken. Remove one of them if it is one order."),
            is_warning=True,
        )
    if twins:
        yield RowProblem(
            "phone",
            ready.row.phone,
            "probable_duplicate",
            _("%(reference)s of the last two days has the same phone and %(sku)s.")
            % {"reference": twins[-1].reference, "sku": twins[-1].sku},
            _("The order is taken all the same. Remove the row if it is the same order."),
            is_warning=True,
        )


def _same_customer_and_product(check: _Check, row: Row, ready: ReadyOrder) -> int | None:
    phone = ready.row.phone_e164
    if not phone:
        return None
    pairs = [(phone, line.product_id) for line in ready.lines if line.product_id is not None]
    earlier = [check.seen_pairs[pair] for pair in pairs if pair in check.seen_pairs]
    for pair in pairs:
        check.seen_pairs.setdefault(pair, row.number)
    return min(earlier) if earlier else None


def _sample_row(row: Row, ready: ReadyOrder) -> dict[str, Any]:
    return {
        "row": row.number,
        "full_name": ready.row.full_name,
        "phone": ready.row.phone_e164 or ready.row.phone,
        "city": ready.place.name if ready.place else ready.row.city,
        "products": ", ".join(f"{line.quantity} × {line.sku}" for line in ready.lines),
        "total": str(ready.row.total),
    }


def _summary(check: _Check, table: Table, rows: int) -> dict[str, Any]:
    earlier = check.earlier
    return {
        "file": asdict(table.findings),
        "heading": list(check.heading.cells),
        "heading_row": check.heading.row,
        "columns": {name: check.heading.cells[place] for name, place in check.heading.places.items()},
        "unknown_columns": list(check.heading.unknown),
        "rows": rows,
        "ready": check.outcomes["ready"],
        "refused": check.outcomes["failed"],
        "duplicates": check.outcomes["skipped"],
        "refused_by_code": dict(check.refused_codes.most_common()),
        "warned_by_code": dict(check.warned_codes.most_common()),
        "sample": check.sample,
        "earlier_job": earlier.pk if earlier else None,
        "merchant": check.merchant.name,
        "currency": check.merchant.currency,
    }


# --- writing -------------------------------------------------------------------------------


def _write(run: Run) -> Finish:
    """Writes the rows that the preview called ready; a run that was cut short goes on where it stopped."""
    job = run.job
    try:
        go_through(
            run,
            lambda items, actor: _write_chunk(job, items, actor),
            permission=PERMISSION,
            source=SOURCE,
            size=WRITTEN_AT_ONCE,
            before=lambda: _wait_for_turn(job),
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


def _wait_for_turn(job: Job) -> None:
    """Imports of the very same file write one after the other, so that each sees what the others wrote."""
    same = Job.objects.filter(merchant=job.merchant, upload_sha256=job.upload_sha256)
    list(same.order_by("id").select_for_update().values_list("pk", flat=True)[:1])


def _write_chunk(job: Job, items: Sequence[JobItem], actor: Actor) -> list[Became]:
    """The orders of one chunk, and what became of each row; rows no longer acceptable are left out."""
    earlier = _written_before(job, [item.number for item in items])
    outcomes = []
    fresh = []
    for item in items:
        before = earlier.get(item.number)
        if before is not None and before.outcome == Outcome.DONE and before.order is not None:
            words = _("Row %(row)s of this file is %(reference)s already (import %(job)s).")
            facts = {"row": item.number, "reference": before.order.reference, "job": before.job_id}
            outcomes.append(Became(item.number, Outcome.SKIPPED, DUPLICATE, words % facts))
        else:
            fresh.append(item)
    assert job.merchant is not None  # noqa: S101 - the check refused otherwise
    drafts = [draft_of(item.payload["draft"]) for item in fresh]
    made, refused = _create(drafts, job.merchant, actor)
    outcomes += [Became(fresh[order.index].number, Outcome.DONE, order_id=order.id) for order in made]
    for index, problems in refused.items():
        outcomes.append(
            Became(
                fresh[index].number,
                Outcome.FAILED,
                problems[0].code,
                problems[0].words,
                problems=[problem.as_json() for problem in problems],
            )
        )
    return outcomes


def _create(
    drafts: Sequence[OrderDraft], merchant: Merchant, actor: Actor
) -> tuple[list[CreatedOrder], dict[int, list[RowProblem]]]:
    """The orders made, by the drafts' index, and what is wrong with the others since the preview."""
    if not drafts:
        return [], {}
    try:
        return create_orders(drafts, merchant=merchant, actor=actor, rules=IMPORT), {}
    except OrdersRefused as refusal:
        if not refusal.problems:
            raise JobFailed(refusal.message, code="refused") from None
        refused: dict[int, list[RowProblem]] = {}
        for problem in refusal.problems:
            count = len(drafts[problem.index].lines)
            refused.setdefault(problem.index, []).append(row_problem(problem, count))
    good = [index for index in range(len(drafts)) if index not in refused]
    if not good:
        return [], refused
    made = create_orders([drafts[index] for index in good], merchant=merchant, actor=actor, rules=IMPORT)
    return [CreatedOrder(good[o.index], o.id, o.reference, o.external_reference) for o in made], refused
