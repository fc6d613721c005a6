"""Decide which frames need not be processed, because nobody is in view and nothing moves.

An installation that nobody visits at night need not search 30 empty pictures a second. A cheap
comparison of each captured frame with the earlier ones decides, and the first frame in which
something moves is processed at once.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from pose_edge.frames import Frame
from pose_edge.pipeline.motion import MotionDetector, tiny_grey

QUIET_S: Final = 5.0
"""Time without people or motion after which the scene counts as at rest, seconds."""
CHECK_INTERVAL_S: Final = 0.25
"""Interval at which frames are processed even at rest, seconds, in case somebody hardly moves."""
MAX_SHARE: Final = 0.25
"""Largest share of the time that these frames may take. For a slow model the interval grows, up to
`MAX_LOOK_S`."""
MAX_LOOK_S: Final = 1.0
"""Longest interval between these frames, seconds, so that the run keeps showing that it works."""


class Found(Enum):
    """Whether anybody is in a frame."""

    NOBODY = auto()
    PERHAPS = auto()
    """The model has found somebody whom the tracker has not confirmed, so the next frame is needed:
    the model alone takes a tree for a person now and then."""
    SOMEBODY = auto()


class RestRule:
    """Decides which frames are processed; a state machine without a clock and without pictures.

    Attributes:
        resting: Whether the scene is at rest.
    """

    def __init__(self) -> None:
        """Create the rule; the scene is awake at first."""
        self.resting = False
        self._quiet_since_s: float | None = None
        self._next_look_s = 0.0

    def wants(self, time_s: float, *, moved: bool) -> bool:
        """Return whether the next frame is to be processed.

        Args:
            time_s: Time of the frame, seconds. If the time goes back, the scene wakes up.
            moved: Whether something moves in the frame.
        """
        quiet_since_s = self._quiet_since_s
        if moved or quiet_since_s is None or time_s < quiet_since_s:
            self._wake(time_s)
            return True
        if not self.resting and time_s - quiet_since_s >= QUIET_S:
            self.resting = True
            self._next_look_s = time_s
        return not self.resting or time_s >= self._next_look_s

    def looked(self, time_s: float, took_s: float, found: Found) -> None:
        """Record what was found in a frame that was processed.

        Args:
            time_s: Time of the frame, seconds.
            took_s: How long its processing took, seconds.
            found: Whether anybody is in the frame.
        """
        if found is Found.SOMEBODY:
            self._wake(time_s)
        elif found is Found.PERHAPS:
            self._next_look_s = time_s
        else:
            self._next_look_s = time_s + min(max(CHECK_INTERVAL_S, took_s / MAX_SHARE), MAX_LOOK_S)

    def _wake(self, time_s: float) -> None:
        self.resting = False
        self._quiet_since_s = time_s


class Rest:
    """Tells the inference thread which frames of a live source it may pass over.

    Attributes:
        allowed: Whether it may pass over any frames.
    """

    def __init__(self) -> None:
        """Start awake; the scene never counts as at rest before `allowed` is set."""
        self.allowed = False
        self._passed_over = 0
        self._rule = RestRule()
        self._motion = MotionDetector()
        self._somebody = False

    @property
    def resting(self) -> bool:
        """Whether the scene is at rest; any thread may read this."""
        return self.allowed and self._rule.resting

    def passes_over(self, frame: Frame) -> bool:
        """Return whether the next frame need not be processed."""
        if not (self.allowed and frame.live) or self._somebody:
            return False
        time_s = frame.captured_ns / 1e9
        moved = self._motion.update(tiny_grey(frame.image), time_s)
        wanted = self._rule.wants(time_s, moved=moved)
        self._passed_over += not wanted
        return not wanted

    def looked(self, frame: Frame, took_s: float, found: Found) -> int:
        """Record what was found in a frame; see `RestRule.looked`.

        Returns:
            The number of frames right before it that were passed over.
        """
        self._somebody = found is Found.SOMEBODY
        if self._somebody:
            self._motion.reset()
        self._rule.looked(frame.captured_ns / 1e9, took_s, found)
        passed_over, self._passed_over = self._passed_over, 0
        return passed_over
