"""However it is stopped, nothing stays behind; and the next start takes seconds."""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.platform.processes import Start, started, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("make"), reason="needs make"),
]

# Installed already, so that make goes straight to the start.
MAKE = ("make", "-o", "install", "run", f"BIN={Path(sys.executable).parent}")


def everything_is_gone(running: Start) -> None:
    wait_until(lambda: not running.living(), 3, what="no process left")


def test_sigterm_to_make_stops_all_within_ten_seconds(folder):
    with started(folder / "data", folder / "first", MAKE) as running:
        log = running.data_dir / "logs" / "worker.log"
        wait_until(lambda: " ready." in log.read_text(), 60, what="a worker at its work")
        assert running.end(signal.SIGTERM) < 10
        everything_is_gone(running)
        assert "stopped" in running.lines()


def test_a_second_start_prepares_nothing_and_ctrl_c_stops_it(folder):
    with started(folder / "data", folder / "second") as running:
        assert not [line for line in running.lines() if "preparing" in line]
        assert running.end(signal.SIGINT) < 10
        assert running.process.returncode == 0
        everything_is_gone(running)


def test_a_killed_supervisor_leaves_no_child_behind(folder):
    with started(folder / "data", folder / "third") as running:
        running.end(signal.SIGKILL)
        everything_is_gone(running)


def test_a_closed_terminal_stops_everything(folder):
    with started(folder / "data", folder / "fourth") as running:
        assert running.end(signal.SIGHUP) < 10
        everything_is_gone(running)
