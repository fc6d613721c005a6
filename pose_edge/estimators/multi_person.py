"""Several people at once, found in the whole frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pose_edge.estimators.crop import Crop, whole_frame
from pose_edge.estimators.model_input import ModelInput
from pose_edge.estimators.warp import to_frame
from pose_edge.frames import Frame
from pose_edge.poses import Estimate, FloatArray, Pose, box_of
from pose_edge.runtimes import AnyArray, Runtime
from pose_edge.telemetry import Stopwatch

Decode = Callable[[Sequence[AnyArray]], list[tuple[FloatArray, float]]]
"""Turns a model's outputs into persons: float32 (17, 3) as x, y, score, with x and y in 0...1 of
its input, and the person's score, 0...1; in any order."""


class MultiPersonEstimator:
    """Finds people with a model that answers with several; keeps nothing from frame to frame."""

    def __init__(
        self,
        runtime: Runtime,
        decode: Decode,
        *,
        min_keypoint_score: float,
        min_pose_score: float,
        max_people: int,
    ) -> None:
        """Use a loaded model.

        Args:
            runtime: The model; its input has any shape.
            decode: Reads its outputs.
            min_keypoint_score: Keypoints below this score do not count for the box.
            min_pose_score: Persons below this score are not there.
            max_people: At most so many are returned, the best first.
        """
        self._eye = ModelInput(runtime)
        self._decode = decode
        self._min_keypoint_score = min_keypoint_score
        self._min_pose_score = min_pose_score
        self._max_people = max_people

    @property
    def runtime(self) -> Runtime:
        """What it runs on."""
        return self._eye.runtime

    def reset(self) -> None:
        """Nothing is kept."""

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        """Find the people in a frame; see `Estimator.estimate`."""
        self._eye.fit(frame.width, frame.height)
        whole = whole_frame(frame.width, frame.height, self._eye.aspect)
        return Estimate(self.look(frame, whole, stopwatch))

    def look(self, frame: Frame, crop: Crop, stopwatch: Stopwatch | None = None) -> list[Pose]:
        """Look once; see `Estimator.look`."""
        stopwatch = stopwatch or Stopwatch()
        self._eye.fit(crop.width, crop.height)
        persons = self._decode(self._eye.see(frame, crop, stopwatch))
        persons = [person for person in persons if person[1] >= self._min_pose_score]
        persons.sort(key=lambda person: person[1], reverse=True)
        poses = []
        for keypoints, score in persons[: self._max_people]:
            placed = to_frame(keypoints, crop, frame.width, frame.height)
            np.clip(placed[:, :2], 0.0, 1.0, out=placed[:, :2])
            poses.append(Pose(placed, score, box_of(placed, self._min_keypoint_score)))
        stopwatch.lap("postprocess")
        return poses
