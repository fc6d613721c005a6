"""One person: found, followed with a crop of the frame, lost, found again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from pose_edge.estimators.crop import Crop, next_crop, whole_frame
from pose_edge.estimators.model_input import ModelInput
from pose_edge.estimators.warp import to_frame
from pose_edge.frames import Frame
from pose_edge.poses import Estimate, FloatArray, Pose, box_of
from pose_edge.runtimes import AnyArray, Runtime
from pose_edge.telemetry import Stopwatch

Decode = Callable[[Sequence[AnyArray]], FloatArray]
"""Turns a model's outputs into float32 (17, 3) as x, y, score; x and y in 0...1 of its input."""

CANDIDATE_SCORE: Final = 0.15
"""A small person has low scores in the whole frame; above this they are worth a closer look."""
CLOSER: Final = 0.9
"""A second look pays only when it is at no more than this part of the whole frame's edge."""
LOOK_AROUND_S: Final = 2.0
"""A crop that follows one person never sees another who enters: look at the whole frame too, at
this interval of the frames' own time."""
CLEARLY_BETTER: Final = 0.15
"""Somebody else is followed instead when their score is higher by this: the one who is followed
may be a coat on a chair, but two persons must not take turns."""


def pose_score(keypoints: FloatArray, min_keypoint_score: float) -> float:
    """Return how sure it is that there is a person: the mean score of the keypoints that count.

    Args:
        keypoints: float32 (17, 3) as x, y, score.
        min_keypoint_score: Keypoints above this score count.

    Returns:
        0...1; 0 when no keypoint counts.
    """
    scores = keypoints[:, 2]
    counting = scores[scores > min_keypoint_score]
    return float(counting.mean()) if len(counting) else 0.0


class SinglePersonEstimator:
    """Finds one person with a model that always answers with one.

    While a person is followed, one look a frame is enough: at the crop that the last frame
    suggests. A second is spent where the first was not good enough: after a look at the whole
    frame, in which a person may be small, closer at what was found there; after a crop in which
    nobody is any more, at the whole frame. Now and then the whole frame is looked at besides.
    """

    def __init__(
        self,
        runtime: Runtime,
        decode: Decode,
        *,
        min_keypoint_score: float,
        min_pose_score: float,
        second_look: bool = True,
    ) -> None:
        """Use a loaded model.

        Args:
            runtime: The model; its input is square.
            decode: Reads its outputs.
            min_keypoint_score: Keypoints at or below this score count neither for the crop nor for
                the pose's score and box.
            min_pose_score: Below this score nobody is there.
            second_look: Whether to look again where the first look was not good enough.
        """
        self._eye = ModelInput(runtime)
        self._decode = decode
        self._min_keypoint_score = min_keypoint_score
        self._min_pose_score = min_pose_score
        self._second_look = second_look
        self._crop: Crop | None = None
        self._frame_size = (0, 0)
        self._looked_around = 0.0

    @property
    def runtime(self) -> Runtime:
        """What it runs on."""
        return self._eye.runtime

    def reset(self) -> None:
        """Look at the whole of the next frame."""
        self._crop = None

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        """Find the person in a frame; see `Estimator.estimate`."""
        stopwatch = stopwatch or Stopwatch()
        size = (frame.width, frame.height)
        if self._frame_size != size:
            self._frame_size, self._crop = size, None
        whole = whole_frame(*size)

        crop = self._crop or whole
        keypoints = self._run(frame, crop, stopwatch)
        second = self._second_crop(keypoints, crop, whole)
        if second is not None:
            crop = second
            keypoints = self._run(frame, crop, stopwatch)
        elif crop != whole and self._time_to_look_around(frame.time):
            crop, keypoints = self._look_around(frame, crop, keypoints, stopwatch)

        following = next_crop(keypoints, *size, self._min_keypoint_score)
        poses = self._poses(keypoints)
        self._crop = following if poses else None
        stopwatch.lap("postprocess")
        return Estimate(poses, None if crop == whole else crop.normalised(*size))

    def look(self, frame: Frame, crop: Crop, stopwatch: Stopwatch | None = None) -> list[Pose]:
        """Look once; see `Estimator.look`."""
        return self._poses(self._run(frame, crop, stopwatch or Stopwatch()))

    def _run(self, frame: Frame, crop: Crop, stopwatch: Stopwatch) -> FloatArray:
        outputs = self._eye.see(frame, crop, stopwatch)
        keypoints = to_frame(self._decode(outputs), crop, frame.width, frame.height)
        stopwatch.lap("postprocess")
        return keypoints

    def _score(self, keypoints: FloatArray) -> float:
        return pose_score(keypoints, self._min_keypoint_score)

    def _poses(self, keypoints: FloatArray) -> list[Pose]:
        """Return the person, or nobody if the keypoints (which may be changed) tell of none."""
        score = self._score(keypoints)
        if score < self._min_pose_score:
            return []
        np.clip(keypoints[:, :2], 0.0, 1.0, out=keypoints[:, :2])
        return [Pose(keypoints, score, box_of(keypoints, self._min_keypoint_score))]

    def _second_crop(self, keypoints: FloatArray, crop: Crop, whole: Crop) -> Crop | None:
        """Return where to look again in the same frame, or None when the first look will do."""
        if not self._second_look:
            return None
        if crop != whole:
            return whole if self._score(keypoints) < self._min_pose_score else None
        closer = next_crop(keypoints, *self._frame_size, CANDIDATE_SCORE)
        return closer if closer.size < CLOSER * whole.size else None

    def _time_to_look_around(self, now_s: float) -> bool:
        """Tell whether the interval is over, by the frames' own time (which may jump back)."""
        if 0 <= now_s - self._looked_around < LOOK_AROUND_S:
            return False
        self._looked_around = now_s
        return self._second_look

    def _look_around(
        self, frame: Frame, crop: Crop, keypoints: FloatArray, stopwatch: Stopwatch
    ) -> tuple[Crop, FloatArray]:
        """Look for somebody else in the frame.

        Returns:
            Who to follow on, with the crop they were seen in: the other one, if clearly better, or
            who was followed so far.
        """
        whole = whole_frame(*self._frame_size)
        other = next_crop(self._run(frame, whole, stopwatch), *self._frame_size, CANDIDATE_SCORE)
        if other == whole or other.overlaps(crop):
            return crop, keypoints
        found = self._run(frame, other, stopwatch)
        if self._score(found) < self._score(keypoints) + CLEARLY_BETTER:
            return crop, keypoints
        return other, found
