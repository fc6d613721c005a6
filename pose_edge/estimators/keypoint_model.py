"""Runs a single-person model on parts of frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pose_edge.estimators.crop import Crop, to_frame
from pose_edge.estimators.model_input import ModelInput
from pose_edge.frames import Frame
from pose_edge.poses import FloatArray
from pose_edge.runtimes import AnyArray, Runtime
from pose_edge.telemetry import Stopwatch
from pose_edge.zoo.normalisation import Normalisation

SinglePersonDecoder = Callable[[Sequence[AnyArray]], FloatArray]
"""Turns a model's outputs into float32 (17, 3) as x, y, score; x and y in 0...1 of its input."""


class KeypointModel:
    """Finds the keypoints of one person in a part of a frame, in one inference pass."""

    def __init__(
        self,
        runtime: Runtime,
        decode: SinglePersonDecoder,
        normalisation: Normalisation | None = None,
    ) -> None:
        """Use a loaded model.

        Args:
            runtime: The model.
            decode: Reads its outputs.
            normalisation: What the model's input wants; None for 0...255.
        """
        self.runtime = runtime
        self._input = ModelInput(runtime, normalisation)
        self._decode = decode

    @property
    def aspect(self) -> float:
        """Width of the model's input over its height."""
        return self._input.aspect

    def run(self, frame: Frame, crop: Crop, stopwatch: Stopwatch) -> FloatArray:
        """Find the keypoints in a crop of the input's shape.

        Args:
            frame: The picture, in either colour order.
            crop: The part of it that the model is given.
            stopwatch: Gets the laps "preprocess", "inference" and "postprocess".

        Returns:
            float32 (17, 3) as x, y, score; x and y in 0...1 of the frame (outside of that for a
            keypoint in the padding).
        """
        outputs = self._input.run(frame, crop, stopwatch)
        keypoints = to_frame(self._decode(outputs), crop, frame.width, frame.height)
        stopwatch.lap("postprocess")
        return keypoints
