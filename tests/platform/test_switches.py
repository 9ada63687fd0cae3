"""Each switch of the environment: what it may hold, and what is said when it holds something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.brokers import broker_settings, redis_url
from config.databases import database_from_url, database_url
from config.env import BadSwitch, Switches, without_password
from config.hosts import allowed_hosts


def line_of(call, *arguments, **options) -> str:
    with pytest.raises(BadSwitch) as refusal:
        call(*arguments, **options)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", True), ("yes", True), ("ON", True), ("0", False), ("False", False), ("", None)],
)
def test_a_flag_is_read_in_the_usual_spellings(text, expected):
    default = object()
    read = Switches({"DEBUG": text}).flag("DEBUG", default=default)
    assert read is (default if expected is None else expected)


def test_a_flag_that_is_neither_is_refused():
    assert line_of(Switches({"DEBUG": "maybe"}).flag, "DEBUG", default=False) == (
        "DEBUG='maybe' is not usable: write 1 or 0."
    )


@pytest.mark.parametrize("text", ["0", "65536", "-1", "80.0", "1e3", "٨٠٨٠", "99999999999999999999"])
def test_a_port_outside_its_range_is_refused(text):
    assert line_of(Switches({"PORT": text}).whole, "PORT", 8000, low=1, high=65535) == (
        f"PORT={text!r} is not usable: write a whole number from 1 to 65535."
    )


def test_spaces_around_a_value_do_not_count_and_an_empty_one_is_not_set():
    switches = Switches({"PORT": " 8001 ", "HOST": "  "})
    assert switches.whole("PORT", 8000, low=1, high=65535) == 8001
    assert switches.host("HOST", "127.0.0.1") == "127.0.0.1"


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "localhost", "packing-desk.local"])
def test_a_host_is_a_name_or_an_address(host):
    assert Switches({"HOST": host}).host("HOST", "") == host


def test_brackets_around_an_address_do_not_count():
    assert Switches({"HOST": "[::]"}).host("HOST", "") == "::"


@pytest.mark.parametrize("host", ["a b", "1.2.3", "http://here", "here:8000", "-x", "x" * 300])
def test_a_host_that_is_neither_is_refused(host):
    assert line_of(Switches({"HOST": host}).host, "HOST", "").startswith(f"HOST={host!r} is not usable: ")


@pytest.mark.parametrize("key", ["short", "a" * 60, "abab" * 20])
def test_a_weak_secret_is_refused_without_being_printed(key):
    assert line_of(Switches({"SECRET_KEY": key}).secret, "SECRET_KEY", at_least=32) == (
        "SECRET_KEY='***' is not usable: write at least 32 random characters."
    )


def test_a_data_folder_is_made_when_it_is_missing(tmp_path):
    assert Switches({"DATA_DIR": str(tmp_path / "a" / "b")}).folder("DATA_DIR", Path("x")).is_dir()


def test_a_data_folder_with_a_null_in_its_name_is_refused():
    assert "is not usable" in line_of(Switches({"DATA_DIR": "a\0b"}).folder, "DATA_DIR", Path("x"))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://somewhere/x", "write it as postgres://"),
        ("postgres://127.0.0.1", "the database has no name"),
        ("postgres://127.0.0.1:port/x", "write it as postgres://"),
        ("postgres://127.0.0.1/x y", "write it as postgres://"),
        ("sqlite:////nowhere/at/all.sqlite3", "the folder of that file does not exist"),
    ],
)
def test_a_database_that_cannot_be_meant_is_refused(url, reason):
    assert reason in line_of(database_url, Switches({"DATABASE_URL": url}))


def test_a_refused_database_does_not_print_its_password():
    line = line_of(database_url, Switches({"DATABASE_URL": "postgres://me:hidden@127.0.0.1"}))
    assert "postgres://***@127.0.0.1" in line
    assert "hidden" not in line


def test_without_a_database_url_there_is_a_file_in_the_data_folder(tmp_path):
    settings = database_from_url("", data_dir=tmp_path)
    assert settings["NAME"] == str(tmp_path / "packhouse.sqlite3")
    assert settings["TEST"] == {"NAME": str(tmp_path / "test_packhouse.sqlite3")}
    assert settings["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in settings["OPTIONS"]["init_command"]


def test_a_database_url_is_taken_apart(tmp_path):
    settings = database_from_url(
        "postgres://me:p%40ss@db.example:5433/stock?sslmode=require", data_dir=tmp_path, statement_seconds=15
    )
    assert (settings["USER"], settings["PASSWORD"], settings["HOST"]) == ("me", "p@ss", "db.example")
    assert (settings["PORT"], settings["NAME"]) == ("5433", "stock")
    assert settings["OPTIONS"]["sslmode"] == "require"
    assert "statement_timeout=15000" in settings["OPTIONS"]["options"]


def test_a_file_url_is_absolute_with_four_strokes(tmp_path):
    assert database_from_url(f"sqlite:///{tmp_path}/x.db", data_dir=tmp_path)["NAME"] == f"{tmp_path}/x.db"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1", "redis://127.0.0.1/one", "unix:///run/redis.sock?db=one"]
)
def test_a_redis_that_cannot_be_meant_is_refused(url):
    assert line_of(redis_url, Switches({"REDIS_URL": url})).startswith(f"REDIS_URL={url!r} is not usable: ")


def test_without_redis_messages_are_files_in_the_data_folder(tmp_path):
    settings = broker_settings("", data_dir=tmp_path, patience=5)
    assert settings["broker_url"] == "files://localhost//"
    assert (tmp_path / "broker" / "queue").is_dir()
    assert settings["task_acks_late"] is False


def test_with_redis_a_message_is_given_back_when_its_worker_dies(tmp_path):
    settings = broker_settings("redis://127.0.0.1:6379/3", data_dir=tmp_path, patience=1)
    assert settings["broker_url"] == "redis://127.0.0.1:6379/3"
    assert settings["task_acks_late"] is True
    assert settings["broker_transport_options"]["socket_timeout"] == 1


def test_a_redis_socket_is_spelled_as_the_broker_spells_it(tmp_path):
    settings = broker_settings("unix:///run/redis.sock?db=2", data_dir=tmp_path, patience=5)
    assert settings["broker_url"] == "redis+socket:///run/redis.sock?virtual_host=2"


def test_only_this_machine_is_answered_to_by_default():
    assert allowed_hosts(host="127.0.0.1", given=[], public_url="") == ["127.0.0.1", "localhost", "[::1]"]


def test_a_public_name_is_answered_to():
    hosts = allowed_hosts(host="127.0.0.1", given=[], public_url="https://packhouse.example:8443/x")
    assert hosts == ["127.0.0.1", "localhost", "[::1]", "packhouse.example"]


def test_a_wildcard_answers_to_this_machines_names_until_names_are_given(monkeypatch):
    monkeypatch.setattr("config.hosts.own_addresses", lambda: ["192.168.1.20"])
    monkeypatch.setattr("socket.gethostname", lambda: "Desk.warehouse.lan")
    loopback = ["127.0.0.1", "localhost", "[::1]"]
    assert allowed_hosts(host="0.0.0.0", given=[], public_url="") == [
        *loopback,
        "desk.warehouse.lan",
        "desk",
        "desk.local",
        "192.168.1.20",
    ]
    assert allowed_hosts(host="0.0.0.0", given=["desk.lan"], public_url="") == [*loopback, "desk.lan"]


def test_a_url_without_a_password_is_shown_as_it_is():
    assert without_password("redis://127.0.0.1:6379/0") == "redis://127.0.0.1:6379/0"
