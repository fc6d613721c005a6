"""Estimators: image in, poses out. One file per family of models."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from pose_edge.estimators.crop import Crop
from pose_edge.frames import Frame
from pose_edge.poses import Estimate, Pose
from pose_edge.runtimes import Runtime
from pose_edge.telemetry import Stopwatch
from pose_edge.zoo.registry import ModelFile

if TYPE_CHECKING:
    from pose_edge.config.schema import ModelSettings


class Estimator(Protocol):
    """What finds the poses in a frame.

    Attributes:
        runtime: What it runs on.
    """

    @property
    def runtime(self) -> Runtime:
        """What it runs on."""

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        """Find the poses in a frame.

        Args:
            frame: The picture, in either colour order.
            stopwatch: Gets the laps "preprocess", "inference" and "postprocess".

        Returns:
            The poses, in coordinates of the whole frame.
        """

    def look(self, frame: Frame, crop: Crop, stopwatch: Stopwatch | None = None) -> list[Pose]:
        """Look once at a part of a frame, without a memory of earlier ones.

        Args:
            frame: The picture.
            crop: The part, about as wide and high as the model's input.
            stopwatch: As for `estimate`.

        Returns:
            The poses, in coordinates of the whole frame.
        """

    def reset(self) -> None:
        """Forget what earlier frames taught: the next frame has nothing to do with them."""


def load_estimator(model: ModelFile, runtime: Runtime, settings: ModelSettings) -> Estimator:
    """Choose the estimator that reads a model's output.

    Args:
        model: The model's file.
        runtime: The model, loaded.
        settings: Thresholds, and how many people are looked for.

    Raises:
        ModelError: No estimator knows such a model.
    """
    from pose_edge.estimators import movenet, multipose, posenet
    from pose_edge.estimators.multi_person import MultiPersonEstimator
    from pose_edge.estimators.output_layout import MIN_POSE_SCORES, Layout, read_layout
    from pose_edge.estimators.single_person import SinglePersonEstimator

    layout = read_layout(model, runtime)
    _, height, width, _ = runtime.input.shape
    score = settings.min_pose_score
    thresholds = {
        "min_keypoint_score": settings.min_keypoint_score,
        "min_pose_score": MIN_POSE_SCORES[layout] if score is None else score,
    }
    if layout is Layout.MULTIPOSE:
        return MultiPersonEstimator(
            runtime, multipose.decode, max_people=settings.max_people, **thresholds
        )
    if layout is Layout.POSENET and settings.max_people > 1:
        several = partial(posenet.decode_multi_person, height=height, width=width)
        return MultiPersonEstimator(runtime, several, max_people=settings.max_people, **thresholds)
    one = partial(posenet.decode_one, height=height, width=width)
    decode = movenet.decode if layout is Layout.MOVENET else one
    return SinglePersonEstimator(runtime, decode, second_look=settings.second_look, **thresholds)
