"""The name of this machine's processor or board."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path
from typing import Final

MAX_LENGTH: Final = 200
"""Most characters of the name."""


def processor_name() -> str:
    """Return the name of the board or, if that is unknown, of the processor."""
    with suppress(OSError, UnicodeDecodeError):
        board = Path("/proc/device-tree/model").read_text(encoding="utf-8").strip("\0\n ")
        if board:
            return board[:MAX_LENGTH]
    name = platform.processor() or platform.machine()
    with suppress(OSError, UnicodeDecodeError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("model name", "Model", "Hardware")):
                name = line.partition(":")[2].strip()[:MAX_LENGTH]
    return name
