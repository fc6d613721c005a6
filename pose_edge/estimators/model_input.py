"""Convert crops of frames into a model's input tensor, and run the model on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from pose_edge.estimators.crop import Crop, CropRule, fit_crop, rule_for, size_of
from pose_edge.estimators.preshrink import Preshrinker
from pose_edge.estimators.warp import to_image, warp_into
from pose_edge.frames import Frame, Image
from pose_edge.runtimes import AnyArray, InputSize, InputSizeChanged, Runtime
from pose_edge.telemetry import Stopwatch
from pose_edge.zoo.normalisation import Normalisation

SIGN_BIT: Final = np.uint8(0x80)


@dataclass(frozen=True, slots=True)
class InferencePass:
    """The result of one inference pass, and the input that it refers to.

    Attributes:
        outputs: The model's outputs, valid until the next pass.
        size: Height and width of the input, pixels.
        crop: The part of the frame that the model saw; its coordinates refer to this crop.
    """

    outputs: list[AnyArray]
    size: InputSize
    crop: Crop


class ModelInput:
    """Converts a part of a frame to a model's input tensor, and runs the model on it."""

    def __init__(self, runtime: Runtime, normalisation: Normalisation | None = None) -> None:
        """Wrap a model whose input is RGB with the shape (1, height, width, 3), of any type.

        Args:
            runtime: The loaded model.
            normalisation: Normalisation of a float32 input; None for 0...255.
        """
        self._runtime = runtime
        self._factors = self._offsets = None
        if normalisation is not None and runtime.input.dtype == "float32":
            std = np.asarray(normalisation.std, dtype=np.float32)
            self._factors = 1 / std
            self._offsets = -np.asarray(normalisation.mean, dtype=np.float32) / std
        self._images: dict[InputSize, Image] = {}
        self._preshrinker = Preshrinker()

    def fit(self, region: Crop, held: Crop | None = None) -> Crop:
        """Return the crop around a region in the shape of an input size; see `fit_crop`."""
        return fit_crop(region, self._runtime.sizes, held)

    def shrink(self, crop: Crop) -> float:
        """Return the downscaling factor (frame pixels per input pixel, per side); 1 if unknown."""
        size = size_of(crop, self._runtime.sizes)
        return 1.0 if size is None else crop.width / size[1]

    @property
    def rule(self) -> CropRule:
        """The rule for cropping around a person with these input sizes."""
        return rule_for(self._runtime.sizes)

    def run(self, frame: Frame, crop: Crop, stopwatch: Stopwatch) -> InferencePass:
        """Run the model on a crop.

        A crop whose shape matches no input size is extended to the shape that shows it largest.
        This happens, for example, if another backend has taken over since the crop was fitted.

        The stopwatch receives the laps "preprocess" and "inference".
        """
        while True:
            size = size_of(crop, self._runtime.sizes)
            if size is None:
                # Drop the padding outside the frame, which was only needed for the previous shape.
                crop = self.fit(crop.within(frame.width, frame.height))
                continue
            tensor = self._tensor(frame, crop, size)
            stopwatch.lap("preprocess")
            try:
                outputs = self._runtime.run(tensor)
            except InputSizeChanged:
                continue
            finally:
                stopwatch.lap("inference")
            return InferencePass(outputs, size, crop)

    def _tensor(self, frame: Frame, crop: Crop, size: InputSize) -> AnyArray:
        if size not in self._images:
            self._images[size] = np.zeros((*size, 3), dtype=np.uint8)
        image = self._images[size]
        picture, crop = self._preshrinker.apply(frame.image, to_image(crop, frame), size)
        warp_into(picture, frame.order, crop, image)
        dtype, values = self._runtime.input.dtype, image[np.newaxis]
        if dtype == "int8":
            values ^= SIGN_BIT  # reinterpreted as int8, this subtracts 128
            tensor = values.view(dtype)
        else:
            tensor = values.astype(dtype, copy=False)
        if self._factors is not None:
            tensor *= self._factors
            tensor += self._offsets
        return tensor
