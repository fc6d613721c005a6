"""MoveNet, single person: Lightning and Thunder."""

from __future__ import annotations

from typing import Final

import numpy as np

from pose_edge.errors import ModelError
from pose_edge.estimators.crop import Crop, next_crop, whole_frame
from pose_edge.estimators.warp import to_frame, warp_into
from pose_edge.frames import Frame
from pose_edge.poses import KEYPOINT_COUNT, Estimate, FloatArray, Pose, box_of
from pose_edge.runtimes import AnyArray, Runtime
from pose_edge.telemetry import Stopwatch
from pose_edge.zoo import ModelFile

OUTPUT_SHAPE: Final = (1, 1, KEYPOINT_COUNT, 3)
INPUT_TYPES: Final = ("uint8", "int32", "float32")

CANDIDATE_SCORE: Final = 0.15
"""A small person has low scores in the whole frame; above this they are worth a closer look."""
CLOSER: Final = 0.9
"""A second look pays only when it is at no more than this part of the whole frame's edge."""


def check_movenet(model: ModelFile, runtime: Runtime) -> None:
    """Make sure that a loaded model is a single-person MoveNet.

    Raises:
        ModelError: With what was expected and what was found.
    """
    shape, dtype = runtime.input.shape, runtime.input.dtype
    square = len(shape) == 4 and shape[0] == 1 and shape[1] == shape[2] and shape[3] == 3
    found = [str(output) for output in runtime.outputs]
    if (
        not square
        or dtype not in INPUT_TYPES
        or len(runtime.outputs) != 1
        or runtime.outputs[0].shape != OUTPUT_SHAPE
        or runtime.outputs[0].dtype != "float32"
    ):
        raise ModelError(
            f"{model.path} is no MoveNet: expected input {'|'.join(INPUT_TYPES)} 1xSxSx3 and "
            f"output float32 1x1x17x3, found {runtime.input} and {', '.join(found) or 'none'}"
        )


def decode(output: AnyArray) -> FloatArray:
    """Turn the model's answer into keypoints.

    Args:
        output: float32 (1, 1, 17, 3) as y, x, score; y and x in 0...1 of the model's input.

    Returns:
        float32 (17, 3) as x, y, score. A keypoint with a number that is not finite gets score 0
        at the origin: NaN passes no threshold in either direction and must not travel on.
    """
    keypoints = np.asarray(output, dtype=np.float32).reshape(KEYPOINT_COUNT, 3)[:, [1, 0, 2]]
    keypoints[~np.isfinite(keypoints).all(axis=1)] = 0.0
    np.clip(keypoints[:, 2], 0.0, 1.0, out=keypoints[:, 2])
    return keypoints


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


class MoveNet:
    """Finds one person, and follows them with the crop of the frame that the model sees.

    Each frame gets at most two looks. While a person is followed, one is enough: at the crop that
    the last frame suggests. The second is spent where the first was not good enough: after a look
    at the whole frame, in which a person may be small, closer at what was found there; after a
    crop in which nobody is any more, at the whole frame.
    """

    def __init__(
        self, runtime: Runtime, *, min_keypoint_score: float, min_pose_score: float
    ) -> None:
        """Use a loaded model.

        Args:
            runtime: A model that `check_movenet` accepted.
            min_keypoint_score: Keypoints at or below this score count neither for the crop nor for
                the pose's score and box.
            min_pose_score: Below this score nobody is there.
        """
        self.runtime = runtime
        self._min_keypoint_score = min_keypoint_score
        self._min_pose_score = min_pose_score
        size = runtime.input.shape[1]
        self._picture = np.zeros((size, size, 3), dtype=np.uint8)
        self._crop: Crop | None = None
        self._frame_size = (0, 0)

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
        keypoints = self._look(frame, crop, stopwatch)
        second = self._second_look(keypoints, crop, whole)
        if second is not None:
            crop = second
            keypoints = self._look(frame, crop, stopwatch)

        score = pose_score(keypoints, self._min_keypoint_score)
        poses = []
        if score >= self._min_pose_score:
            self._crop = next_crop(keypoints, *size, self._min_keypoint_score)
            np.clip(keypoints[:, :2], 0.0, 1.0, out=keypoints[:, :2])
            poses = [Pose(keypoints, score, box_of(keypoints, self._min_keypoint_score))]
        else:
            self._crop = None
        stopwatch.lap("postprocess")
        return Estimate(poses, crop.normalised(*size))

    def _second_look(self, keypoints: FloatArray, crop: Crop, whole: Crop) -> Crop | None:
        """Return where to look again in the same frame, or None when the first look will do."""
        if crop != whole:
            lost = pose_score(keypoints, self._min_keypoint_score) < self._min_pose_score
            return whole if lost else None
        closer = next_crop(keypoints, *self._frame_size, CANDIDATE_SCORE)
        return closer if closer.size < CLOSER * whole.size else None

    def _look(self, frame: Frame, crop: Crop, stopwatch: Stopwatch) -> FloatArray:
        warp_into(frame.image, frame.order, crop, self._picture)
        tensor = self._picture[np.newaxis].astype(self.runtime.input.dtype, copy=False)
        stopwatch.lap("preprocess")
        (output,) = self.runtime.run(tensor)
        stopwatch.lap("inference")
        keypoints = to_frame(decode(output), crop, frame.width, frame.height)
        stopwatch.lap("postprocess")
        return keypoints
