"""Login to the page: the token, the sessions, and growing waits after wrong tokens."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final

from pose_edge.errors import OutputError
from pose_edge.util.paths import user_path

SHORTEST_TOKEN: Final = 8
LONGEST_TOKEN: Final = 1024
SESSIONS: Final = 64
"""Maximum number of sessions; the least recently used one is dropped first."""
SESSION_S: Final = 30 * 86_400.0
"""Lifetime of a session, seconds; after it, people have to log in again."""
FREE_ATTEMPTS: Final = 3
"""Number of the wrong attempt that is the first to cause a wait."""
LONGEST_WAIT_S: Final = 60.0
"""Longest wait after a wrong attempt, seconds."""
REMEMBERED: Final = 256
"""Maximum number of addresses whose wrong attempts are remembered."""


def read_token(name: str) -> str:
    """Return the token in a file: its first line.

    Raises:
        OutputError: The file cannot be read, or its token is too short.
    """
    path = user_path(name)
    try:
        with Path(path).open(encoding="utf-8-sig") as file:  # some editors write a BOM
            token = file.readline(LONGEST_TOKEN).strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise OutputError(f"web.token_file: {path} cannot be read: {reason}") from None
    if len(token) < SHORTEST_TOKEN:
        raise OutputError(
            f"web.token_file: {path}: the token has fewer than {SHORTEST_TOKEN} characters"
        )
    return token


def is_token(given: str, token: str) -> bool:
    """Return whether a text is the token, by a comparison in constant time."""
    return hmac.compare_digest(given.encode(errors="replace"), token.encode())


class Sessions:
    """The sessions of people who have logged in, kept in memory only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Create the store without sessions; `clock` returns monotonic seconds."""
        self._clock = clock
        self._ends_s: OrderedDict[bytes, float] = OrderedDict()

    def begin(self) -> str:
        """Begin a session; return its id, which only the browser keeps."""
        name = secrets.token_urlsafe(32)
        self._ends_s[_digest(name)] = self._clock() + SESSION_S
        while len(self._ends_s) > SESSIONS:
            self._ends_s.popitem(last=False)
        return name

    def knows(self, name: str) -> bool:
        """Return whether an id belongs to a session that has not expired."""
        key = _digest(name)  # the time of a lookup by the id itself would depend on the id
        if self._ends_s.get(key, -math.inf) <= self._clock():
            self._ends_s.pop(key, None)
            return False
        self._ends_s.move_to_end(key)
        return True

    def end(self, name: str) -> None:
        """End a session."""
        self._ends_s.pop(_digest(name), None)


class LoginAttempts:
    """Wrong attempts to log in, by address, with exponential backoff."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Create the store without attempts; `clock` returns monotonic seconds."""
        self._clock = clock
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Return the time until an address may try again, seconds; 0 if it may try now."""
        _count, until_s = self._failed.get(_network(address), (0, 0.0))
        return max(0.0, until_s - self._clock())

    def failed(self, address: str) -> None:
        """Record a wrong attempt."""
        key = _network(address)
        count = self._failed.get(key, (0, 0.0))[0] + 1
        # Limit the exponent: in a long attack the power would overflow.
        steps = min(count - FREE_ATTEMPTS, 16)
        wait_s = min(2.0**steps, LONGEST_WAIT_S) if steps >= 0 else 0.0
        self._failed[key] = count, self._clock() + wait_s
        self._failed.move_to_end(key)
        while len(self._failed) > REMEMBERED:
            self._failed.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget the wrong attempts of an address."""
        self._failed.pop(_network(address), None)


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode(errors="replace")).digest()


def _network(address: str) -> str:
    """Return the key of an address: an IPv6 address counts by its /64 network.

    A client can choose any address within that network.
    """
    try:
        number = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(number, IPv6Address):
        return str(number)
    return str(number.ipv4_mapped or IPv6Address(int(number) >> 64 << 64))
