"""Writes the orders of a filter to a file: streamed, whole or not at all, for its owner alone.

How a table is written stands in sheets.py; which orders a filter means, in orders/domain/lists/filtering.py.
"""

from __future__ import annotations

import logging
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from orders.domain.lists.filtering import filtered_orders
from orders.domain.work import files, jobfiles
from orders.domain.work.jobchunks import allowed_actor
from orders.domain.work.jobruns import Finish, JobFailed, Run, handles
from orders.exchange.formats import FORMATS
from orders.exchange.sheets import Cell
from orders.models import Job, Order, OrderLine

log = logging.getLogger(__name__)

PERMISSION = "exportOrders"
AT_ONCE = 2_000
SHEET_ROWS = 1_048_575  # what one sheet of a workbook holds below its heading

# Named as the import names them where it has them, so that a file can go out and come in again.
HEADING = (
    "reference",
    "external_reference",
    "merchant",
    "created_at",
    "status",
    "call_center",
    "payment_status",
    "full_name",
    "phone",
    "second_phone",
    "email",
    "city",
    "area",
    "address",
    "skus",
    "quantities",
    "prices",
    "total",
    "currency",
    "amount_due",
    "amount_collected",
    "tracking",
    "company",
    "warehouse",
    "notes",
)
_COLUMNS = (
    "id",
    "cycle",
    "merchant__timezone",
    "reference",
    "external_reference",
    "merchant__slug",
    "created_at",
    "status",
    "call_center",
    "payment_status",
    "full_name",
    "phone",
    "second_phone",
    "email",
    "city",
    "area",
    "address",
    "total",
    "currency",
    "amount_due",
    "amount_collected",
    "tracking",
    "company_name",
    "warehouse__code",
    "notes",
)
_LINES_AT = HEADING.index("skus")


@handles(Job.Kind.EXPORT_ORDERS)
def export_orders(run: Run) -> Finish:
    """The file, handed to the job's owner; the rows are those that the filter meant when the run began."""
    job = run.job
    actor = allowed_actor(run, PERMISSION, source="export")
    kind = job.params["extension"]
    chosen = filtered_orders(job.params.get("filter", ""), actor=actor).order_by("id")
    # The ids of one statement are one moment's, whatever is done to the orders while the file grows.
    ids = array("q", chosen.values_list("id", flat=True).iterator(chunk_size=10_000))
    if kind == "xlsx" and len(ids) > SHEET_ROWS:
        raise JobFailed(
            _("%(count)s orders do not fit on one sheet. Export them as CSV, or narrow the filter.")
            % {"count": f"{len(ids):,}"},
            code="too_many_rows",
        )
    run.note(requested=len(ids), done=0, skipped=0, failed=0)
    path = jobfiles.result_path(job, run.fence, kind)
    with files.writing_file(path) as file:
        FORMATS[kind].write(file, HEADING, _all_rows(run, ids))
    with run.transaction():
        stamp = timezone.localtime().strftime("%Y-%m-%d %H%M")
        jobfiles.keep_result(job, path=path, name=files.shown_name(f"orders {stamp}.{kind}"))
        run.add(done=len(ids))
    log.info("exported %s orders as %s for user %s: %s", len(ids), kind, job.owner_id, job.params)
    return Finish(summary={"rows": len(ids)})


def _all_rows(run: Run, ids: Sequence[int]) -> Iterator[list[Cell]]:
    for start in range(0, len(ids), AT_ONCE):
        yield from _read_rows(ids[start : start + AT_ONCE])
        run.report((start + AT_ONCE) / len(ids))


def _read_rows(ids: Sequence[int]) -> Iterator[list[Cell]]:
    """The orders as rows, by id; two statements."""
    lines = _read_lines(ids)
    orders = Order.objects.filter(pk__in=list(ids)).order_by("pk").values_list(*_COLUMNS)
    for id, cycle, zone, *facts in orders:
        facts[3] = facts[3].astimezone(ZoneInfo(zone)).isoformat(" ", "minutes")[:16]
        skus, quantities, prices = lines.get((id, cycle), ((), (), ()))
        facts[_LINES_AT:_LINES_AT] = [",".join(skus), ",".join(quantities), ",".join(prices)]
        yield facts


def _read_lines(ids: Sequence[int]) -> dict[tuple[int, int], tuple[list[str], list[str], list[str]]]:
    found: dict[tuple[int, int], tuple[list[str], list[str], list[str]]] = defaultdict(lambda: ([], [], []))
    lines = OrderLine.objects.filter(order_id__in=list(ids)).order_by("order_id", "position")
    for order_id, cycle, sku, quantity, price in lines.values_list(
        "order_id", "cycle", "sku", "quantity", "unit_price"
    ):
        skus, quantities, prices = found[order_id, cycle]
        skus.append(sku)
        quantities.append(str(quantity))
        prices.append(_amount(price))
    return found


def _amount(value: Decimal) -> str:
    return f"{value:f}"
