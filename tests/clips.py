"""Writes videos for the tests, and reads videos to check them."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np

from pose_edge.frames import Image
from pose_edge.util import resources


def demo_frames(numbers: range) -> list[Image]:
    """Return frames of the demo clip, uint8 (height, width, 3) BGR, read-only."""
    return list(_demo_frames(numbers))


@lru_cache(maxsize=1)  # decoding takes a while, and successive tests need the same frames
def _demo_frames(numbers: range) -> tuple[Image, ...]:
    capture = cv2.VideoCapture(str(resources.demo_clip()))
    frames = []
    for number in range(numbers.stop):
        assert capture.grab(), f"the demo clip has no frame {number}"
        if number in numbers:
            image = np.asarray(capture.retrieve()[1], dtype=np.uint8)
            image.flags.writeable = False
            frames.append(image)
    capture.release()
    return tuple(frames)


def load_picture(path: Path | str) -> Image:
    """Read a picture file as uint8 (height, width, 3) BGR."""
    image = cv2.imread(str(path))
    assert image is not None, f"{path} is no picture"
    return np.asarray(image, dtype=np.uint8)


def write_clip(path: Path, frames: list[Image], rate: int = 30) -> Path:
    """Write a video of uint8 (height, width, 3) BGR frames."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate))
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv444p" if width % 2 or height % 2 else "yuv420p"
        stream.codec_context.options = {"preset": "ultrafast", "crf": "18"}
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return path


def write_titled_clip(path: Path, picture: Image) -> Path:
    """Write an AVI of one picture, uint8 (height, width, 3) BGR, whose title is not UTF-8."""
    with av.open(str(path), "w", format="avi") as container:
        container.metadata["title"] = "cafe\u0301"
        stream = container.add_stream("mjpeg", rate=30)
        stream.height, stream.width, stream.pix_fmt = *picture.shape[:2], "yuvj420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    content = path.read_bytes()
    assert "e\u0301".encode() in content
    path.write_bytes(content.replace("e\u0301".encode(), b"e\xe9\xe8"))
    return path


def video_frames(path: Path) -> tuple[list[float], tuple[int, int], list[Image]]:
    """Return the times of all frames in seconds, width and height, and all frames as BGR."""
    times, images = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            assert frame.time is not None
            times.append(frame.time)
            images.append(np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8))
    return times, (images[0].shape[1], images[0].shape[0]), images
