"""The log: one JSON object a line whatever was typed, and nothing in it that should not be kept."""

from __future__ import annotations

import io
import json
import logging
import logging.config

import pytest
import structlog

from config.logs import logging_settings, mask


@pytest.fixture
def written() -> io.StringIO:
    """A stream that a logger named `tried` writes to, with the product's own formatter."""
    stream = io.StringIO()
    configuration = logging_settings(level="INFO")
    configurator = logging.config.DictConfigurator(configuration)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(configurator.configure_formatter(configuration["formatters"]["json"]))
    logger = logging.getLogger("tried")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel("INFO")
    return stream


def test_line_breaks_in_a_message_stay_inside_its_line(written):
    logging.getLogger("tried").warning("name was %s", 'a\r\n{"event": "forged"}')
    lines = written.getvalue().splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0])["event"] == 'name was a\r\n{"event": "forged"}'


def test_an_exception_is_one_line_too(written):
    try:
        raise ValueError("password=hunter2\nsecond line")
    except ValueError:
        logging.getLogger("tried").exception("failed")
    entry = json.loads(written.getvalue())
    assert "ValueError: password=***" in entry["exception"]
    assert "hunter2" not in written.getvalue()


def test_an_entry_carries_the_request_it_belongs_to(written):
    structlog.contextvars.bind_contextvars(request_id="request-0001")
    try:
        logging.getLogger("tried").info("seen")
    finally:
        structlog.contextvars.clear_contextvars()
    entry = json.loads(written.getvalue())
    assert entry["request_id"] == "request-0001"
    assert entry["at"].endswith("Z")


def test_values_named_like_a_secret_are_left_out(written):
    structlog.get_logger("tried").info("made", api_token="pk_live_abc", details={"password": "x", "n": 1})
    entry = json.loads(written.getvalue())
    assert entry["api_token"] == "***"
    assert entry["details"] == {"password": "***", "n": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("called 0612345678 twice", "called 0******78 twice"),
        ("+212 6 12 34 56 78", "+212******78"),
        ("+213551234567", "+213******67"),
        ("Authorization: Bearer pk_live_abcdef012345", "Authorization: Bearer ***"),
        ("token pk_live_abcdef012345 used", "token pk_live_***2345 used"),
        ("/api?api_token=abc&page=2", "/api?api_token=***&page=2"),
        ("postgres://me:word@db/x", "postgres://me:***@db/x"),
        ("order ORD-000837 of 20261120, id 9876543210", "order ORD-000837 of 20261120, id 9876543210"),
    ],
)
def test_tokens_passwords_and_phones_are_masked_and_the_rest_is_kept(text, expected):
    assert mask(text) == expected
