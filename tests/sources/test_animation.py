from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path

import pytest
from helpers import coded_picture, read_code
from PIL import Image as PillowImage
from PIL import features

from pose_edge.errors import EndOfStream, SourceError
from pose_edge.frames import Frame
from pose_edge.sources.animation import Animation

DURATIONS = [40, 1000, 5, 200_000, 100]
"""Durations of the frames in milliseconds."""


def save(path: Path, durations: list[int] | int = 50) -> Path:
    first, *others = (PillowImage.fromarray(coded_picture(number)) for number in range(5))
    first.save(path, save_all=True, append_images=others, duration=durations, lossless=True)
    return path


def read_all(source: Animation) -> list[Frame]:
    """Return all frames up to the end, and close the source."""
    found: list[Frame] = []
    with closing(source), suppress(EndOfStream):
        while True:
            if frame := source.read(1.0):
                found.append(frame)
    return found


@pytest.mark.parametrize(
    "name",
    [
        *("a.gif", "a.png", "a.webp"),
        pytest.param(
            "a.avif",
            marks=pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF"),
        ),
    ],
)
def test_every_frame_in_order(tmp_path: Path, name: str) -> None:
    source = Animation(str(save(tmp_path / name)))
    source.open()
    assert (source.live, source.still, source.frame_count) == (False, False, 5)
    assert source.frame_rate == pytest.approx(20)
    assert source.describe() == name
    frames = read_all(source)
    assert [read_code(frame.image) for frame in frames] == list(range(5))
    assert [frame.index for frame in frames] == list(range(5))
    assert [frame.time for frame in frames] == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])
    assert [frame.file for frame in frames] == [None] * 5
    assert source.missing is None
    source.open()
    assert len(read_all(source)) == 5
    source.close()


def test_times_rise_and_are_bounded(tmp_path: Path) -> None:
    source = Animation(str(save(tmp_path / "a.gif", DURATIONS)))
    source.open()
    times = [frame.time for frame in read_all(source)]
    assert times == pytest.approx([0, 0.04, 1.04, 1.14, 61.14])


def test_a_loop_goes_on_in_time(tmp_path: Path) -> None:
    source = Animation(str(save(tmp_path / "a.webp")), loop=True)
    source.open()
    assert source.frame_count is None
    frames = [source.read(1.0) for _ in range(12)]
    source.close()
    assert [read_code(frame.image) for frame in frames if frame] == [*range(5), *range(5), 0, 1]
    assert [frame.time for frame in frames if frame] == pytest.approx([n / 20 for n in range(12)])


def test_a_picture_for_programs_without_animations_is_left_out(tmp_path: Path) -> None:
    first, *others = (PillowImage.fromarray(coded_picture(number)) for number in range(3))
    path = tmp_path / "a.png"
    first.save(path, save_all=True, append_images=others, default_image=True, duration=50)
    source = Animation(str(path))
    source.open()
    assert [read_code(frame.image) for frame in read_all(source)] == [1, 2]
    assert source.frame_count == 2


def test_what_comes_before_a_damage_is_not_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = save(tmp_path / "a.png")
    content = bytearray(path.read_bytes())
    last = content.rindex(b"fdAT")
    content[last + 12 : last + 20] = bytes(8)
    path.write_bytes(content)
    source = Animation(str(path))
    source.open()
    assert [read_code(frame.image) for frame in read_all(source)] == [0, 1, 2, 3]
    assert source.missing == "1 of 5 frames is damaged"
    assert "a.png is not a picture that can be read" in caplog.text


def test_what_cannot_be_read_at_all(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    with pytest.raises(SourceError, match=r"a\.gif is not a picture"):
        Animation(str(tmp_path / "a.gif")).open()
    with pytest.raises(SourceError, match="No such file"):
        Animation(str(tmp_path / "b.gif")).open()
