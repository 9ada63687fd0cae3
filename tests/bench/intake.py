"""Takes in 1,000 orders of two lines, against the bare COPY of the same rows made beforehand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest import mock

from django.db import connection, models, transaction
from django.utils import timezone

from orders.domain.actors import Actor
from orders.domain.incoming import intake
from orders.domain.incoming.intake import LineDraft, OrderDraft, create_orders
from orders.models import Merchant
from tests.bench.measuring import Figure, compare

BATCH = 1000
GOAL = 2.0


def measure() -> Figure:
    merchant = Merchant.objects.get(slug="atlas")
    actor = Actor.system("bench")
    prepared = _prepared_copies(merchant, actor)

    def ours() -> None:
        assert len(create_orders(_drafts(), merchant=merchant, actor=actor)) == BATCH

    def limit() -> None:
        next(prepared)()

    return compare("take in 1,000 orders of two lines", ours=ours, limit=limit, goal=GOAL)


def _drafts() -> list[OrderDraft]:
    return [
        OrderDraft(
            full_name=f"Karim Mansouri {number}",
            phone=f"06612{number:05d}",
            city=("Casablanca", "Rabat", "Fès", "Agadir")[number % 4],
            address=f"{number} Bd Mohammed V",
            notes="Fragile" if number % 5 == 0 else None,
            total=200,
            is_fees_paid_by_customer=True,
            lines=(
                LineDraft(sku=f"SKU-{number % 2000:05d}", quantity=1, price=100),
                LineDraft(sku=f"SKU-{(number + 7) % 2000:05d}", quantity=2, price=50),
            ),
        )
        for number in range(BATCH)
    ]


Copy = tuple[str, Sequence[str], bytes]


def _prepared_copies(merchant: Merchant, actor: Actor) -> Iterator[Callable[[], None]]:
    """Writes of ready-made blobs: the rows that the product itself would have copied."""
    while True:
        copies = _captured(merchant, actor)

        def write(copies: list[Copy] = copies) -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "SELECT nextval(pg_get_serial_sequence('orders_order', 'id')) FROM generate_series(1, %s)",
                    [BATCH],
                )
                cursor.fetchall()
                for table, columns, blob in copies:
                    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                        copy.write(blob)

        yield write


def _captured(merchant: Merchant, actor: Actor) -> list[Copy]:
    """What the product would hand to COPY for the drafts, ids allotted and all."""
    copies: list[Copy] = []

    def keep(model: type[models.Model], columns: Sequence[str], rows: Any) -> None:
        blob = "".join("\t".join(_text(value) for value in row) + "\n" for row in rows)
        copies.append((model._meta.db_table, columns, blob.encode()))

    checked = intake.check_orders(_drafts(), merchant=merchant, actor=actor)
    with transaction.atomic(), mock.patch.object(intake, "copy_rows", keep):
        intake._write(checked.ready, merchant, actor, timezone.now())
    return copies


def _text(value: Any) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value)
