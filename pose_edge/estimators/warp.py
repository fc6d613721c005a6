"""From frame to model input in one warp: crop, padding, resizing; then the colours' order."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_edge.estimators.crop import Crop
from pose_edge.frames import ColourOrder, Image
from pose_edge.poses import FloatArray


def input_to_frame(crop: Crop, size: int) -> NDArray[np.float64]:
    """Return the affine map from pixels of the model's input to pixels of the frame.

    Pixel centres lie at whole numbers in both, so the centre of the input falls on the centre of
    the crop (the convention of `cv2.resize`).

    Args:
        crop: The square to look at.
        size: Edge of the model's input, pixels.

    Returns:
        float64 (2, 3).
    """
    scale = crop.size / size
    shift = 0.5 * scale - 0.5
    return np.array([[scale, 0.0, crop.left + shift], [0.0, scale, crop.top + shift]])


def warp_into(image: Image, order: ColourOrder, crop: Crop, target: Image) -> None:
    """Fill the model's input from a frame, with no copy of the frame on the way.

    Args:
        image: uint8 (height, width, 3).
        order: Its order of colours.
        crop: The square to look at; outside of the frame it is black.
        target: uint8 (size, size, 3), overwritten with RGB.
    """
    size = target.shape[0]
    cv2.warpAffine(
        image,
        input_to_frame(crop, size),
        (size, size),
        dst=target,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0, 0, 0),
    )
    if order == "BGR":
        cv2.cvtColor(target, cv2.COLOR_BGR2RGB, dst=target)


def to_frame(keypoints: FloatArray, crop: Crop, width: int, height: int) -> FloatArray:
    """Bring keypoints from coordinates of a crop to those of the whole frame.

    Args:
        keypoints: float32 (17, 3) as x, y, score; x and y in 0...1 of the crop.
        crop: Where the model looked.
        width: Of the frame, pixels.
        height: Of the frame, pixels.

    Returns:
        float32 (17, 3) as x, y, score; x and y in 0...1 of the frame (outside of that for a
        keypoint in the padding).
    """
    result = keypoints.copy()
    result[:, 0] = (crop.left + keypoints[:, 0] * crop.size) / width
    result[:, 1] = (crop.top + keypoints[:, 1] * crop.size) / height
    return result
