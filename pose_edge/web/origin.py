"""Which requests are refused because another web page may have sent them.

A page of a stranger can make a browser send requests to this machine. It cannot choose the headers
that tell so: `Origin`, `Sec-Fetch-Site`, and `Host`, which holds the stranger's name even where
that name leads to this machine (DNS rebinding).
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

PRIVATE_DOMAINS: Final = ("local", "lan", "home", "home.arpa", "internal", "localdomain")
"""Domains that nobody can register: this machine's name in one of them is this machine."""
DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def machine_names() -> frozenset[str]:
    """Return the names under which this machine may be asked for, in lower case."""
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return frozenset({"localhost", name, short, *(f"{short}.{one}" for one in PRIVATE_DOMAINS)})


def is_known_host(header: str, known: Collection[str]) -> bool:
    """Return whether the header `Host` names this machine.

    Args:
        header: HOST or HOST:PORT. Addresses are known: a stranger's page has a name.
        known: Names, in lower case.
    """
    host = _host(header)
    if host is None:
        return False
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return host.removesuffix(".") in known
    return True


def is_own_origin(origin: str | None, site: str | None, host: str, known: Collection[str]) -> bool:
    """Return whether a request comes from a page of ours, or from no page at all.

    Args:
        origin: The header `Origin`, or None.
        site: The header `Sec-Fetch-Site`, or None.
        host: The header `Host`.
        known: Names of a reverse proxy, in lower case, whose pages are ours.
    """
    if origin is None:
        return site in (None, "same-origin", "none")
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    if parts.hostname in known:
        return True
    default = DEFAULT_PORTS[parts.scheme]
    return (parts.hostname, port or default) == (_host(host), _port(host) or default)


def is_embedded(site: str | None, mode: str | None) -> bool:
    """Return whether a page of a stranger asks for a part of ours, such as a picture.

    Args:
        site: The header `Sec-Fetch-Site`, or None.
        mode: The header `Sec-Fetch-Mode`, or None.
    """
    return site in ("cross-site", "same-site") and mode not in ("navigate", "websocket")


def _host(header: str) -> str | None:
    """Return the host of a header `Host`, in lower case; None where it is none."""
    if not header or any(mark in header for mark in "/@\\?# "):
        return None
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:
        return None


def _port(header: str) -> int | None:
    try:
        return urlsplit(f"//{header}").port
    except ValueError:
        return None
