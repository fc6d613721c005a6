"""The outline of the model's crop: the part of the picture that the model gets."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from pose_edge.overlay.palette import INK, WHITE
from pose_edge.overlay.scene import NO_CAPSULES, Capsules, Rectangle, to_pixels
from pose_edge.poses import Box

LINE: Final = 1 / 360
"""Width of the light line, as a fraction of the picture's shorter side."""

OUTLINE: Final = 1 / 120
"""Width of the dark line beneath it, as a fraction of the picture's shorter side."""


def crop_frame(crop: Box, place: Rectangle, *, mirror: bool) -> Capsules:
    """Return the outline of the model's crop.

    Args:
        crop: x0, y0, x1, y1, normalised to the unmirrored picture; may extend outside. A crop with
            infinite or NaN coordinates is not drawn.
        place: Where the picture lies on the canvas or screen.
        mirror: Whether the picture is shown mirrored.
    """
    if not all(math.isfinite(edge) for edge in crop):
        return NO_CAPSULES
    x0, y0, x1, y1 = crop
    corners = to_pixels([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], place, mirror=mirror)
    sides = np.concatenate([corners, np.roll(corners, -1, axis=0)], axis=1)
    sides = np.concatenate([sides, np.tile(corners, 2)])
    unit = min(place[2:])
    widths = [max(1.0, unit * fraction) for fraction in (OUTLINE, LINE)]
    return Capsules(
        ends=np.tile(sides, (2, 1)),
        radii=np.repeat(np.array(widths, np.float32) / 2, len(sides)),
        colours=np.repeat(np.array([INK, WHITE], np.uint8), len(sides), axis=0),
    )
