"""Check the machine: board, system, and the cores and memory that the program may use."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pose_edge.doctor.context import DoctorContext, read_number, read_text
from pose_edge.doctor.report import Finding
from pose_edge.util.cores import usable_cores

ENOUGH_BYTES: Final = 250_000_000
"""Free memory, bytes, below which there is a warning.

The program takes about 150 MB without a screen, and more with one.
"""

UNLIMITED: Final = 1 << 60
"""Smallest memory limit, bytes, that means "no limit" in cgroups version 1."""


def examine(context: DoctorContext) -> Iterator[Finding]:
    """Examine board, system, cores and memory."""
    yield Finding("board", "ok", board(context))
    yield _system()
    yield _cores(context)
    yield _memory(context)


def board(context: DoctorContext) -> str:
    """Return the name of the machine, e.g. "Raspberry Pi 5 Model B Rev 1.0"."""
    model = read_text(context.proc / "device-tree/model")
    model = model or read_text(context.sysfs / "class/dmi/id/product_name")
    return f"{model} ({platform.machine()})" if model else platform.machine()


def is_pi(context: DoctorContext) -> bool:
    """Return whether the machine is a Raspberry Pi."""
    return "Raspberry Pi" in read_text(context.proc / "device-tree/model")


def os_release(key: str) -> str:
    """Return a value from os-release(5), e.g. for VERSION_CODENAME; "" if it is unknown."""
    try:
        return platform.freedesktop_os_release().get(key, "")
    except OSError:
        return ""


def size(count: float) -> str:
    """Format a number of bytes with a unit, e.g. "3.7 GB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def cpu_limit(context: DoctorContext) -> float | None:
    """Return the CPU quota of the control groups, in cores; None for no limit."""
    limits = []
    for group in _control_groups(context, "cpu"):
        quota, _, period = read_text(group / "cpu.max").partition(" ")
        if quota.isdigit() and period.isdigit():
            limits.append(int(quota) / int(period))
        old_quota = read_number(group / "cpu.cfs_quota_us")
        old_period = read_number(group / "cpu.cfs_period_us")
        if old_quota is not None and old_period and old_quota > 0:
            limits.append(old_quota / old_period)
    return min(limits, default=None)


def memory_limit(context: DoctorContext) -> int | None:
    """Return the memory limit of the control groups, bytes; None for no limit."""
    limits = []
    for group in _control_groups(context, "memory"):
        for file in ("memory.max", "memory.high", "memory.limit_in_bytes"):
            limit = read_number(group / file)
            if limit is not None and limit < UNLIMITED:
                limits.append(limit)
    return min(limits, default=None)


def _control_groups(context: DoctorContext, controller: str) -> Iterator[Path]:
    """Yield this process's control groups and all groups above, whose limits apply too.

    Both versions of cgroups are supported; see cgroup-v2.rst and cgroup-v1 in the documentation of
    the kernel.
    """
    for line in read_text(context.proc / "self/cgroup").splitlines():
        _number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        root = context.sysfs / "fs/cgroup" / (controller if controllers else "")
        group = root / path.lstrip("/")
        while group != root and root in group.parents:
            yield group
            group = group.parent
        yield root


def _system() -> Finding:
    text = f"{os_release('PRETTY_NAME') or 'Linux'}, kernel {platform.release()}"
    if sys.maxsize < 1 << 32:
        remedy = "write the 64-bit Raspberry Pi OS to the card"
        text += ", 32 bit: LiteRT exists for 64 bit only"
        return Finding("system", "fault", text, remedy)
    return Finding("system", "ok", f"{text}, 64 bit")


def _cores(context: DoctorContext) -> Finding:
    present, usable = os.cpu_count() or 1, usable_cores()
    quota = cpu_limit(context)
    threads = min(context.settings.model.threads, usable)
    text = f"{usable} of {present} usable, {threads} for the model"
    if quota is not None and quota < usable:
        text += f", but only {quota:g} cores' time is allowed: the picture will stutter"
        fewer = max(1, int(quota))
        remedy = f"raise the limit of the container or service (CPUQuota), or --threads {fewer}"
        return Finding("cores", "warning", text, remedy)
    if usable < present:
        remedy = "taskset, the service (CPUAffinity) or the container takes the others away"
        return Finding("cores", "warning", text, remedy)
    return Finding("cores", "ok", text)


def _memory(context: DoctorContext) -> Finding:
    lines = re.findall(r"^(\w+):\s*(\d+)", read_text(context.proc / "meminfo"), re.MULTILINE)
    kilobytes = {name: int(amount) for name, amount in lines}
    if "MemTotal" not in kilobytes:
        return Finding("memory", "skipped", "not reported by the kernel")
    total = kilobytes["MemTotal"] * 1024
    free = kilobytes.get("MemAvailable", kilobytes.get("MemFree", 0)) * 1024
    text = f"{size(total)}, {size(free)} of it free"
    limit = memory_limit(context)
    if limit is not None and limit < total:
        text += f"; limited to {size(limit)}"
        free = min(free, limit)
    if free < ENOUGH_BYTES:
        remedy = "end other programs, such as a desktop; the program takes 150 MB and more"
        return Finding("memory", "warning", text, remedy)
    return Finding("memory", "ok", text)
