"""Takes products in from a file: checks every row, shows what would happen, then writes exactly that, once.

How a row is read stands in product_rows.py, what a product may be in orders/domain/goods/catalogue.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Literal, NamedTuple, cast

from django.db import transaction
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.goods.catalogue import PERMISSION, ProductDraft, save_products, switch_problems
from orders.domain.goods.stocktaking import Count, ShortShelves, count_stock, receive_stock
from orders.domain.refusals import InvalidInput, Locked, Refusal, StaleVersion
from orders.domain.work import files
from orders.domain.work.jobchunks import ItemsRefused, allowed_actor, back_to_preview, go_through
from orders.domain.work.jobitems import Became, Outcome, Staged, drop_items, stage_items
from orders.domain.work.jobruns import Finish, JobFailed, Run, handles
from orders.exchange.columns import Heading, find_heading
from orders.exchange.formats import TableFormat
from orders.exchange.problems import RowProblem, give_back_refused_rows
from orders.exchange.product_rows import (
    COLUMNS,
    ProductRow,
    kept_product,
    missing_of_new,
    product_of,
    read_product,
)
from orders.exchange.reading import Row, Table
from orders.models import Job, JobItem, Merchant, Product, StockLevel, Warehouse

SOURCE = "import"
CHECKED_AT_ONCE = 1_000
WRITTEN_AT_ONCE = 500
SAMPLE = 10
UNCHANGED = "unchanged"
# What the units in the file are: what was counted on the shelf, or what came and is put there.
OnHand = Literal["counted", "received"]
_TRIES = 3


class Known(NamedTuple):
    """A product as it is, and what lies of it in the chosen warehouse."""

    id: int
    name: str
    price: Any
    ean: str
    track_stock: bool
    is_active: bool
    edition: str
    on_hand: int
    reserved: int


@handles(Job.Kind.IMPORT_PRODUCTS)
def import_products(run: Run) -> Finish:
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
    warehouse: Warehouse
    units: OnHand
    heading: Heading
    seen_skus: dict[str, int] = field(default_factory=dict)
    seen_eans: dict[str, int] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    refused_codes: Counter[str] = field(default_factory=Counter)
    sample: list[dict[str, Any]] = field(default_factory=list)


def _check(run: Run) -> Finish:
    job = run.job
    allowed_actor(run, PERMISSION, source=SOURCE)
    merchant, warehouse = _asked(job)
    with run.transaction():
        drop_items(job.pk)
    with TableFormat.open(files.path_of(job.upload_path), tick=run.tick) as table:
        heading = find_heading(table.rows(), COLUMNS)
        check = _Check(run, merchant, warehouse, _units(job), heading)
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


def _asked(job: Job) -> tuple[Merchant, Warehouse]:
    warehouse = Warehouse.objects.filter(pk=job.params.get("warehouse_id"), is_active=True).first()
    if job.merchant is None or warehouse is None:
        raise JobFailed(_("The import names no merchant, or a warehouse that is closed."), code="invalid")
    return job.merchant, warehouse


def _units(job: Job) -> OnHand:
    return cast("OnHand", job.params.get("on_hand", "counted"))


def _rows_below(heading: Heading, table: Table) -> Iterator[Row]:
    for row in table.rows():
        if row.number > heading.row and any(cell.strip() for cell in row.cells):
            yield row


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHECKED_AT_ONCE)):
        yield chunk


def _check_chunk(check: _Check, rows: Sequence[Row]) -> list[Staged]:
    """Every row of the chunk with its outcome; the number of statements does not depend on the rows."""
    read = [read_product(row, check.heading) for row in rows]
    known = _read_known((product.draft.sku for product, _own in read), check.merchant, check.warehouse)
    taken = _read_eans((product.draft.ean for product, _own in read), check.merchant)
    switched = switch_problems(
        known[product.draft.sku].id for product, _own in read if _switches(product, known)
    )
    return [
        _stage(check, row, product, list(problems), known, taken, switched)
        for row, (product, problems) in zip(rows, read, strict=True)
    ]


def _read_known(skus: Iterator[str], merchant: Merchant, warehouse: Warehouse) -> dict[str, Known]:
    """The merchant's products of the SKUs with their shelf; two statements."""
    products = list(
        Product.objects.filter(merchant=merchant, sku__in=set(skus) - {""}).values_list(
            "sku", "pk", "name", "price", "ean", "track_stock", "is_active", "updated_at"
        )
    )
    levels = {
        product_id: (on_hand, reserved)
        for product_id, on_hand, reserved in StockLevel.objects.filter(
            warehouse=warehouse, product_id__in=[row[1] for row in products]
        ).values_list("product_id", "on_hand", "reserved")
    }
    return {
        sku: Known(pk, name, price, ean, track, active, edition.isoformat(), *levels.get(pk, (0, 0)))
        for sku, pk, name, price, ean, track, active, edition in products
    }


