"""The part of a frame that is given to a model: how it follows a person, and which shape it has.

MoveNet was trained on crops around one person, so the next frame is cropped around the person of
the last. A model may have inputs of several sizes, and people are not square: the crop takes the
shape that shows the person largest.
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
"""Each side of the region around a person is this many times that of the box of their keypoints
..."""
LEAST_SIDE: Final = 2.0
"""... and at least this many times the torso's reach from the hips: who is seen from the side, or
whose legs are not found, still needs room."""

BORDER: Final = 0.1
"""Parts of its sides by which that region may reach beyond the picture. There is nothing to see,
but who is cut off by the picture's edge is found better with some black beside them."""

TORSO_EXPANSION: Final = 1.9
"""Half of the square around the hips is at least this many times the torso's reach from them ..."""
BODY_EXPANSION: Final = 1.2
"""... and this many times the whole body's."""

SLACK: Final = 0.07
"""Parts of its edges by which a crop may be off before it is moved. With less, more still scenes
never come to rest; with more, the person is not in the middle, where the model is best."""
ALIKE: Final = 1.005
"""Of shapes that show a region nearly as large, up to this factor, the one with the least padding
is taken."""
SHAPE_SLACK: Final = 1.15
"""Another shape must show the person this many times as large to replace the one so far: who
breathes or sways must not change it all the time."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a frame, in pixels; outside of the frame it is black. Its size is more than 0."""

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
        """Return the smallest crop around this one with the shape of an input."""
        aspect = size[1] / size[0]
        width = max(self.width, self.height * aspect)
        height = max(self.height, self.width / aspect)
        return self._resized(width, height)

    def scaled(self, factor: float) -> Crop:
        """Return the crop with edges `factor` times as long around the same centre."""
        return self._resized(self.width * factor, self.height * factor)

    def _resized(self, width: float, height: float) -> Crop:
        """Return the crop of that size around the same centre."""
        left, top = self.left + (self.width - width) / 2, self.top + (self.height - height) / 2
        return Crop(left, top, width, height)

    def within(self, width: int, height: int) -> Crop:
        """Return the part that lies in a frame of that size; the crop if none does."""
        left, top = max(0.0, self.left), max(0.0, self.top)
        right = min(float(width), self.left + self.width)
        bottom = min(float(height), self.top + self.height)
        inside = right > left and bottom > top
        return Crop(left, top, right - left, bottom - top) if inside else self

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


def whole_frame(width: int, height: int) -> Crop:
    """Return a frame of width x height pixels."""
    return Crop(0.0, 0.0, float(width), float(height))


def square_around(box: Box, width: int, height: int) -> Crop:
    """Return the square with the centre and the longer side of a normalised box, 1 at least."""
    x0, y0, x1, y1 = box
    size = max((x1 - x0) * width, (y1 - y0) * height, 1.0)
    return Crop.square((x0 + x1) * width / 2 - size / 2, (y0 + y1) * height / 2 - size / 2, size)


# --- the shape ------------------------------------------------------------------------------------


def fit_crop(region: Crop, sizes: Sequence[InputSize], held: Crop | None = None) -> Crop:
    """Return the crop around a region in the shape of the input size that shows it largest.

    Args:
        region: A part of a frame, of any shape.
        sizes: Those that the input can have.
        held: The crop so far; its shape is kept unless another one is clearly better.
    """
    if len(sizes) == 1:
        return region.shaped(sizes[0])
    # How many of the frame's pixels one of the input's would span.
    spans = {size: max(region.width / size[1], region.height / size[0]) for size in sizes}
    limit = ALIKE * min(spans.values())
    alike = [size for size, span in spans.items() if span <= limit]
    best = alike[0] if len(alike) == 1 else min(alike, key=lambda size: region.shaped(size).size)
    before = size_of(held, sizes) if held is not None else None
    if before is not None and spans[before] <= SHAPE_SLACK * spans[best]:
        best = before
    return region.shaped(best)


def size_of(crop: Crop, sizes: Sequence[InputSize]) -> InputSize | None:
    """Return the input size, the largest one, that has the shape of a crop; None without any."""
    width, height = crop.width, crop.height
    same = [size for size in sizes if math.isclose(width * size[0], height * size[1])]
    return max(same, default=None)


# --- the place ------------------------------------------------------------------------------------


def torso_visible(keypoints: FloatArray, min_score: float) -> bool:
    """Return whether a shoulder and a hip of float32 (17, 3) keypoints are above a score."""
    left_shoulder, right_shoulder, left_hip, right_hip = (float(keypoints[one, 2]) for one in TORSO)
    return max(left_shoulder, right_shoulder) > min_score and max(left_hip, right_hip) > min_score


def region_around(keypoints: FloatArray, width: int, height: int, min_score: float) -> Crop:
    """Choose the region of the next frame that holds the person of these keypoints.

    Args:
        keypoints: float32 (17, 3) as x, y, score; x and y normalised to the frame.
        width: Of the frame, pixels.
        height: Of the frame, pixels.
        min_score: Score from which a keypoint counts.

    Returns:
        A part of the frame, of any shape, around the keypoints that count and the torso, which may
        reach a little beyond the frame; the whole frame when the torso is not visible.
    """
    whole = whole_frame(width, height)
    if not torso_visible(keypoints, min_score):
        return whole
    # Plain numbers: for 17 points they take a fifth of the time of NumPy's calls.
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

    In a square, a person is found best with their hips in its middle (measured on COCO). The rules
    are those of the tfjs `calculateCropRegion` (tensorflow/tfjs-models,
    pose-detection/src/movenet); the TensorFlow sample for the Raspberry Pi measures the range of
    the whole body wrongly (wrists and ankles never count) and cuts spread arms off.

    Returns:
        A square centred on the hips; the whole frame when the torso is not visible or the person
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
    # Outside of the frame there is nothing to see, so the crop need not reach beyond the farthest
    # edge.
    farthest = max(x, width - x, y, height - y)
    half = min(max(TORSO_EXPANSION * torso, BODY_EXPANSION * body), farthest)
    if half > max(width, height) / 2 or half < 1.0:
        return whole_frame(width, height)
    return Crop.square(x - half, y - half, 2 * half)


@dataclass(frozen=True, slots=True)
class CropRule:
    """How a person is followed.

    Attributes:
        region: Chooses the region of the next frame that holds the person of some keypoints; see
            `region_around`.
        refine_below: A refinement pass pays only with a crop smaller than this part of the whole
            frame (`Crop.size`).
    """

    region: Callable[[FloatArray, int, int, float], Crop]
    refine_below: float


BODY_RULE: Final = CropRule(region_around, 0.7)
HIPS_RULE: Final = CropRule(square_around_hips, 0.9)


def rule_for(sizes: Sequence[InputSize]) -> CropRule:
    """Return the rule that finds people best with an input of these heights and widths."""
    return HIPS_RULE if all(height == width for height, width in sizes) else BODY_RULE


def _widened(places: Sequence[float], reach: float, limit: int) -> tuple[float, float]:
    """Return begin and end of the region along an axis on which the frame has 0...limit pixels."""
    begin, end = min(places), max(places)
    middle = (begin + end) / 2
    side = max(MARGIN * (end - begin), LEAST_SIDE * reach)
    beyond = BORDER * side
    return max(-beyond, middle - side / 2), min(limit + beyond, middle + side / 2)


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
