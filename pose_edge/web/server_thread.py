"""The thread in which the server runs its event loop."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pose_edge.web.listening import Place, Service
from pose_edge.web.server_parts import ServerContext

if TYPE_CHECKING:
    import asyncio

    from pose_edge.web.listener import Listener

NAME: Final = "web"

Tick = Callable[["ServerThread", Sequence["Listener"]], None]
Failed = Callable[["ServerThread", BaseException], None]


class ServerThread:
    """Serves in a thread of its own, until it is stopped or abandoned."""

    def __init__(
        self,
        parts: ServerContext,
        services: Mapping[Place, frozenset[Service]],
        *,
        tick: Tick,
        failed: Failed,
    ) -> None:
        """Create the thread; `start` starts it.

        Args:
            parts: The state shared by all handlers.
            services: The services to offer at each place.
            tick: Called in the thread every second with this object and the listeners.
            failed: Called in the thread with this object and the exception that ended it.
        """
        self._parts = parts
        self._services = services
        self._tick = tick
        self._failed = failed
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self._stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None
        self.thread = threading.Thread(target=self._run, name=NAME, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self.thread.start()

    def stop(self, timeout: float) -> bool:
        """Close all connections; return whether the thread ended within `timeout` seconds."""
        self._ask_to_end()
        self.thread.join(timeout)
        return not self.thread.is_alive()

    def abandon(self) -> None:
        """Free the ports of a hung thread; if it ever continues, it ends at once."""
        self._ask_to_end()
        for listener in self._listeners:
            for one in listener.sockets:
                with suppress(OSError):  # closed already
                    one.shutdown(socket.SHUT_RDWR)

    def _ask_to_end(self) -> None:
        with self._lock:
            self._stopped = True
            if self._loop is not None and self._ended is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._ended.set)

    def _run(self) -> None:
        import asyncio

        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - reported, and the thread is replaced
            self._failed(self, error)

    async def _serve(self) -> None:
        # Imported here, so that a run without a server does not load aiohttp.
        import asyncio

        from pose_edge.web.listener import Listener
        from pose_edge.web.serving import serve

        parts, loop, ended = self._parts, asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            if self._stopped:
                return
            self._loop, self._ended = loop, ended
        parts.attach(loop)
        self._listeners = [
            Listener(place, services, parts) for place, services in self._services.items()
        ]
        paged = any(Service.PAGE in services for services in self._services.values())
        await serve(
            self._listeners,
            ended,
            tick=lambda listeners: self._tick(self, listeners),
            sample=(lambda: parts.history.add(parts.state())) if paged else None,
        )
