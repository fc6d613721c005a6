from __future__ import annotations

import subprocess
import sys

PROBE = """
import av, ctypes
from pose_edge.sources import ffmpeg_memory
lines = [line.split()[-1] for line in open("/proc/self/maps") if "/libavutil" in line]
reserve = ctypes.CDLL(lines[0]).av_malloc
reserve.argtypes, reserve.restype = [ctypes.c_size_t], ctypes.c_void_p
before = reserve(ffmpeg_memory.MAX_BLOCK + 1)
assert ffmpeg_memory.bound_memory()
print(before is not None, reserve(ffmpeg_memory.MAX_BLOCK + 1), reserve(1000) is not None)
"""


def test_ffmpeg_reserves_no_block_of_any_size() -> None:
    """In a separate process, because the limit cannot be removed."""
    answer = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["True", "None", "True"]
