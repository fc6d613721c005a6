"""Decide during a run when to step down to a faster model or up to a more accurate one.

The governor is a state machine without a clock of its own: its caller regularly passes the time and
whether inference keeps up. Different delays for stepping down and up give it hysteresis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PRESSURE_S: Final = 10.0
"""Seconds for which inference must have fallen behind before a step down."""
ROOM_S: Final = 60.0
"""Seconds for which there must have been room before a step up."""
MIN_HOLD_S: Final = 60.0
"""Shortest time between two steps, seconds."""
PROVEN_S: Final = 120.0
"""Seconds after which a step up counts as successful; a step down before that means it failed."""
MAX_ROOM_S: Final = 3600.0
"""Upper limit, seconds, of the time with room before a step up.

The required time starts at `ROOM_S` and doubles after each failed step up (exponential backoff).
"""
GAP_S: Final = 5.0
"""Seconds without an observation after which earlier observations are forgotten.

Such a gap means, for example, that the camera was lost or the program was suspended.
"""


@dataclass(frozen=True, slots=True)
class InferenceLoad:
    """The load of a run.

    Attributes:
        followed: Whether inference keeps up with the source.
        room: Whether the next more accurate model would keep up too.
    """

    followed: bool
    room: bool


class Governor:
    """Decides on steps along a ladder of models, from the fastest (0) to the most accurate.

    Attributes:
        level: Index of the current model on the ladder.
    """

    def __init__(self, levels: int, level: int, now_s: float) -> None:
        """Create a governor; its first level is kept for at least `MIN_HOLD_S`.

        Args:
            levels: Number of models on the ladder.
            level: Index of the first model.
            now_s: The current time, seconds.
        """
        self.level = level
        self._levels = levels
        self._changed_s = self._seen_s = now_s
        self._pressure_since: float | None = None
        self._room_since: float | None = None
        self._room_needed_s = ROOM_S
        self._unproven = False

    def observe(self, load: InferenceLoad | None, now_s: float) -> int | None:
        """Record the load of the run and decide whether to change the model.

        Args:
            load: The load of the run; None while it is unknown.
            now_s: The current time, seconds, never earlier than in the last call.

        Returns:
            The level to change to, which is also the new `level`; None for no change.
        """
        if load is None or now_s - self._seen_s > GAP_S:
            self._pressure_since = self._room_since = None
        self._seen_s = now_s
        if load is None:
            return None
        self._pressure_since = None if load.followed else _since(self._pressure_since, now_s)
        self._room_since = _since(self._room_since, now_s) if load.followed and load.room else None
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
