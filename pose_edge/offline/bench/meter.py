"""Measures what a piece of work costs this process."""

from __future__ import annotations

import ctypes
import gc
import resource
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """What some work took, by all threads together.

    Attributes:
        wall_s: Time that went by, seconds.
        cpu_s: Time of the processor, of the program and of the kernel for it, seconds.
        voluntary: How often a thread gave the processor up because it had to wait.
        involuntary: How often the kernel took the processor away from a thread.
    """

    wall_s: float
    cpu_s: float
    voluntary: int
    involuntary: int

    def __sub__(self, earlier: Cost) -> Cost:
        """Return what came since an earlier reading."""
        return Cost(
            self.wall_s - earlier.wall_s,
            self.cpu_s - earlier.cpu_s,
            self.voluntary - earlier.voluntary,
            self.involuntary - earlier.involuntary,
        )


def read_cost() -> Cost:
    """Return what this process has taken so far; the difference of two readings counts."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Cost(time.perf_counter(), used.ru_utime + used.ru_stime, used.ru_nvcsw, used.ru_nivcsw)


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of this process.

    Attributes:
        resident_mb: All that is in RAM, libraries included, megabytes.
        own_mb: Of that, what belongs to no file: what the program has allocated.
    """

    resident_mb: float
    own_mb: float


def read_memory(proc: Path = Path("/proc")) -> Memory:
    """Return the memory of this process, after what was freed has been given back."""
    gc.collect()
    with suppress(AttributeError):  # of another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)
    status = (proc / "self/status").read_text(encoding="utf-8")
    kilobytes = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    resident, own = (int(kilobytes[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "RssAnon"))
    return Memory(resident, own)
