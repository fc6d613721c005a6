"""Fifty cycles of unplugging and plugging in: fifty recoveries without leaking resources."""

from __future__ import annotations

import statistics

from system.outage import scaled_limit
from system.rig import CAMERA_LIMIT_S, Rig

CYCLES = 50
SETTLED = 10
"""Index of the cycle after which caches are filled, and resources may not grow any more."""


def test_fifty_cycles(rig: Rig) -> None:
    rig.plug_camera()
    rig.begin("--display", "none")
    held, times, late, paths = [], [], [], set()
    try:
        for _ in range(CYCLES):
            rig.camera.unplug()
            rig.wait_for_no_camera()
            path, since = rig.plug_camera()
            paths.add(path)
            times.append(rig.next_line(since)["time"] - since)
            if times[-1] > (limit := scaled_limit(CAMERA_LIMIT_S)):
                late.append(f"{times[-1]:.1f} of {limit:.1f} s")
            held.append(rig.program.resources())
    finally:
        rig.chapter.measure("recoveries", len(times), "", limit=f"{CYCLES}")
        rig.chapter.text("times, s", ", ".join(f"{seconds:.2f}" for seconds in times))
        rig.chapter.text("paths", ", ".join(sorted(paths)))
        rig.chapter.text("held after each", "\n".join(map(str, held)))
    rig.chapter.measure("median time", statistics.median(times))
    quiet = f"at most {CAMERA_LIMIT_S:g} s on a quiet host"
    rig.chapter.measure("longest time", max(times), limit=quiet)
    first, last = held[SETTLED], held[-1]
    assert last.descriptors <= first.descriptors
    assert last.threads <= first.threads
    assert last.memory_kb <= first.memory_kb * 1.05 + 2048
    assert not late, f"{len(late)} of {CYCLES} too late: {', '.join(late)}"
    assert rig.program.end() == 0
