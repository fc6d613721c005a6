"""The clock: the times in the poses are as right as it is."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.finding import Finding

SECTION: Final = "Clock"

_finding = partial(Finding, SECTION)

TIME_ERROR: Final = 5
"""What adjtimex(2) returns while nothing keeps the clock right."""
TIMEX_BYTES: Final = 512
"""More than struct timex has; all zero, it changes nothing."""

BUILT: Final = 1_735_689_600.0
"""The first moment of 2025, UTC: the program is younger than that."""


def examine(
    context: DoctorContext,
    *,
    now: Callable[[], float] = time.time,
    synchronised: Callable[[], bool | None] | None = None,
) -> Iterator[Finding]:
    """Look at time, synchronisation and the clock that goes on without power."""
    in_step = (synchronised or is_synchronised)()
    seconds = now()
    local = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(seconds))
    remedy = "connect it to a network once (`timedatectl set-ntp true`), or set it: `sudo date -s`"
    if seconds < BUILT:
        yield _finding("time", "fault", f"{local}, which is long ago", remedy)
    else:
        yield _finding("time", "ok", local)
    if in_step is None:
        yield _finding("network time", "skipped", "the kernel does not tell")
    elif in_step:
        yield _finding("network time", "ok", "kept right by the network")
    else:
        yield _finding(
            "network time",
            "warning",
            "not synchronised: the times in the poses are wrong until it is, and jump then",
            remedy,
        )
    if any(context.sysfs.glob("class/rtc/rtc*")):
        yield _finding("battery clock", "ok", "there: the time is about right after power-on")
    else:
        text = "none: after power-on the time is wrong until the network is there"
        yield _finding("battery clock", "ok", text)


def is_synchronised() -> bool | None:
    """Ask the kernel whether something keeps the clock right; None where it does not tell.

    The same for systemd-timesyncd, chrony and ntpd; needs none of their commands.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    state: int = libc.adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    return None if state < 0 else state != TIME_ERROR
