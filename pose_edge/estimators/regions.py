"""Which parts of a frame are searched for people, and which part shows a person who was found."""

from __future__ import annotations

from typing import Final

import numpy as np

from pose_edge.estimators.crop import Crop, whole_frame
from pose_edge.poses import FloatArray

TILE: Final = 0.6
"""Longer edge of a tile, in parts of the frame's. Two overlap by a third of a tile, so that hardly
anybody is cut by both; four tiles found no more people, and more false ones."""

MARGIN: Final = 1.5
"""Edges of the region around a person, in units of those of the box of their keypoints."""

LEAST_COUNT: Final = 4
"""So many keypoints, the best ones, lie in that box however low their scores are."""

LEAST_SIDE: Final = 8.0
"""Shorter edge of that region at least, pixels."""


def search_regions(width: int, height: int) -> tuple[Crop, Crop, Crop]:
    """Return the whole frame, and two tiles that overlap, along its longer edge.

    Args:
        width: Of the frame, pixels.
        height: Of the frame, pixels.
    """
    whole = whole_frame(width, height)
    if width >= height:
        across = TILE * width
        return (
            whole,
            Crop(0.0, 0.0, across, whole.height),
            Crop(width - across, 0.0, across, whole.height),
        )
    down = TILE * height
    return (
        whole,
        Crop(0.0, 0.0, whole.width, down),
        Crop(0.0, height - down, whole.width, down),
    )


def person_region(keypoints: FloatArray, width: int, height: int, min_score: float) -> Crop:
    """Return the region around the keypoints of one person among several.

    It is made of what was found of this person alone, also where no torso is visible; that of
    `crop.region_around`, for one person in a frame, makes room for more.

    Args:
        keypoints: float32 (17, 3) as x, y, score; x and y normalised to the frame.
        width: Of the frame, pixels.
        height: Of the frame, pixels.
        min_score: Score from which a keypoint counts.
    """
    scores = keypoints[:, 2]
    limit = min(min_score, float(np.partition(scores, -LEAST_COUNT)[-LEAST_COUNT]))
    counting = keypoints[scores >= limit, :2] * (width, height)
    (left, top), (right, bottom) = counting.min(axis=0).tolist(), counting.max(axis=0).tolist()
    across = max(MARGIN * (right - left), LEAST_SIDE)
    down = max(MARGIN * (bottom - top), LEAST_SIDE)
    return Crop((left + right - across) / 2, (top + bottom - down) / 2, across, down)
