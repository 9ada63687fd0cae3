"""Starts the product as a person does, as real processes, and looks at what runs because of it.

Only what the tests of this folder share; what is true of a start stands in the tests.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")

PROJECT = Path(__file__).resolve().parents[2]
START = (sys.executable, "-m", "config.running")
LONGEST_START = 180  # seconds; on a machine that does much else
SWITCHES = (
    "ALLOWED_HOSTS",
    "BROKER_SECONDS",
    "DATABASE_URL",
    "DATA_DIR",
    "DEBUG",
    "DEMO",
    "HOST",
    "PORT",
    "PUBLIC_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "STATEMENT_SECONDS",
    "SWEEP_SECONDS",
)


@dataclass
class Start:
    """One start of the product, its words, and the processes that came of it."""

    process: subprocess.Popen[bytes]
    words: Path
    port: int
    data_dir: Path
    begun: float = field(default_factory=time.monotonic)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lines(self) -> list[str]:
        return self.words.read_text().splitlines()

    def wait_for(self, word: str, seconds: float = LONGEST_START) -> str:
        """The first line that holds `word`, as soon as it is said."""

        def said() -> str:
            assert self.process.poll() is None or word in self.words.read_text(), self.words.read_text()
            return next((line for line in self.lines() if word in line), "")

        return wait_until(said, seconds, what=f"{word!r} in {self.lines()}")

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        return get(f"{self.address}{path}", **headers)

    def main_pid(self, part: str) -> int:
        """The process id of web, worker or beat as the supervisor started it, 0 while there is none."""
        mark = {"web": "gunicorn", "worker": "worker", "beat": "beat"}[part]
        for pid in self.living():
            words = command_line(pid)
            if words[1:2] == ["-m"] and mark in words and parent(pid) == self.process.pid:
                return pid
        return 0

    def living(self) -> list[int]:
        """Every process that runs on this start's data, children of children too."""
        return [pid for pid in all_pids() if environment(pid).get("DATA_DIR") == str(self.data_dir)]

    def end(self, number: int = signal.SIGTERM) -> float:
        """Sends the signal; the seconds until the process was gone."""
        begun = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - begun


@contextmanager
def started(
    data_dir: Path, words: Path, command: tuple[str, ...] = START, **switches: str
) -> Iterator[Start]:
    """A start that is ready; whatever a test does with it, nothing of it is left afterwards."""
    running = start(data_dir, words, command, **switches)
    try:
        running.wait_for("ready: ")
        yield running
    finally:
        for pid in running.living():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        running.process.wait()


def start(data_dir: Path, words: Path, command: tuple[str, ...] = START, **switches: str) -> Start:
    port = int(switches.pop("PORT", 0)) or free_port()
    with words.open("wb") as handle:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=clean_environment(DATA_DIR=str(data_dir), PORT=str(port), **switches),
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Start(process, words, port, data_dir)


def refused_start(**switches: str) -> tuple[int, list[str], float]:
    """Exit code, lines and seconds of a start that is expected to end by itself."""
    begun = time.monotonic()
    outcome = subprocess.run(
        START, cwd=PROJECT, env=clean_environment(**switches), capture_output=True, text=True, timeout=30
    )
    return outcome.returncode, (outcome.stdout + outcome.stderr).splitlines(), time.monotonic() - begun


def clean_environment(**switches: str) -> dict[str, str]:
    """This process's environment with no switch but the given ones."""
    kept = {name: value for name, value in os.environ.items() if name not in SWITCHES}
    return kept | {"DEMO": "0"} | switches


def get(url: str, **headers: str) -> tuple[int, dict[str, str], str]:
    question = urllib.request.Request(url, headers={k.replace("_", "-"): v for k, v in headers.items()})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(question, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, dict(answer.headers), answer.read().decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def silent_server() -> socket.socket:
    """Something that takes connections and never says a word."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(16)
    return listening


def wait_until(look: Callable[[], Found], seconds: float, *, what: str) -> Found:
    """What `look` finds, as soon as it finds something."""
    ends = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < ends, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return found


def all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def environment(pid: int) -> dict[str, str]:
    try:
        text = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return {}  # gone, or somebody else's
    return dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)


def command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    except OSError:
        return []


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
