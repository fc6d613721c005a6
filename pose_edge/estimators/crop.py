"""The part of a frame that is given to a model, and how it follows a person.

MoveNet was trained on crops around one person, so the next frame is cropped around the person of
the last. The rules are those of the tfjs `calculateCropRegion` (tensorflow/tfjs-models,
pose-detection/src/movenet); the TensorFlow sample for the Raspberry Pi measures the range of the
whole body wrongly (wrists and ankles never count) and cuts spread arms off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

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


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a frame, in pixels; outside of the frame it is black.

    Attributes:
        left: x of its left edge.
        top: y of its upper edge.
        width: More than 0.
        height: More than 0.
    """

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

    def overlaps(self, other: Crop) -> bool:
        """Tell whether the centre of one of the two lies in the other."""
        distance_x = abs(self.left + self.width / 2 - other.left - other.width / 2)
        distance_y = abs(self.top + self.height / 2 - other.top - other.height / 2)
        return (
            distance_x < max(self.width, other.width) / 2
            and distance_y < max(self.height, other.height) / 2
        )

    def normalised(self, width: int, height: int) -> Box:
        """Return x0, y0, x1, y1 in fractions of a frame of that size."""
        return (
            self.left / width,
            self.top / height,
            (self.left + self.width) / width,
            (self.top + self.height) / height,
        )


def whole_frame(width: int, height: int, aspect: float = 1.0) -> Crop:
    """Return the frame padded to the shape of a model's input, in its middle (letterbox).

    Args:
        width: Of the frame, pixels.
        height: Of the frame, pixels.
        aspect: Width of the model's input over its height.
    """
    padded_width = max(float(width), height * aspect)
    padded_height = max(float(height), width / aspect)
    left, top = (width - padded_width) / 2, (height - padded_height) / 2
    return Crop(left, top, padded_width, padded_height)


def torso_visible(keypoints: FloatArray, min_score: float) -> bool:
    """Tell whether a shoulder and a hip are visible, so that they can define a crop.

    Args:
        keypoints: float32 (17, 3) as x, y, score.
        min_score: Score above which a keypoint is visible.
    """
    scores = keypoints[:, 2]
    shoulder = max(scores[Keypoint.LEFT_SHOULDER], scores[Keypoint.RIGHT_SHOULDER])
    hip = max(scores[Keypoint.LEFT_HIP], scores[Keypoint.RIGHT_HIP])
    return bool(shoulder > min_score and hip > min_score)


def next_crop(keypoints: FloatArray, width: int, height: int, min_score: float) -> Crop:
    """Choose the crop for the frame after the one that these keypoints were found in.

    Args:
        keypoints: float32 (17, 3) as x, y, score; x and y normalised to the frame.
        width: Of the frame, pixels.
        height: Of the frame, pixels.
        min_score: Score above which a keypoint counts.

    Returns:
        A square around the person, centred on the hips; the whole frame when the torso is not
        visible or the person fills the picture.
    """
    if not torso_visible(keypoints, min_score):
        return whole_frame(width, height)
    # Plain numbers: for 17 points they take a fifth of the time of NumPy's calls.
    rows = keypoints.tolist()
    left_hip, right_hip = rows[Keypoint.LEFT_HIP], rows[Keypoint.RIGHT_HIP]
    centre_x = (left_hip[0] + right_hip[0]) * width / 2
    centre_y = (left_hip[1] + right_hip[1]) * height / 2
    reach = [max(abs(x * width - centre_x), abs(y * height - centre_y)) for x, y, _ in rows]
    torso = max(reach[joint] for joint in TORSO)
    body = max(far for far, (_, _, score) in zip(reach, rows, strict=True) if score >= min_score)
    # Outside of the frame there is nothing to see, so the square need not reach beyond the
    # farthest edge.
    farthest = max(centre_x, width - centre_x, centre_y, height - centre_y)
    half = min(max(TORSO_EXPANSION * torso, BODY_EXPANSION * body), farthest)
    if half > max(width, height) / 2 or half < 1.0:
        return whole_frame(width, height)
    return Crop.square(centre_x - half, centre_y - half, 2 * half)