def _read_eans(eans: Iterator[str], merchant: Merchant) -> dict[str, set[str]]:
    """The SKUs of the merchant's products that bear each EAN; one statement."""
    found: dict[str, set[str]] = {}
    rows = Product.objects.filter(merchant=merchant, ean__in=set(eans) - {""}).values_list("ean", "sku")
    for ean, sku in rows:
        found.setdefault(ean, set()).add(sku)
    return found


def _switches(product: ProductRow, known: Mapping[str, Known]) -> bool:
    before = known.get(product.draft.sku)
    return (
        before is not None
        and "track_stock" in product.given
        and before.track_stock != product.draft.track_stock
    )


def _stage(
    check: _Check,
    row: Row,
    product: ProductRow,
    problems: list[RowProblem],
    known: Mapping[str, Known],
    taken: Mapping[str, set[str]],
    switched: set[int],
) -> Staged:
    sku = product.draft.sku
    before = known.get(sku)
    problems += _refuse_repeated(check, row, product)
    problems += _refuse_taken(product, taken)
    if before is None:
        problems += missing_of_new(product, said={problem.column for problem in problems})
    else:
        problems += _refuse_against(check, product, before, is_held=before.id in switched)
    if before is None and product.on_hand and not product.draft.track_stock:
        problems.append(_not_counted(sku, str(product.on_hand)))
    payload: dict[str, Any] = {"cells": row.cells, "reference": sku}
    if problems:
        check.outcomes[Outcome.FAILED] += 1
        check.refused_codes.update({problem.code for problem in problems})
        said = [problem.as_json() for problem in problems]
        return Staged(row.number, Outcome.FAILED, problems[0].code, problems[0].words, payload, said)
    words = _what_happens(check.units, product, before)
    outcome = Outcome.READY if words else Outcome.SKIPPED
    check.outcomes[outcome] += 1
    if not words:
        return Staged(
            row.number, outcome, UNCHANGED, _("%(sku)s is like that already.") % {"sku": sku}, payload
        )
    payload |= {
        "product": kept_product(product),
        "edition": before.edition if before else None,
        "seen": before.on_hand if before else 0,
    }
    if len(check.sample) < SAMPLE:
        check.sample.append({"row": row.number, "reference": sku, "message": words})
    return Staged(row.number, outcome, "", words, payload)


def _refuse_repeated(check: _Check, row: Row, product: ProductRow) -> Iterator[RowProblem]:
    """Refuses a SKU or EAN that an earlier row of the file has."""
    for column, value, seen in (
        ("sku", product.draft.sku, check.seen_skus),
        ("ean", product.draft.ean, check.seen_eans),
    ):
        first = seen.setdefault(value, row.number) if value else row.number
        if first != row.number:
            yield RowProblem(
                column,
                value,
                "repeated",
                _("Row %(row)s has %(value)s already.") % {"row": first, "value": value},
                _("Keep one row for each product."),
            )


def _refuse_taken(product: ProductRow, taken: Mapping[str, set[str]]) -> Iterator[RowProblem]:
    others = taken.get(product.draft.ean, set()) - {product.draft.sku}
    if product.draft.ean and others:
        yield RowProblem(
            "ean",
            product.draft.ean,
            "taken",
            _("This is the EAN of %(sku)s already.") % {"sku": min(others)},
            _("Correct one of the two."),
        )


