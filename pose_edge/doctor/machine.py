"""The machine: what it is, how many cores and how much memory there are to use."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from functools import partial
from typing import Final

from pose_edge.doctor.cgroup import cpu_limit, memory_limit
from pose_edge.doctor.context import DoctorContext, contents
from pose_edge.doctor.finding import Finding
from pose_edge.util.cores import usable_cores

SECTION: Final = "Machine"

_finding = partial(Finding, SECTION)

ENOUGH_BYTES: Final = 250_000_000
"""The program takes about 150 MB without a screen, and the screen takes some too."""


def examine(context: DoctorContext) -> Iterator[Finding]:
    """Look at the machine."""
    yield _finding("board", "ok", board(context))
    yield _system()
    yield _cores(context)
    yield _memory(context)


def board(context: DoctorContext) -> str:
    """Return what the machine calls itself, e.g. "Raspberry Pi 5 Model B Rev 1.0"."""
    model = contents(context.proc / "device-tree/model")
    model = model or contents(context.sysfs / "class/dmi/id/product_name")
    return f"{model} ({platform.machine()})" if model else platform.machine()


def is_pi(context: DoctorContext) -> bool:
    """Tell whether the machine is a Raspberry Pi."""
    return "Raspberry Pi" in contents(context.proc / "device-tree/model")


def _system() -> Finding:
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        name = "Linux"
    text = f"{name}, kernel {platform.release()}"
    if sys.maxsize < 1 << 32:
        return _finding(
            "system",
            "fault",
            f"{text}, 32 bit: LiteRT exists for 64 bit only",
            "write the 64-bit Raspberry Pi OS to the card",
        )
    return _finding("system", "ok", f"{text}, 64 bit")


def _cores(context: DoctorContext) -> Finding:
    present, usable = os.cpu_count() or 1, usable_cores()
    quota = cpu_limit(context.proc, context.sysfs)
    threads = min(context.settings.model.threads, usable)
    text = f"{usable} of {present} usable, {threads} for the model"
    if quota is not None and quota < usable:
        return _finding(
            "cores",
            "warning",
            f"{text}, but only {quota:g} cores' time is allowed: it will stutter",
            f"raise the limit of the container or service (CPUQuota), or --threads "
            f"{max(1, int(quota))}",
        )
    if usable < present:
        return _finding(
            "cores",
            "warning",
            text,
            "the others are taken away by taskset, the service (CPUAffinity) or the container",
        )
    return _finding("cores", "ok", text)


def _memory(context: DoctorContext) -> Finding:
    kilobytes = {}
    for line in contents(context.proc / "meminfo").splitlines():
        name, _, rest = line.partition(":")
        amount = rest.split()[:1]
        if amount and amount[0].isdigit():
            kilobytes[name] = int(amount[0])
    if "MemTotal" not in kilobytes:
        return _finding("memory", "skipped", "the kernel does not tell")
    total = kilobytes["MemTotal"] * 1024
    free = kilobytes.get("MemAvailable", kilobytes.get("MemFree", 0)) * 1024
    text = f"{size(total)}, of which {size(free)} are free to use"
    limit = memory_limit(context.proc, context.sysfs)
    if limit is not None and limit < total:
        text += f"; limited to {size(limit)}"
        free = min(free, limit)
    if free < ENOUGH_BYTES:
        remedy = "end other programs, such as a desktop; the program takes 150 MB and more"
        return _finding("memory", "warning", text, remedy)
    return _finding("memory", "ok", text)


def size(count: float) -> str:
    """Return a number of bytes for people, e.g. "3.7 GB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
