"""Measures the time and memory that this process uses."""

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
    """Resources used by some work, summed over all threads.

    Attributes:
        wall_s: Wall time, seconds.
        cpu_s: CPU time in user and kernel mode, seconds.
        voluntary: Voluntary context switches: a thread had to wait.
        involuntary: Involuntary context switches: the kernel preempted a thread.
    """

    wall_s: float
    cpu_s: float
    voluntary: int
    involuntary: int

    def __sub__(self, earlier: Cost) -> Cost:
        """Return the cost since an earlier reading."""
        return Cost(
            self.wall_s - earlier.wall_s,
            self.cpu_s - earlier.cpu_s,
            self.voluntary - earlier.voluntary,
            self.involuntary - earlier.involuntary,
        )


def read_cost() -> Cost:
    """Read the counters of this process; only the difference of two readings is meaningful."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Cost(time.perf_counter(), used.ru_utime + used.ru_stime, used.ru_nvcsw, used.ru_nivcsw)


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of this process.

    Attributes:
        resident_mb: Resident memory, including libraries, megabytes.
        own_mb: Anonymous part of it, i.e. memory that the program has allocated, megabytes.
    """

    resident_mb: float
    own_mb: float


def read_memory(proc: Path = Path("/proc")) -> Memory:
    """Return the memory of this process, after freed memory was returned to the system."""
    gc.collect()
    with suppress(AttributeError):  # malloc_trim exists in glibc only
        ctypes.CDLL(None).malloc_trim(0)
    status = (proc / "self/status").read_text(encoding="utf-8")
    kilobytes = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    resident, own = (int(kilobytes[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "RssAnon"))
    return Memory(resident, own)
