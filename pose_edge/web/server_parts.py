"""The state that all request handlers of the server share."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pose_edge import logs
from pose_edge.config.schema import Settings
from pose_edge.logs.tail import LogTail
from pose_edge.sinks.run_state import RunState
from pose_edge.web.history import History
from pose_edge.web.live_picture import LivePicture
from pose_edge.web.login import LoginAttempts, Sessions
from pose_edge.web.pose_feed import PoseFeed
from pose_edge.web.run_access import RunAccess

if TYPE_CHECKING:
    import asyncio

STATE_S: Final = 0.2
"""Age up to which a state of the run is reused, seconds: many pages request it."""


@dataclass
class ServerContext:
    """The state that all request handlers share; it outlives their event loop.

    Attributes:
        settings: The settings in force.
        run: The interface of the run.
        picture: The live picture.
        poses: The pose lines.
        history: Samples of the last minutes.
        log: The last lines of the log.
        sessions: The sessions of people who have logged in.
        attempts: Failed attempts to log in.
        streams: Tasks of streaming responses, which last until the client leaves.
        server: Name of the event loop in use, by which pages notice that their streams have ended.
    """

    settings: Settings
    run: RunAccess
    picture: LivePicture
    poses: PoseFeed
    history: History = field(default_factory=History)
    log: LogTail = field(default_factory=lambda: LogTail(logs.redact))
    sessions: Sessions = field(default_factory=Sessions)
    attempts: LoginAttempts = field(default_factory=LoginAttempts)
    streams: set[asyncio.Task[Any] | None] = field(default_factory=set)
    server: str = ""
    _state: RunState | None = None
    _read_s: float = 0.0

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Use another event loop, without clients."""
        self.streams, self.server = set(), secrets.token_hex(4)
        self.picture.attach(loop)
        self.poses.attach(loop)

    def state(self) -> RunState:
        """Return the state of the run, at most `STATE_S` old."""
        now = time.monotonic()
        if self._state is None or now - self._read_s > STATE_S:
            self._state, self._read_s = self.run.state(), now
        return self._state

    def forget_state(self) -> None:
        """Discard the cached state, because something has changed."""
        self._state = None

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Names of the models that can be chosen."""
        from pose_edge.zoo.registry import AUTO, Zoo

        return (AUTO, *Zoo().entries)
