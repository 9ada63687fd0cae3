"""One way to write under rivals: wait a little, try again where that is safe, else say so.

Which rows are locked, and in which order, is for the modules that write them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext as _

from orders.domain.refusals import Locked

T = TypeVar("T")

TRIES = 3
_LOCK_NOT_AVAILABLE = "55P03"
_TRY_AGAIN = {"40P01", "40001"}  # deadlock, serialization failure


class Conflict(Exception):
    """A rival changed a row between reading and writing: the transaction starts over."""


def write_transaction(work: Callable[[], T]) -> T:
    """What `work` returns, done in one transaction.

    Started over up to three times when a rival got in between; refused with `locked`
    when the rows stay taken. Inside an outer transaction it runs once: only the
    outermost can start over.
    """
    outermost = not connection.in_atomic_block
    for attempt in range(1, TRIES + 1):
        last = attempt == TRIES or not outermost
        try:
            with transaction.atomic():
                return work()
        except Conflict:
            if last:
                raise _locked() from None
        except OperationalError as error:
            state = getattr(error.__cause__, "sqlstate", None)
            if state == _LOCK_NOT_AVAILABLE or "database is locked" in str(error):
                raise _locked() from error
            if state not in _TRY_AGAIN:
                raise
            if last:
                raise _locked() from error
        time.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311 - spreads rivals, hides nothing
    raise AssertionError("unreachable")


def _locked() -> Locked:
    return Locked(_("Somebody else is changing the same orders. Nothing was changed; try again in a moment."))
