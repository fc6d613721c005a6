"""Runs a loaded model on parts of frames."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from pose_edge.estimators.crop import Crop, warp_into
from pose_edge.frames import Frame, Image
from pose_edge.runtimes import AnyArray, Runtime
from pose_edge.telemetry import Stopwatch
from pose_edge.zoo.normalisation import Normalisation

SIGN_BIT: Final = np.uint8(0x80)


class ModelInput:
    """Converts a part of a frame to the input of a model, and runs the model on it."""

    def __init__(self, runtime: Runtime, normalisation: Normalisation | None = None) -> None:
        """Use a model with an input of 1, height, width, 3: RGB, of any type.

        Args:
            runtime: The model.
            normalisation: What a float32 input wants; None for 0 to 255.
        """
        self._runtime = runtime
        self._factors = self._offsets = None
        if normalisation is not None and runtime.input.dtype == "float32":
            std = np.asarray(normalisation.std, dtype=np.float32)
            self._factors = 1 / std
            self._offsets = -np.asarray(normalisation.mean, dtype=np.float32) / std
        self._image = self._blank()

    @property
    def aspect(self) -> float:
        """Width of the model's input over its height."""
        height, width = self._image.shape[:2]
        return float(width / height)

    def fit(self, width: float, height: float) -> None:
        """Choose the input size whose shape is most like that of a crop, in any unit."""

        def distance(size: tuple[int, int]) -> float:
            return abs(math.log(width / height) - math.log(size[1] / size[0]))

        size = min(self._runtime.sizes, key=distance)
        if size != self._image.shape[:2]:
            self._runtime.choose_size(size)
            self._image = self._blank()

    def _blank(self) -> Image:
        _, height, width, _ = self._runtime.input.shape
        return np.zeros((height, width, 3), dtype=np.uint8)

    def run(self, frame: Frame, crop: Crop, stopwatch: Stopwatch) -> list[AnyArray]:
        """Run the model on a crop of the input's shape; return the model's outputs.

        The stopwatch gets the laps "preprocess" and "inference".
        """
        warp_into(frame.image, frame.order, crop, self._image)
        dtype, values = self._runtime.input.dtype, self._image[np.newaxis]
        if dtype == "int8":
            values ^= SIGN_BIT  # read as int8, each value is less by 128
            tensor = values.view(dtype)
        else:
            tensor = values.astype(dtype, copy=False)
        if self._factors is not None:
            tensor *= self._factors
            tensor += self._offsets
        stopwatch.lap("preprocess")
        outputs = self._runtime.run(tensor)
        stopwatch.lap("inference")
        return outputs
