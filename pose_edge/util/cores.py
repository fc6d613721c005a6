"""Processor cores."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Return the number of cores that this process may run on, at least 1."""
    return max(1, len(os.sched_getaffinity(0)))
