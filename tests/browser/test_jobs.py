"""The pages of background work in a real browser: what a person named fits the screen."""

from __future__ import annotations

import pytest
from django.utils import timezone

from orders.models import Job
from tests.browser.conftest import OpenPage
from tests.personas import person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("width", [1366, 390])
def test_a_file_with_a_name_as_long_as_a_name_may_be_fits_the_screen(open_page: OpenPage, width: int) -> None:
    manager = person("manager")
    job = Job.objects.create(
        kind=Job.Kind.IMPORT_ORDERS,
        state=Job.State.CANCELED,
        owner=manager,
        upload_name=f"{'n' * 250}.csv",
        created_at=timezone.now(),
    )
    page = open_page("/jobs/", manager, width=width)
    for address in ("/jobs/", f"/jobs/{job.pk}/", "/orders/import"):
        page.goto(page.url.split("/jobs")[0].split("/orders")[0] + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
