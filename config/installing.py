#!/usr/bin/env python3
"""Makes the virtual environment and installs the locked libraries into it, once.

Runs on a bare Python, before any library is there; what the product does belongs elsewhere.

    python3 config/installing.py            what the product runs on
    python3 config/installing.py --dev      and what its tests and checks need
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".installed.json"
OLDEST_PYTHON = (3, 11)


def main(arguments: list[str]) -> None:
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(f"Python 3.11 or newer is needed; {sys.executable} is {sys.version.split()[0]}.")
    kind = "dev" if "--dev" in arguments else "run"
    lock_file = ROOT / ("requirements-dev.txt" if kind == "dev" else "requirements.txt")
    VENV.mkdir(exist_ok=True)
    # Two starts at once must not install into the same folder at once.
    with (VENV / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not _python_works():
            _make_environment()
        wanted = _fingerprint(lock_file)
        if _installed().get(kind) == wanted:
            return
        _install(lock_file)
        # The longer lock file holds everything the shorter one does, in the same versions.
        done = {"run": _fingerprint(ROOT / "requirements.txt")} | {kind: wanted}
        STAMP.write_text(json.dumps(_installed() | done))


def _python_works() -> bool:
    probe = f"import sys; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    try:
        return subprocess.run([VENV_PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make_environment() -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    try:
        import ensurepip  # noqa: F401  (Debian and Ubuntu ship it apart)
        import venv
    except ImportError:
        sys.exit(
            "This Python cannot make virtual environments. "
            f"On Debian or Ubuntu: apt-get install python{version}-venv; then run this again."
        )
    _say(f"making .venv with Python {version}")
    STAMP.unlink(missing_ok=True)
    try:
        venv.EnvBuilder(with_pip=True, symlinks=True, clear=False, upgrade_deps=False).create(VENV)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"The virtual environment {VENV} cannot be made: {error}.")


def _install(lock_file: Path) -> None:
    pip = [str(VENV_PYTHON), "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode:
        subprocess.run([str(VENV_PYTHON), "-m", "ensurepip"], stdout=subprocess.DEVNULL, check=False)
    _say(f"installing the libraries of {lock_file.name} (about a minute, once)")
    options = ["install", "-qq", "--require-hashes", "--no-input", "--disable-pip-version-check"]
    outcome = subprocess.run([*pip, *options, "--requirement", str(lock_file)], check=False)
    if outcome.returncode:
        sys.exit(
            "The libraries could not be installed: see pip's words above. Is the package index reachable?"
        )


def _installed() -> dict[str, str]:
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError):
        return {}


def _fingerprint(lock_file: Path) -> str:
    return hashlib.sha256(lock_file.read_bytes()).hexdigest()


def _say(line: str) -> None:
    print(f"setup: {line}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
