"""Which screen to use: decided from the environment and the kernel's list of outputs alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

DESKTOPS: Final = {"DISPLAY": "x11", "WAYLAND_DISPLAY": "wayland"}
"""Environment variables that name a desktop session, and its kind. X comes first: on Wayland it
is there too as a rule, and gives windows a frame."""


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a graphics card, e.g. HDMI-A-1.

    Attributes:
        card: Number of the card; it can change from one boot to the next.
        name: The kernel's name of the output; it need not be an HDMI one.
        status: The file that says whether a screen is connected.
    """

    card: int
    name: str
    status: Path

    def connected(self) -> bool:
        """Say whether a screen is connected now."""
        try:
            return self.status.read_text().strip() == "connected"
        except OSError:  # the card itself is gone
            return False


@dataclass(frozen=True, slots=True)
class Choice:
    """What to open, and why.

    Attributes:
        kind: The kind of screen.
        reason: A short phrase for the log and the user.
        output: The connected output, where one was looked for and found.
    """

    kind: Literal["window", "hdmi", "none"]
    reason: str
    output: Output | None = None


def connected_output(sysfs: Path) -> Output | None:
    """Return the first output with a connected screen, or None.

    Args:
        sysfs: Where sysfs is mounted.
    """
    for status in sorted(sysfs.glob("class/drm/card*-*/status")):
        parts = re.fullmatch(r"card(\d+)-(.+)", status.parent.name)
        if parts is not None:
            output = Output(int(parts[1]), parts[2], status)
            if output.connected():
                return output
    return None


def desktops(environment: Mapping[str, str]) -> list[str]:
    """Return the kinds of desktop that a window could be opened on, best first.

    Args:
        environment: Environment variables; an empty one counts as not set.
    """
    found = [kind for name, kind in DESKTOPS.items() if environment.get(name)]
    return found or [DESKTOPS["DISPLAY"]]  # so that its error is the one that is told


def choose(
    asked: Literal["auto", "hdmi", "window", "none"], environment: Mapping[str, str], sysfs: Path
) -> Choice:
    """Decide which screen to open.

    Args:
        asked: What the settings say. Other than for "auto", that is the answer.
        environment: Environment variables; an empty one counts as not set.
        sysfs: Where sysfs is mounted.

    Returns:
        For "auto" a window on a desktop, else a connected screen without one, else none.
    """
    if asked in ("window", "none"):
        return Choice(asked, f"the setting display.kind: {asked}")
    output = connected_output(sysfs)
    if asked == "hdmi":
        return Choice("hdmi", "the setting display.kind: hdmi", output)
    desktop = next((name for name in DESKTOPS if environment.get(name)), None)
    if desktop is not None:
        return Choice("window", f"the desktop {desktop}={environment[desktop]}")
    if output is not None:
        return Choice("hdmi", f"the screen connected to {output.name}", output)
    return Choice(
        "none",
        "no screen: neither a desktop (DISPLAY, WAYLAND_DISPLAY) nor a connected output in "
        "/sys/class/drm",
    )
