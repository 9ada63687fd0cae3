"""An order's status is written in one place; this reads the syntax tree of everything else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
WRITER = "orders/domain/life/moving.py"
# Columns that only the writer changes once an order exists.
GUARDED = {"status", "remembered_status", "reserved_warehouse", "reserved_warehouse_id", "packed_at"}


def sources() -> list[Path]:
    return sorted(
        path
        for folder in ("orders", "shipping", "config")
        for path in (ROOT / folder).rglob("*.py")
        if "migrations" not in path.parts
    )


def writes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, what) of assignments to a guarded attribute, of updates that set one, of SQL that does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if (
                    isinstance(target, ast.Attribute)
                    and target.attr in GUARDED
                    and isinstance(target.value, ast.Name)
                    and "order" in target.value.id
                ):
                    yield node.lineno, f"{target.value.id}.{target.attr} ="
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update"
        ):
            yield from (
                (node.lineno, f"update({word.arg}=)")
                for word in node.keywords
                if word.arg in GUARDED and "Order" in ast.unparse(node.func)
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = " ".join(node.value.upper().split())
            if text.startswith("UPDATE ORDERS_ORDER SET") and " STATUS =" in text:
                yield node.lineno, "SQL"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_else_writes_a_status(path: Path) -> None:
    if str(path.relative_to(ROOT)) == WRITER:
        return
    found = list(writes(ast.parse(path.read_text())))
    assert not found, f"{path}: {found}; move orders through {WRITER}"


@pytest.mark.parametrize(
    "code",
    [
        "order.status = 'SHIPPED'",
        "Order.objects.filter(pk=1).update(status='SHIPPED')",
        "cursor.execute('UPDATE orders_order SET status = 1')",
    ],
)
def test_the_reader_notices_a_second_writer(code: str) -> None:
    assert list(writes(ast.parse(code)))
