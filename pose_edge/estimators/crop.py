"""Crops: the part of a frame that is given to a model, its position and its shape.

MoveNet was trained on crops around one person, so each frame is cropped around the person found in
the last one. A model may have inputs of several sizes, and people are not square. The crop takes
the shape of the input size that shows the person largest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pose_edge.poses import Box, FloatArray, Keypoint
from pose_edge.runtimes import InputSize

TORSO: Final = (
    Keypoint.LEFT_SHOULDER,
    Keypoint.RIGHT_SHOULDER,
    Keypoint.LEFT_HIP,
    Keypoint.RIGHT_HIP,
)
MARGIN: Final = 1.5
"""Ratio of the sides of the region around a person to those of the box of their keypoints."""
LEAST_SIDE: Final = 2.0
"""Minimum side of that region, as a multiple of the torso's reach (the largest distance, along x or
y, from the middle of the hips). A person seen from the side, or whose legs are not found, still
needs room."""

BORDER: Final = 0.1
"""Fraction of its sides by which that region may extend beyond the picture. A person cut off by the
edge of the picture is found better with some black beside them."""

TORSO_EXPANSION: Final = 1.9
"""Minimum half side of the square around the hips, as a multiple of the torso's reach."""
BODY_EXPANSION: Final = 1.2
"""Minimum half side of that square, as a multiple of the whole body's reach."""

SLACK: Final = 0.07
"""Tolerance, as a fraction of the crop's edges, within which the previous crop is kept. With less,
more still scenes never settle. With more, the person is off the centre, where the model is best."""
EQUAL_SCALE: Final = 1.005
"""Ratio of scales up to which shapes count as equally good; the one with the least padding wins."""
SHAPE_SLACK: Final = 1.15
"""Ratio of scales by which another shape must be better to replace the previous one (hysteresis):
the shape must not change whenever a person breathes or sways."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a frame, in pixels, with a size above 0. Outside of the frame it is black."""

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def square(cls, left: float, top: float, size: float) -> Crop:
        """Return a square crop."""
        return cls(left, top, size, size)

    @property
    def size(self) -> float:
        """Edge of the square with the same area, pixels."""
        return math.sqrt(self.width * self.height)

    def shaped(self, size: InputSize) -> Crop:
        """Return the smallest crop that contains this one and has the shape of an input size."""
        aspect = size[1] / size[0]
        width = max(self.width, self.height * aspect)
        height = max(self.height, self.width / aspect)
        return self._resized(width, height)

    def scaled(self, factor: float) -> Crop:
        """Return the crop with edges `factor` times as long and the same centre."""
        return self._resized(self.width * factor, self.height * factor)

    def _resized(self, width: float, height: float) -> Crop:
        """Return the crop of another size with the same centre."""
        left, top = self.left + (self.width - width) / 2, self.top + (self.height - height) / 2
        return Crop(left, top, width, height)

    def within(self, width: int, height: int) -> Crop:
        """Return the part inside a frame of that size, or the whole crop if it lies outside."""
        left, top = max(0.0, self.left), max(0.0, self.top)
        right = min(float(width), self.left + self.width)
        bottom = min(float(height), self.top + self.height)
        inside = right > left and bottom > top
        return Crop(left, top, right - left, bottom - top) if inside else self

    @property
    def centre(self) -> tuple[float, float]:
        """The centre as x and y, pixels."""
        return self.left + self.width / 2, self.top + self.height / 2

    def overlaps(self, other: Crop) -> bool:
        """Return whether the centres are less than half the larger width and height apart."""
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


def whole_frame(width: int, height: int) -> Crop:
    """Return the crop that covers a frame of width x height pixels."""
    return Crop(0.0, 0.0, float(width), float(height))


def square_around(box: Box, width: int, height: int) -> Crop:
    """Return the square with the centre and longer side (at least 1 pixel) of a normalised box."""
    x0, y0, x1, y1 = box
    size = max((x1 - x0) * width, (y1 - y0) * height, 1.0)
    return Crop.square((x0 + x1) * width / 2 - size / 2, (y0 + y1) * height / 2 - size / 2, size)


# --- shape of the crop ----------------------------------------------------------------------------


def fit_crop(region: Crop, sizes: Sequence[InputSize], held: Crop | None = None) -> Crop:
    """Return the crop around a region in the shape of the input size that shows it largest.

    Args:
        region: A part of a frame, of any shape.
        sizes: The sizes that the input can have.
        held: The previous crop; its shape is kept unless another one is clearly better.
    """
    if len(sizes) == 1:
        return region.shaped(sizes[0])
    # Downscaling factor with each size: frame pixels per input pixel.
    spans = {size: max(region.width / size[1], region.height / size[0]) for size in sizes}
    limit = EQUAL_SCALE * min(spans.values())
    alike = [size for size, span in spans.items() if span <= limit]
    best = alike[0] if len(alike) == 1 else min(alike, key=lambda size: region.shaped(size).size)
    before = size_of(held, sizes) if held is not None else None
    if before is not None and spans[before] <= SHAPE_SLACK * spans[best]:
        best = before
    return region.shaped(best)


def size_of(crop: Crop, sizes: Sequence[InputSize]) -> InputSize | None:
    """Return the largest input size with the shape of a crop, or None if there is none."""
    width, height = crop.width, crop.height
    same = [size for size in sizes if math.isclose(width * size[0], height * size[1])]
    return max(same, default=None)


