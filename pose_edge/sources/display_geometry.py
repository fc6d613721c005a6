"""Orientation and size in which a video's frames are shown, with square pixels.

Phones store frames in the sensor's orientation, with a display matrix that says how to rotate them;
selfie cameras also mirror them. DVDs and camcorders have non-square pixels. The rules are those of
FFmpeg's player.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MAX_SIDE: Final = 32_766
"""Largest width or height, pixels. Only a file that claims very wide pixels would exceed it."""
MAX_ASPECT: Final = 10.0
"""Largest pixel aspect ratio (or inverse ratio) that is used; no real one exceeds 3."""


def orientation_filters(matrix: Sequence[int]) -> list[tuple[str, str]]:
    """Return the FFmpeg filters that apply a display matrix.

    Args:
        matrix: The values a, b, u, c, d, v, x, y, w, or at least the first five. Pixel (p, q), with
            q pointing down, is shown at (a p + c q + x, b p + d q + y). Rotations are rounded to
            quarter turns.

    Returns:
        Names and options of the filters, in order.
    """
    a, b, _u, c, d = matrix[:5]
    if abs(a) + abs(d) < abs(b) + abs(c):  # rows become columns
        if c < 0:
            return [("transpose", "clock" if b > 0 else "clock_flip")]
        return [("transpose", "cclock" if b < 0 else "cclock_flip")]
    flips = (("hflip", a), ("vflip", d))
    return [(name, "") for name, scale in flips if scale < 0]


def display_size(width: int, height: int, pixel_aspect: float) -> tuple[int, int]:
    """Return the width and height, in pixels, at which a picture has square pixels.

    As in FFmpeg's player, the height is kept and a corrected width is even. An implausible aspect
    ratio is ignored; a picture larger than `MAX_SIDE` is scaled down.

    Args:
        width: Width in the file, pixels.
        height: Height in the file, pixels.
        pixel_aspect: Width of a pixel divided by its height; 0 where unknown.
    """
    if pixel_aspect != 1 and 1 / MAX_ASPECT <= pixel_aspect <= MAX_ASPECT:
        width = max(2, round(width * pixel_aspect) & ~1)
    factor = min(1.0, MAX_SIDE / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))
