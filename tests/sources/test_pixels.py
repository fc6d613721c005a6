from __future__ import annotations

import cv2
import numpy as np
import pytest
from fake_v4l2 import jpeg, yuyv
from helpers import coded_picture, noise, read_code, smooth
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_edge.frames import Image
from pose_edge.sources import pixels
from pose_edge.sources.pixels import DamagedPicture
from pose_edge.sources.v4l2_device import Mode

MJPG = Mode("MJPG", 64, 48)


def decode(data: bytes, mode: Mode = MJPG) -> Image:
    """Decode a picture into new memory."""
    memory = np.empty((mode.height, mode.width, 3), np.uint8)
    assert pixels.decode(memoryview(data), mode, memory) is memory
    return memory


def test_uyvy_is_yuyv_with_bytes_swapped() -> None:
    scene = smooth(64, 48)
    raw = np.frombuffer(yuyv(scene), np.uint8)
    swapped = raw.reshape(-1, 2)[:, ::-1].tobytes()
    one = decode(raw.tobytes(), Mode("YUYV", 64, 48, stride=128))
    other = decode(swapped, Mode("UYVY", 64, 48, stride=128))
    assert (one == other).all()


def without_huffman_tables(data: bytes) -> bytes:
    """Return a JPEG without Huffman tables, as most webcams send it; the tables are standard."""
    out, at = bytearray(data[:2]), 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        out += b"" if data[at + 1] == 0xC4 else data[at:end]
        at = end
    return bytes(out + data[at:])


def test_pictures_without_huffman_tables_are_whole() -> None:
    data = jpeg(coded_picture(0xBEEF, 64, 48))
    bare = without_huffman_tables(data)
    assert len(bare) < len(data) - 300
    assert read_code(decode(bare)) == 0xBEEF


def test_filling_between_the_parts_of_a_good_picture_does_no_harm() -> None:
    """A Logitech C270 sends such fill bytes; libjpeg warns of every such picture."""
    _done, encoded = cv2.imencode(
        ".jpg", coded_picture(0xCAFE, 64, 48), [cv2.IMWRITE_JPEG_RST_INTERVAL, 1]
    )
    data = encoded.tobytes()
    mark = data.index(b"\xff\xd0")
    filled = data[:mark] + b"\x00\x00" + data[mark:]
    assert read_code(decode(filled)) == 0xCAFE
    with pytest.raises(DamagedPicture):  # a wrong size is still damage
        decode(filled, Mode("MJPG", 128, 96))


@pytest.mark.parametrize("zeros", [1, 700])
def test_what_follows_the_picture_is_ignored(zeros: int) -> None:
    data = jpeg(coded_picture(3, 64, 48)) + bytes(zeros)
    assert read_code(decode(data)) == 3


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2000), st.integers(1, 60))
def test_garbled_pictures_are_found_or_whole(place: int, count: int) -> None:
    """Bytes are missing: it is an error, or a difference in the header that does not matter."""
    data = jpeg(noise(64, 48))
    kept = data[: place % len(data)] + data[place % len(data) + count :]
    try:
        image = decode(kept)
    except DamagedPicture:
        return
    assert image.shape == (48, 64, 3)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_picture_or_damaged(data: bytes) -> None:
    for code in ("MJPG", "YUYV"):
        try:
            image = decode(data, Mode(code, 8, 6, stride=16))
        except DamagedPicture:
            continue
        assert image.shape == (6, 8, 3)


def test_a_picture_of_another_size_is_damaged() -> None:
    for size in ((32, 24), (128, 96)):
        with pytest.raises(DamagedPicture):
            decode(jpeg(smooth(*size)))
