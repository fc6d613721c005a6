"""The state of every part of a run, and the replacement of parts that have failed.

Each part sends heartbeats, and says with each one when the next is due. A part that misses this
deadline has stalled. A part that has stalled or died is replaced after a backoff. If it cannot be
replaced, only a restart of the program helps.

Nothing here waits or starts threads: see `watchdog`.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Final

from pose_edge.supervision.backoff import Backoff

log = logging.getLogger(__name__)

FIRST_S: Final = 1.0
LIMIT_S: Final = 30.0
"""The shortest and the longest wait before a part that has failed is replaced, seconds."""
STEADY_S: Final = 60.0
"""Running time, in seconds, after which a part's next replacement needs the shortest wait only."""
SUSPEND_GAP_S: Final = 3.0
"""Time between two checks, in seconds, above which the whole process must have been suspended; the
watchdog checks every second."""


class State(Enum):
    """What a part is doing."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    """Its device is missing; nothing is wrong with the part."""
    DONE = "done"
    """It has no work left: a file was read to its end."""
    FAILED = "failed"
    """It has died or stalled."""


class Part:
    """One supervised part of a run. The thread that does its work sends the heartbeats.

    Attributes:
        name: Name of the part, e.g. "source".
        state: What the part is doing.
        detail: What it runs on, what it waits for, or why it has failed.
        since_s: Time at which this state began, by the supervisor's clock, seconds.
        tries: Number of failures, and of attempts to open its device, since the part last ran.
        hang_next: Whether the next heartbeat hangs; for tests, see `Supervisor.freeze`.
    """

    def __init__(
        self, name: str, replacement: Callable[[], None] | None, clock: Callable[[], float]
    ) -> None:
        """Create the part, without a deadline yet. Only `Supervisor.add` creates parts."""
        self.name = name
        self.state = State.STARTING
        self.detail = ""
        self.since_s = clock()
        self.tries = 0
        self.hang_next = False
        self._replacement = replacement
        self._clock = clock
        self._lock = threading.Lock()
        self._heartbeat_s = self.since_s
        self._deadline_s = math.inf
        self._backoff = Backoff(FIRST_S, LIMIT_S)

    def starting(self, detail: str = "", *, within: float) -> None:
        """Send a heartbeat: the part is being opened or loaded.

        Args:
            detail: What it opens or loads, or runs on.
            within: Seconds until the next heartbeat is due.
        """
        self._set(State.STARTING, detail, within)

    def running(self, detail: str = "", *, within: float) -> None:
        """Send a heartbeat: the part has made progress. The arguments are those of `starting`."""
        self._hang_if_asked()
        self._set(State.RUNNING, detail, within)

    def waiting(self, detail: str, *, within: float, tried: bool = True) -> None:
        """Send a heartbeat: the part's device is missing.

        Args:
            detail: What it waits for.
            within: Seconds until the next heartbeat is due.
            tried: Whether it has just failed to open the device.
        """
        self._hang_if_asked()
        self._set(State.WAITING, detail, within, tried=tried)

    def done(self) -> None:
        """Report that the part has no work left; no more heartbeats are due."""
        self._set(State.DONE, "", math.inf)

    def failed(self, detail: str) -> None:
        """Report that the part has died, and why."""
        with self._lock:
            self._fail(detail)

    def give_up(self, detail: str) -> None:
        """Report that the part has failed, and why another replacement would not help."""
        with self._lock:
            self._replacement = None
            self._fail(detail)

    def postpone(self, seconds: float) -> None:
        """Extend the deadline after the whole process was suspended; called by the supervisor."""
        with self._lock:
            self._heartbeat_s += seconds
            self._deadline_s += seconds

    def check(self, now: float) -> Callable[[], None] | None:
        """Check the deadline; return the replacement if one is due. Called by the supervisor."""
        with self._lock:
            if now < self._deadline_s:
                return None
            if self.state is not State.FAILED:
                self._fail(f"no heartbeat for {now - self._heartbeat_s:.0f} s")
                return None
            self._deadline_s = math.inf
            return self._replacement

    @property
    def unrecoverable(self) -> bool:
        """Whether the part has failed and cannot be replaced."""
        with self._lock:
            return self.state is State.FAILED and self._replacement is None

    def _hang_if_asked(self) -> None:
        if self.hang_next:
            self.hang_next = False
            log.warning("%s: hangs from now on, as the test asks", self.name)
            threading.Event().wait()

    def _set(self, state: State, detail: str, within: float, *, tried: bool = False) -> None:
        with self._lock:
            now = self._clock()
            if state is State.RUNNING:
                self.tries = 0
                if self.state is state and now - self.since_s > STEADY_S:
                    self._backoff.reset()
            self._heartbeat_s, self._deadline_s = now, now + within
            self._change(state, detail, tried=tried)

    def _fail(self, detail: str) -> None:
        wait = self._backoff.next()
        self._deadline_s = self._clock() + wait
        self._change(State.FAILED, detail, tried=True)
        what = f"restarting it in {wait:g} s" if self._replacement else "it cannot be restarted"
        log.error("%s: %s; %s", self.name, detail, what)

    def _change(self, state: State, detail: str, *, tried: bool) -> None:
        if state is not self.state:
            self.since_s = self._clock()
        self.state, self.detail = state, detail
        self.tries += tried


class Supervisor:
    """Tracks all parts of a run, and replaces those that fail."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Create a supervisor without parts; `clock` gives seconds."""
        self._clock = clock
        self._parts: dict[str, Part] = {}
        self._replacements: Counter[str] = Counter()
        self._looked_s: float | None = None

    def add(self, name: str, replacement: Callable[[], None] | None = None) -> Part:
        """Add a part; it takes the place of an earlier one of the same name.

        Args:
            name: Name of the part, e.g. "source".
            replacement: Replaces the part after it has died or stalled; must return at once. None
                if only a restart of the program helps.

        Returns:
            The part, through which its thread sends heartbeats.
        """
        part = Part(name, replacement, self._clock)
        self._parts = {**self._parts, name: part}  # other threads may be iterating over the old one
        return part

    def remove(self, name: str) -> None:
        """Forget a part that is not needed any more."""
        self._parts = {key: part for key, part in self._parts.items() if key != name}

    @property
    def parts(self) -> list[Part]:
        """All parts."""
        return list(self._parts.values())

    def replacements(self) -> dict[str, int]:
        """Return how often each part was replaced since the start, by its name."""
        return dict(self._replacements)

    def look(self) -> bool:
        """Check all parts once, and replace those that are due.

        Returns:
            Whether every part works, or will do so without a restart of the program.
        """
        parts, now = self.parts, self._clock()
        self._forgive_sleep(parts, now)
        for part in parts:
            # `now`, not the present time: the next check notices a process that is suspended here.
            if replacement := part.check(now):
                self._replace(part, replacement)
        return not any(part.unrecoverable for part in parts)

    def _forgive_sleep(self, parts: list[Part], now: float) -> None:
        """Postpone all deadlines if the whole process was suspended since the last check.

        The process was stopped (Ctrl-Z, SIGSTOP), or the machine slept: no part could send a
        heartbeat.
        """
        before, self._looked_s = self._looked_s, now
        if before is not None and (gap := now - before) > SUSPEND_GAP_S:
            log.info("nothing ran for %.0f s: the program was stopped, or the machine was", gap)
            for part in parts:
                part.postpone(gap)

    def freeze(self, name: str) -> None:
        """Make a part hang forever at its next heartbeat, to test what happens then.

        Raises:
            KeyError: There is no such part.
        """
        self._parts[name].hang_next = True

    def _replace(self, part: Part, replacement: Callable[[], None]) -> None:
        log.info("%s: restarting it", part.name)
        self._replacements[part.name] += 1
        try:
            replacement()
        except Exception as error:  # e.g. no thread can be started: tried again later
            log.exception("%s: it could not be restarted", part.name)
            part.failed(f"it could not be restarted: {error or type(error).__name__}")
