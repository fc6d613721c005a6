"""The address of the page as a QR code, for phones."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay.palette import INK, WHITE
from pose_edge.overlay.scene import Size, relative

SIDE: Final = 0.3
"""Side of the code, as a fraction of the screen's shorter side."""
TEXT: Final = 1 / 30
"""Font size of the address, as a fraction of the screen's shorter side."""
LEAST_TEXT: Final = 10
"""Minimum font size, pixels."""
QUIET: Final = 4
"""Width of the white border, in modules, that the QR standard requires."""


def page_code(size: Size, address: str) -> NDArray[np.uint8]:
    """Return the code with the address below it, or only the address if `segno` is missing.

    Args:
        size: Size of the screen.
        address: The address.

    Returns:
        uint8 (height, width, 4) as in `Stamp`, opaque.
    """
    from PIL import Image as PillowImage
    from PIL import ImageDraw

    from pose_edge.overlay.typeset import load_font

    modules = _modules(address)
    font = load_font(relative(size, TEXT, least=LEAST_TEXT))
    pad = round(font.size * 0.6)
    scale = relative(size, SIDE / max(1, len(modules)))
    side = len(modules) * scale
    width = max(side, round(font.getlength(address)) + 2 * pad)
    height = side + round(font.size) + 2 * pad
    picture = PillowImage.new("RGBA", (width, height), (*WHITE, 255))
    draw = ImageDraw.Draw(picture)
    draw.text((width / 2, height - pad), address, fill=INK, font=font, anchor="ms")
    pixels = np.array(picture)
    dark = np.kron(modules, np.ones((scale, scale), dtype=bool)).astype(bool)
    left = (width - side) // 2
    pixels[:side, left : left + side][dark] = (*INK, 255)
    return pixels


def _modules(address: str) -> NDArray[np.bool_]:
    """Return the code's modules, True for dark, with a white border; empty without `segno`."""
    try:
        import segno
    except ImportError:
        return np.zeros((0, 0), dtype=bool)
    rows = segno.make(address, error="m", micro=False).matrix
    return np.pad(np.array(rows, dtype=bool), QUIET)
