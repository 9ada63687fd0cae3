"""Reads the switches that an operator may set in the environment.

A bad value stops the start with one plain line; nothing here knows Django.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


class BadSwitch(SystemExit):
    """A switch holds a value nobody can work with: the process ends with this line."""

    def __init__(self, name: str, value: str, wanted: str) -> None:
        super().__init__(f"{name}={value!r} is not usable: {wanted}.")


class Switches:
    """Typed access to one environment (the process's own, or a dict in tests)."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ

    def text(self, name: str, default: str = "") -> str:
        """The words given, without the spaces around them; an empty switch counts as not set."""
        return self._environ.get(name, "").strip() or default

    def words(self, name: str) -> list[str]:
        """The parts of a list written with commas."""
        return [word.strip() for word in self.text(name).split(",") if word.strip()]

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
        # Nine digits hold every limit here and keep int() away from text of any length.
        if not value.isascii() or not value.isdigit() or len(value) > 9 or not low <= int(value) <= high:
            raise BadSwitch(name, value, f"write a whole number from {low} to {high}")
        return int(value)

    def secret(self, name: str, *, at_least: int) -> str:
        """A secret of a sensible length, or '' when the switch is not set; it is never printed."""
        value = self.text(name)
        if value and (len(value) < at_least or len(set(value)) < 5):
            raise BadSwitch(name, "***", f"write at least {at_least} random characters")
        return value

    def host(self, name: str, default: str) -> str:
        """A host name or an IP address, without a port and without brackets."""
        value = self.text(name, default)
        bare = value[1:-1] if value.startswith("[") and value.endswith("]") else value
        try:
            ipaddress.ip_address(bare)
        except ValueError:
            looks_like_an_address = bare.replace(".", "").isdigit()
            if looks_like_an_address or len(bare) > 253 or not _HOST_NAME.fullmatch(bare):
                raise BadSwitch(name, value, "write an address such as 127.0.0.1 or 0.0.0.0") from None
        return bare

    def folder(self, name: str, default: Path) -> Path:
        """An absolute folder that exists and can be written."""
        given = self.text(name) or str(default)
        try:
            path = Path(given).expanduser().resolve()
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadSwitch(name, given, f"the folder cannot be made ({error.strerror})") from None
        except (ValueError, RuntimeError) as error:
            raise BadSwitch(name, given, f"this is not a folder ({error})") from None
        if not os.access(path, os.W_OK | os.X_OK):
            raise BadSwitch(name, str(path), "the folder cannot be written")
        return path

    def url(self, name: str, *, schemes: tuple[str, ...], wanted: str) -> str:
        """A URL with one of `schemes`, or '' when the switch is not set; `wanted` shows the right form."""
        value = self.text(name)
        if not value:
            return ""
        try:
            parts = urlsplit(value)
            well_formed = parts.scheme in schemes and bool(parts.hostname or parts.path.strip("/"))
            _ = parts.port
        except ValueError:
            well_formed = False
        if not well_formed or any(character.isspace() for character in value):
            raise BadSwitch(name, without_password(value), f"write it as {wanted}")
        return value


def without_password(url: str) -> str:
    """The URL as it may be shown: a message must not print a secret."""
    head, at, tail = url.rpartition("@")
    scheme, separator, _ = head.partition("://")
    return f"{scheme}{separator}***@{tail}" if at else url
