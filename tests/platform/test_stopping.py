"""However it is stopped, nothing stays behind; and the next start takes seconds."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.platform.processes import Start, start, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("processes"),
    pytest.mark.skipif(not shutil.which("make"), reason="needs make"),
]

# Installed already, so that make goes straight to the start.
MAKE = ("make", "-o", "install", "run", f"BIN={Path(sys.executable).parent}")


def everything_is_gone(running: Start) -> None:
    wait_until(lambda: not running.living(), 3, what="no process left")


def test_sigterm_to_make_stops_all_within_ten_seconds(folder):
    running = start(folder / "data", folder / "first", MAKE)
    running.wait_for("ready: ")
    assert running.end(signal.SIGTERM) < 10
    everything_is_gone(running)
    assert "stopped" in running.lines()


def test_a_second_start_prepares_nothing_and_ctrl_c_stops_it(folder):
    running = start(folder / "data", folder / "second")
    running.wait_for("ready: ")
    assert not [line for line in running.lines() if "preparing" in line]
    assert running.end(signal.SIGINT) < 10
    assert running.process.returncode == 0
    everything_is_gone(running)


def test_a_killed_supervisor_leaves_no_child_behind(folder):
    running = start(folder / "data", folder / "third")
    running.wait_for("ready: ")
    running.end(signal.SIGKILL)
    everything_is_gone(running)


def test_a_closed_terminal_stops_everything(folder):
    running = start(folder / "data", folder / "fourth")
    running.wait_for("ready: ")
    begun = time.monotonic()
    running.end(signal.SIGHUP)
    assert time.monotonic() - begun < 10
    everything_is_gone(running)
