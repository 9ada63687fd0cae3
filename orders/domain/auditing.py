"""Checks over the whole database that nothing was lost or doubled, in set-based SQL.

Each invariant says what rows can show of it; what they cannot is named with the
test that shows it. Nothing here mends anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.db import connection

from orders.domain.life.transitions import (
    TRANSITIONS,
    Action,
    is_allowed,
    resumes,
    standing_status,
    target_of,
)
from orders.domain.setup.tokens import BEGINNING
from orders.models import Status


@dataclass(frozen=True)
class Check:
    """One look at the rows: `count` answers how many break the rule."""

    words: str
    count: Callable[[], int]


@dataclass(frozen=True)
class Invariant:
    code: str
    words: str
    checks: tuple[Check, ...] = ()
    shown_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """An invariant with the number of its violations, and which checks found them."""

    invariant: Invariant
    violations: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.violations.values())


def audit() -> Iterator[Finding]:
    """Each invariant with its count of violations, in order, as soon as it is known."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
    for invariant in INVARIANTS:
        yield Finding(invariant, {check.words: check.count() for check in invariant.checks})


def _rows(sql: str, params: Sequence[str] = ()) -> Callable[[], int]:
    """Counts the rows that the SELECT yields."""

    def count() -> int:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM ({sql}) AS broken", list(params))  # noqa: S608
            (found,) = cursor.fetchone()
            return int(found)

    return count


