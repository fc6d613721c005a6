"""An estimator that finds several people at once, in the whole frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pose_edge.estimators.crop import Crop, whole_frame
from pose_edge.estimators.keypoints import clip_to_frame
from pose_edge.estimators.model_input import ModelInput
from pose_edge.estimators.sighting import Sighting
from pose_edge.estimators.warp import to_frame
from pose_edge.frames import Frame
from pose_edge.poses import Estimate, FloatArray, Pose, Provenance, box_of
from pose_edge.runtimes import AnyArray, InputSize, Runtime
from pose_edge.telemetry import Stopwatch
from pose_edge.zoo.normalisation import Normalisation

MultiPersonDecoder = Callable[[Sequence[AnyArray], InputSize], list[tuple[FloatArray, float]]]
"""Decodes a model's outputs, given the height and width of its input, into people in any order.
Each is float32 (17, 3) as x, y, score, with x and y in 0...1 of the input, and the person's score,
0...1."""


class MultiPersonEstimator:
    """Finds people with a model that returns several. Stateless: frames are independent."""

    def __init__(
        self,
        runtime: Runtime,
        decode: MultiPersonDecoder,
        *,
        min_keypoint_score: float,
        min_pose_score: float,
        max_people: int,
        min_keypoints: int = 0,
        normalisation: Normalisation | None = None,
    ) -> None:
        """Create the estimator.

        Args:
            runtime: The loaded model; its input may have several sizes.
            decode: Decodes the model's outputs.
            min_keypoint_score: Minimum keypoint score; weaker keypoints are ignored for the box.
            min_pose_score: Minimum score of a person.
            max_people: Maximum number of people returned, best first.
            min_keypoints: Minimum number of keypoints above `min_keypoint_score` of a person.
            normalisation: Normalisation of a float32 input; None for 0...255.
        """
        self.runtime = runtime
        self._input = ModelInput(runtime, normalisation)
        self._decode = decode
        self._min_keypoint_score = min_keypoint_score
        self._min_pose_score = min_pose_score
        self._max_people = max_people
        self._min_keypoints = min_keypoints

    @property
    def provenance(self) -> Provenance:
        """See `Estimator.provenance`."""
        return self.runtime.provenance

    def close(self) -> None:
        """Close the runtime; see `Estimator.close`."""
        self.runtime.close()

    def reset(self) -> None:
        """Do nothing: the estimator keeps no state."""

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        """Find the people in a frame; see `Estimator.estimate`."""
        whole = whole_frame(frame.width, frame.height)
        shrink = self._input.shrink(self._input.fit(whole))
        return Estimate(self.estimate_crop(frame, whole, stopwatch), shrink=shrink)

    def estimate_crop(
        self, frame: Frame, crop: Crop, stopwatch: Stopwatch | None = None
    ) -> list[Pose]:
        """Find the people in a part of a frame; see `Estimator.estimate_crop`."""
        stopwatch = stopwatch or Stopwatch()
        done = self._input.run(frame, self._input.fit(crop), stopwatch)
        people = self._decode(done.outputs, done.size)
        people = [person for person in people if self._is_person(*person)]
        people.sort(key=lambda person: person[1], reverse=True)
        poses = []
        for keypoints, score in people[: self._max_people]:
            placed = to_frame(keypoints, done.crop, frame.width, frame.height)
            clip_to_frame(placed)
            poses.append(Pose(placed, score, box_of(placed, self._min_keypoint_score)))
        stopwatch.lap("postprocess")
        return poses

    def _is_person(self, keypoints: FloatArray, score: float) -> bool:
        seen = Sighting(keypoints, self._min_keypoint_score)
        return seen.is_person(self._min_keypoints, 0.0) and score >= self._min_pose_score
