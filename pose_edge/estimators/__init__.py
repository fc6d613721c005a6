"""Estimators: image in, poses out. One file per family of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pose_edge.frames import Frame
from pose_edge.poses import Estimate
from pose_edge.runtimes import Runtime
from pose_edge.telemetry import Stopwatch
from pose_edge.zoo import ModelFile

if TYPE_CHECKING:
    from pose_edge.settings import ModelSettings


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

    def reset(self) -> None:
        """Forget what earlier frames taught: the next frame has nothing to do with them."""


def load_estimator(model: ModelFile, runtime: Runtime, settings: ModelSettings) -> Estimator:
    """Choose the estimator that reads a model's output.

    Args:
        model: The model's file.
        runtime: The model, loaded.
        settings: Thresholds.

    Raises:
        ModelError: No estimator knows such a model.
    """
    from pose_edge.estimators.movenet import MoveNet, check_movenet

    check_movenet(model, runtime)
    return MoveNet(
        runtime,
        min_keypoint_score=settings.min_keypoint_score,
        min_pose_score=settings.min_pose_score,
    )
