"""When to step down to a faster model and up to a more accurate one, while a run goes on.

A pure state machine: it has no clock, and is told once in a while how things stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PRESSURE_S: Final = 10.0
"""How long inference cannot follow before there is a step down."""
ROOM_S: Final = 60.0
"""How long there is room before there is a step up."""
MIN_HOLD_S: Final = 60.0
"""Least time between two steps."""
PROVEN_S: Final = 120.0
"""A step up that is taken back before this time has failed."""
MAX_ROOM_S: Final = 3600.0
"""After failed steps up there must be room for twice as long each time, up to this."""
GAP_S: Final = 5.0
"""After a longer silence nothing is known of the time before: the camera was gone, or all slept."""


@dataclass(frozen=True, slots=True)
class Strain:
    """How a run goes.

    Attributes:
        followed: Whether inference keeps up with the source.
        room: Whether the next more accurate model would keep up too.
    """

    followed: bool
    room: bool


class Governor:
    """Decides about steps on a ladder of models, from the fastest (0) to the most accurate.

    Attributes:
        level: The present step.
    """

    def __init__(self, levels: int, level: int, now_s: float) -> None:
        """Start on a step, which is kept for `MIN_HOLD_S` at least.

        Args:
            levels: Number of steps.
            level: The step to start on.
            now_s: The time, seconds.
        """
        self.level = level
        self._levels = levels
        self._changed_s = self._seen_s = now_s
        self._pressure_since: float | None = None
        self._room_since: float | None = None
        self._room_needed_s = ROOM_S
        self._unproven = False

    def observe(self, strain: Strain | None, now_s: float) -> int | None:
        """Take note of how things stand, and return the step to change to, or None.

        Args:
            strain: How the run goes; None while that cannot be said.
            now_s: The time, seconds; it does not go back.
        """
        if strain is None or now_s - self._seen_s > GAP_S:
            self._pressure_since = self._room_since = None
        self._seen_s = now_s
        if strain is None:
            return None
        self._pressure_since = None if strain.followed else _since(self._pressure_since, now_s)
        self._room_since = (
            _since(self._room_since, now_s) if strain.followed and strain.room else None
        )
        held_s = now_s - self._changed_s
        if self._unproven and held_s >= PROVEN_S:
            self._unproven, self._room_needed_s = False, ROOM_S
        if held_s < MIN_HOLD_S:
            return None
        if _lasts(self._pressure_since, PRESSURE_S, now_s) and self.level > 0:
            if self._unproven:
                self._room_needed_s = min(2 * self._room_needed_s, MAX_ROOM_S)
            return self._step(-1, now_s)
        room = _lasts(self._room_since, self._room_needed_s, now_s)
        if room and self.level < self._levels - 1:
            return self._step(1, now_s)
        return None

    def _step(self, direction: int, now_s: float) -> int:
        self.level += direction
        self._changed_s = now_s
        self._pressure_since = self._room_since = None
        self._unproven = direction > 0
        return self.level


def _since(since: float | None, now_s: float) -> float:
    return now_s if since is None else since


def _lasts(since: float | None, long_s: float, now_s: float) -> bool:
    return since is not None and now_s - since >= long_s
