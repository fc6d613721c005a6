"""Heat and power: what makes a Raspberry Pi slow, or break down, without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from pose_edge.doctor.context import DoctorContext, contents, number
from pose_edge.doctor.finding import Finding
from pose_edge.doctor.machine import is_pi

SECTION: Final = "Heat and power"

_finding = partial(Finding, SECTION)

WARM, HOT = 75.0, 82.0
"""Degrees Celsius: a Raspberry Pi slows down from 80 (a 3B+ from 60), and more so from 85."""

COOLER: Final = "give it a heat sink or a fan, and air"
STRONGER: Final = (
    "use the power supply made for this model with its own cable (Pi 5: 5 V 5 A, Pi 4: 5.1 V 3 A), "
    "and give USB devices a powered hub"
)

BITS: Final = {
    0: ("the voltage is too low", STRONGER),
    1: ("the clock of the cores is limited", STRONGER),
    2: ("the cores are throttled", f"{COOLER}; {STRONGER}"),
    3: ("it is at its limit of temperature", COOLER),
}
"""Bits of `vcgencmd get_throttled` that hold now; the same 16 bits higher have held since the
start. Raspberry Pi's documentation, "vcgencmd"."""
SINCE_START: Final = 16

PAST: Final = {
    0: "the voltage was too low",
    1: "the clock of the cores was limited",
    2: "the cores were throttled",
    3: "it was at its limit of temperature",
}


def examine(context: DoctorContext) -> Iterator[Finding]:
    """Look at temperature, throttling and voltage."""
    yield _temperature(context)
    answer = context.ask("vcgencmd", "get_throttled") if context.has("vcgencmd") else None
    word = re.search(r"throttled=0x([0-9a-fA-F]+)", answer or "")
    if word is not None:
        yield from throttling(int(word[1], 16))
    else:
        yield _without_firmware(context)


def throttling(word: int) -> Iterator[Finding]:
    """Say in words what `vcgencmd get_throttled` answers.

    Args:
        word: Its bits.

    Yields:
        The findings; what holds now is told as a fault, what is over as a warning.
    """
    now = [bit for bit in BITS if word >> bit & 1]
    past = [bit for bit in BITS if word >> (bit + SINCE_START) & 1 and bit not in now]
    for bit in now:
        text, remedy = BITS[bit]
        yield _finding("throttling", "fault", f"{text}, now", remedy)
    for bit in past:
        text = f"{PAST[bit]} at some time since the start"
        yield _finding("throttling", "warning", text, BITS[bit][1])
    if not now and not past:
        yield _finding("throttling", "ok", "none since the start: power and cooling suffice")


def _temperature(context: DoctorContext) -> Finding:
    found = []
    for zone in sorted(context.sysfs.glob("class/thermal/thermal_zone*")):
        millidegrees = number(zone / "temp")
        if millidegrees is not None:
            found.append((millidegrees / 1000, contents(zone / "type") or zone.name))
    if not found:
        measured = re.search(r"temp=([\d.]+)", context.ask("vcgencmd", "measure_temp") or "")
        if measured is None:
            return _finding("temperature", "skipped", "no sensor is here")
        found.append((float(measured[1]), "firmware"))
    degrees, name = max(found)
    text = f"{degrees:.0f} °C ({name})"
    if degrees >= HOT:
        return _finding("temperature", "fault", f"{text}: too hot, it slows down", COOLER)
    if degrees >= WARM:
        return _finding("temperature", "warning", f"{text}: it slows down from 80 °C", COOLER)
    return _finding("temperature", "ok", text)


def _without_firmware(context: DoctorContext) -> Finding:
    """Say what can be said without vcgencmd: the kernel's voltage alarm."""
    for sensor in context.sysfs.glob("class/hwmon/hwmon*"):
        if contents(sensor / "name") == "rpi_volt":
            if number(sensor / "in0_lcrit_alarm"):
                return _finding("voltage", "fault", BITS[0][0], STRONGER)
            return _finding("voltage", "ok", "high enough now")
    if not is_pi(context):
        return _finding("throttling", "skipped", "only a Raspberry Pi tells")
    if context.has("vcgencmd"):
        text = "vcgencmd gets no answer; run the doctor with sudo, or join group video"
        return _finding("throttling", "skipped", text)
    text = "vcgencmd is not installed (`sudo apt install raspi-utils`)"
    return _finding("throttling", "skipped", text)
