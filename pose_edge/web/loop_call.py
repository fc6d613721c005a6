"""Thread-safe calls into the server's event loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class LoopCall:
    """Calls a function in the event loop, once for all requests since the last call. Thread-safe.

    Because requests are merged, calls do not pile up in a loop that is slow or hangs.
    """

    def __init__(self, call: Callable[[], None]) -> None:
        """Create the object; nothing is called before `attach`."""
        self._call = call
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._requested = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Use another event loop from now on."""
        with self._lock:
            self._loop, self._requested = loop, False

    def request(self) -> None:
        """Request a call and return at once; do nothing without an open loop."""
        with self._lock:
            if self._loop is None or self._requested or self._loop.is_closed():
                return
            self._requested = True
            self._loop.call_soon_threadsafe(self._run)

    def _run(self) -> None:
        with self._lock:
            self._requested = False
        self._call()
