"""Orders come in from files: checked row by row, shown, written exactly so, once."""

from __future__ import annotations

import pytest

from orders.models import Order, User
from tests.exchange.conftest import DATA, Upload, commit
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "rows", "refused"), [("orders_3000.csv", 3000, 166), ("orders_500.xlsx", 500, 18)]
)
def test_real_orders_come_in_and_the_returns_among_them_are_refused(
    catalogue: World, manager: User, upload: Upload, name: str, rows: int, refused: int
) -> None:
    job = upload((DATA / name).read_bytes(), name)
    assert (job.state, job.requested, job.failed, job.skipped) == ("previewed", rows, refused, 0)
    assert Order.objects.count() == 0

    commit(job, manager)

    assert (job.state, job.done, job.failed, job.skipped) == ("done", rows - refused, refused, 0)
    assert Order.objects.count() == rows - refused
