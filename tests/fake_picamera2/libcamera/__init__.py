"""A fake of libcamera's Python binding, limited to what pose_edge uses besides picamera2.

Follows src/py/libcamera/py_transform.cpp, py_main.cpp and src/libcamera/base/log.cpp of the
Raspberry Pi's fork: a Transform takes rotation, hflip, vflip and transpose. The library itself
writes to the standard error, subject to LIBCAMERA_LOG_LEVELS, which is read when it is loaded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import IntEnum
from types import SimpleNamespace


@dataclass
class Transform:
    rotation: int = 0
    hflip: bool = False
    vflip: bool = False
    transpose: bool = False


class AfModeEnum(IntEnum):
    Manual = 0
    Auto = 1
    Continuous = 2


controls = SimpleNamespace(AfModeEnum=AfModeEnum)

_levels = os.environ.get("LIBCAMERA_LOG_LEVELS", "*:INFO")
_RANK = ["DEBUG", "INFO", "WARN", "ERROR", "FATAL"]


def say(level: str, message: str) -> None:
    """Write to file descriptor 2, bypassing sys.stderr, as the C++ library does."""
    if _RANK.index(level) >= _RANK.index(_levels.rpartition(":")[2]):
        os.write(2, f"[0:00:42.000000000] [4242] {level:>5} {message}\n".encode())
