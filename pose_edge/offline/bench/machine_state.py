"""Temperature, clock, throttling and load of a machine, which affect its measurements."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.util.temperature import hottest

THROTTLING: Final = (
    "voltage too low",
    "clock limited",
    "throttled",
    "temperature limit",
)
"""Meaning of the lowest bits of a Raspberry Pi's `get_throttled`, from bit 0. Source: Raspberry Pi
documentation, "vcgencmd"."""
SINCE_START: Final = 16
"""Offset of the bits that say which of these conditions has occurred since power-on."""
FIRMWARE: Final = ("devices/platform/*firmware*", "devices/platform/*/*firmware*")
"""Patterns of the firmware's folder in sysfs on a Raspberry Pi."""


@dataclass(frozen=True, slots=True)
class MachineState:
    """The state of a machine at one moment; values that it does not report are None.

    Attributes:
        temperature_c: Temperature of the hottest sensor, degrees Celsius.
        clock_mhz: Clock of the fastest core, megahertz.
        throttling: Conditions that slow a Raspberry Pi down, in words; those that are over end in
            "since the start". Empty if there are none.
        load: Load average of the last minute.
    """

    temperature_c: float | None
    clock_mhz: float | None
    throttling: tuple[str, ...] | None
    load: float


def read_state(sysfs: Path = Path("/sys")) -> MachineState:
    """Read the state of the machine, from sysfs and the kernel."""
    clocks = _numbers(sysfs, "devices/system/cpu/cpu*/cpufreq/scaling_cur_freq")
    return MachineState(
        temperature_c=hottest(sysfs),
        clock_mhz=max(clocks) / 1000 if clocks else None,
        throttling=_throttling(sysfs),
        load=os.getloadavg()[0],
    )


def throttling(word: int) -> tuple[str, ...]:
    """Return the conditions that a value of `get_throttled` encodes.

    >>> throttling(0x40001)
    ('voltage too low', 'throttled since the start')
    """
    now = [text for bit, text in enumerate(THROTTLING) if word >> bit & 1]
    past = [
        f"{text} since the start"
        for bit, text in enumerate(THROTTLING)
        if word >> (bit + SINCE_START) & 1 and not word >> bit & 1
    ]
    return (*now, *past)


def _throttling(sysfs: Path) -> tuple[str, ...] | None:
    for folder in FIRMWARE:
        for file in sorted(sysfs.glob(f"{folder}/get_throttled")):
            text = _read(file)
            try:
                return throttling(int(text, 16))
            except ValueError:
                continue
    for sensor in sorted(sysfs.glob("class/hwmon/hwmon*")):
        if _read(sensor / "name") == "rpi_volt":
            return THROTTLING[:1] if _read(sensor / "in0_lcrit_alarm") == "1" else ()
    return None


def _numbers(sysfs: Path, pattern: str) -> list[int]:
    """Return the integers in the files that match a pattern."""
    texts = [_read(file) for file in sysfs.glob(pattern)]
    return [int(text) for text in texts if text.removeprefix("-").isdecimal()]


def _read(file: Path) -> str:
    """Return the text of a file; "" if it does not exist or the sensor does not answer."""
    try:
        return file.read_text(encoding="utf-8").strip("\0\n ")
    except (OSError, UnicodeDecodeError):
        return ""
