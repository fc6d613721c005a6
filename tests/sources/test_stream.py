from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from helpers import GENEROUS_S, read_code, write_video
from mjpeg import MjpegServer

from pose_edge.errors import SourceError, SourceLost
from pose_edge.frames import Frame
from pose_edge.settings import CameraSettings
from pose_edge.sources.stream import OPTIONS_VARIABLE, Stream
from pose_edge.sources.video import Video

SETTINGS = CameraSettings(timeout=1.0)


def read(stream: Stream) -> Frame:
    frame = stream.read(1.0)
    assert frame is not None
    return frame


def read_until_lost(stream: Stream) -> float:
    """Read until the stream is lost, and return the seconds since the last frame."""
    while True:
        before = time.monotonic()
        try:
            read(stream)
        except SourceLost as error:
            assert str(error).endswith("gives no more frames")  # noqa: PT017 - raised at some time
            return time.monotonic() - before


def test_pictures_arrive_in_order_and_without_a_backlog() -> None:
    with MjpegServer(fps=30) as server:
        stream = Stream(server.url, SETTINGS)
        stream.open()
        frames = [read(stream) for _ in range(20)]
        codes = [read_code(frame.image) for frame in frames]
        assert codes == sorted(set(codes))
        assert frames[0].image.shape == (240, 320, 3)
        assert [frame.index for frame in frames] == list(range(20))
        stream.close()


def test_a_camera_that_hangs_is_lost_after_the_time_limit_and_comes_back() -> None:
    with MjpegServer(fps=30) as server:
        stream = Stream(server.url, SETTINGS)
        stream.open()
        read(stream)
        server.stall()
        assert 0.5 < read_until_lost(stream) < GENEROUS_S
        stream.close()
        server.resume()
        stream.open()
        read(stream)
        stream.close()


def test_a_camera_without_power_is_lost_at_once_and_comes_back() -> None:
    with MjpegServer(fps=30) as server:
        stream = Stream(server.url, CameraSettings(timeout=10.0))
        stream.open()
        read(stream)
        server.stop()
        assert read_until_lost(stream) < 10
        with pytest.raises(SourceError, match="cannot be opened"):
            stream.open()
        server.start()
        stream.open()
        read(stream)
        stream.close()
        assert server.connections >= 2


def test_an_address_that_does_not_answer_is_said_without_its_password() -> None:
    server = MjpegServer(credentials="joe:s3cret")
    server.start()
    url = server.url
    server.stop()
    stream = Stream(url, SETTINGS)
    with pytest.raises(SourceError) as error:
        stream.open()
    assert "s3cret" not in str(error.value)
    assert "***@127.0.0.1" in str(error.value)
    assert "s3cret" not in stream.describe()


def test_the_password_is_used_all_the_same() -> None:
    with MjpegServer(credentials="joe:s3cret") as server:
        stream = Stream(server.url, SETTINGS)
        stream.open()
        read(stream)
        stream.close()


def test_the_options_for_streams_are_not_left_to_videos(tmp_path: Path) -> None:
    """They would make a video lose its first frames."""
    with MjpegServer() as server:
        stream = Stream(server.url, SETTINGS)
        stream.open()
        assert OPTIONS_VARIABLE not in os.environ
        video = Video(str(write_video(tmp_path / "v.mp4", [0.0, 0.1])))
        video.open()
        frame = video.read(1.0)
        assert frame is not None
        assert read_code(frame.image) == 0
        video.close()
        stream.close()


def test_options_that_a_user_set_for_ffmpeg_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OPTIONS_VARIABLE, "rtsp_transport;udp")
    with MjpegServer() as server:
        stream = Stream(server.url, SETTINGS)
        stream.open()
        assert os.environ[OPTIONS_VARIABLE] == "rtsp_transport;udp"
        stream.close()