# --- position of the crop -------------------------------------------------------------------------


def torso_visible(keypoints: FloatArray, min_score: float) -> bool:
    """Return whether a shoulder and a hip of float32 (17, 3) keypoints exceed a score."""
    left_shoulder, right_shoulder, left_hip, right_hip = (float(keypoints[one, 2]) for one in TORSO)
    return max(left_shoulder, right_shoulder) > min_score and max(left_hip, right_hip) > min_score


def region_around(keypoints: FloatArray, width: int, height: int, min_score: float) -> Crop:
    """Choose the region of the next frame that contains the person with these keypoints.

    Args:
        keypoints: float32 (17, 3) as x, y, score; x and y normalised to the frame.
        width: Width of the frame, pixels.
        height: Height of the frame, pixels.
        min_score: Minimum score of a keypoint; weaker ones are ignored.

    Returns:
        A region of any shape around the torso and the keypoints with at least `min_score`; it may
        extend a little beyond the frame. The whole frame if the torso is not visible.
    """
    whole = whole_frame(width, height)
    if not torso_visible(keypoints, min_score):
        return whole
    # Plain Python: for 17 points it takes a fifth of NumPy's time.
    points = [(x * width, y * height, score) for x, y, score in keypoints.tolist()]
    torso = [points[joint][:2] for joint in TORSO]
    (left_x, left_y), (right_x, right_y) = torso[2:]
    hips_x, hips_y = (left_x + right_x) / 2, (left_y + right_y) / 2
    reach = max(max(abs(x - hips_x), abs(y - hips_y)) for x, y in torso)
    body = torso + [(x, y) for x, y, score in points if score >= min_score]
    left, right = _widened([x for x, _ in body], reach, width)
    top, bottom = _widened([y for _, y in body], reach, height)
    if right - left < 1.0 or bottom - top < 1.0:
        return whole
    return Crop(left, top, right - left, bottom - top)


def square_around_hips(keypoints: FloatArray, width: int, height: int, min_score: float) -> Crop:
    """Choose the region for a model with a square input; arguments as for `region_around`.

    In a square, a person is found best with their hips in the centre (measured on COCO). The rules
    are those of `calculateCropRegion` in tfjs (tensorflow/tfjs-models,
    pose-detection/src/movenet). The TensorFlow sample for the Raspberry Pi was not followed: it
    ignores wrists and ankles in the range of the body, and so cuts off spread arms.

    Returns:
        A square centred on the hips; the whole frame if the torso is not visible or the person
        fills the picture.
    """
    if not torso_visible(keypoints, min_score):
        return whole_frame(width, height)
    rows = keypoints.tolist()
    left_hip, right_hip = rows[Keypoint.LEFT_HIP], rows[Keypoint.RIGHT_HIP]
    x = (left_hip[0] + right_hip[0]) * width / 2
    y = (left_hip[1] + right_hip[1]) * height / 2
    reach = [max(abs(row[0] * width - x), abs(row[1] * height - y)) for row in rows]
    torso = max(reach[joint] for joint in TORSO)
    body = max(far for far, row in zip(reach, rows, strict=True) if row[2] >= min_score)
    # The crop need not extend beyond the farthest edge of the frame: there is nothing to see.
    farthest = max(x, width - x, y, height - y)
    half = min(max(TORSO_EXPANSION * torso, BODY_EXPANSION * body), farthest)
    if half > max(width, height) / 2 or half < 1.0:
        return whole_frame(width, height)
    return Crop.square(x - half, y - half, 2 * half)


@dataclass(frozen=True, slots=True)
class CropRule:
    """How frames are cropped around a person.

    Attributes:
        region: Chooses the region of the next frame from the person's keypoints; see
            `region_around`.
        refine_below: Ratio of the crop's `Crop.size` to that of the whole frame below which a
            refinement pass pays.
    """

    region: Callable[[FloatArray, int, int, float], Crop]
    refine_below: float


BODY_RULE: Final = CropRule(region_around, 0.7)
HIPS_RULE: Final = CropRule(square_around_hips, 0.9)


def rule_for(sizes: Sequence[InputSize]) -> CropRule:
    """Return the best rule for a model with these input sizes."""
    return HIPS_RULE if all(height == width for height, width in sizes) else BODY_RULE


def _widened(places: Sequence[float], reach: float, limit: int) -> tuple[float, float]:
    """Return begin and end of the region along an axis on which the frame is 0...`limit` pixels."""
    begin, end = min(places), max(places)
    middle = (begin + end) / 2
    side = max(MARGIN * (end - begin), LEAST_SIDE * reach)
    beyond = BORDER * side
    return max(-beyond, middle - side / 2), min(limit + beyond, middle + side / 2)


def settled_crop(held: Crop, wanted: Crop) -> Crop:
    """Return the previous crop if it is within `SLACK` of the wanted one, else the wanted one.

    Every small change of the keypoints moves the next crop a little, which in turn changes the next
    keypoints. Without this tolerance a still scene would never settle.
    """
    (held_x, held_y), (wanted_x, wanted_y) = held.centre, wanted.centre
    across = max(abs(held_x - wanted_x), abs(held.width - wanted.width))
    down = max(abs(held_y - wanted_y), abs(held.height - wanted.height))
    near = across <= SLACK * wanted.width and down <= SLACK * wanted.height
    return held if near else wanted
