"""Reading a capture of OpenCV into memory that is there already."""

from __future__ import annotations

import cv2

from pose_edge.frames import Image


def read_into(capture: cv2.VideoCapture, memory: Image | None) -> tuple[bool, Image]:
    """Read the next frame.

    Args:
        capture: An open capture.
        memory: Where to put it; other memory is used when it does not fit. It must be in nobody
            else's hands: OpenCV writes into it.

    Returns:
        Whether there was a frame, and the frame: uint8 (height, width, 3) BGR.
    """
    ok, image = capture.read(memory)
    return ok, image  # type: ignore[return-value]  # OpenCV's stubs do not know the type of pixels
