"""The order's life in docs/orders.md is the table of the code, word for word."""

from __future__ import annotations

from pathlib import Path

from django.utils import translation

from orders.domain.life.transitions import TRANSITIONS, Action
from orders.models import Status

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "orders.md"


def table() -> str:
    """TRANSITIONS as the document shows it."""
    lines = [
        "| action | in words | from | to | stock | payment | permission |",
        "|---|---|---|---|---|---|---|",
    ]
    for action, row in TRANSITIONS.items():
        sources = ", ".join(status.name for status in Status if status in row.sources)
        lines.append(
            "| "
            + " | ".join(
                (
                    f"`{action}`",
                    str(row.label),
                    "any but ROLLBACK" if action == Action.UNDO else sources,
                    row.target.name if row.target else "the status before",
                    "" if row.stock == "nothing" else row.stock.replace("_", " "),
                    "" if row.payment == "nothing" else row.payment.replace("_", " "),
                    f"`{row.permission}`" if row.permission else "as the step undone",
                )
            )
            + " |"
        )
    return "\n".join(lines)


def test_the_document_shows_the_table_as_it_is() -> None:
    with translation.override("en"):
        expected = table()
    assert expected in DOCUMENT.read_text(), f"docs/orders.md has to hold:\n\n{expected}"
