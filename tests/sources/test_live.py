from __future__ import annotations

import time

import numpy as np
import pytest
from helpers import noise

from pose_edge.sources.live import FrameMaker

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
        memory = maker.memory(reuse)
        if memory is None or memory.shape != picture.shape:
            memory = np.empty_like(picture)
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