_LEDGER = """
    SELECT warehouse_id, product_id FROM (
        SELECT warehouse_id, product_id, on_hand AS units FROM orders_stocklevel
        UNION ALL
        SELECT warehouse_id, product_id, -delta FROM orders_stockmovement
    ) AS both_sides GROUP BY warehouse_id, product_id HAVING sum(units) <> 0
"""
_LEVELS = "SELECT id FROM orders_stocklevel WHERE on_hand < 0 OR reserved < 0 OR reserved > on_hand"
_RESERVED = """
    SELECT warehouse_id, product_id FROM (
        SELECT warehouse_id, product_id, reserved AS units FROM orders_stocklevel
        UNION ALL
        SELECT o.reserved_warehouse_id, l.product_id, -l.quantity
        FROM orders_order o
        JOIN orders_orderline l ON l.order_id = o.id AND l.cycle = o.cycle
        JOIN orders_product p ON p.id = l.product_id AND p.track_stock
        WHERE o.reserved_warehouse_id IS NOT NULL
    ) AS both_sides GROUP BY warehouse_id, product_id HAVING sum(units) <> 0
"""
_SHIPPED_TWICE = """
    SELECT e.order_id FROM orders_orderevent e
    LEFT JOIN orders_orderevent r ON r.reverses_id = e.id
    WHERE e.type = 'shipping' AND e.action = 'ship' AND e.reverses_id IS NULL AND r.id IS NULL
    GROUP BY e.order_id, e.cycle HAVING count(*) > 1
"""
_LINE_TAKEN = """
    SELECT l.id FROM orders_orderline l
    JOIN (
        SELECT line_id, -sum(delta) AS taken FROM orders_stockmovement
        WHERE line_id IS NOT NULL GROUP BY line_id
    ) AS m ON m.line_id = l.id
    WHERE m.taken > l.quantity - l.owed
"""
_PUT_BACK_TOO_MUCH = """
    SELECT line_id FROM orders_stockmovement
    WHERE line_id IS NOT NULL GROUP BY line_id HAVING sum(delta) > 0
"""
_RESTOCKED_WITH_UNITS_OUT = """
    SELECT l.id FROM orders_order o
    JOIN orders_orderline l ON l.order_id = o.id AND l.cycle = o.cycle
    JOIN orders_stockmovement m ON m.line_id = l.id
    LEFT JOIN orders_orderevent r ON r.reverses_id = m.event_id
    WHERE o.status = 'RETURNED_TO_STOCK'
    GROUP BY l.id
    HAVING sum(m.delta) + sum(
        CASE WHEN m.kind IN ('damaged', 'missing', 'not_ours') AND r.id IS NULL THEN m.quantity ELSE 0 END
    ) <> 0
"""
_STATUS_IS_NOT_HISTORYS = """
    SELECT o.id FROM orders_order o
    LEFT JOIN (
        SELECT order_id, max(id) AS id FROM orders_orderevent WHERE type = 'shipping' GROUP BY order_id
    ) AS newest ON newest.order_id = o.id
    LEFT JOIN orders_orderevent e ON e.id = newest.id
    WHERE e.id IS NULL OR e.to_status <> o.status OR e.cycle <> o.cycle
       OR (o.status = 'ROLLBACK' AND e.remembered_status <> o.remembered_status)
"""
_BROKEN_CHAIN = """
    SELECT id FROM (
        SELECT id, from_status, recorded_at,
               lag(to_status) OVER (PARTITION BY order_id ORDER BY id) AS came_from,
               lag(recorded_at) OVER (PARTITION BY order_id ORDER BY id) AS earlier
        FROM orders_orderevent WHERE type = 'shipping'
    ) AS chain
    WHERE from_status <> COALESCE(came_from, '') OR recorded_at < earlier
"""
_FINISHED_JOBS_THAT_DO_NOT_ADD_UP = """
    SELECT id FROM orders_job WHERE state = 'done' AND requested <> done + skipped + failed
"""
_SILENTLY_OVERWRITTEN = """
    SELECT o.id FROM orders_order o
    JOIN (
        SELECT order_id, count(*) AS writes FROM orders_orderevent
        WHERE (type = 'shipping' AND action <> 'create') OR type = 'edit' GROUP BY order_id
    ) AS e ON e.order_id = o.id
    WHERE o.version < 1 + e.writes
"""
_NAMELESS = """
    SELECT id FROM orders_orderevent
    WHERE actor_name = '' OR source = '' OR (actor_kind = 'user') <> (user_id IS NOT NULL)
"""
_MOVED_BY_NOBODY = """
    SELECT id FROM orders_stockmovement
    WHERE actor_name = '' OR source = '' OR (actor_kind = 'user') <> (user_id IS NOT NULL)
"""
_FORGOTTEN_REASON = """
    SELECT id FROM orders_orderevent WHERE action IN ('cancel', 'rollback') AND message = ''
"""
_REVERSED_BY_ANOTHER_ORDER = """
    SELECT e.id FROM orders_orderevent e JOIN orders_orderevent r ON r.id = e.reverses_id
    WHERE r.order_id <> e.order_id OR r.id > e.id
"""


_WITHOUT_LOGIN = """
    SELECT id FROM orders_orderevent WHERE source IN ('dashboard', 'scanner') AND actor_kind <> 'user'
"""

_UNTOLD_BY_A_PROGRAM = """
    SELECT o.id FROM orders_order o WHERE o.source LIKE 'api:%%' AND NOT EXISTS (
        SELECT 1 FROM orders_orderevent e
        WHERE e.order_id = o.id AND e.action = 'create' AND e.source = o.source AND e.actor_kind = 'token'
    )
"""
_HALF_ANSWERED = """
    SELECT id FROM orders_idempotencykey
    WHERE (status IS NULL) <> (answer = '') OR status NOT BETWEEN 200 AND 299
"""
_WITHOUT_LINES = """
    SELECT o.id FROM orders_order o WHERE o.source LIKE 'api:%%'
    AND NOT EXISTS (SELECT 1 FROM orders_orderline l WHERE l.order_id = o.id AND l.cycle = 1)
"""
_ANOTHERS_GOODS = """
    SELECT l.id FROM orders_orderline l
    JOIN orders_order o ON o.id = l.order_id JOIN orders_product p ON p.id = l.product_id
    WHERE p.merchant_id <> o.merchant_id
"""
_FOLLOWS_ANOTHERS = """
    SELECT t.id FROM orders_apitoken t JOIN orders_apitoken e ON e.id = t.follows_id
    WHERE e.merchant_id <> t.merchant_id
"""
# Where a program's words, or words about it, are kept.
_TEXTS_FROM_PROGRAMS = {
    "orders_apitoken": ("name", "key", "digest", "prefix"),
    "orders_idempotencykey": ("key", "path", "answer"),
    "orders_order": ("full_name", "address", "notes", "external_reference", "source"),
    "orders_orderevent": ("actor_name", "message", "source"),
    "orders_settingchange": ("subject_name",),
}


