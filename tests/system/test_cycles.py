"""Fifty times pulled and plugged in: fifty recoveries, and nothing is left behind."""

from __future__ import annotations

import statistics

from system.rig import CAMERA_LIMIT_S, Rig

CYCLES = 50
SETTLED = 10
"""Cycles after which caches are filled; from then on nothing may grow."""


def test_fifty_cycles(rig: Rig) -> None:
    rig.plug_camera()
    rig.begin("--display", "none")
    held, times, paths = [], [], set()
    try:
        for _ in range(CYCLES):
            rig.camera.unplug()
            rig.wait_for_no_camera()
            path, since = rig.plug_camera()
            paths.add(path)
            times.append(rig.next_line(since)["time"] - since)
            held.append(rig.program.resources())
    finally:
        rig.chapter.measure("recoveries", len(times), "", limit=f"{CYCLES}")
        rig.chapter.text("times, s", ", ".join(f"{seconds:.2f}" for seconds in times))
        rig.chapter.text("paths", ", ".join(sorted(paths)))
        rig.chapter.text("held after each", "\n".join(map(str, held)))
    rig.chapter.measure("median time", statistics.median(times))
    rig.chapter.measure("longest time", max(times), limit=f"at most {CAMERA_LIMIT_S:g} s")
    first, last = held[SETTLED], held[-1]
    assert last.descriptors <= first.descriptors
    assert last.threads <= first.threads
    assert last.memory_kb <= first.memory_kb * 1.05 + 2048
    late = [f"{seconds:.1f} s" for seconds in times if seconds > CAMERA_LIMIT_S]
    assert not late, f"{len(late)} of {CYCLES} too late: {', '.join(late)}"
    assert rig.program.end() == 0
