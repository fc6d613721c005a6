"""A single-person model that runs on crops of frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pose_edge.estimators.confidence import Calibration, probabilities
from pose_edge.estimators.crop import Crop, CropRule
from pose_edge.estimators.keypoints import clip_to_frame
from pose_edge.estimators.model_input import ModelInput
from pose_edge.estimators.sighting import Sighting
from pose_edge.estimators.warp import to_frame
from pose_edge.frames import Frame
from pose_edge.poses import FloatArray, Pose
from pose_edge.runtimes import AnyArray, InputSize, Runtime
from pose_edge.telemetry import Stopwatch
from pose_edge.zoo.normalisation import Normalisation

SinglePersonDecoder = Callable[[Sequence[AnyArray], InputSize], FloatArray]
"""Decodes a model's outputs, given the height and width of its input, into float32 (17, 3) as x, y,
score; x and y in 0...1 of the input."""


class KeypointModel:
    """Finds the keypoints of one person in a part of a frame, in one inference pass."""

    def __init__(
        self,
        runtime: Runtime,
        decode: SinglePersonDecoder,
        normalisation: Normalisation | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        """Wrap a loaded model.

        Args:
            runtime: The model; its input may have several sizes.
            decode: Decodes the model's outputs.
            normalisation: Normalisation of a float32 input; None for 0...255.
            calibration: Map from keypoint scores to probabilities; None if it was not measured.
        """
        self.runtime = runtime
        self._calibration = calibration
        self._input = ModelInput(runtime, normalisation)
        self._decode = decode

    def pose(self, seen: Sighting) -> Pose:
        """Return a person's pose; the keypoints of `seen` are clipped to the frame in place."""
        keypoints = seen.keypoints
        clip_to_frame(keypoints)
        confidence = None
        if self._calibration is not None:
            confidence = probabilities(keypoints[:, 2], self._calibration)
        return Pose(keypoints, seen.score, seen.box, None, confidence)

    def fit(self, region: Crop, held: Crop | None = None) -> Crop:
        """Return the crop around a region in the shape of one of the input sizes.

        Args:
            region: A part of a frame, or all of it, of any shape.
            held: The previous crop; its shape is kept unless another one is clearly better.
        """
        return self._input.fit(region, held)

    def shrink(self, crop: Crop) -> float:
        """Return the downscaling factor (frame pixels per input pixel, per side); 1 if unknown."""
        return self._input.shrink(crop)

    @property
    def rule(self) -> CropRule:
        """The rule for cropping around a person with this model."""
        return self._input.rule

    def run(self, frame: Frame, crop: Crop, stopwatch: Stopwatch) -> FloatArray:
        """Find the keypoints in a crop, with the input size of the same shape.

        Args:
            frame: The picture, in either colour order.
            crop: The part of the frame for the model, as returned by `fit`. A crop of a shape that
                the input does not have is extended to the best shape.
            stopwatch: Receives the laps "preprocess", "inference" and "postprocess".

        Returns:
            float32 (17, 3) as x, y, score; x and y in 0...1 of the frame (outside of that range for
            a keypoint in the padding).
        """
        done = self._input.run(frame, crop, stopwatch)
        found = self._decode(done.outputs, done.size)
        keypoints = to_frame(found, done.crop, frame.width, frame.height)
        stopwatch.lap("postprocess")
        return keypoints
