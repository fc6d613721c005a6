"""The state of every part of a run: what it does, whether it still does it, and who is overdue.

Each part says how it goes and until when it will say so again. One that does not keep its word has
stalled, and is replaced where that is possible. Once one has stalled that nobody can replace, only
a new start of the whole program helps: see `watch`.

Nothing here waits or starts threads: see `watch`.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from pose_edge.supervision.backoff import Backoff

log = logging.getLogger(__name__)

FIRST_S: Final = 1.0
LIMIT_S: Final = 30.0
"""The shortest and the longest wait before a part that keeps failing is replaced again."""
STEADY_S: Final = 60.0
"""A part that has run for so long is forgiven its failures."""


class State(Enum):
    """What a part does."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    """For its device, which is missing: nothing is wrong with the part."""
    DONE = "done"
    """A file was read to its end."""
    FAILED = "failed"
    """It has died or stalled; it is replaced when its time has come, if it can be."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a part is.

    Attributes:
        name: Of the part, e.g. "source".
        state: What it does.
        detail: What it runs on, what it waits for, or why it has failed.
        since_s: When it came into this state, by the supervisor's clock.
        tries: How often it has failed, or looked for its device in vain, since it last ran.
    """

    name: str
    state: State
    detail: str
    since_s: float
    tries: int


class Part:
    """How one part goes; told by whichever thread does its work."""

    def __init__(
        self, name: str, replacement: Callable[[], None] | None, clock: Callable[[], float]
    ) -> None:
        """Made by `Supervisor.add` only."""
        self._replacement = replacement
        self._clock = clock
        self._lock = threading.Lock()
        self._status = Status(name, State.STARTING, "", clock(), 0)
        self._said_s = clock()
        self._due_s = math.inf
        self._backoff = Backoff(FIRST_S, LIMIT_S)
        self._freezing = False

    @property
    def status(self) -> Status:
        """How it is."""
        with self._lock:
            return self._status

    def starting(self, detail: str = "", *, within: float) -> None:
        """Say that it is being opened or loaded.

        Args:
            detail: What.
            within: Seconds in which it will say something again; later it has stalled.
        """
        self._say(State.STARTING, detail, within)

    def running(self, detail: str = "", *, within: float) -> None:
        """Say that it has made progress just now; arguments as for `starting`."""
        self._hang_if_told_to()
        self._say(State.RUNNING, detail, within)

    def waiting(self, detail: str, *, within: float, tried: bool = True) -> None:
        """Say that its device is missing.

        Args:
            detail: What it waits for.
            within: As for `starting`.
            tried: Whether it has just looked for it again, in vain.
        """
        self._hang_if_told_to()
        self._say(State.WAITING, detail, within, tried=tried)

    def done(self) -> None:
        """Say that its work is done: nothing more will be heard of it, and nothing is wrong."""
        self._say(State.DONE, "", math.inf)

    def failed(self, detail: str) -> None:
        """Say that it has died."""
        with self._lock:
            self._fail(detail)

    def give_up(self, detail: str) -> None:
        """Say that it has failed and that replacing it does not help any more."""
        with self._lock:
            self._replacement = None
            self._fail(detail)

    def freeze(self) -> None:
        """Let its thread hang for ever from its next sign of life on, to try what comes of it."""
        self._freezing = True

    def check(self) -> Callable[[], None] | None:
        """Look whether it keeps its word; for the supervisor.

        Returns:
            What replaces it, to be called now; None when there is nothing to do.
        """
        with self._lock:
            now = self._clock()
            if now < self._due_s:
                return None
            if self._status.state is not State.FAILED:
                self._fail(f"no sign of life for {now - self._said_s:.0f} s")
                return None
            self._due_s = math.inf
            return self._replacement

    @property
    def helpless(self) -> bool:
        """Whether it has failed and nothing can replace it."""
        with self._lock:
            return self._status.state is State.FAILED and self._replacement is None

    def _hang_if_told_to(self) -> None:
        if self._freezing:
            self._freezing = False
            log.warning("%s: hangs from now on, as it was told to", self._status.name)
            threading.Event().wait()

    def _say(self, state: State, detail: str, within: float, *, tried: bool = False) -> None:
        with self._lock:
            now = self._clock()
            before = self._status
            tries = before.tries
            if state is State.RUNNING:
                tries = 0
                if before.state is state and now - before.since_s > STEADY_S:
                    self._backoff.reset()
            tries += tried
            self._said_s, self._due_s = now, now + within
            self._set(state, detail, tries)

    def _fail(self, detail: str) -> None:
        wait = self._backoff.next()
        self._due_s = self._clock() + wait
        self._set(State.FAILED, detail, self._status.tries + 1)
        what = f"replacing it in {wait:g} s" if self._replacement else "it cannot be replaced"
        log.error("%s: %s; %s", self._status.name, detail, what)

    def _set(self, state: State, detail: str, tries: int) -> None:
        since_s = self._status.since_s if self._status.state is state else self._clock()
        self._status = replace(
            self._status, state=state, detail=detail, since_s=since_s, tries=tries
        )


class Supervisor:
    """All parts of a run."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without parts.

        Args:
            clock: Seconds that only increase.
        """
        self._clock = clock
        self._parts: dict[str, Part] = {}

    def add(self, name: str, replacement: Callable[[], None] | None = None) -> Part:
        """Add a part, or put another in the place of one of this name.

        Args:
            name: E.g. "source".
            replacement: Replaces it after it died or stalled; must return at once. None where
                only a new start of the program helps.
        """
        part = Part(name, replacement, self._clock)
        self._parts = {**self._parts, name: part}  # a new one, for readers in other threads
        return part

    def freeze(self, name: str) -> None:
        """Let a part hang; see `Part.freeze`.

        Raises:
            KeyError: There is no such part.
        """
        self._parts[name].freeze()

    def remove(self, name: str) -> None:
        """Forget a part that is not needed any more."""
        self._parts = {key: part for key, part in self._parts.items() if key != name}

    def statuses(self) -> list[Status]:
        """Return how all parts are."""
        return [part.status for part in self._parts.values()]

    def look(self) -> bool:
        """Look after all parts once, and replace those whose time has come.

        Returns:
            Whether all is well, or will be without a new start of the program.
        """
        parts = list(self._parts.values())
        for part in parts:
            replacement = part.check()
            if replacement is not None:
                log.info("%s: replacing it", part.status.name)
                replacement()
        return not any(part.helpless for part in parts)
