"""`python -m tests.bench`: prepares the databases, measures, prints a line a figure.

PostgreSQL is needed: DATABASE_URL, or one that answers on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import time
from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.bench.measuring import Figure

DEFAULT_SIZES = "10000,100000,1000000"
LOCAL = "postgres://root@127.0.0.1:5432/postgres"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--sizes", default=DEFAULT_SIZES, help="how many orders the lists hold")
    parser.add_argument("--only", choices=("jobs", "lists", "audit"), help="leave the others out")
    options = parser.parse_args()
    _set_up()
    from django.core.management import call_command

    from tests.bench import intake, listing, programs, shipping
    from tests.bench.databases import prepared, use
    from tests.bench.filling import PACKED

    logging.disable(logging.INFO)  # a line a request is not what is measured
    call_command("collectstatic", interactive=False, verbosity=0)
    gc.collect()
    gc.freeze()  # as the web server does once it is loaded
    sizes = [int(size) for size in options.sizes.split(",")]
    figures = []
    if options.only in (None, "jobs"):
        use(prepared("jobs", orders=60_000, shares=PACKED, fresh=True))
        for job in (shipping, intake, programs):
            figures.append(job.measure())
            _show(figures[-1:])
    if options.only in (None, "lists", "audit"):
        databases = {size: prepared(str(size), orders=size) for size in sizes}
        if options.only != "audit":
            found = listing.measure(databases)
            _show(found)
            figures += found
        use(databases[max(sizes)])
        _audit(max(sizes))
    over = [figure for figure in figures if figure.ratio > figure.goal]
    print(f"{len(figures) - len(over)} within their goal, {len(over)} over")
    return 1 if over else 0


def _set_up() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        os.environ["DATABASE_URL"] = LOCAL
    os.environ.setdefault("STATEMENT_SECONDS", "0")
    import django

    django.setup()
    from django.db import OperationalError, connection

    try:
        connection.ensure_connection()
    except OperationalError as error:
        sys.exit(f"make bench needs PostgreSQL; set DATABASE_URL=postgres://... ({error})")


def _show(figures: Sequence[Figure]) -> None:
    for figure in figures:
        print(figure.line(), flush=True)


def _audit(orders: int) -> None:
    from django.core.management import call_command

    started = time.perf_counter()
    call_command("audit", stdout=StringIO())
    print(f"audit of {orders:,} orders: clean in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
