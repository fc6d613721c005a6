"""The part of a frame that is given to a model: how it follows a person, and how it is resampled.

MoveNet was trained on crops around one person, so the next frame is cropped around the person of
the last. The rules are those of the tfjs `calculateCropRegion` (tensorflow/tfjs-models,
pose-detection/src/movenet); the TensorFlow sample for the Raspberry Pi measures the range of the
whole body wrongly (wrists and ankles never count) and cuts spread arms off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_edge.frames import ColourOrder, Image
from pose_edge.poses import Box, FloatArray, Keypoint

TORSO: Final = (
    Keypoint.LEFT_SHOULDER,
    Keypoint.RIGHT_SHOULDER,
    Keypoint.LEFT_HIP,
    Keypoint.RIGHT_HIP,
)
TORSO_EXPANSION: Final = 1.9
"""Half of the crop is at least this many times the torso's reach from the hips ..."""
BODY_EXPANSION: Final = 1.2
"""... and this many times the whole body's."""
MAX_SIDE: Final = 32_766
"""Pixels; OpenCV warps no larger picture."""

SLACK: Final = 0.07
"""Parts of its edges by which a crop may be off before it is moved. With less, more still scenes
never come to rest; with more, the person is not in the middle, where the model is best."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a frame, in pixels; outside of the frame it is black. Its size is more than 0."""

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def square(cls, left: float, top: float, size: float) -> Crop:
        """Return a square crop, as single-person models need it."""
        return cls(left, top, size, size)

    @property
    def size(self) -> float:
        """Length of the longer edge, pixels."""
        return max(self.width, self.height)

    def shaped(self, aspect: float) -> Crop:
        """Return the smallest crop around this one with a width of `aspect` times its height."""
        width = max(self.width, self.height * aspect)
        height = max(self.height, self.width / aspect)
        left, top = self.left + (self.width - width) / 2, self.top + (self.height - height) / 2
        return Crop(left, top, width, height)

    @property
    def centre(self) -> tuple[float, float]:
        """X and y of the middle, pixels."""
        return self.left + self.width / 2, self.top + self.height / 2

    def overlaps(self, other: Crop) -> bool:
        """Return whether the centre of one of the two lies in the other."""
        (x, y), (other_x, other_y) = self.centre, other.centre
        across, down = abs(x - other_x), abs(y - other_y)
        width, height = max(self.width, other.width), max(self.height, other.height)
        return across < width / 2 and down < height / 2

    def normalised(self, width: int, height: int) -> Box:
        """Return x0, y0, x1, y1 in fractions of a frame of that size."""
        return (
            self.left / width,
            self.top / height,
            (self.left + self.width) / width,
            (self.top + self.height) / height,
        )


def whole_frame(width: int, height: int, aspect: float = 1.0) -> Crop:
    """Return a frame of width x height pixels, padded on both sides to the input of a model.

    Args:
        width: Of the frame, pixels.
        height: Of the frame, pixels.
        aspect: Width of the model's input over its height.
    """
    return Crop(0.0, 0.0, float(width), float(height)).shaped(aspect)


def square_around(box: Box, width: int, height: int) -> Crop:
    """Return the square with the centre and the longer side of a normalised box, 1 at least."""
    x0, y0, x1, y1 = box
    size = max((x1 - x0) * width, (y1 - y0) * height, 1.0)
    return Crop.square((x0 + x1) * width / 2 - size / 2, (y0 + y1) * height / 2 - size / 2, size)


def torso_visible(keypoints: FloatArray, min_score: float) -> bool:
    """Return whether a shoulder and a hip of float32 (17, 3) keypoints are above a score."""
    scores = keypoints[:, 2]
    shoulder = max(scores[Keypoint.LEFT_SHOULDER], scores[Keypoint.RIGHT_SHOULDER])
    hip = max(scores[Keypoint.LEFT_HIP], scores[Keypoint.RIGHT_HIP])
    return bool(shoulder > min_score and hip > min_score)


