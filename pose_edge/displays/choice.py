"""Which screen to use: decided from the environment and the kernel's list of outputs alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.config.schema import DisplaySettings

DESKTOPS: Final = {"WAYLAND_DISPLAY": "wayland", "DISPLAY": "x11"}
"""Environment variables that name a desktop, and SDL's name of its kind, best first: a Wayland
desktop usually offers X too, but only by translating it."""


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a graphics card, e.g. HDMI-A-1.

    Attributes:
        card: Number of the card; it can change from one boot to the next.
        name: The kernel's name of the output, which need not be an HDMI one.
        folder: The output's folder in sysfs.
    """

    card: int
    name: str
    folder: Path

    def connected(self) -> bool:
        """Tell whether a screen is connected now."""
        try:
            return (self.folder / "status").read_text().strip() == "connected"
        except OSError:  # the card itself is gone
            return False

    @property
    def number(self) -> int:
        """The kernel's number, by which the outputs of a card are sorted; 0 on old kernels."""
        try:
            return int((self.folder / "connector_id").read_text())
        except (OSError, ValueError):
            return 0


@dataclass(frozen=True, slots=True)
class Choice:
    """A screen that may be opened, and why.

    Attributes:
        reason: A short phrase for the log and the user.
        desktops: For a window, SDL's names of the desktops to try.
        output: For HDMI, the connected output; None for a window.
    """

    reason: str
    desktops: tuple[str, ...] = ()
    output: Output | None = None


def outputs(sysfs: Path) -> list[Output]:
    """Return the outputs of all graphics cards in sysfs, in the kernel's order."""
    found = []
    for folder in sysfs.glob("class/drm/card*-*"):
        parts = re.fullmatch(r"card(\d+)-(.+)", folder.name)
        if parts:
            found.append(Output(int(parts[1]), parts[2], folder))
    return sorted(found, key=lambda output: (output.card, output.number, output.name))


def connected_output(sysfs: Path, name: str = "auto") -> Output | None:
    """Return the output to use, or None when no screen is connected to it.

    Args:
        sysfs: Where sysfs is mounted.
        name: An output's name; "auto" for the first with a screen.
    """
    usable = (output for output in outputs(sysfs) if name in ("auto", output.name))
    return next((output for output in usable if output.connected()), None)


def choices(settings: DisplaySettings, environment: Mapping[str, str], sysfs: Path) -> list[Choice]:
    """Return the screens that may be opened now, best first.

    Args:
        settings: The kind of screen that is asked for.
        environment: Environment variables; an empty one counts as not set.
        sysfs: Where sysfs is mounted.

    Returns:
        For "auto" a window on each desktop, then a connected screen. For "window" a window, desktop
        or not, so that the user sees why it cannot be opened. For "none" nothing.
    """
    desktops = {name: kind for name, kind in DESKTOPS.items() if environment.get(name)}
    if settings.kind == "window":
        kinds = tuple(desktops.values()) or (DESKTOPS["DISPLAY"],)
        return [Choice("the setting display.kind: window", desktops=kinds)]
    found = []
    if settings.kind == "auto":
        found = [
            Choice(f"the desktop {name}={environment[name]}", desktops=(kind,))
            for name, kind in desktops.items()
        ]
    if settings.kind in ("auto", "hdmi"):
        output = connected_output(sysfs, settings.output)
        if output is not None:
            found.append(Choice(_reason(settings, output), output=output))
    return found


def no_screen_reason(settings: DisplaySettings) -> str:
    """Return, for a user, what is missing where `choices` returns nothing."""
    if settings.output != "auto":
        return f"no screen is connected to {settings.output} (the setting display.output)"
    if settings.kind == "hdmi":
        return "no screen is connected: no status in /sys/class/drm/card*-* reads connected"
    return (
        "no screen: neither a desktop (WAYLAND_DISPLAY, DISPLAY) nor a connected output in "
        "/sys/class/drm"
    )


def _reason(settings: DisplaySettings, output: Output) -> str:
    if settings.output != "auto":
        return f"the setting display.output: {settings.output}"
    if settings.kind == "hdmi":
        return "the setting display.kind: hdmi"
    return f"the screen connected to {output.name}"
