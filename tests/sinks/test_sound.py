"""The drawn copy of a video has its sound, at the same times."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from sound_clips import BEEP_S, FPS, heard, write_clip_with_sound

from pose_edge.config.outputs import RecordSettings
from pose_edge.sinks.recorder import recorder
from pose_edge.sinks.sound import open_sound


def copy(source: Path, target: Path, *, count: int = 60) -> Path:
    """Record `count` grey pictures together with the sound of a video."""
    sink = recorder(
        RecordSettings(path=str(target)),
        None,
        frame_rate=FPS,
        report=lambda _reason: None,
        sound_of=str(source),
    )
    sink.open()
    for number in range(count):
        sink.send(np.full((48, 64, 3), 90, np.uint8), "BGR", number / FPS)
    sink.close()
    assert sink.failed is None
    return target


@pytest.mark.parametrize(
    ("name", "codec", "copied"),
    [
        ("in.mp4", "aac", "aac"),
        ("in.ts", "aac", "aac"),
        ("in.avi", "libmp3lame", "mp3"),
        ("in.mkv", "libopus", "opus"),
        ("in.mkv", "pcm_s16le", "aac"),
        ("in.mov", "pcm_s16le", "aac"),
        ("in.mkv", "flac", "aac"),
    ],
)
@pytest.mark.parametrize("ahead_s", [0.0, 0.5])
def test_the_beep_is_where_it_was(
    tmp_path: Path, name: str, codec: str, copied: str, ahead_s: float
) -> None:
    if name == "in.avi" and ahead_s:
        pytest.skip("AVI has no times")
    source = write_clip_with_sound(tmp_path / name, codec, ahead_s=ahead_s)
    found, begin, end, last = heard(copy(source, tmp_path / "out.mp4"))
    assert found == copied
    assert begin == pytest.approx(BEEP_S[0], abs=0.06)
    assert end == pytest.approx(BEEP_S[1], abs=0.06)
    assert last == pytest.approx(3.0, abs=0.1)


def test_the_sound_ends_with_the_pictures(tmp_path: Path) -> None:
    source = write_clip_with_sound(tmp_path / "in.mp4", "aac")
    target = copy(source, tmp_path / "out.mp4", count=25)
    with av.open(str(target)) as container:
        ends = [
            float((stream.duration or 0) * (stream.time_base or 0)) for stream in container.streams
        ]
    assert ends == pytest.approx([1.25, 1.25], abs=0.06)


def test_a_video_without_sound_has_none(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as sink:
        pictures = sink.add_stream("mpeg4", rate=FPS)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sink.mux(pictures.encode(av.VideoFrame(64, 48, "yuv420p")))
        sink.mux(pictures.encode(None))
    assert open_sound(str(path)) is None
    (tmp_path / "none.mp4").write_bytes(b"no video")
    assert open_sound(str(tmp_path / "none.mp4")) is None
    with av.open(str(copy(path, tmp_path / "out.mp4", count=5))) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_damaged_sound_costs_no_picture(tmp_path: Path) -> None:
    source = write_clip_with_sound(tmp_path / "in.ts", "aac")
    content = bytearray(source.read_bytes())
    rng = np.random.default_rng(0)
    for position in rng.integers(len(content) // 3, len(content), 300):
        content[int(position)] ^= 0xFF
    source.write_bytes(content)
    with av.open(str(copy(source, tmp_path / "out.mp4"))) as container:
        assert sum(1 for _ in container.decode(video=0)) == 60
