from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import coded_picture, read_code
from PIL import Image as PillowImage

from pose_edge.errors import EndOfStream, SourceError
from pose_edge.frames import Frame
from pose_edge.sources.pictures import Pictures, read_picture


def read_all(source: Pictures) -> list[Frame | None]:
    found = []
    while True:
        try:
            found.append(source.read(1.0))
        except EndOfStream:
            return found


def save(path: Path, number: int = 0) -> Path:
    assert cv2.imwrite(str(path), coded_picture(number))
    return path


def test_a_folder_in_the_order_of_its_names(tmp_path: Path) -> None:
    names = ["b.png", "a.jpg", "c.JPEG", "d.bmp", "e.webp", "f.tif"]
    for number, name in enumerate(names):
        save(tmp_path / name, number)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".DS_Store").touch()
    source = Pictures(str(tmp_path))
    source.open()
    assert (source.live, source.still, source.frame_count) == (False, True, 6)
    frames = [frame for frame in read_all(source) if frame]
    assert [frame.file for frame in frames] == sorted(names)
    assert [read_code(frame.image) for frame in frames] == [1, 0, 2, 3, 4, 5]
    assert [frame.index for frame in frames] == list(range(6))
    assert [frame.time for frame in frames] == list(range(6))
    source.close()


def test_one_picture(tmp_path: Path) -> None:
    source = Pictures(str(save(tmp_path / "a.png", 5)))
    source.open()
    (frame,) = read_all(source)
    assert frame is not None
    assert (read_code(frame.image), frame.file, frame.order) == (5, "a.png", "BGR")
    assert source.frame_count == 1
    assert source.describe() == "a.png"


def test_colours_are_bgr(tmp_path: Path) -> None:
    PillowImage.new("RGB", (8, 8), (200, 20, 10)).save(tmp_path / "a.png")
    image = read_picture(tmp_path / "a.png")
    assert image is not None
    assert image[0, 0].tolist() == [10, 20, 200]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_pictures_of_phones_are_upright(tmp_path: Path, orientation: int, name: str) -> None:
    """EXIF says how the camera was held; both libraries must agree on what is up."""
    upright = np.zeros((64, 96, 3), dtype=np.uint8)
    upright[:32, :48] = 255  # the corner at the upper left is white
    upright[:32, 48:] = 128
    turn_back = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright.transpose(1, 0, 2)[::-1],
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: upright.transpose(1, 0, 2)[:, ::-1],
    }
    picture = PillowImage.fromarray(np.ascontiguousarray(turn_back[orientation]))
    exif = picture.getexif()
    exif[0x0112] = orientation
    picture.save(tmp_path / name, exif=exif, quality=95)
    image = read_picture(tmp_path / name)
    assert image is not None
    assert image.shape == (64, 96, 3)
    assert np.abs(image.astype(int) - upright).mean() < 4


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "I;16"])
def test_every_kind_of_picture_becomes_three_bytes_a_pixel(tmp_path: Path, mode: str) -> None:
    grey = PillowImage.fromarray(np.full((10, 12), 255 if mode == "1" else 100, dtype=np.uint8))
    if mode == "I;16":
        grey = PillowImage.fromarray(np.full((10, 12), 100 << 8, dtype=np.uint16))
    else:
        grey = grey.convert(mode)
    grey.save(tmp_path / "a.png")
    image = read_picture(tmp_path / "a.png")
    assert image is not None
    assert image.shape == (10, 12, 3)
    assert image.dtype == np.uint8
    assert np.ptp(image[0, 0]) == 0
    assert image[0, 0, 0] in (100, 255)


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"BM" + b"\xff" * 60]
)
def test_an_unreadable_picture_alone_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    source = Pictures(str(path))
    source.open()
    with pytest.raises(SourceError, match=r"a\.jpg is not a picture"):
        source.read(1.0)


def test_an_unreadable_picture_in_a_folder_is_said_and_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path / "a.png", 1)
    (tmp_path / "b.jpg").write_bytes(b"broken")
    (tmp_path / "c.png").mkdir()
    (tmp_path / "d.png").symlink_to("nowhere")
    save(tmp_path / "e.png", 2)
    source = Pictures(str(tmp_path))
    source.open()
    frames = read_all(source)
    assert [frame.file if frame else None for frame in frames] == [
        "a.png",
        None,
        None,
        None,
        "e.png",
    ]
    assert frames[-1] is not None
    assert frames[-1].index == 4, "the number is the place in the folder"
    assert [path.name for path in source.unreadable] == ["b.jpg", "c.png", "d.png"]
    for name in ("b.jpg", "c.png", "d.png"):
        assert f"{name} is not a picture" in caplog.text


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SourceError, match="holds no pictures"):
        Pictures(str(tmp_path)).open()


def test_a_picture_cut_off_in_the_middle_does_not_crash(tmp_path: Path) -> None:
    whole = save(tmp_path / "a.png").read_bytes()
    for size in range(0, len(whole), max(1, len(whole) // 40)):
        (tmp_path / "b.png").write_bytes(whole[:size])
        image = read_picture(tmp_path / "b.png")
        assert image is None or image.shape == (120, 160, 3)
