"""Trails: the recent paths of hands and feet, thinner where they are older."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay.figures import BORDER
from pose_edge.overlay.palette import KEYPOINT_COLOURS, person_colour
from pose_edge.overlay.scene import NO_CAPSULES, Capsules, Rectangle, joined, to_pixels
from pose_edge.overlay.skeleton import LEAST_LINE, THICKEST, ColourBy
from pose_edge.poses import Keypoint, Pose

ENDS: Final = (
    Keypoint.LEFT_WRIST,
    Keypoint.RIGHT_WRIST,
    Keypoint.LEFT_ANKLE,
    Keypoint.RIGHT_ANKLE,
)
"""The keypoints that leave a trail."""

MOST_STEPS: Final = 60
"""Approximate limit of the lines in a trail; longer trails have coarser steps."""

MAX_GAP_S: Final = 0.5
"""Longest time between two points of a trail that are connected, seconds."""

WIDTH: Final = 0.75
"""Thickness of a trail at its newest end, as a multiple of that of the thickest limb."""


@dataclass(slots=True)
class _Path:
    """Where the hands and feet of one person were, the newest positions last."""

    times: deque[float] = field(default_factory=deque)
    points: deque[NDArray[np.float32]] = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class Trail:
    """The trails of one person at one moment.

    Attributes:
        number: The person's number.
        points: float32 (steps, 4, 2), normalised; NaN where the keypoint was not visible.
        ages: float32 (steps,), from 0 (now) to 1 (the full length of a trail).
        gaps: bool (steps - 1,), whether two successive points are too far apart in time to be
            connected.
    """

    number: int
    points: NDArray[np.float32]
    ages: NDArray[np.float32]
    gaps: NDArray[np.bool_]


class Trails:
    """Records where the hands and feet of numbered people were in the last seconds."""

    def __init__(self) -> None:
        """Create the trails, with nobody recorded."""
        self._paths: dict[int, _Path] = {}

    def add(
        self, poses: Sequence[Pose], time_s: float, seconds: float, min_score: float
    ) -> list[Trail]:
        """Add the poses of a frame, and return the trails up to that frame.

        Args:
            poses: The people; those without an id leave no trail.
            time_s: Time of the frame, seconds. If it goes backwards, all trails are cleared.
            seconds: Length of a trail, seconds.
            min_score: Lowest score of a keypoint that counts as visible.
        """
        if any(path.times[-1] > time_s for path in self._paths.values()):
            self._paths.clear()
        for pose in poses:
            if pose.id is not None:
                path = self._paths.setdefault(pose.id, _Path())
                self._extend(path, _ends(pose, min_score), time_s, seconds / MOST_STEPS)
        for number, path in list(self._paths.items()):
            while path.times and time_s - path.times[0] > seconds:
                path.times.popleft()
                path.points.popleft()
            if not path.times:
                del self._paths[number]
        return [
            _trail(number, path, time_s, seconds)
            for number, path in self._paths.items()
            if len(path.times) > 1
        ]

    def _extend(self, path: _Path, ends: NDArray[np.float32], time_s: float, step_s: float) -> None:
        """Add a point; replace the newest one if it is less than a step after its predecessor."""
        if len(path.times) > 1 and path.times[-1] - path.times[-2] < step_s:
            path.times.pop()
            path.points.pop()
        path.times.append(time_s)
        path.points.append(ends)


def trail_capsules(
    trails: Sequence[Trail], place: Rectangle, *, mirror: bool, colour_by: ColourBy
) -> Capsules:
    """Return the lines of trails, thinner where they are older.

    Args:
        trails: The trails that `Trails.add` returned.
        place: Where the picture lies on the canvas or screen.
        mirror: Whether the picture is shown mirrored.
        colour_by: See `skeletons`.
    """
    width = max(min(place[2:]) * THICKEST * WIDTH, LEAST_LINE)
    parts = []
    for trail in trails:
        points = to_pixels(trail.points, place, mirror=mirror)
        lines = np.concatenate([points[:-1], points[1:]], axis=2)  # (steps - 1, ends, 4)
        discs = np.tile(points[1:], 2)
        drawn = np.isfinite(lines).all(axis=2) & ~trail.gaps[:, None]
        radii = np.maximum(width * (1 - trail.ages[1:]), 1.0) / 2
        own = [KEYPOINT_COLOURS[end] for end in ENDS]
        colours = own if colour_by == "side" else [person_colour(trail.number)] * len(ENDS)
        parts.append(
            Capsules(
                np.concatenate([lines[drawn], discs[drawn]]),
                np.tile(np.broadcast_to(radii[:, None], drawn.shape)[drawn], 2),
                np.tile(
                    np.broadcast_to(np.array(colours, np.uint8), (*drawn.shape, 3))[drawn], (2, 1)
                ),
            )
        )
    return joined(parts) if parts else NO_CAPSULES


def _ends(pose: Pose, min_score: float) -> NDArray[np.float32]:
    """Return the positions of a pose's hands and feet, float32 (4, 2), NaN where not visible."""
    ends = pose.keypoints[list(ENDS)]
    inside = (np.abs(ends[:, :2] - 0.5) < 0.5 - BORDER).all(axis=1)
    seen = inside & (ends[:, 2] >= min_score)
    return np.where(seen[:, None], ends[:, :2], np.float32(np.nan))


def _trail(number: int, path: _Path, time_s: float, seconds: float) -> Trail:
    times = np.array(path.times)
    return Trail(
        number,
        np.array(path.points, np.float32),
        ((time_s - times) / seconds).clip(0.0, 1.0).astype(np.float32),
        np.diff(times) > MAX_GAP_S,
    )
