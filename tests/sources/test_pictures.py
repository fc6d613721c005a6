from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import cv2
import pytest
from helpers import coded_picture, read_code
from PIL import Image as PillowImage

from pose_edge.errors import EndOfStream, SourceError
from pose_edge.frames import Frame
from pose_edge.sources.pictures import Pictures


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
    (tmp_path / "c.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "d.png").symlink_to("nowhere")
    (tmp_path / "e.PNG").touch()
    os.mkfifo(tmp_path / "f.jpg")
    save(tmp_path / "g.png", 2)
    source = Pictures(str(tmp_path))
    source.open()
    frames = read_all(source)
    assert [frame.file if frame else None for frame in frames] == ["a.png", *[None] * 5, "g.png"]
    assert frames[-1] is not None
    assert frames[-1].index == 6, "the number is the place in the folder"
    expected = "5 of 7 pictures could not be read (b.jpg, c.heic, d.png and 2 more)"
    assert source.missing == expected
    for name in ("b.jpg", "c.heic", "e.PNG", "f.jpg"):
        assert f"{name} is not a picture that can be read: " in caplog.text
    assert "d.png cannot be read: No such file or directory" in caplog.text
    source.open()
    assert source.missing is None


def test_what_is_no_picture_is_passed_over_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path / "b.png", 1)
    for name in ("notes.txt", "Thumbs.db", "clip.mp4", "empty", ".DS_Store", "._b.jpg"):
        (tmp_path / name).write_bytes(b"" if name == "empty" else b"no picture")
    (tmp_path / "c.png").mkdir()
    (tmp_path / "gone.txt").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    source = Pictures(str(tmp_path))
    source.open()
    with caplog.at_level("INFO", "pose_edge"):
        assert [frame.file for frame in read_all(source) if frame] == ["b.png"]
    assert source.missing is None
    assert "hidden files (2): .DS_Store, ._b.jpg" in caplog.text
    assert "folders (1): c.png" in caplog.text
    assert "other files (6): Thumbs.db, clip.mp4, empty and 3 more" in caplog.text


def test_a_picture_is_known_by_its_content_too(tmp_path: Path) -> None:
    for number, name in enumerate(["a", "b.txt", "c.jfif", "d.GIF"]):
        kind = {"c.jfif": "JPEG", "d.GIF": "GIF"}.get(name, "PNG")
        PillowImage.fromarray(coded_picture(number)).save(tmp_path / name, format=kind)
    (tmp_path / "film.mjpeg").write_bytes((tmp_path / "c.jfif").read_bytes() * 3)
    source = Pictures(str(tmp_path))
    source.open()
    frames = [frame for frame in read_all(source) if frame]
    assert [frame.file for frame in frames] == ["a", "b.txt", "c.jfif", "d.GIF"]
    assert [read_code(frame.image) for frame in frames] == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.tif"])
def test_further_pictures_of_a_file_are_not_left_out_in_silence(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, *others = (PillowImage.fromarray(coded_picture(number)) for number in (5, 6, 7))
    first.save(tmp_path / name, save_all=True, append_images=others)
    source = Pictures(str(tmp_path))
    source.open()
    (frame,) = read_all(source)
    assert frame is not None
    assert read_code(frame.image) == 5
    assert f"{name} holds 3 pictures: the first is taken" in caplog.text
    assert ("given by its own name" in caplog.text) == (name != "a.tif")


def test_names_that_are_no_utf_8(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 3).rename(tmp_path / os.fsdecode(b"\xe9t\xe9.png"))
    source = Pictures(str(tmp_path))
    source.open()
    (frame,) = read_all(source)
    assert frame is not None
    assert os.fsencode(frame.file or "") == b"\xe9t\xe9.png"


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"holds no pictures$"):
        Pictures(str(tmp_path)).open()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SourceError, match=r"holds no pictures; ignored: .*notes\.txt"):
        Pictures(str(tmp_path)).open()


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_folder: Path) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(SourceError, match="cannot be read: Permission denied"):
        Pictures(str(tmp_path)).open()
