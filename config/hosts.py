"""Which names this machine answers to, for Django's check of the Host header.

Knows sockets and addresses; sends nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
# No packet is sent to these: asking for the way to them tells which own address would be used.
_PROBES = (
    (socket.AF_INET, "192.0.2.1"),
    (socket.AF_INET, "10.255.255.254"),
    (socket.AF_INET, "172.31.255.254"),
    (socket.AF_INET, "192.168.255.254"),
    (socket.AF_INET6, "2001:db8::1"),
)


def allowed_hosts(*, host: str, given: list[str], public_url: str) -> list[str]:
    """The Host headers that are answered: this machine, the public name, and what was given by name."""
    hosts = [*LOOPBACK, *given]
    if public_url:
        hosts.append(urlsplit(public_url).hostname or "")
    if not is_wildcard(host):
        hosts.append(bracketed(host))
    elif not given:
        hosts += _own_names()
    return list(dict.fromkeys(name for name in hosts if name))


def own_addresses() -> list[str]:
    """The addresses at which other machines of the network reach this one."""
    found = []
    for family, probe in _PROBES:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probing:
                probing.connect((probe, 9))
                found.append(str(probing.getsockname()[0]))
        except OSError:
            continue  # no way there: no address of ours on that side
    return [a for a in dict.fromkeys(found) if not ipaddress.ip_address(a.split("%")[0]).is_loopback]


def is_wildcard(host: str) -> bool:
    return host in {"0.0.0.0", "::"}  # noqa: S104  (recognised here, bound only when asked for)


def bracketed(host: str) -> str:
    """The host as it stands in a URL: an IPv6 address goes in brackets."""
    return f"[{host}]" if ":" in host else host


def _own_names() -> list[str]:
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return [name, short, f"{short}.local", *map(bracketed, own_addresses())]
