"""URLs without secrets, to be shown and logged."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def redact(url: str) -> str:
    """Return a URL without user, password and query."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        host = parts.hostname or ""
    except ValueError:  # invalid: any part of it could be a password
        return url.partition("://")[0] + "://..."
    host = f"[{host}]" if ":" in host else host
    if "@" in parts.path + parts.query + parts.fragment:
        # A password that contains one of /?# ends the host too early; the rest follows it.
        return f"{parts.scheme}://{host}/..."
    user = "***@" if parts.username or parts.password else ""
    # A query may contain a token.
    query = "..." if parts.query else ""
    return urlunsplit((parts.scheme, f"{user}{host}{port}", parts.path, query, ""))
