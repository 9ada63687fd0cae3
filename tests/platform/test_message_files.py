"""The broker without a server: messages arrive once, whole, in order, and a broken one harms nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from kombu import Connection
from kombu.transport import filesystem

from config.brokers import broker_settings


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[tuple[Connection, Path]]:
    # kombu remembers a queue's binding for as long as a process lives, here for longer than a folder.
    filesystem.Transport.global_state.clear()
    settings = broker_settings("", data_dir=tmp_path, patience=5)
    with Connection(
        settings["broker_url"], transport_options=settings["broker_transport_options"]
    ) as connection:
        yield connection, tmp_path / "broker" / "queue"


def taken(connection: Connection) -> list[str]:
    found = []
    simple = connection.SimpleQueue("hints")
    try:
        while True:
            message = simple.get(block=False)
            found.append(message.payload)
            message.ack()
    except simple.Empty:
        return found


def put(connection: Connection, *payloads: str) -> None:
    for payload in payloads:
        connection.SimpleQueue("hints").put(payload, serializer="json")


def test_messages_come_in_the_order_they_were_left_and_once(queue):
    connection, folder = queue
    put(connection, "first", "second", "تالت")
    assert taken(connection) == ["first", "second", "تالت"]
    assert taken(connection) == []
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", ["", '{"half', "[1]", '{"another": "shape"}'])
def test_a_broken_message_is_put_aside_and_the_next_one_is_taken(queue, content):
    connection, folder = queue
    (folder / "0_broken.hints.msg").write_text(content)
    put(connection, "good")
    assert taken(connection) == ["good"]
    assert list(folder.iterdir()) == []


def test_a_message_that_is_still_being_written_is_not_seen(queue):
    connection, folder = queue
    (folder / "0_early.hints.msg.part").write_text("{")
    assert taken(connection) == []
    assert [path.name for path in folder.iterdir()] == ["0_early.hints.msg.part"]


def test_the_products_own_celery_leaves_its_hints_here(settings):
    from config.celery import app, clock

    assert isinstance(app, Celery)
    if settings.REDIS_URL:
        assert app.conf.broker_url == settings.REDIS_URL
    else:
        assert app.conf.broker_url == "files://localhost//"
    sweep = clock.conf.beat_schedule["sweep"]
    assert (sweep["task"], sweep["schedule"]) == ("orders.tasks.sweep", settings.SWEEP_SECONDS)
    assert clock.conf.broker_url == app.conf.broker_url
    app.loader.import_default_modules()
    assert "orders.tasks.sweep" in app.tasks
