"""One person over time, with motion extrapolation."""

from __future__ import annotations

import math
from statistics import median
from typing import Final

from pose_edge.poses import Box, Pose
from pose_edge.tracking.similarity import MIN_KEYPOINT_SCORE

VELOCITY_S: Final = 0.3
"""Time constant of the velocity's low-pass filter, seconds: long enough to average out jitter and
the swing of a step, short enough to follow a change of direction."""

COASTING_S: Final = 0.7
"""Time constant, in seconds, with which the expected velocity of an unseen person decays: at first
the last velocity predicts best, later the last position does."""


class Track:
    """One person over time.

    The body is extrapolated as a whole, with the median velocity of all keypoints. Single joints
    swing to and fro, so their own velocities predict worse. The median also does not need any
    single keypoint to be visible in every frame.

    While one person hides another, the model finds one body, which is either of the two or a
    mixture. Such an unclear pose keeps the track alive, but only clear poses change its motion.
    Two tracks can therefore pass through each other as the people do.

    Attributes:
        id: The person's number, from 1, or None while they may be a false detection.
        seen: Number of frames in which the person was found; predicted poses do not count.
        seen_at: Time of the last pose, seconds.
        last: The last pose, clear or not.
    """

    __slots__ = ("_clear", "_clear_at", "_clear_rows", "_velocity", "id", "last", "seen", "seen_at")

    def __init__(self, pose: Pose, time_s: float) -> None:
        """Create a track from its first pose, without an id."""
        self.id: int | None = None
        self.seen = 1
        self.seen_at = time_s
        self.last = self._clear = pose
        self._clear_at = time_s
        # Plain Python: for 17 points it takes a fifth of NumPy's time.
        self._clear_rows: list[list[float]] = pose.keypoints.tolist()
        self._velocity = (0.0, 0.0)

    @property
    def known(self) -> bool:
        """Whether the person has an id."""
        return self.id is not None

    def expected(self, time_s: float) -> Pose:
        """Return the last clear pose, moved to the person's expected position at a time."""
        shift_x, shift_y = self._shift(time_s)
        keypoints = self._clear.keypoints.copy()
        keypoints[:, 0] += shift_x
        keypoints[:, 1] += shift_y
        return Pose(keypoints, self._clear.score, self.expected_box(time_s))

    def expected_box(self, time_s: float) -> Box:
        """Return the box of the expected pose."""
        shift_x, shift_y = self._shift(time_s)
        x0, y0, x1, y1 = self._clear.box
        return (x0 + shift_x, y0 + shift_y, x1 + shift_x, y1 + shift_y)

    def add(self, pose: Pose, time_s: float, *, clear: bool) -> None:
        """Add a pose of this person.

        Args:
            pose: The pose.
            time_s: Time of the pose, seconds.
            clear: Whether the pose is certainly not that of another person.
        """
        if clear:
            rows = pose.keypoints.tolist()
            self._update_velocity(rows, time_s)
            self._clear, self._clear_at, self._clear_rows = pose, time_s, rows
        self.seen += not pose.predicted
        self.seen_at = time_s
        self.last = pose

    def _shift(self, time_s: float) -> tuple[float, float]:
        """Return the expected motion since the last clear pose, as x and y, normalised."""
        lead = COASTING_S * -math.expm1(-(time_s - self._clear_at) / COASTING_S)
        return self._velocity[0] * lead, self._velocity[1] * lead

    def _update_velocity(self, rows: list[list[float]], time_s: float) -> None:
        elapsed = time_s - self._clear_at
        seen_twice = [
            (before, now)
            for before, now in zip(self._clear_rows, rows, strict=True)
            if before[2] >= MIN_KEYPOINT_SCORE and now[2] >= MIN_KEYPOINT_SCORE
        ]
        if elapsed > 0.0 and seen_twice:
            # The first measured velocity has full weight: there is no earlier one to average with.
            weight = 1.0 if self.seen == 1 else -math.expm1(-elapsed / VELOCITY_S)
            x = median([now[0] - before[0] for before, now in seen_twice]) / elapsed
            y = median([now[1] - before[1] for before, now in seen_twice]) / elapsed
            old_x, old_y = self._velocity
            self._velocity = old_x + weight * (x - old_x), old_y + weight * (y - old_y)