def _tokens_in_clear() -> int:
    """Texts in which a whole token stands; its beginning and end alone, as people see it, do not count."""
    matches = "~" if connection.vendor == "postgresql" else "REGEXP"
    whole = [f"{BEGINNING}[0-9A-Za-z]{{36}}"]
    return sum(
        _rows(
            f"SELECT 1 AS one FROM {table}"  # noqa: S608 - names of ours
            f" WHERE {' OR '.join(f'{column} {matches} %s' for column in columns)}",
            whole * len(columns),
        )()
        for table, columns in _TEXTS_FROM_PROGRAMS.items()
    )


def _steps_outside_the_table() -> int:
    """Events whose step the table does not have: grouped in SQL, judged by the table itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT action, from_status, to_status, remembered_status, reverses_id IS NOT NULL, count(*)"
            " FROM orders_orderevent WHERE type = 'shipping' GROUP BY 1, 2, 3, 4, 5"
        )
        return sum(
            count
            for action, from_status, to_status, remembered, reverses, count in cursor.fetchall()
            if not _is_a_step(action, from_status, to_status, remembered, reverses=bool(reverses))
        )


def _is_a_step(action: str, from_status: str, to_status: str, remembered: str, *, reverses: bool) -> bool:
    if action == "create":
        return (from_status, to_status) == ("", Status.NEW)
    if action not in TRANSITIONS or not from_status or not to_status:
        return False
    step = Action(action)
    if step == Action.UNDO:
        return reverses
    if step == Action.UNPUSH:
        return reverses and from_status in (Status.WAITING, Status.ROLLBACK)
    if step == Action.ROLLBACK:
        return reverses and to_status == Status.ROLLBACK and bool(remembered)
    if not is_allowed(step, status=from_status, remembered_status=remembered):
        return False
    if resumes(step, status=from_status, remembered_status=remembered) and not reverses:
        return False
    standing = standing_status(from_status, remembered)
    return to_status == target_of(step, status=standing)


def _missing_guards() -> int:
    """Append-only triggers that are not there or not on, and the clean-up switch left open."""
    tables = ("orders_orderevent", "orders_stockmovement", "orders_settingchange")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                " WHERE c.relname = ANY(%s) AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')"
                " AND (t.tgname LIKE '%%_append_only' OR t.tgname LIKE '%%_no_truncate')",
                [list(tables)],
            )
        else:
            cursor.execute(
                "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN (%s, %s, %s)"
                " AND (name LIKE '%%_no_update' OR name LIKE '%%_no_delete')",
                list(tables),
            )
        (there,) = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM orders_append_only_switch WHERE is_open <> 0")
        (left_open,) = cursor.fetchone()
    return max(2 * len(tables) - int(there), 0) + int(left_open)


INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "I1",
        "stock equals its ledger, and what is reserved is held by orders",
        (
            Check("levels that differ from the sum of their movements", _rows(_LEDGER)),
            Check("levels below zero or reserved beyond what is there", _rows(_LEVELS)),
            Check("reserved units that no order holds, or held ones not reserved", _rows(_RESERVED)),
        ),
    ),
    Invariant(
        "I2",
        "an order's goods leave once a cycle",
        (
            Check("orders shipped twice in one cycle", _rows(_SHIPPED_TWICE)),
            Check("lines that took more than their quantity", _rows(_LINE_TAKEN)),
        ),
        ("tests/domain/life/test_rivals.py",),
    ),
    Invariant(
        "I3",
        "every status came by the table, and the order's is the last one told",
        (
            Check("orders whose status is not their history's", _rows(_STATUS_IS_NOT_HISTORYS)),
            Check("steps that do not follow the one before", _rows(_BROKEN_CHAIN)),
            Check("steps that the table does not have", _steps_outside_the_table),
            Check("reversals of a step that is not the order's own", _rows(_REVERSED_BY_ANOTHER_ORDER)),
        ),
        ("tests/domain/life/test_transitions.py",),
    ),
    Invariant(
        "I4",
        "a return puts back what left, once",
        (
            Check("lines that came back with more than left", _rows(_PUT_BACK_TOO_MUCH)),
            Check("restocked orders with units unaccounted for", _rows(_RESTOCKED_WITH_UNITS_OUT)),
        ),
    ),
    Invariant(
        "I5",
        "a bulk action answers for every order",
        (Check("finished jobs whose counts do not add up", _rows(_FINISHED_JOBS_THAT_DO_NOT_ADD_UP)),),
        ("tests/domain/life/test_moving.py",),
    ),
    Invariant(
        "I6",
        "nobody overwrites a newer version unseen",
        (Check("orders written more often than their version tells", _rows(_SILENTLY_OVERWRITTEN)),),
        ("tests/domain/life/test_editing.py",),
    ),
    Invariant(
        "I12",
        "what a program was told is done stands in the database",
        (Check("orders from programs that no token's event tells of", _rows(_UNTOLD_BY_A_PROGRAM)),),
        ("tests/api/test_repeating.py",),
    ),
    Invariant(
        "I13",
        "a creating call with a key happens once, with its answer",
        (Check("keys with half an answer, or with a refusal", _rows(_HALF_ANSWERED)),),
        ("tests/api/test_repeating.py",),
    ),
    Invariant(
        "I14",
        "a bulk call makes all of its orders or none",
        (Check("orders from programs without products", _rows(_WITHOUT_LINES)),),
        ("tests/api/test_web.py",),
    ),
    Invariant(
        "I15",
        "no merchant's program reaches another merchant's rows",
        (
            Check("lines with another merchant's product", _rows(_ANOTHERS_GOODS)),
            Check("tokens in the place of another merchant's", _rows(_FOLLOWS_ANOTHERS)),
        ),
        ("tests/api/test_inputs.py",),
    ),
    Invariant(
        "I16",
        "exactly as many calls pass as are allowed",
        shown_by=("tests/api/test_throttling.py",),
    ),
    Invariant(
        "I17",
        "every answer to a program is JSON in its dialect's words, never a fault",
        shown_by=("tests/api/test_inputs.py",),
    ),
    Invariant(
        "I18",
        "no token is kept or shown in clear",
        (Check("texts in which a whole token stands", _tokens_in_clear),),
        ("tests/domain/setup/test_tokens.py", "tests/api/test_inputs.py"),
    ),
    Invariant(
        "I19",
        "a change needs its method, its token, a login and the named permission",
        (Check("steps taken at a page or a bench by nobody who logged in", _rows(_WITHOUT_LOGIN)),),
        ("tests/web/test_isolation.py", "tests/web/test_access.py"),
    ),
    Invariant(
        "I20",
        "a permission or a person removed counts from the next request on",
        shown_by=("tests/web/test_access.py",),
    ),
    Invariant(
        "I21",
        "history says who, when, from where",
        (
            Check("events without a name or a door", _rows(_NAMELESS)),
            Check("movements without a name or a door", _rows(_MOVED_BY_NOBODY)),
            Check("cancellations and rollbacks without a reason", _rows(_FORGOTTEN_REASON)),
        ),
    ),
    Invariant(
        "I22",
        "history, ledger and the log of settings are append-only in the database",
        (Check("missing triggers, or the clean-up switch left open", _missing_guards),),
        ("tests/models/test_append_only.py",),
    ),
)
