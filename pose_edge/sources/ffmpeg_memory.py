"""A limit on the memory that FFmpeg allocates for sizes that a server claims.

An RTSP server can announce a description of 2 GB, and FFmpeg allocates and fills all of it. FFmpeg
has a limit for a single memory block, but PyAV does not expose it: it is set in the library itself.
"""

from __future__ import annotations

import ctypes
import logging
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

MAX_BLOCK: Final = 256 * 2**20
"""Size of the largest memory block, bytes; a picture of 100 megapixels takes 150 MB before it is
converted."""


def bound_memory() -> bool:
    """Limit the memory blocks of the FFmpeg in this process; return whether that succeeded."""
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
        lines = [line for line in maps.splitlines() if "/libavutil" in line]
        for path in {line.split(maxsplit=5)[5] for line in lines}:
            limit = ctypes.CDLL(path).av_max_alloc
            limit.argtypes, limit.restype = [ctypes.c_size_t], None
            limit(MAX_BLOCK)
    except (OSError, AttributeError) as error:
        log.debug("the memory of FFmpeg stays unbounded: %s", error)
        return False
    return bool(lines)
