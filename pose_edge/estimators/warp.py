"""Resample a part of a frame into a model's input, and map keypoints back to the frame."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_edge.estimators.crop import Crop
from pose_edge.frames import ColourOrder, Frame, Image
from pose_edge.poses import FloatArray

MAX_SIDE: Final = 32_766
"""Largest width or height, in pixels, of a picture that OpenCV can warp."""


def input_to_frame(crop: Crop, width: int, height: int) -> NDArray[np.float64]:
    """Return the affine map from pixels of the model's input to pixels of the frame.

    Pixel centres have integer coordinates in both, and the centre of the input maps to the centre
    of the crop (the convention of `cv2.resize`).

    Args:
        crop: The part of the frame.
        width: Width of the model's input, pixels.
        height: Height of the model's input, pixels.

    Returns:
        float64 (2, 3).
    """
    scale_x, scale_y = crop.width / width, crop.height / height
    return np.array(
        [
            [scale_x, 0.0, crop.left + 0.5 * scale_x - 0.5],
            [0.0, scale_y, crop.top + 0.5 * scale_y - 0.5],
        ]
    )


def to_image(crop: Crop, frame: Frame) -> Crop:
    """Convert a crop from pixels of a frame to pixels of its image, which may be smaller."""
    if frame.full_size is None:
        return crop
    height, width = frame.image.shape[:2]
    x, y = width / frame.width, height / frame.height
    return Crop(crop.left * x, crop.top * y, crop.width * x, crop.height * y)


def warp_into(image: Image, order: ColourOrder, crop: Crop, target: Image) -> None:
    """Resample a crop of an image into the model's input, without copying the image.

    Args:
        image: uint8 (height, width, 3).
        order: Order of the image's colour channels.
        crop: The part of the image, in its pixels; black outside of the image.
        target: uint8 (height, width, 3) of the model's input, overwritten with RGB.
    """
    height, width = target.shape[:2]
    if max(image.shape) > MAX_SIDE:
        image, crop = _reduced(image, crop)
    cv2.warpAffine(
        image,
        input_to_frame(crop, width, height),
        (width, height),
        dst=target,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0, 0, 0),
    )
    if order == "BGR":
        cv2.cvtColor(target, cv2.COLOR_BGR2RGB, dst=target)


def _reduced(image: Image, crop: Crop) -> tuple[Image, Crop]:
    """Reduce an image to a size that OpenCV can warp; return it and the crop in its pixels.

    The image is cut to the crop. If it is still too large, only every second (third, ...) row and
    column is kept, which is still far more than the pixels of the model's input.
    """
    height, width = image.shape[:2]
    left, top = max(0, math.floor(crop.left) - 1), max(0, math.floor(crop.top) - 1)
    right = min(width, math.ceil(crop.left + crop.width) + 1)
    bottom = min(height, math.ceil(crop.top + crop.height) + 1)
    if left >= right or top >= bottom:  # the crop lies outside the picture: all black
        left, top, right, bottom = 0, 0, 1, 1
    step = math.ceil(max(right - left, bottom - top) / MAX_SIDE)
    # Scale edges, not centres: a centre lies half a pixel from the edge of a pixel of any size.
    x, y = (crop.left - left - 0.5) / step + 0.5, (crop.top - top - 0.5) / step + 0.5
    reduced = Crop(x, y, crop.width / step, crop.height / step)
    return image[top:bottom:step, left:right:step], reduced


def to_frame(keypoints: FloatArray, crop: Crop, width: int, height: int) -> FloatArray:
    """Convert keypoints from coordinates of a crop to those of the whole frame.

    Args:
        keypoints: float32 (17, 3) as x, y, score; x and y in 0...1 of the crop.
        crop: The part of the frame that the model was given, in pixels of the frame.
        width: Width of the frame, pixels.
        height: Height of the frame, pixels.

    Returns:
        float32 (17, 3) as x, y, score; x and y in 0...1 of the frame (outside of that range for a
        keypoint in the padding).
    """
    result = keypoints.copy()
    result[:, 0] = (crop.left + keypoints[:, 0] * crop.width) / width
    result[:, 1] = (crop.top + keypoints[:, 1] * crop.height) / height
    return result
