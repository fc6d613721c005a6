from __future__ import annotations

import time

import numpy as np
import pytest
from helpers import noise, wait_until

from pose_edge.sources.frame_maker import FrameMaker

PICTURE = noise(32, 20)


@pytest.mark.parametrize(("rotation", "turns"), [(0, 0), (90, -1), (180, 2), (270, 1)])
def test_rotation_is_clockwise(rotation: int, turns: int) -> None:
    frame = FrameMaker(rotation).make(PICTURE, "BGR", time.monotonic_ns(), None)
    assert (frame.image == np.rot90(PICTURE, turns)).all()
    assert frame.image.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("rotation", [0, 90, 180])
def test_memory_that_fits_is_used_and_earlier_frames_stay(rotation: int) -> None:
    maker = FrameMaker(rotation)
    kept, places = [], set()
    reuse = None
    for seed in range(3):
        picture = noise(32, 20, seed)
        memory = maker.memory(reuse, 32, 20)
        assert memory.shape == picture.shape
        memory[:] = picture
        frame = maker.make(memory, "RGB", 0, reuse)
        assert frame.order == "RGB"
        if reuse is not None:
            assert frame.image.ctypes.data == reuse.ctypes.data
        kept.append((frame.image, frame.image.copy()))
        places.add(frame.image.ctypes.data)
        reuse = np.zeros_like(frame.image)
    assert all((image == copy).all() for image, copy in kept)
    assert len(places) == 3


def test_memory_that_does_not_fit_is_left_alone() -> None:
    maker = FrameMaker(0)
    fitting = np.empty((48, 64, 3), np.uint8)
    assert maker.memory(fitting, 64, 48) is fitting
    for other in (None, np.empty((64, 48, 3), np.uint8), np.empty((48, 128, 3), np.uint8)[:, ::2]):
        new = maker.memory(other, 64, 48)
        assert new is not other
        assert new.shape == (48, 64, 3)


def test_time_and_number_of_frames() -> None:
    maker = FrameMaker(0)
    now_ns, now = time.monotonic_ns(), time.time()
    first = maker.make(PICTURE, "BGR", now_ns - 250_000_000, None)
    maker.skip()
    second = maker.make(PICTURE, "BGR", now_ns, None)
    assert (first.index, second.index) == (0, 2)
    assert first.captured_ns == now_ns - 250_000_000
    assert first.time == pytest.approx(now - 0.25, abs=0.1)
    assert second.time - first.time == pytest.approx(0.25, abs=1e-6)


def test_times_follow_steps_of_the_wall_clock_but_not_jitter() -> None:
    offset_ns = 995_000_000_000
    maker = FrameMaker(0, offset_ns=lambda: offset_ns)

    def time_of(captured_ns: int) -> float:
        return maker.make(PICTURE, "BGR", captured_ns, None).time

    assert time_of(5_000_000_000) == pytest.approx(1000.0)
    assert time_of(4_900_000_000) == pytest.approx(999.9)
    offset_ns += 20_000_000  # a small correction
    assert time_of(5_000_000_000) == pytest.approx(1000.0)
    offset_ns += 3_600_000_000_000  # the clock was set by NTP
    assert time_of(5_000_000_000) == pytest.approx(4600.02)
    offset_ns -= 7_200_000_000_000
    assert time_of(5_000_000_000) == pytest.approx(-2599.98)


def test_times_are_unix_times() -> None:
    def error_s() -> float:
        frame = FrameMaker(0).make(PICTURE, "BGR", time.monotonic_ns(), None)
        return abs(frame.time - time.time())

    wait_until(lambda: error_s() < 0.01)