def _refuse_against(
    check: _Check, product: ProductRow, before: Known, *, is_held: bool
) -> Iterator[RowProblem]:
    """What stands against changing a product that is there."""
    sku = product.draft.sku
    tracked = product.draft.track_stock if "track_stock" in product.given else before.track_stock
    if is_held:
        yield RowProblem(
            "track_stock",
            "",
            "held",
            _("Orders hold units of %(sku)s on a shelf.") % {"sku": sku},
            _("Ship or cancel them first, or leave the cell empty."),
        )
    if product.on_hand is None:
        return
    if not tracked and (product.on_hand or before.track_stock):
        yield _not_counted(sku, str(product.on_hand))
    elif check.units == "counted" and product.on_hand < before.reserved:
        yield RowProblem(
            "on_hand",
            str(product.on_hand),
            "insufficient_stock",
            _("Orders hold %(reserved)s units of %(sku)s in %(warehouse)s.")
            % {"reserved": before.reserved, "sku": sku, "warehouse": check.warehouse.name},
            _("Count again, or cancel or roll back those orders first."),
        )


def _not_counted(sku: str, value: str) -> RowProblem:
    return RowProblem(
        "on_hand",
        value,
        "not_counted",
        _("%(sku)s is not counted.") % {"sku": sku},
        _("Write yes under track_stock, or leave on_hand empty."),
    )


def _what_happens(units: OnHand, product: ProductRow, before: Known | None) -> str:
    """What the row would do, in words; '' when nothing."""
    moved = _units_moved(units, product, before)
    parts = []
    if before is None:
        parts.append(_("new product"))
    else:
        parts += [
            f"{name}: {_shown(getattr(before, name))} → {_shown(getattr(product.draft, name))}"
            for name in ("name", "price", "ean", "track_stock", "is_active")
            if name in product.given and getattr(before, name) != getattr(product.draft, name)
        ]
    if moved:
        here = before.on_hand if before else 0
        parts.append(
            _("on hand: %(before)s → %(after)s (%(change)s)")
            % {"before": f"{here:,}", "after": f"{here + moved:,}", "change": f"{moved:+,}"}
        )
    return ", ".join(parts)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value) if value not in (None, "") else "–"


def _units_moved(units: OnHand, product: ProductRow, before: Known | None) -> int:
    if product.on_hand is None:
        return 0
    return product.on_hand if units == "received" else product.on_hand - (before.on_hand if before else 0)


def _summary(check: _Check, table: Table, rows: int) -> dict[str, Any]:
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
        "warned_by_code": {},
        "sample": check.sample,
        "merchant": check.merchant.name,
        "currency": check.merchant.currency,
        "warehouse": check.warehouse.name,
    }


# --- writing -------------------------------------------------------------------------------


