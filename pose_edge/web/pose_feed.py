"""Pose lines for WebSocket clients, with a bounded drop-oldest queue for each client."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final

from pose_edge.sinks.drop_log import DropLog
from pose_edge.sinks.message import PoseMessage, Record
from pose_edge.web.loop_call import LoopCall

if TYPE_CHECKING:
    import asyncio

WAITING_LINES: Final = 32
"""Capacity of the queue of messages for the event loop."""
CLIENT_LINES: Final = 8
"""Capacity of a client's queue, lines; about a quarter of a second."""
KEPT_EVENTS: Final = 20


class PoseClient:
    """The queue of lines for one client; when it is full, the oldest line is dropped.

    Attributes:
        dropped: Number of lines that were dropped.
    """

    def __init__(self) -> None:
        """Create an empty queue."""
        import asyncio

        self.dropped = 0
        self._lines: deque[bytes] = deque(maxlen=CLIENT_LINES)
        self._arrived = asyncio.Event()

    def put(self, line: bytes) -> bool:
        """Add a line; return whether the oldest line was dropped for it."""
        full = len(self._lines) == CLIENT_LINES
        self.dropped += full
        self._lines.append(line)
        self._arrived.set()
        return full

    async def next(self) -> bytes:
        """Wait for the next line, and return it."""
        while not self._lines:
            self._arrived.clear()
            await self._arrived.wait()
        return self._lines.popleft()


class PoseFeed:
    """Passes the line of each message to all clients.

    The inference thread calls `send`; everything else happens in the event loop.

    Attributes:
        name: Name of the output.
        active: Whether messages are wanted.
        written: Number of messages that were passed to clients.
        dropped: Number of messages and lines dropped because the loop or a client was too slow.
        lost: Always 0: messages without a client do not count as lost.
        failed: Always None: faults of the server are reported by the server.
        events: The newest events of the run, oldest first.
    """

    name = "websocket"
    lost = 0
    failed: str | None = None

    def __init__(self) -> None:
        """Create the feed without clients."""
        self.active = False
        self.written = 0
        self.dropped = 0
        self.events: deque[Record] = deque(maxlen=KEPT_EVENTS)
        self._clients: list[PoseClient] = []
        self._messages: deque[PoseMessage] = deque(maxlen=WAITING_LINES)
        self._wake = LoopCall(self._hand_out)
        self._drops = DropLog("websocket")

    @property
    def clients(self) -> int:
        """Number of clients."""
        return len(self._clients)

    def send(self, message: PoseMessage) -> None:
        """Queue a message for all clients, without blocking."""
        if message.events:
            # The time of a frame in a file is a position, not a time of day.
            time_s = message.time if message.live else time.time()
            self.events.extend({"time": round(time_s, 3), **one} for one in message.events)
        if not self._clients:
            return
        if len(self._messages) == WAITING_LINES:
            self._note_dropped(1)
        self._messages.append(message)
        self._wake.request()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Use another event loop, and forget all clients."""
        self._clients = []
        self._messages.clear()
        self._wake.attach(loop)

    def join(self) -> PoseClient:
        """Add a client, and return it."""
        client = PoseClient()
        self._clients = [*self._clients, client]
        return client

    def leave(self, client: PoseClient) -> None:
        """Remove a client."""
        self._clients = [one for one in self._clients if one is not client]

    def _hand_out(self) -> None:
        while self._messages:
            line = self._messages.popleft().line.rstrip()
            self.written += 1
            self._note_dropped(sum(client.put(line) for client in self._clients))

    def _note_dropped(self, count: int) -> None:
        if count:
            self.dropped += count
            self._drops.add(count)
