"""A bound on the memory that FFmpeg takes for what another machine claims.

An RTSP server can announce a description of 2 GB, and FFmpeg reserves and fills all of it. It has a
limit for a single block of memory, which PyAV does not offer: it is set in the library itself.
"""

from __future__ import annotations

import ctypes
import logging
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

MAX_BLOCK: Final = 256 * 2**20
"""Bytes of the largest block; a picture of 100 megapixels has 150 MB before it is converted."""


def bound_memory() -> bool:
    """Bound the blocks of the FFmpeg that this process has loaded; return whether that worked."""
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
