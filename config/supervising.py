"""Keeps web, worker and beat running, says what happens to them, and leaves nothing behind.

Started by config/running.py as a file of its own: it knows supervisord and signals, not Django,
so that the process that lives longest is a small one.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from supervisor import events
from supervisor.medusa import asyncore_25 as asyncore
from supervisor.options import ServerOptions, decode_wait_status
from supervisor.states import SupervisorStates
from supervisor.supervisord import Supervisor

CONF = Path(__file__).with_name("supervisord.conf")
LOGS = Path(os.environ.get("DATA_DIR", "var")) / "logs"
TRIES_BEFORE_READY = 3
LONGEST_START = 60  # seconds
LONGEST_PAUSE = 10  # seconds between two starts of a part that keeps dying
PR_SET_PDEATHSIG = 1


class Options(ServerOptions):  # type: ignore[misc]  # supervisor has no types
    """supervisord's options, with three habits of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.endings: dict[int, int] = {}

    def setsignals(self) -> None:
        """A closed terminal stops everything, as Ctrl-C does; supervisord would start anew."""
        super().setsignals()
        receive = self.signal_receiver.receive
        signal.signal(signal.SIGHUP, lambda _number, frame: receive(signal.SIGTERM, frame))

    def waitpid(self) -> tuple[int | None, int | None]:
        """Remembers how a process ended: the events tell only that it did."""
        pid, status = super().waitpid()
        if pid:
            self.endings[pid] = status
        return pid, status

    def execve(self, filename: str, argv: list[str], env: dict[str, str]) -> None:
        """Has the kernel end the new process should this one be killed."""
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        super().execve(filename, argv, env)


class Watch(Supervisor):  # type: ignore[misc]
    """supervisord that speaks: ready, died, stopping, stopped."""

    def __init__(self, options: Options, *, local_address: str, shown_address: str) -> None:
        super().__init__(options)
        self.local_address = local_address
        self.shown_address = shown_address
        self.is_ready = False
        self.has_failed = False
        self.tries: dict[str, int] = {}

    def runforever(self) -> None:
        events.subscribe(events.ProcessStateExitedEvent, self.process_died)
        events.subscribe(events.ProcessStateBackoffEvent, self.process_died)
        events.subscribe(events.ProcessStateStoppedEvent, self.process_stopped)
        events.subscribe(events.SupervisorStoppingEvent, self.stopping_begun)
        threading.Thread(target=self.wait_until_ready, daemon=True).start()
        for group in self.process_groups.values():
            group.transition()  # supervisord itself would begin after a second of waiting
        super().runforever()

    def process_died(self, event: Any) -> None:
        """A part ended by itself: what it left is cleared away before its successor starts."""
        process, name = event.process, event.process.config.name
        _, how = decode_wait_status(self.options.endings.pop(process.pid, 0))
        kill_group(process.pid)
        process.backoff = min(process.backoff, LONGEST_PAUSE)
        self.tries[name] = self.tries.get(name, 0) + 1
        log = f"see {LOGS}/{name}.log"
        if not self.is_ready and self.tries[name] >= TRIES_BEFORE_READY:
            self.has_failed = True
            self.options.mood = SupervisorStates.SHUTDOWN
            say(f"{name} cannot be started ({how}): {log}")
        elif self.options.mood > SupervisorStates.SHUTDOWN:
            say(f"{name} died ({how}) and is started again; {log}")

    def process_stopped(self, event: Any) -> None:
        kill_group(event.process.pid)

    def stopping_begun(self, _event: Any) -> None:
        say("stopping")

    def wait_until_ready(self) -> None:
        """Says `ready` once a request has really been answered."""
        question = urllib.request.Request(f"{self.local_address}/readyz")  # noqa: S310  (our own address)
        # A proxy meant for the outside must not be asked about this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        begun, warned = time.monotonic(), False
        while self.options.mood > SupervisorStates.SHUTDOWN:
            with suppress(OSError, ValueError), opener.open(question, timeout=5) as answer:
                if answer.status == 200:
                    self.is_ready = True
                    say(f"ready: {self.shown_address}")
                    return
            time.sleep(0.1)
            if not warned and time.monotonic() - begun > LONGEST_START:
                warned = True
                say(f"no answer yet after {LONGEST_START} s; see {LOGS}/web.log")


def kill_group(pid: int) -> None:
    """Ends whatever a part's main process left running; each part leads a group of its own."""
    if pid > 1:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def say(line: str) -> None:
    # Whoever read our words may be gone; that is no reason to stop.
    with suppress(OSError, ValueError):
        print(line, flush=True)


def main(arguments: list[str]) -> int:
    """Runs until told to stop; 1 when a part could not be started at all."""
    local_address, shown_address = arguments
    options = Options()
    options.realize(["--configuration", str(CONF)])
    options.first = True
    options.test = False
    watch = Watch(options, local_address=local_address, shown_address=shown_address)
    with suppress(asyncore.ExitNow):
        watch.main()
    options.close_logger()
    say("stopped")
    return int(watch.has_failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
