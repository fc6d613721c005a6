"""Check heat and power supply, which silently make a Raspberry Pi slow or unstable."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from typing import Final

from pose_edge.doctor.context import DoctorContext, read_number, read_text
from pose_edge.doctor.machine import is_pi
from pose_edge.doctor.report import Finding

WARM, HOT = 75.0, 82.0
"""Temperatures in °C for a warning and a fault.

A Raspberry Pi slows down from 80 °C (a 3B+ from 60 °C), and more so from 85 °C.
"""

COOLER: Final = "add a heat sink or a fan, and let air in"
STRONGER: Final = (
    "use the power supply made for this model with its own cable (Pi 5: 5 V 5 A, Pi 4: 5.1 V 3 A), "
    "and a powered hub for USB devices"
)

BITS: Final = {
    0: ("the voltage is too low", "the voltage was too low", STRONGER),
    1: ("the cores' clock is limited", "the cores' clock was limited", STRONGER),
    2: ("the cores are throttled", "the cores were throttled", f"{COOLER}; {STRONGER}"),
    3: ("the temperature limit is active", "the temperature limit was active", COOLER),
}
"""Bits of `vcgencmd get_throttled`: text while the condition holds, text afterwards, and remedy.

The same bit, shifted left by 16, says whether the condition has occurred since the start. Source:
"vcgencmd" in the documentation of Raspberry Pi.
"""
SINCE_START: Final = 16
"""Shift of the bits for conditions that have occurred since the start."""


def examine(context: DoctorContext) -> Iterator[Finding]:
    """Examine temperature, throttling and voltage."""
    yield _temperature(context)
    answer = context.ask("vcgencmd", "get_throttled")
    if word := re.search(r"throttled=0x([0-9a-fA-F]+)", answer):
        yield from throttling(int(word[1], 16))
    else:
        yield _without_firmware(context)


def throttling(word: int) -> Iterator[Finding]:
    """Explain the bits of `vcgencmd get_throttled`.

    Args:
        word: The number that the command prints.

    Yields:
        A fault for each condition that holds now, a warning for each that is over, and otherwise
        an "ok".
    """
    for bit, (now, past, remedy) in BITS.items():
        if word >> bit & 1:
            yield Finding("throttling", "fault", f"{now}, now", remedy)
        elif word >> (bit + SINCE_START) & 1:
            text = f"{past} at some time since the start"
            yield Finding("throttling", "warning", text, remedy)
    if not any((word | word >> SINCE_START) >> bit & 1 for bit in BITS):
        yield Finding("throttling", "ok", "none since the start: power and cooling suffice")


def _temperature(context: DoctorContext) -> Finding:
    found = []
    for zone in sorted(context.sysfs.glob("class/thermal/thermal_zone*")):
        millidegrees = read_number(zone / "temp")
        if millidegrees is not None:
            found.append((millidegrees / 1000, read_text(zone / "type") or zone.name))
    if not found:
        measured = re.search(r"temp=([\d.]+)", context.ask("vcgencmd", "measure_temp"))
        if measured is None:
            return Finding("temperature", "skipped", "no sensor")
        found.append((float(measured[1]), "firmware"))
    degrees, name = max(found)
    text = f"{degrees:.0f} °C ({name})"
    if degrees >= HOT:
        return Finding("temperature", "fault", f"{text}: too hot, the cores slow down", COOLER)
    if degrees >= WARM:
        return Finding("temperature", "warning", f"{text}: the cores slow down from 80 °C", COOLER)
    return Finding("temperature", "ok", text)


def _without_firmware(context: DoctorContext) -> Finding:
    """Read the kernel's undervoltage alarm, for machines where vcgencmd gives no answer."""
    for sensor in context.sysfs.glob("class/hwmon/hwmon*"):
        if read_text(sensor / "name") == "rpi_volt":
            if read_number(sensor / "in0_lcrit_alarm"):
                return Finding("voltage", "fault", BITS[0][0], STRONGER)
            return Finding("voltage", "ok", "high enough now")
    if not is_pi(context):
        return Finding("throttling", "skipped", "reported by a Raspberry Pi only")
    if shutil.which("vcgencmd", path=context.folders):
        text = "vcgencmd gets no answer; run the doctor with sudo, or join group video"
        return Finding("throttling", "skipped", text)
    text = "vcgencmd is not installed (`sudo apt install raspi-utils`)"
    return Finding("throttling", "skipped", text)
