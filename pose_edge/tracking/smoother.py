"""Smooth poses with one filter for each tracked person."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from pose_edge.poses import KEYPOINT_COUNT, Pose, box_of
from pose_edge.tracking.one_euro import BETA, MAX_GAP_S, MIN_CUTOFF_HZ, OneEuro

SIZE_S: Final = 0.5
"""Time constant of the low-pass on a person's size, seconds: a raised arm or a hidden leg changes
the box at once, but not the size of the person."""

MIN_SIZE: Final = 0.02
"""Minimum size of a person, as a fraction of the frame's longer side, because the box of a single
visible keypoint has no size."""


class Smoother:
    """Removes the jitter of tracked poses."""

    def __init__(
        self,
        *,
        min_cutoff: float = MIN_CUTOFF_HZ,
        beta: float = BETA,
        min_keypoint_score: float = 0.2,
    ) -> None:
        """Create a smoother without people.

        The size of a person is the mean of the width and height of their box.

        Args:
            min_cutoff: See `OneEuro`; Hz, 0.1...10.
            beta: See `OneEuro`; Hz per (size / s), 0...100.
            min_keypoint_score: Minimum keypoint score, 0...1. Weaker keypoints are not smoothed,
                and are ignored for the box.
        """
        self._min_cutoff = min_cutoff
        self._beta = beta
        self._min_keypoint_score = min_keypoint_score
        self._people: dict[int, _Person] = {}
        self._frame_size = (0, 0)
        self._scale = np.zeros(2)

    def apply(self, poses: Sequence[Pose], time_s: float, width: int, height: int) -> list[Pose]:
        """Smooth the poses of a frame.

        Args:
            poses: Poses as returned by `Tracker`; a pose without an id is returned unchanged.
            time_s: The frame's time, seconds, on the same clock as for earlier frames.
            width: Width of the frame, pixels.
            height: Height of the frame, pixels.

        Returns:
            The poses, in the same order, with smoothed keypoints and the boxes around these.
            Scores, and keypoints below `min_keypoint_score`, are unchanged.
        """
        if (width, height) != self._frame_size:  # old positions are in pixels of the old size
            self._frame_size = (width, height)
            self._scale = np.array((width, height), dtype=np.float64)
            self._people = {}
        self._people = {
            number: person
            for number, person in self._people.items()
            if 0.0 < time_s - person.seen_at <= MAX_GAP_S
        }
        return [self._smooth(pose, time_s) for pose in poses]

    def _smooth(self, pose: Pose, time_s: float) -> Pose:
        if pose.id is None:
            return pose
        if (person := self._people.get(pose.id)) is None:
            one_euro = OneEuro(KEYPOINT_COUNT, min_cutoff=self._min_cutoff, beta=self._beta)
            person = self._people[pose.id] = _Person(one_euro)
        valid = pose.keypoints[:, 2] >= self._min_keypoint_score
        points = pose.keypoints[:, :2] * self._scale
        x0, y0, x1, y1 = pose.box
        width, height = self._frame_size
        extent = ((x1 - x0) * width + (y1 - y0) * height) / 2
        size = person.measure(max(extent, MIN_SIZE * max(width, height)), time_s)
        smooth = person.filter.apply(points, time_s, size, valid)
        keypoints = pose.keypoints.copy()
        # Invalid points come out unchanged: float64 has enough digits to restore their float32.
        np.divide(smooth, self._scale, out=keypoints[:, :2], casting="same_kind")
        return replace(pose, keypoints=keypoints, box=box_of(keypoints, self._min_keypoint_score))


class _Person:
    """The filter and the smoothed size of one person."""

    def __init__(self, one_euro: OneEuro) -> None:
        """Create the state of a person whose size is not known yet."""
        self.filter = one_euro
        self.seen_at = -math.inf
        self._size = 0.0

    def measure(self, extent: float, time_s: float) -> float:
        """Update the smoothed size with the current extent, and return it; both in pixels."""
        weight = -math.expm1(-(time_s - self.seen_at) / SIZE_S)  # 1 for the first sample
        self._size += weight * (extent - self._size)
        self.seen_at = time_s
        return self._size
