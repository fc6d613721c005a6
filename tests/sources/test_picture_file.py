from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import coded_picture, read_code
from PIL import Image as PillowImage
from PIL import features

from pose_edge.errors import SourceError
from pose_edge.sources import picture_file
from pose_edge.sources.picture_file import MAX_SIDE, identify, read_picture

AVIF = pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")


def pillow(number: int = 9) -> PillowImage.Image:
    return PillowImage.fromarray(coded_picture(number))


def empty_png(path: Path, width: int, height: int) -> Path:
    """Write a tiny PNG file with a header for any size, but without rows."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"")
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    return path


def reason(path: Path) -> str:
    with pytest.raises(SourceError) as error:
        read_picture(path)
    text = str(error.value)
    assert text.startswith(
        (f"{path} is not a picture that can be read: ", f"{path} cannot be read")
    )
    return text


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("a.jpg", "a.JPEG", "a.png", "a.bmp", "a.webp", "a.tif", "a.gif", "a.jp2", "a.ppm"),
        pytest.param("a.avif", marks=AVIF),
    ],
)
def test_every_format(tmp_path: Path, name: str) -> None:
    pillow(9).save(tmp_path / name)
    image = read_picture(tmp_path / name)
    assert (image.shape, image.dtype.name, read_code(image)) == ((120, 160, 3), "uint8", 9)
    assert image.flags.c_contiguous


def test_heic_where_its_library_is_installed(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(pillow(9)).save(tmp_path / "a.heic")
    assert read_code(read_picture(tmp_path / "a.heic")) == 9
    assert identify(tmp_path / "a.heic") == ("HEIF", 1)


def test_a_damaged_tiff_is_raised_and_nothing_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    path = tmp_path / "a.tif"
    PillowImage.fromarray(noise).save(path, compression="tiff_lzw")
    content = bytearray(path.read_bytes())
    content[5000:6000] = bytes(1000)
    path.write_bytes(content)
    with pytest.raises(SourceError, match="it is damaged or cut off"):
        read_picture(path)
    assert capfd.readouterr() == ("", "")


def test_the_content_decides_about_the_format(tmp_path: Path) -> None:
    pillow(9).save(tmp_path / "a.png", format="WEBP")
    pillow(9).save(tmp_path / "b", format="JPEG")
    assert read_code(read_picture(tmp_path / "a.png")) == 9
    assert identify(tmp_path / "a.png") == ("WEBP", 1)
    assert identify(tmp_path / "b") == ("JPEG", 1)


def test_the_pixels_are_those_of_opencv(tmp_path: Path) -> None:
    """The accuracy of the models was measured on pictures read by OpenCV."""
    noise = np.random.default_rng(1).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    for name in ("a.jpg", "a.png", "a.tif"):
        cv2.imwrite(str(tmp_path / name), cv2.GaussianBlur(noise, (0, 0), 2))
        expected = cv2.imread(str(tmp_path / name))
        assert expected is not None
        np.testing.assert_array_equal(read_picture(tmp_path / name), expected)


def test_colours_are_bgr(tmp_path: Path) -> None:
    PillowImage.new("RGB", (8, 8), (200, 20, 10)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png")[0, 0].tolist() == [10, 20, 200]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    "name", ["a.jpg", "a.png", "a.webp", "a.tif", pytest.param("a.avif", marks=AVIF)]
)
def test_pictures_of_phones_are_upright(tmp_path: Path, orientation: int, name: str) -> None:
    """EXIF gives the orientation of the camera."""
    upright = np.zeros((64, 96, 3), dtype=np.uint8)
    upright[:32, :48] = 255  # white upper left corner
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
    picture.save(tmp_path / name, exif=exif)
    image = read_picture(tmp_path / name)
    assert image.shape == (64, 96, 3)
    assert np.abs(image.astype(int) - upright).mean() < 6


def test_a_damaged_orientation_is_none(tmp_path: Path) -> None:
    pillow(9).save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert read_code(read_picture(tmp_path / "a.jpg")) == 9


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "I;16"])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_every_kind_of_pixel_becomes_three_bytes(tmp_path: Path, mode: str, name: str) -> None:
    grey = PillowImage.fromarray(np.full((10, 12), 255 if mode == "1" else 100, dtype=np.uint8))
    if mode == "I;16":
        grey = PillowImage.fromarray(np.full((10, 12), 100 << 8, dtype=np.uint16))
    else:
        grey = grey.convert(mode)
    grey.save(tmp_path / name)
    image = read_picture(tmp_path / name)
    assert (image.shape, image.dtype.name) == ((10, 12, 3), "uint8")
    assert np.ptp(image[0, 0]) == 0
    assert image[0, 0, 0] in (100, 255)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_colours_of_16_bits_become_8(tmp_path: Path, name: str) -> None:
    wide = coded_picture(9).astype(np.uint16) << 8
    cv2.imwrite(str(tmp_path / name), wide)
    assert read_code(read_picture(tmp_path / name)) == 9


def test_inks_become_colours(tmp_path: Path) -> None:
    PillowImage.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg")  # red
    blue, green, red = read_picture(tmp_path / "a.jpg")[4, 4].tolist()
    assert red > 200
    assert max(blue, green) < 60


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.gif"])
def test_what_is_transparent_is_white(tmp_path: Path, name: str) -> None:
    clear = PillowImage.new("RGBA", (8, 8), (10, 20, 30, 0))
    clear.putpixel((3, 3), (200, 20, 10, 255))
    clear.save(tmp_path / name, lossless=True)  # only WebP has this option
    image = read_picture(tmp_path / name)
    assert image[0, 0].tolist() == [255, 255, 255]
    assert np.abs(image[3, 3].astype(int) - (10, 20, 200)).max() < 8


def test_the_largest_of_several_views_counts_as_one_picture(tmp_path: Path) -> None:
    """Phones add a preview or the view of a second camera."""
    pillow(9).save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[pillow(1)])
    assert identify(tmp_path / "a.jpg") == ("MPO", 1)
    assert read_code(read_picture(tmp_path / "a.jpg")) == 9


# --- refused files --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "it is empty"),
        (b"no picture", "format is unknown"),
        (b"\x89PNG\r\n\x1a\n", "format is unknown"),
        (b"\xff\xd8\xff\xe0", "format is unknown"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "pip install pillow-heif"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "format is unknown"),
    ],
)
def test_what_is_no_picture(
    tmp_path: Path, content: bytes, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(PillowImage.OPEN, "HEIF", raising=False)
    (tmp_path / "a.jpg").write_bytes(content)
    assert expected in reason(tmp_path / "a.jpg")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.bmp", "a.tif"])
def test_a_picture_that_is_cut_off(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    PillowImage.fromarray(noise).save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    assert "damaged" in reason(tmp_path / name)


@pytest.mark.parametrize("size", [(40_000, 40_000), (14_000, 10_000), (MAX_SIDE + 1, 10)])
def test_the_size_is_checked_before_anything_is_decoded(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    assert "it is too large" in reason(empty_png(tmp_path / "a.png", *size))


def test_a_machine_with_little_memory_takes_smaller_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pillow().save(tmp_path / "a.png")
    monkeypatch.setattr(picture_file, "BYTES_PER_PIXEL", 1 << 50)
    assert "160x120 pixels" in reason(tmp_path / "a.png")


@pytest.mark.parametrize("mode", ["F", "I"])
def test_pixels_without_a_known_white(tmp_path: Path, mode: str) -> None:
    values = np.full((8, 8), 1 << 20, dtype=np.float32 if mode == "F" else np.int32)
    PillowImage.fromarray(values).save(tmp_path / "a.tif")
    assert "convert it to 16 bit" in reason(tmp_path / "a.tif")


def test_the_preview_in_a_raw_file_is_not_the_picture(tmp_path: Path) -> None:
    pillow().save(tmp_path / "a.nef", format="TIFF", tiffinfo={254: 1})
    assert "a camera's raw file; convert it" in reason(tmp_path / "a.nef")


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    (tmp_path / "circle.jpg").symlink_to("circle.jpg")
    assert "it is not a file" in reason(tmp_path / "pipe.jpg")
    assert "it is not a file" in reason(tmp_path / "device.jpg")
    assert "it is not a file" in reason(tmp_path / "folder.jpg")
    assert "No such file" in reason(tmp_path / "gone.jpg")
    assert "symbolic links" in reason(tmp_path / "circle.jpg")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pillow().save(tmp_path / "a.png")

    def refuse(*_arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert reason(tmp_path / "a.png").endswith("a.png cannot be read: Permission denied")


@pytest.mark.parametrize(
    "name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.tif", pytest.param("a.avif", marks=AVIF)]
)
def test_any_damage_is_a_reason_or_still_a_picture(tmp_path: Path, name: str) -> None:
    pillow().save(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    chance = random.Random(1)
    for _ in range(40):
        damaged = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        (tmp_path / name).write_bytes(damaged[: chance.randrange(len(damaged)) + 1])
        try:
            image = read_picture(tmp_path / name)
        except SourceError as error:
            assert name in str(error)  # noqa: PT017 - most kinds of damage are errors, but not all
        else:
            assert image.dtype == np.uint8


def test_nothing_is_printed_past_the_log(tmp_path: Path) -> None:
    """Pillow warns of large pictures and unusual metadata."""
    PillowImage.new("1", (10_000, 9_500)).save(tmp_path / "a.png")
    program = "import sys; from pathlib import Path; from pose_edge.sources import picture_file; "
    program += "print(picture_file.identify(Path(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", program, tmp_path / "a.png"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "('PNG', 1)\n"
    assert "DecompressionBomb" not in done.stderr
