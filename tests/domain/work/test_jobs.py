"""Jobs: one worker each, taken over when it dies, stopped when asked, never doubled, never lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from orders import tasks
from orders.domain.actors import Actor
from orders.domain.refusals import Locked, NotThere, Refusal
from orders.domain.work import jobruns, jobs
from orders.domain.work.jobruns import Finish, JobFailed, LeaseLost, Run, claim_job, run_job
from orders.models import Job, JobItem, User, WorkerPulse
from tests.world import World

State = Job.State
pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(db: None) -> User:
    return World().person("nadia")


@pytest.fixture
def job(owner: User) -> Job:
    return make_job(owner)


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Callable[[jobruns.Handler], None]:
    """Puts a function in the place of what does exports."""

    def put(function: jobruns.Handler) -> None:
        monkeypatch.setitem(jobruns._HANDLERS, Job.Kind.EXPORT_ORDERS, function)

    return put


def make_job(owner: User, **facts: Any) -> Job:
    created = jobs.create_job(Job.Kind.EXPORT_ORDERS, actor=Actor.of(owner, source="dashboard"))
    Job.objects.filter(pk=created.pk).update(**facts)
    created.refresh_from_db()
    return created


def let_lease_run_out(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - dt.timedelta(seconds=1))


def reread(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


# --- claiming -----------------------------------------------------------------------------


def test_a_job_is_claimed_by_one_worker_only(job: Job) -> None:
    first = claim_job(job.pk)
    assert first is not None
    assert claim_job(job.pk) is None
    assert (reread(job).state, reread(job).fence, reread(job).attempts) == ("running", 1, 1)


def test_a_job_whose_lease_ran_out_is_taken_over(job: Job) -> None:
    claim_job(job.pk)
    assert jobs.due_jobs() == []
    let_lease_run_out(job)
    assert jobs.due_jobs() == [job.pk]

    second = claim_job(job.pk)

    assert second is not None
    assert second.fence == 2


def test_the_late_writes_of_a_worker_that_lost_its_job_are_refused(job: Job) -> None:
    late = claim_job(job.pk)
    assert late is not None
    let_lease_run_out(job)
    assert claim_job(job.pk) is not None

    with pytest.raises(LeaseLost):
        late.beat()
    with pytest.raises(LeaseLost):
        late.note(requested=7)
    with pytest.raises(LeaseLost), late.transaction():
        User.objects.update(first_name="late")  # never reached: the guard comes first
    assert reread(job).requested == 0
    assert not User.objects.filter(first_name="late").exists()


def test_a_worker_that_lost_its_job_while_working_writes_no_ending(
    job: Job, handler: Callable[[jobruns.Handler], None]
) -> None:
    def lose(run: Run) -> Finish:
        let_lease_run_out(job)
        assert claim_job(job.pk) is not None
        return Finish()

    handler(lose)
    assert run_job(job.pk)
    assert (reread(job).state, reread(job).fence) == ("running", 2)


def test_a_job_that_waits_its_pause_is_not_due(owner: User) -> None:
    job = make_job(owner, not_before=timezone.now() + dt.timedelta(seconds=30))
    assert jobs.due_jobs() == []
    assert claim_job(job.pk) is None
    Job.objects.filter(pk=job.pk).update(not_before=timezone.now() - dt.timedelta(seconds=1))
    assert jobs.due_jobs() == [job.pk]


@pytest.mark.parametrize("state", [State.PREVIEWED, State.DONE, State.FAILED, State.CANCELED])
def test_a_job_that_waits_for_nobody_is_not_run(owner: User, state: str) -> None:
    job = make_job(owner, state=state)
    assert jobs.due_jobs() == []
    assert not run_job(job.pk)
    assert reread(job).fence == 0


# --- running ------------------------------------------------------------------------------


def test_a_job_ends_done_with_what_it_found(job: Job, handler: Callable[[jobruns.Handler], None]) -> None:
    def work(run: Run) -> Finish:
        run.note(requested=3)
        with run.transaction():
            run.add(done=2, skipped=1)
        return Finish(summary={"rows": 3})

    handler(work)
    assert run_job(job.pk)

    ended = reread(job)
    assert (ended.state, ended.requested, ended.done, ended.skipped, ended.failed) == ("done", 3, 2, 1, 0)
    assert (ended.progress, ended.summary, ended.lease_until) == (100, {"rows": 3}, None)
    assert ended.started_at is not None
    assert ended.finished_at is not None


def test_a_refusal_ends_the_job_and_is_not_tried_again(
    job: Job, handler: Callable[[jobruns.Handler], None]
) -> None:
    def refuse(run: Run) -> Finish:
        run.note(requested=5, done=2)
        raise JobFailed("The shelf is gone.", code="gone")

    handler(refuse)
    run_job(job.pk)

    ended = reread(job)
    assert (ended.state, ended.error_code, ended.error_message) == ("failed", "gone", "The shelf is gone.")
    assert (ended.requested, ended.done, ended.skipped, ended.failed) == (5, 2, 0, 3)
    assert jobs.due_jobs() == []


def test_a_fault_is_tried_again_with_growing_pauses_and_then_fails_visibly(
    job: Job, handler: Callable[[jobruns.Handler], None]
) -> None:
    def fail(run: Run) -> Finish:
        raise ZeroDivisionError

    handler(fail)
    pauses = []
    for _ in range(5):
        assert reread(job).state == "queued"
        run_job(job.pk)
        due = reread(job).not_before
        if due is not None:
            pauses.append((due - timezone.now()).total_seconds())
        Job.objects.filter(pk=job.pk).update(not_before=None)

    ended = reread(job)
    assert (ended.state, ended.error_code) == ("failed", "fault")
    assert ended.error_message == "Something went wrong on our side (ZeroDivisionError). It has been noted."
    limits = ((0.5, 2.1), (1, 4.1), (3, 8.1), (7, 16.1))
    assert all(low < pause < high for pause, (low, high) in zip(pauses, limits, strict=True)), pauses


@pytest.mark.parametrize("error", [Locked("busy"), OperationalError("gone away")])
def test_rows_that_are_taken_and_a_database_that_is_away_are_waited_for(
    job: Job, handler: Callable[[jobruns.Handler], None], error: Exception
) -> None:
    def fail(run: Run) -> Finish:
        raise error

    handler(fail)
    run_job(job.pk)
    assert reread(job).state == "queued"
    assert reread(job).not_before is not None


def test_progress_forgives_earlier_attempts(job: Job, handler: Callable[[jobruns.Handler], None]) -> None:
    def get_somewhere(run: Run) -> Finish:
        with run.transaction():
            pass
        raise ZeroDivisionError

    handler(get_somewhere)
    for _ in range(12):
        run_job(job.pk)
        Job.objects.filter(pk=job.pk).update(not_before=None)
    assert reread(job).state == "queued"


def test_a_job_that_kills_its_workers_ends_after_five(
    job: Job, handler: Callable[[jobruns.Handler], None]
) -> None:
    for _ in range(5):
        assert claim_job(job.pk) is not None  # and the worker is never heard of again
        let_lease_run_out(job)
    handler(lambda run: pytest.fail("the sixth attempt was made"))

    run_job(job.pk)

    assert (reread(job).state, reread(job).error_code) == ("failed", "interrupted")


def test_a_full_disk_is_said_and_can_be_tried_again(
    job: Job, handler: Callable[[jobruns.Handler], None], owner: User
) -> None:
    def fill(run: Run) -> Finish:
        raise OSError(28, "No space left on device")

    handler(fill)
    run_job(job.pk)
    ended = reread(job)
    assert (ended.state, ended.error_code) == ("failed", "disk")
    assert ended.error_message == "There is no space left on the server's disk. Free some, then try again."

    jobs.retry_job(job.pk, actor=Actor.of(owner, source="dashboard"))
    handler(lambda run: Finish())
    run_job(job.pk)
    assert reread(job).state == "done"


def test_a_run_that_lasts_long_makes_room_and_goes_on(
    job: Job, handler: Callable[[jobruns.Handler], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobruns, "RUN_SECONDS", -1)
    handler(lambda run: run.make_room() or Finish())  # type: ignore[func-returns-value]
    run_job(job.pk)
    paused = reread(job)
    assert (paused.state, paused.attempts, paused.lease_until) == ("queued", 0, None)
    assert jobs.due_jobs() == [job.pk]


def test_an_owner_who_was_disabled_has_nothing_more_done(
    job: Job, owner: User, handler: Callable[[jobruns.Handler], None]
) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=False)
    handler(lambda run: Finish(summary={"name": run.actor("export").name}))
    run_job(job.pk)
    assert (reread(job).state, reread(job).error_code) == ("failed", "not_allowed")


def test_heartbeats_lengthen_the_lease_and_say_how_far_it_is(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = claim_job(job.pk)
    assert run is not None
    let_lease_run_out(job)
    run.report(0.5)  # too soon after the last one: nothing is written
    assert reread(job).progress == 0
    monkeypatch.setattr(jobruns, "HEARTBEAT_SECONDS", 0)
    run.report(0.5)
    assert reread(job).progress == 50
    assert reread(job).lease_until > timezone.now()  # type: ignore[operator]


# --- stopping and starting again ------------------------------------------------------------


def test_a_waiting_job_is_canceled_at_once(job: Job, owner: User) -> None:
    jobs.cancel_job(job.pk, actor=Actor.of(owner, source="dashboard"))
    assert reread(job).state == "canceled"
    assert not run_job(job.pk)


def test_a_running_job_stops_at_its_next_step_and_counts_add_up(
    job: Job, owner: User, handler: Callable[[jobruns.Handler], None]
) -> None:
    items = [JobItem(job=job, number=number, outcome=JobItem.Outcome.READY) for number in (1, 2, 3)]
    JobItem.objects.bulk_create(items)
    Job.objects.filter(pk=job.pk).update(requested=3)

    def work(run: Run) -> Finish:
        with run.transaction():
            JobItem.objects.filter(pk=items[0].pk).update(outcome=JobItem.Outcome.DONE)
            run.add(done=1)
        jobs.cancel_job(job.pk, actor=Actor.of(owner, source="dashboard"))
        with run.transaction():
            pytest.fail("went on")
        return Finish()

    handler(work)
    run_job(job.pk)

    ended = reread(job)
    assert (ended.state, ended.requested, ended.done, ended.skipped, ended.failed) == ("canceled", 3, 1, 2, 0)
    assert list(JobItem.objects.order_by("number").values_list("outcome", "code")) == [
        ("done", ""),
        ("skipped", "canceled"),
        ("skipped", "canceled"),
    ]


def test_another_persons_job_is_not_there(job: Job) -> None:
    stranger = Actor.of(User.objects.create_user("omar"), source="dashboard")
    for ask in (jobs.own_job, jobs.cancel_job, jobs.retry_job, jobs.commit_job):
        with pytest.raises(NotThere):
            ask(job.pk, actor=stranger)  # type: ignore[operator]
    assert reread(job).state == "queued"


def test_what_would_end_the_same_way_is_not_tried_again(owner: User) -> None:
    job = make_job(owner, state=State.FAILED, error_code="pdf")
    with pytest.raises(Refusal, match="end the same way"):
        jobs.retry_job(job.pk, actor=Actor.of(owner, source="dashboard"))
    assert reread(job).state == "failed"


def test_nobody_has_more_than_fifty_jobs_open(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MAX_OPEN", 2)
    make_job(owner)
    make_job(owner)
    with pytest.raises(Refusal, match="2 of your jobs are waiting"):
        make_job(owner)
    assert Job.objects.count() == 2


# --- waking -----------------------------------------------------------------------------------


def test_a_broker_that_is_away_costs_one_try_and_fails_nobody(
    owner: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    tries = []

    def refuse(*args: object, **options: object) -> None:
        tries.append(args)
        raise ConnectionError

    monkeypatch.setattr(jobs.current_app, "send_task", refuse)
    monkeypatch.setattr(jobs, "_broker_rests_until", 0.0)
    with django_capture_on_commit_callbacks(execute=True):
        first = make_job(owner)
        second = make_job(owner)
    assert tries == [("orders.tasks.run_job", (first.pk,))]
    assert jobs.due_jobs() == [first.pk, second.pk]


def test_the_sweep_hands_every_due_job_to_the_workers_and_leaves_a_pulse(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, running, dead = make_job(owner), make_job(owner), make_job(owner)
    claim_job(running.pk)
    claim_job(dead.pk)
    let_lease_run_out(dead)
    sent = []
    monkeypatch.setattr(tasks.run_job, "apply_async", lambda args, **options: sent.append(args))

    tasks.sweep()

    assert sent == [(lost.pk,), (dead.pk,)]
    assert WorkerPulse.objects.count() == 1
    tasks.sweep()
    assert WorkerPulse.objects.count() == 1


def test_a_worker_lives_while_it_sweeps_or_writes_heartbeats(owner: User) -> None:
    assert not jobs.is_worker_alive()
    jobs.record_pulse()
    assert jobs.is_worker_alive()
    long_ago = timezone.now() - dt.timedelta(seconds=31)
    WorkerPulse.objects.update(beat_at=long_ago)
    assert not jobs.is_worker_alive()
    job = make_job(owner)
    claim_job(job.pk)
    assert jobs.is_worker_alive()
    Job.objects.update(heartbeat_at=long_ago)
    assert not jobs.is_worker_alive()
