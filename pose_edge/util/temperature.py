"""The temperature of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SYSFS: Final = Path("/sys")


def hottest(sysfs: Path = SYSFS) -> float | None:
    """Return the highest temperature of the machine, degrees Celsius; None without a sensor."""
    found = []
    for zone in sysfs.glob("class/thermal/thermal_zone*/temp"):
        try:
            found.append(int(zone.read_text(encoding="ascii")) / 1000)
        except (OSError, ValueError):  # a sensor that is switched off
            continue
    return max(found, default=None)
