"""Addresses as they may be shown and logged: without secrets."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def redact(url: str) -> str:
    """Return a URL without user and password, to be shown and logged."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        host = parts.hostname or ""
    except ValueError:  # not a valid address: show nothing of it that could be a password
        return url.partition("://")[0] + "://..."
    host = f"[{host}]" if ":" in host else host
    if "@" in parts.path + parts.query + parts.fragment:
        # A password with one of /?# in it ends the host's name too early, and goes on after it.
        return f"{parts.scheme}://{host}/..."
    user = "***@" if parts.username or parts.password else ""
    # A query may hold a token; its names are enough to recognise the address by.
    query = "..." if parts.query else ""
    return urlunsplit((parts.scheme, f"{user}{host}{port}", parts.path, query, ""))
