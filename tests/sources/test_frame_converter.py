"""Frames of a video have the orientation, size and colours that FFmpeg's player shows."""

from __future__ import annotations

import io
import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from pose_edge.errors import EndOfStream
from pose_edge.frames import Image
from pose_edge.sources.frame_converter import FrameConverter
from pose_edge.sources.video import Video

CORNERS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], dtype=np.uint8)
"""Blue, green / red, white (BGR): all eight orientations differ."""


def corners(width: int, height: int) -> Image:
    half = np.repeat(np.repeat(CORNERS, height // 2, axis=0), width // 2, axis=1)
    return np.asarray(half, dtype=np.uint8)


def write(path: Path, size: tuple[int, int] = (96, 64), aspect: Fraction | None = None) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv444p"
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(corners(*size), "bgr24")))
        container.mux(stream.encode())
    return path


def images(path: Path) -> list[Image]:
    video = Video(str(path))
    video.open()
    found = []
    try:
        while True:
            if (frame := video.read(1.0)) is not None:
                found.append(frame.image)
    except EndOfStream:
        return found
    finally:
        video.close()


def seen(image: Image) -> Image:
    """Return the colours (2, 2, 3) at the centres of the quadrants; each channel is 0 or 255."""
    height, width = image.shape[:2]
    rows, columns = (height // 4, height * 3 // 4), (width // 4, width * 3 // 4)
    return np.asarray((image[np.ix_(rows, columns)] > 128) * 255, dtype=np.uint8)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 1), CORNERS),
        ((-1, 0, 0, 1), np.fliplr(CORNERS)),
        ((1, 0, 0, -1), np.flipud(CORNERS)),
        ((-1, 0, 0, -1), np.rot90(CORNERS, 2)),
        ((0, 1, -1, 0), np.rot90(CORNERS, -1)),
        ((0, -1, 1, 0), np.rot90(CORNERS)),
        ((0, 1, 1, 0), np.transpose(CORNERS, (1, 0, 2))),
        ((0, -1, -1, 0), np.rot90(np.transpose(CORNERS, (1, 0, 2)), 2)),
    ],
)
def test_a_display_matrix_is_followed(
    tmp_path: Path, matrix: tuple[int, int, int, int], expected: Image
) -> None:
    path = write(tmp_path / "v.mp4")
    content = bytearray(path.read_bytes())
    one = (65536).to_bytes(4, "big")
    upright = one + bytes(12) + one
    at = content.index(upright, content.index(b"tkhd"))
    a, b, c, d = ((65536 * value).to_bytes(4, "big", signed=True) for value in matrix)
    content[at : at + len(upright)] = a + b + bytes(4) + c + d
    path.write_bytes(content)
    image = images(path)[0]
    assert np.array_equal(seen(image), expected)
    assert image.shape[:2] == ((64, 96) if matrix[0] else (96, 64))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_pixels_are_square(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"v{suffix}", (360, 288), Fraction(64, 45))
    image = images(path)[0]
    assert image.shape == (288, 512, 3)
    assert np.array_equal(seen(image), CORNERS)


def test_a_size_that_changes_is_handed_on(tmp_path: Path) -> None:
    """Recordings of video calls change their size; later frames keep their own size."""
    sizes = (96, 64), (128, 192), (96, 64)
    parts = [write(tmp_path / f"{n}.h264", size).read_bytes() for n, size in enumerate(sizes)]
    path = tmp_path / "v.h264"
    path.write_bytes(b"".join(parts))
    found = images(path)
    assert [size for size, _ in itertools.groupby(i.shape[1::-1] for i in found)] == list(sizes)
    assert all(np.array_equal(seen(image), CORNERS) for image in found)


def test_data_that_pyav_does_not_know_does_no_harm(tmp_path: Path) -> None:
    """EXIF is side data of a JPEG's frame; PyAV 18 raises an error when side data are accessed."""
    exif = Pillow.Exif()
    exif[0x0112] = 6  # to be rotated clockwise
    picture = io.BytesIO()
    Pillow.fromarray(corners(96, 64)[:, :, ::-1]).save(picture, "JPEG", exif=exif, quality=95)
    path = tmp_path / "v.mjpeg"
    path.write_bytes(picture.getvalue() * 3)
    found = images(path)
    assert len(found) == 3
    assert np.array_equal(seen(found[0]), np.rot90(CORNERS, -1))


@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuv420p10le", "gray", "bgra", "pal8"])
@pytest.mark.parametrize("size", [(96, 64), (97, 61), (1, 1)])
def test_every_format_and_size(pixels: str, size: tuple[int, int]) -> None:
    frame = av.VideoFrame(*size, "rgb8" if pixels == "pal8" else pixels)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    image = FrameConverter().convert(frame, 0, None)
    assert image.shape == (size[1], size[0], 3)
    assert image.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize(("space", "red"), [("itu709", 0.2126), ("itu601", 0.299)])
@pytest.mark.parametrize("full", [False, True])
def test_the_colours_are_those_that_the_file_says(space: str, red: float, full: bool) -> None:
    """Red, in limited and full range, with BT.709 and BT.601."""
    frame = av.VideoFrame(16, 16, "yuv444p")
    low, span = (0, 255) if full else (16, 219)
    chroma = 255 if full else 224
    blue = {0.2126: 0.0722, 0.299: 0.114}[red]
    values = low + red * span, 128 - red / (2 * (1 - blue)) * chroma, 128 + 0.5 * chroma
    for plane, value in zip(frame.planes, values, strict=True):
        plane.update(bytes([min(255, round(value))]) * plane.buffer_size)
    frame.colorspace = {"itu709": 1, "itu601": 6}[space]
    frame.color_range = 2 if full else 1
    image = FrameConverter().convert(frame, 0, None)
    assert np.abs(image[8, 8].astype(int) - (0, 0, 255)).max() <= 4


def test_memory_is_used_again_where_it_fits() -> None:
    converter, frame = FrameConverter(), av.VideoFrame(97, 61, "yuv420p")
    memory = np.zeros((61, 97, 3), dtype=np.uint8)
    assert converter.convert(frame, 0, memory) is memory
    assert converter.convert(frame, 0, memory[:, ::-1]) is not memory
    assert converter.convert(frame, 2, memory).shape == (61, 194, 3)
