"""Processor cores."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Return the number of cores on which this process may run, at least 1."""
    return max(1, len(os.sched_getaffinity(0)))