def _write(run: Run) -> Finish:
    """Writes the rows that the preview called ready; a run that was cut short goes on where it stopped."""
    job = run.job
    merchant, warehouse = _asked(job)
    try:
        go_through(
            run,
            lambda items, actor: _write_chunk(job, items, actor, merchant, warehouse),
            permission=PERMISSION,
            source=SOURCE,
            size=WRITTEN_AT_ONCE,
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


def _write_chunk(
    job: Job, items: Sequence[JobItem], actor: Actor, merchant: Merchant, warehouse: Warehouse
) -> list[Became]:
    """What became of each row. A row that no longer holds is refused whole: product and units."""
    skus = [item.payload["reference"] for item in items]
    # From here to the end of the chunk nobody changes a product that the preview saw.
    held = Product.objects.filter(merchant=merchant, sku__in=skus).order_by("pk")
    list(held.select_for_update(no_key=True).values_list("pk"))
    known = _read_known(iter(skus), merchant, warehouse)
    refused: dict[int, Became] = {}
    for item in items:
        problem = _changed_since(item, known)
        if problem is not None:
            refused[item.number] = problem
    for _try in range(_TRIES):
        left = [item for item in items if item.number not in refused]
        stopped = _save(job, left, actor, merchant, warehouse)
        if not stopped:
            done = [Became(item.number, Outcome.DONE) for item in left]
            return [*done, *refused.values()]
        refused |= stopped
    raise Locked(_("Somebody else is changing the same products. It will be tried again in a moment."))


def _changed_since(item: JobItem, known: Mapping[str, Known]) -> Became | None:
    """The refusal of a row whose product is another than the preview saw."""
    before = known.get(item.payload["reference"])
    if (before.edition if before else None) == item.payload["edition"]:
        return None
    return _refusal(item, "sku", "stale", _("The product was changed since the preview."))


def _save(
    job: Job, items: Sequence[JobItem], actor: Actor, merchant: Merchant, warehouse: Warehouse
) -> dict[int, Became]:
    """Writes products and units of the rows, or nothing and the rows that stood against it, by number."""
    rows = [(item, product_of(item.payload["product"])) for item in items]
    if not rows:
        return {}
    try:
        with transaction.atomic():
            ids = _save_products(rows, merchant, actor)
            _save_units(job, rows, ids, actor, warehouse)
    except (ShortShelves, StaleVersion, InvalidInput) as refusal:
        return _named_by(refusal, rows, _units(job))
    return {}


def _save_products(
    rows: Sequence[tuple[JobItem, ProductRow]], merchant: Merchant, actor: Actor
) -> dict[str, int]:
    """The products' ids by SKU. Rows that say different things are saved apart, each group at once."""
    groups: dict[frozenset[str], list[ProductDraft]] = {}
    for _item, product in rows:
        groups.setdefault(product.given, []).append(product.draft)
    ids: dict[str, int] = {}
    for given, drafts in sorted(groups.items(), key=lambda group: sorted(group[0])):
        saved = save_products(drafts, merchant_id=merchant.pk, actor=actor, given=given or {"sku"})
        ids |= saved.ids
    return ids


def _save_units(
    job: Job,
    rows: Sequence[tuple[JobItem, ProductRow]],
    ids: Mapping[str, int],
    actor: Actor,
    warehouse: Warehouse,
) -> None:
    moving = _moving(_units(job), rows)
    if not moving:
        return
    reason = _("Import of %(name)s") % {"name": job.upload_name[:200]}
    shared: dict[str, Any] = {"warehouse_id": warehouse.pk, "actor": actor, "reason": reason}
    if _units(job) == "received":
        receive_stock([(ids[product.draft.sku], units) for _item, product, units in moving], **shared)
        return
    counts = [Count(ids[product.draft.sku], units, item.payload["seen"]) for item, product, units in moving]
    count_stock(counts, **shared)


def _moving(
    units: OnHand, rows: Sequence[tuple[JobItem, ProductRow]]
) -> list[tuple[JobItem, ProductRow, int]]:
    """The rows that change how many units lie there, in their order, each with the number it says."""
    return [
        (item, product, product.on_hand)
        for item, product in rows
        if product.on_hand is not None
        and product.on_hand != (0 if units == "received" else item.payload["seen"])
    ]


def _named_by(
    refusal: Refusal, rows: Sequence[tuple[JobItem, ProductRow]], units: OnHand
) -> dict[int, Became]:
    """The rows that the refusal names; it stands when it names none of them."""
    by_sku = {product.draft.sku: item for item, product in rows}
    if isinstance(refusal, StaleVersion):
        return {
            by_sku[sku].number: _refusal(
                by_sku[sku],
                "on_hand",
                "stale",
                _("Units of %(sku)s moved since the preview: %(now)s on hand now.")
                % {"sku": sku, "now": now["on_hand"]},
            )
            for sku, now in refusal.current.items()
        }
    moving = [item for item, _product, _units in _moving(units, rows)]
    errors: Mapping[str, Sequence[str]] = getattr(refusal, "errors", {})
    named = {}
    for path, texts in errors.items():
        if path.startswith("lines."):
            item = moving[int(path.split(".")[1])]
            named[item.number] = _refusal(item, "on_hand", str(refusal.code), texts[0])
    if not named:
        raise refusal
    return named


def _refusal(item: JobItem, column: str, code: str, words: str) -> Became:
    problem = RowProblem(column, item.payload["reference"], code, words, _("Upload the row again."))
    return Became(item.number, Outcome.FAILED, code, words, problems=[problem.as_json()])
