"""Regions of a frame: those that are searched for people, and the one around a found person."""

from __future__ import annotations

from typing import Final

import numpy as np

from pose_edge.estimators.crop import Crop, whole_frame
from pose_edge.poses import FloatArray

TILE: Final = 0.6
"""Longer edge of a tile, as a fraction of the frame's longer edge. The two tiles overlap by a third
of a tile, so that hardly anybody is cut by both. Four tiles found no more people, and more false
ones."""

MARGIN: Final = 1.5
"""Ratio of the edges of the region around a person to those of the box of their keypoints."""

LEAST_COUNT: Final = 4
"""Minimum number of keypoints that define that box: the best ones count even if their scores are
low."""

LEAST_SIDE: Final = 8.0
"""Minimum edge of that region, pixels."""


def search_regions(width: int, height: int) -> tuple[Crop, Crop, Crop]:
    """Return the whole frame, and two overlapping tiles along its longer edge.

    Args:
        width: Width of the frame, pixels.
        height: Height of the frame, pixels.
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

    The region covers only the found keypoints plus a margin, even if no torso is visible.
    `crop.region_around`, which is for a single person, leaves more room.

    Args:
        keypoints: float32 (17, 3) as x, y, score; x and y normalised to the frame.
        width: Width of the frame, pixels.
        height: Height of the frame, pixels.
        min_score: Minimum score of a keypoint; lower ones are ignored, see `LEAST_COUNT`.
    """
    scores = keypoints[:, 2]
    limit = min(min_score, float(np.partition(scores, -LEAST_COUNT)[-LEAST_COUNT]))
    counting = keypoints[scores >= limit, :2] * (width, height)
    (left, top), (right, bottom) = counting.min(axis=0).tolist(), counting.max(axis=0).tolist()
    across = max(MARGIN * (right - left), LEAST_SIDE)
    down = max(MARGIN * (bottom - top), LEAST_SIDE)
    return Crop((left + right - across) / 2, (top + bottom - down) / 2, across, down)
