"""Reads the switches that an operator may set in the environment.

A bad value stops the start with one plain line; nothing here knows Django.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit


class BadSwitch(SystemExit):
    """A switch holds a value nobody can work with: the process ends with this line."""

    def __init__(self, name: str, value: str, wanted: str) -> None:
        super().__init__(f"{name}={value!r} is not usable: {wanted}.")


class Switches:
    """Typed access to one environment (the process's own, or a dict in tests)."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ

    def text(self, name: str, default: str = "") -> str:
        return self._environ.get(name, "").strip() or default

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name).lower()
        if not value:
            return default
        if value in {"1", "true", "yes", "on"}:
            return True
        if value in {"0", "false", "no", "off"}:
            return False
        raise BadSwitch(name, value, "write 1 or 0")

    def whole(self, name: str, default: int, *, low: int, high: int) -> int:
        value = self.text(name)
        if not value:
            return default
        if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
            raise BadSwitch(name, value, f"write a whole number from {low} to {high}")
        return int(value)

    def folder(self, name: str, default: Path) -> Path:
        """An absolute folder that exists and can be written."""
        path = Path(self.text(name) or default).expanduser().resolve()
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadSwitch(name, str(path), f"the folder cannot be made ({error.strerror})") from None
        if not os.access(path, os.W_OK):
            raise BadSwitch(name, str(path), "the folder cannot be written")
        return path

    def url(self, name: str, *, schemes: tuple[str, ...]) -> str:
        """A URL with one of `schemes`, or '' when the switch is not set."""
        value = self.text(name)
        if not value:
            return ""
        try:
            parts = urlsplit(value)
            well_formed = parts.scheme in schemes and bool(parts.hostname or parts.path)
            _ = parts.port
        except ValueError:
            well_formed = False
        if not well_formed:
            raise BadSwitch(name, _without_password(value), f"write it as {schemes[0]}://host:port/name")
        return value


def _without_password(url: str) -> str:
    """The URL as it may be shown: a message must not print a secret."""
    head, at, tail = url.rpartition("@")
    return f"***@{tail}" if at else url
