"""Pose lines for WebSocket clients: one that is slow loses lines, the others do not."""

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
"""Messages that wait for the event loop."""
CLIENT_LINES: Final = 8
"""Lines that wait for one client: a quarter of a second."""
KEPT_EVENTS: Final = 20


class PoseClient:
    """The lines that wait for one client.

    Attributes:
        dropped: Lines that it has lost.
    """

    def __init__(self) -> None:
        """Start without lines."""
        import asyncio

        self.dropped = 0
        self._lines: deque[bytes] = deque(maxlen=CLIENT_LINES)
        self._arrived = asyncio.Event()

    def put(self, line: bytes) -> bool:
        """Add a line, and return whether it took the place of an older one."""
        full = len(self._lines) == CLIENT_LINES
        self.dropped += full
        self._lines.append(line)
        self._arrived.set()
        return full

    async def next(self) -> bytes:
        """Wait for the next line."""
        while not self._lines:
            self._arrived.clear()
            await self._arrived.wait()
        return self._lines.popleft()


class PoseFeed:
    """Hands the line of each message to all clients.

    The inference thread calls `send`; everything else happens in the event loop.

    Attributes:
        name: Name of the output.
        active: Whether messages are wanted.
        written: Messages that were handed to clients.
        dropped: Messages and lines left out because the loop, or a client, could not keep up.
        lost: Always 0: that nobody is there is no loss.
        failed: Always None: what is wrong with the server is said of the server.
        events: The newest events of the run, oldest first.
    """

    name = "websocket"
    lost = 0
    failed: str | None = None

    def __init__(self) -> None:
        """Start without clients."""
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
        """How many clients there are."""
        return len(self._clients)

    def send(self, message: PoseMessage) -> None:
        """Hand on a message; this never waits."""
        if message.events:
            # A file's own times are no times of day.
            time_s = message.time if message.live else time.time()
            self.events.extend({"time": round(time_s, 3), **one} for one in message.events)
        if not self._clients:
            return
        if len(self._messages) == WAITING_LINES:
            self._note_dropped(1)
        self._messages.append(message)
        self._wake.request()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve from another event loop, without clients."""
        self._clients = []
        self._messages.clear()
        self._wake.attach(loop)

    def join(self) -> PoseClient:
        """Return a new client."""
        client = PoseClient()
        self._clients = [*self._clients, client]
        return client

    def leave(self, client: PoseClient) -> None:
        """Forget a client."""
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
