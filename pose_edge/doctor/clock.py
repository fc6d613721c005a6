"""Check the system clock, which gives the poses their time stamps."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from typing import Final

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.report import Finding

TIME_ERROR: Final = 5
"""Value that adjtimex(2) returns while the clock is not synchronised."""
TIMEX_BYTES: Final = 512
"""Size of the buffer for struct timex, more than it needs; all zeros, so nothing is changed."""

OLDEST: Final = 1_735_689_600.0
"""Start of 2025, UTC, in Unix seconds; this program is newer, so an earlier time is wrong."""

REMEDY: Final = (
    "connect the machine to a network once (`timedatectl set-ntp true`), or set the time: "
    "`sudo date -s`"
)


def is_synchronised() -> bool | None:
    """Return whether the clock is synchronised, according to the kernel; None if unknown.

    This works with systemd-timesyncd, chrony and ntpd, without their commands.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    state: int = libc.adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    return None if state < 0 else state != TIME_ERROR


def examine(
    context: DoctorContext,
    *,
    now: Callable[[], float] = time.time,
    synchronised: Callable[[], bool | None] = is_synchronised,
) -> Iterator[Finding]:
    """Examine the time, its synchronisation, and the battery-backed clock (RTC)."""
    in_step = synchronised()
    seconds = now()
    local = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(seconds))
    if seconds < OLDEST:
        yield Finding("time", "fault", f"{local}, which is long ago", REMEDY)
    else:
        yield Finding("time", "ok", local)
    if in_step is None:
        yield Finding("network time", "skipped", "not reported by the kernel")
    elif in_step:
        yield Finding("network time", "ok", "synchronised")
    else:
        text = "not synchronised: until it is, the times in the poses are wrong, then they jump"
        yield Finding("network time", "warning", text, REMEDY)
    if any(context.sysfs.glob("class/rtc/rtc*")):
        yield Finding("battery clock", "ok", "present: the time is about right after power-on")
    else:
        text = "none: after power-on the time is wrong until the network is up"
        yield Finding("battery clock", "ok", text)
