"""Detection of requests that another site's page may have sent (CSRF, DNS rebinding).

Another site's page can make a browser send requests to this machine. But it cannot choose the
headers that reveal this: `Origin`, `Sec-Fetch-Site`, and `Host`. The latter holds the other site's
name even where that name resolves to this machine (DNS rebinding).
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

PRIVATE_DOMAINS: Final = ("local", "lan", "home", "home.arpa", "internal", "localdomain")
"""Domains that nobody can register, so that this machine's name in them can be trusted."""
DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def machine_names() -> frozenset[str]:
    """Return the names by which clients may address this machine, in lower case."""
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return frozenset({"localhost", name, short, *(f"{short}.{one}" for one in PRIVATE_DOMAINS)})


def is_known_host(header: str, known: Collection[str]) -> bool:
    """Return whether the header `Host` names this machine.

    Args:
        header: HOST or HOST:PORT. Any IP address is accepted: DNS rebinding needs a name.
        known: Names of this machine and of reverse proxies, in lower case.
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
    """Return whether a request comes from one of this server's pages, or from no page at all.

    Args:
        origin: The header `Origin`, or None.
        site: The header `Sec-Fetch-Site`, or None.
        host: The header `Host`.
        known: Names of reverse proxies, in lower case; pages from them count as this server's.
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
    """Return whether another site's page embeds something of this server, e.g. an image.

    Args:
        site: The header `Sec-Fetch-Site`, or None.
        mode: The header `Sec-Fetch-Mode`, or None.
    """
    return site in ("cross-site", "same-site") and mode not in ("navigate", "websocket")


def _host(header: str) -> str | None:
    """Return the host in a header `Host`, in lower case; None if the header is malformed."""
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
