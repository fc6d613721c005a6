"""How a video's pictures are shown: upright, mirrored or not, with square pixels.

Phones store pictures as the sensor lies and say in a display matrix how to turn them; cameras for
selfies mirror them; DVDs and camcorders have pixels that are not square. The rules are those of
FFmpeg's player.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pose_edge.frames import MAX_SIDE

MAX_ASPECT: Final = 10.0
"""Of a pixel; nothing real is beyond 3."""


def orientation_filters(matrix: Sequence[int]) -> list[tuple[str, str]]:
    """Return the filters of FFmpeg that show a picture as its display matrix says.

    Args:
        matrix: a, b, u, c, d, v, x, y, w: pixel (p, q), q down, is shown at
            (a p + c q + x, b p + d q + y). Turns are rounded to quarter turns.

    Returns:
        Names and options of filters, in order.
    """
    a, b, _u, c, d = matrix[:5]
    if abs(a) + abs(d) < abs(b) + abs(c):  # rows become columns
        if c < 0:
            return [("transpose", "clock" if b > 0 else "clock_flip")]
        return [("transpose", "cclock" if b < 0 else "cclock_flip")]
    flips = (("hflip", a), ("vflip", d))
    return [(name, "") for name, scale in flips if scale < 0]


def display_size(width: int, height: int, pixel_aspect: float) -> tuple[int, int]:
    """Return the width and height at which a picture has square pixels.

    The height is kept, and the width is even, as in FFmpeg's player. An aspect that makes no sense
    is ignored; what is larger than `MAX_SIDE` is made smaller.

    Args:
        width: Width in the file, pixels.
        height: Height in the file, pixels.
        pixel_aspect: Width of a pixel over its height; 0 where unknown.
    """
    if pixel_aspect != 1 and 1 / MAX_ASPECT <= pixel_aspect <= MAX_ASPECT:
        width = max(2, round(width * pixel_aspect) & ~1)
    factor = min(1.0, MAX_SIDE / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))
