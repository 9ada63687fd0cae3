"""A job's page in a real browser: the bar moves while the page is open, and by reload without script."""

from __future__ import annotations

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from orders.domain.work.jobs import record_pulse
from orders.models import Job, User
from tests.browser.conftest import OpenPage
from tests.personas import person

pytestmark = pytest.mark.django_db(transaction=True)


def running_job(owner: User) -> Job:
    record_pulse()
    return Job.objects.create(
        kind=Job.Kind.IMPORT_ORDERS,
        state=Job.State.RUNNING,
        owner=owner,
        upload_name="orders.csv",
        requested=200,
        done=40,
        progress=20,
        created_at=timezone.now(),
        started_at=timezone.now(),
        heartbeat_at=timezone.now(),
    )


def test_the_bar_moves_and_the_result_appears_without_a_touch(open_page: OpenPage) -> None:
    manager = person("manager")
    job = running_job(manager)
    page = open_page(f"/jobs/{job.pk}/", manager)
    bar = page.locator("#job progress")
    expect(bar).to_have_attribute("value", "20")
    Job.objects.filter(pk=job.pk).update(progress=70, done=140)
    expect(bar).to_have_attribute("value", "70", timeout=3_000)
    expect(page.locator("#job")).to_contain_text("140 of 200")
    expect(page.locator(".running-jobs")).to_be_visible()

    Job.objects.filter(pk=job.pk).update(state=Job.State.DONE, done=200, finished_at=timezone.now())

    expect(page.locator("#job h1")).to_contain_text("Done", timeout=3_000)
    expect(bar).to_have_count(0)
    # The line in the top bar goes, and says aloud what has ended.
    expect(page.locator(".running-jobs")).to_have_count(0, timeout=8_000)
    expect(page.locator("#messages")).to_contain_text("Import of orders.csv: Done")


def test_without_script_the_page_is_reloaded_by_a_link(open_page: OpenPage) -> None:
    manager = person("manager")
    job = running_job(manager)
    page = open_page(f"/jobs/{job.pk}/", manager, java_script_enabled=False)
    expect(page.locator("#job progress")).to_have_attribute("value", "20")
    Job.objects.filter(pk=job.pk).update(progress=70)
    page.get_by_role("link", name="Look again").click()
    expect(page.locator("#job progress")).to_have_attribute("value", "70")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Stopping…")).to_be_disabled()
    assert Job.objects.get().cancel_requested
