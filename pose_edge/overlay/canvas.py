"""The picture that everything else is drawn on."""

from __future__ import annotations

import cv2
import numpy as np

from pose_edge.frames import Image


def compose(image: Image, canvas: Image, *, mirror: bool) -> None:
    """Copy a frame's image into the canvas, so that the frame itself is never drawn on.

    Args:
        image: uint8 (height, width, 3), what the camera saw.
        canvas: uint8 (height, width, 3), the size of the frame; overwritten.
        mirror: Flip left and right, as a mirror does.

    Raises:
        ValueError: The canvas has another size than the frame.
    """
    if canvas.shape != image.shape:
        raise ValueError(f"a canvas {canvas.shape} cannot take a picture {image.shape}")
    if mirror:
        cv2.flip(image, 1, dst=canvas)
    else:
        np.copyto(canvas, image)
