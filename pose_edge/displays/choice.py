"""Choice of the screen, from the settings, the environment and the kernel's list of outputs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.config.schema import DisplaySettings

DESKTOPS: Final = {"WAYLAND_DISPLAY": "wayland", "DISPLAY": "x11"}
"""Environment variables that name a desktop, each with SDL's video driver for it, best first. A
Wayland desktop usually offers X too, but only through a translation layer."""


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a graphics card, to which a screen may be connected.

    Attributes:
        card: Number of the card; it can change from one boot to the next.
        name: The kernel's name of the output, e.g. "HDMI-A-1" or "DP-1".
        folder: The output's folder in sysfs.
    """

    card: int
    name: str
    folder: Path

    def connected(self) -> bool:
        """Return whether a screen is connected now."""
        try:
            return (self.folder / "status").read_text().strip() == "connected"
        except OSError:  # the card itself is gone
            return False

    @property
    def number(self) -> int:
        """The kernel's connector id, which orders the outputs of a card; 0 on old kernels."""
        try:
            return int((self.folder / "connector_id").read_text())
        except (OSError, ValueError):
            return 0


@dataclass(frozen=True, slots=True)
class Choice:
    """A candidate screen, and why it may be opened.

    Attributes:
        reason: A short phrase for the log and the user.
        desktops: For a window, SDL's names of the desktops to try.
        output: For a screen without a desktop, the connected output; None for a window.
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
        name: The output's name, or "auto" for the first output with a screen.
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
        For "auto", a window on each desktop, then a connected screen. For "hdmi", a connected
        screen. For "window", always a window: without a desktop, opening it tells the user why it
        fails. Otherwise nothing.
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
    """Return a message for the user that explains why `choices` found no screen."""
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
