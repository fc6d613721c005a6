from __future__ import annotations

import time
from pathlib import Path

import pytest
from helpers import read_code, write_video

from pose_edge.errors import EndOfStream
from pose_edge.frames import Frame
from pose_edge.offline.bench.clip_camera import ClipCamera


class Clock:
    """A clock that advances only by `sleep`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now_s)
        monkeypatch.setattr(time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def clip(tmp_path: Path) -> str:
    return str(write_video(tmp_path / "v.mp4", [n / 30 for n in range(4)]))


def read(camera: ClipCamera) -> Frame:
    while (frame := camera.read(0.02)) is None:
        pass
    return frame


def test_a_frame_comes_at_each_tick_and_the_clip_begins_again(clip: str, clock: Clock) -> None:
    camera = ClipCamera(clip, 10, 6)
    camera.open()
    frames = [read(camera) for _ in range(6)]
    camera.close()
    assert [frame.index for frame in frames] == list(range(6))
    assert [read_code(frame.image) for frame in frames] == [0, 1, 2, 3, 0, 1]
    exposed = [(frame.captured_ns / 1e9 - 1000.0) * 10 for frame in frames]
    assert exposed == pytest.approx(range(6))
    assert camera.live
    assert all(frame.live for frame in frames)


def test_ticks_that_nobody_waited_for_are_lost(clip: str, clock: Clock) -> None:
    camera = ClipCamera(clip, 10, 9)
    camera.open()
    read(camera)
    clock.now_s += 0.37
    late = read(camera)
    camera.close()
    assert late.index == 3
    assert late.captured_ns / 1e9 == pytest.approx(1000.3), "exposed before it was read"


def test_a_read_takes_no_longer_than_it_may(clip: str, clock: Clock) -> None:
    camera = ClipCamera(clip, 1, 9)
    camera.open()
    read(camera)
    before = clock.now_s
    assert camera.read(0.1) is None
    assert clock.now_s == pytest.approx(before + 0.1)
    camera.close()


def test_it_ends_after_its_last_tick(clip: str, clock: Clock) -> None:
    camera = ClipCamera(clip, 10, 2)
    camera.open()
    read(camera)
    read(camera)
    with pytest.raises(EndOfStream):
        read(camera)
    assert clock.now_s == pytest.approx(1000.2)
    camera.close()