def next_crop(
    keypoints: FloatArray, width: int, height: int, min_score: float, aspect: float = 1.0
) -> Crop:
    """Choose the crop for the frame after the one that these keypoints were found in.

    Args:
        keypoints: float32 (17, 3) as x, y, score; x and y normalised to the frame.
        width: Of the frame, pixels.
        height: Of the frame, pixels.
        min_score: Score above which a keypoint counts.
        aspect: Width of the model's input over its height.

    Returns:
        A part of this aspect around the person, centred on the hips; the whole frame when the torso
        is not visible or the person fills the picture.
    """
    if not torso_visible(keypoints, min_score):
        return whole_frame(width, height, aspect)
    # Plain numbers: for 17 points they take a fifth of the time of NumPy's calls.
    rows = keypoints.tolist()
    left_hip, right_hip = rows[Keypoint.LEFT_HIP], rows[Keypoint.RIGHT_HIP]
    centre_x = (left_hip[0] + right_hip[0]) * width / 2
    centre_y = (left_hip[1] + right_hip[1]) * height / 2
    # In units of half the height that a crop of this aspect needs to reach as far.
    reach = [
        max(abs(x * width - centre_x) / aspect, abs(y * height - centre_y)) for x, y, _ in rows
    ]
    torso = max(reach[joint] for joint in TORSO)
    body = max(far for far, (_, _, score) in zip(reach, rows, strict=True) if score >= min_score)
    # Outside of the frame there is nothing to see, so the crop need not reach beyond the farthest
    # edge.
    farthest = max(max(centre_x, width - centre_x) / aspect, centre_y, height - centre_y)
    half = min(max(TORSO_EXPANSION * torso, BODY_EXPANSION * body), farthest)
    if half > max(width / aspect, height) / 2 or half < 1.0:
        return whole_frame(width, height, aspect)
    across = half * aspect
    return Crop(centre_x - across, centre_y - half, 2 * across, 2 * half)


def settled_crop(held: Crop, wanted: Crop) -> Crop:
    """Return the crop so far as long as it is near enough to the one that is wanted, else that.

    Every answer of a model moves the next crop a little, and that the next answer: without some
    slack a still scene would never come to rest.
    """
    (held_x, held_y), (wanted_x, wanted_y) = held.centre, wanted.centre
    across = max(abs(held_x - wanted_x), abs(held.width - wanted.width))
    down = max(abs(held_y - wanted_y), abs(held.height - wanted.height))
    near = across <= SLACK * wanted.width and down <= SLACK * wanted.height
    return held if near else wanted


def input_to_frame(crop: Crop, width: int, height: int) -> NDArray[np.float64]:
    """Return the affine map from pixels of the model's input to pixels of the frame.

    Pixel centres lie at whole numbers in both, so the centre of the input falls on the centre of
    the crop (the convention of `cv2.resize`).

    Args:
        crop: The part of the frame.
        width: Of the model's input, pixels.
        height: Of the model's input, pixels.

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


def warp_into(image: Image, order: ColourOrder, crop: Crop, target: Image) -> None:
    """Fill the model's input from a frame, with no copy of the frame on the way.

    Args:
        image: uint8 (height, width, 3).
        order: Its order of colours.
        crop: The part of the frame; outside of the frame it is black.
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
    """Return what lies in a crop, in few enough pixels for OpenCV, and the crop in it.

    What is outside of the crop is left out; where that is not enough, every other row and column,
    or more. The model's input is far smaller than what remains.
    """
    height, width = image.shape[:2]
    left, top = max(0, math.floor(crop.left) - 1), max(0, math.floor(crop.top) - 1)
    right = min(width, math.ceil(crop.left + crop.width) + 1)
    bottom = min(height, math.ceil(crop.top + crop.height) + 1)
    if left >= right or top >= bottom:  # beside the picture, where all is black
        left, top, right, bottom = 0, 0, 1, 1
    step = math.ceil(max(right - left, bottom - top) / MAX_SIDE)
    # The centre of a pixel lies half a pixel from its edge, however large it is.
    x, y = (crop.left - left - 0.5) / step + 0.5, (crop.top - top - 0.5) / step + 0.5
    reduced = Crop(x, y, crop.width / step, crop.height / step)
    return image[top:bottom:step, left:right:step], reduced


def to_frame(keypoints: FloatArray, crop: Crop, width: int, height: int) -> FloatArray:
    """Convert keypoints from coordinates of a crop to those of the whole frame.

    Args:
        keypoints: float32 (17, 3) as x, y, score; x and y in 0...1 of the crop.
        crop: The part of the frame that the model was given.
        width: Of the frame, pixels.
        height: Of the frame, pixels.

    Returns:
        float32 (17, 3) as x, y, score; x and y in 0...1 of the frame (outside of that for a
        keypoint in the padding).
    """
    result = keypoints.copy()
    result[:, 0] = (crop.left + keypoints[:, 0] * crop.width) / width
    result[:, 1] = (crop.top + keypoints[:, 1] * crop.height) / height
    return result
