from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Literal

import cv2
import numpy as np
import pytest
from helpers import noise

from pose_edge.errors import SourceLost
from pose_edge.frames import Image
from pose_edge.settings import CameraSettings
from pose_edge.sources.live import LiveCapture

Rotation = Literal[0, 90, 180, 270]


class FakeCapture:
    """An OpenCV capture of pictures in memory; None is a failed read."""

    def __init__(self, pictures: Iterator[Image | None], rate: float) -> None:
        self._pictures = pictures
        self._rate = rate
        self.released = 0

    def read(self, memory: Image | None = None) -> tuple[bool, Image | None]:
        picture = next(self._pictures, None)
        if picture is None:
            return False, None
        if memory is None or memory.shape != picture.shape:
            memory = np.empty_like(picture)
        memory[:] = picture
        return True, memory

    def get(self, key: int) -> float:
        assert key == cv2.CAP_PROP_FPS
        return self._rate

    def release(self) -> None:
        self.released += 1


class FakeLive(LiveCapture):
    """A live source of given pictures."""

    def __init__(
        self, settings: CameraSettings, *rounds: list[Image | None], rate: float = 25.0
    ) -> None:
        super().__init__(settings)
        self._rounds = iter(rounds)
        self._rate = rate
        self.captures: list[FakeCapture] = []

    def describe(self) -> str:
        return "a fake camera"

    def _make_capture(self) -> cv2.VideoCapture:
        self.captures.append(FakeCapture(iter(next(self._rounds)), self._rate))
        return self.captures[-1]  # type: ignore[return-value]


PICTURE = noise(32, 20)


@pytest.mark.parametrize(("rotation", "turns"), [(0, 0), (90, -1), (180, 2), (270, 1)])
def test_rotation_is_clockwise(rotation: Rotation, turns: int) -> None:
    source = FakeLive(CameraSettings(rotation=rotation), [PICTURE])
    source.open()
    frame = source.read(1.0)
    assert frame is not None
    assert (frame.image == np.rot90(PICTURE, turns)).all()
    assert frame.image.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("rotation", [0, 90, 180])
def test_memory_that_fits_is_used_and_earlier_frames_stay(rotation: Rotation) -> None:
    pictures: list[Image | None] = [noise(32, 20, seed) for seed in range(3)]
    source = FakeLive(CameraSettings(rotation=rotation), pictures)
    source.open()
    first = source.read(1.0)
    assert first is not None
    kept = first.image.copy()
    memory = np.zeros_like(first.image)
    second = source.read(1.0, memory)
    assert second is not None
    assert second.image.ctypes.data == memory.ctypes.data
    third = source.read(1.0)
    assert third is not None
    assert (first.image == kept).all()
    assert len({f.image.ctypes.data for f in (first, second, third)}) == 3


def test_mirroring_leaves_the_picture_for_the_model_alone() -> None:
    """Mirrored before inference, a person's left would become their right."""
    source = FakeLive(CameraSettings(mirror=True), [PICTURE])
    source.open()
    frame = source.read(1.0)
    assert frame is not None
    assert (frame.image == PICTURE).all()


def test_time_and_number_of_frames() -> None:
    source = FakeLive(CameraSettings(), [PICTURE] * 3)
    source.open()
    before_ns, before = time.monotonic_ns(), time.time()
    frames = [source.read(1.0) for _ in range(3)]
    after_ns, after = time.monotonic_ns(), time.time()
    assert all(frames)
    assert [frame.index for frame in frames if frame] == [0, 1, 2]
    for frame in frames:
        assert frame is not None
        assert before_ns <= frame.captured_ns <= after_ns
        assert before - 0.1 <= frame.time <= after + 0.1
        assert frame.order == "BGR"


def test_a_lost_source_can_be_opened_again_even_with_another_size() -> None:
    small = noise(16, 12)
    source = FakeLive(CameraSettings(), [PICTURE, None], [small])
    source.open()
    first = source.read(1.0)
    with pytest.raises(SourceLost, match="a fake camera gives no more frames"):
        source.read(1.0)
    source.close()
    with pytest.raises(SourceLost, match="not open"):
        source.read(1.0)
    source.open()
    assert first is not None
    again = source.read(1.0, first.image)
    assert again is not None
    assert (again.image == small).all()
    assert (first.image == PICTURE).all()
    assert again.index == 1, "numbers go on"
    assert source.captures[0].released >= 1


def test_opening_again_releases_what_was_open() -> None:
    source = FakeLive(CameraSettings(), [PICTURE], [PICTURE])
    source.open()
    source.open()
    assert source.captures[0].released == 1
    source.close()
    source.close()
    assert source.captures[1].released == 1


@pytest.mark.parametrize(
    ("rate", "known"), [(25.0, 25.0), (0.0, None), (-1.0, None), (90000.0, None)]
)
def test_a_frame_rate_that_makes_no_sense_is_not_known(rate: float, known: float | None) -> None:
    source = FakeLive(CameraSettings(), [PICTURE], rate=rate)
    source.open()
    assert source.frame_rate == known
    assert (source.live, source.still, source.frame_count) == (True, False, None)
