"""What a container or a service allows: the limits of control groups, of either version.

The kernel's cgroup-v2.rst (cpu.max, memory.max) and cgroup-v1 (cpu.cfs_quota_us,
memory.limit_in_bytes). A limit of any group above counts too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pose_edge.doctor.context import contents, number

UNLIMITED: Final = 1 << 60
"""Bytes from which on version 1 means no limit."""


def cpu_limit(proc: Path, sysfs: Path) -> float | None:
    """Return how many cores' time may be used, or None where there is no limit.

    Args:
        proc: Where the kernel tells about processes.
        sysfs: Where control groups are mounted, in fs/cgroup.
    """
    limits = []
    for group in _groups(proc, sysfs, "cpu"):
        quota, _, period = contents(group / "cpu.max").partition(" ")
        if quota.isdigit() and period.isdigit():
            limits.append(int(quota) / int(period))
        old_quota = number(group / "cpu.cfs_quota_us")
        old_period = number(group / "cpu.cfs_period_us")
        if old_quota is not None and old_period and old_quota > 0:
            limits.append(old_quota / old_period)
    return min(limits, default=None)


def memory_limit(proc: Path, sysfs: Path) -> int | None:
    """Return how many bytes may be used, or None where there is no limit."""
    limits = []
    for group in _groups(proc, sysfs, "memory"):
        for file in ("memory.max", "memory.high", "memory.limit_in_bytes"):
            limit = number(group / file)
            if limit is not None and limit < UNLIMITED:
                limits.append(limit)
    return min(limits, default=None)


def _groups(proc: Path, sysfs: Path, controller: str) -> Iterator[Path]:
    """Yield this process's groups and those above them, as far as they can be seen."""
    for line in contents(proc / "self/cgroup").splitlines():
        _number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        root = sysfs / "fs/cgroup" / (controller if controllers else "")
        group = root / path.lstrip("/")
        while group != root and root in group.parents:
            yield group
            group = group.parent
        yield root
