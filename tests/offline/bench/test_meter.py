from __future__ import annotations

import time

import numpy as np

from pose_edge.offline.bench.meter import Cost, read_cost, read_memory


def test_the_difference_of_two_readings_is_the_cost() -> None:
    assert Cost(5.0, 3.0, 20, 7) - Cost(1.0, 2.0, 8, 4) == Cost(4.0, 1.0, 12, 3)


def test_work_and_waits_are_counted() -> None:
    before, until = read_cost(), time.process_time() + 0.05
    while time.process_time() < until:
        pass
    worked = read_cost()
    for _ in range(5):
        time.sleep(0.001)
    waited = read_cost() - worked
    assert (worked - before).cpu_s >= 0.05
    assert waited.wall_s >= 0.005
    assert waited.voluntary >= 5


def test_memory_grows_with_what_is_allocated_and_shrinks_with_what_is_freed() -> None:
    before = read_memory()
    blocks = [np.ones(20_000, dtype=np.uint8) for _ in range(2_000)]  # small: on the heap
    filled = read_memory()
    assert filled.own_mb - before.own_mb >= 35
    assert filled.resident_mb > filled.own_mb
    blocks.clear()
    assert filled.own_mb - read_memory().own_mb >= 30
