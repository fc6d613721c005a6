"""Screens: a window on a desktop, HDMI without a desktop, or none.

May import: util, frames, poses, config, supervision, telemetry, overlay.

A new kind of screen: one file with a subclass of `Display` (see `display.py`), one line in `_open`
that imports it, and one in `choice.choices` that says when it is taken.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pose_edge.config.schema import DisplaySettings
from pose_edge.displays.choice import Choice, choices, no_screen_reason
from pose_edge.displays.console import Console, own_terminal
from pose_edge.displays.desktop import DesktopEnded
from pose_edge.displays.display import CLOSED, Display
from pose_edge.displays.reconnecting import ReconnectingDisplay
from pose_edge.displays.sdl import load_sdl
from pose_edge.errors import DisplayError

__all__ = ["CLOSED", "DesktopEnded", "Display", "open_display"]

log = logging.getLogger(__name__)


def open_display(
    settings: DisplaySettings,
    environment: Mapping[str, str] = os.environ,
    sysfs: Path = Path("/sys"),
    report: Callable[[str | None], None] = lambda _fault: None,
    *,
    busy: Callable[[], None] = lambda: None,
    must: bool = True,
) -> Display:
    """Open the screen that the settings ask for, or wait for it; log which and why.

    Args:
        settings: The kind of screen, and how it is used.
        environment: Environment variables, which name the desktop.
        sysfs: Where the kernel lists the outputs of the graphics cards.
        report: Called with what is wrong with the screen, and with None when it works.
        busy: Called before a screen is opened, which may take seconds.
        must: Whether to raise an error when a screen that was asked for cannot be opened; otherwise
            the error is reported, and opening is tried again.

    Returns:
        A display that is opened as soon as there is a screen, and again whenever it was lost; with
        kind "none" one that shows nothing.

    Raises:
        DisplayError: There is a screen, or a window was asked for, and it cannot be opened; with
            kind "auto" that is only logged.
    """
    if settings.kind == "none":
        log.info("display: none (the setting display.kind: none)")
        return Display()
    console = Console(sysfs, own_terminal())

    def find_choices() -> list[Choice]:
        found = choices(settings, environment, sysfs)
        if console.other_in_front() is not None:
            found = [choice for choice in found if choice.output is None]
        return found

    def open_choice(choice: Choice) -> Display:
        busy()
        return _open(choice, settings, console)

    display = ReconnectingDisplay(find_choices, open_choice, report, prepare=_prepare)
    errors = display.try_to_open()
    if display.visible:
        for error in errors:
            log.info("not taken: %s", error)
    elif not errors:
        reason = _missing(settings, console)
        log.warning("nothing is shown yet: %s", reason)
        if settings.kind == "hdmi":
            report(reason)
    elif settings.kind != "auto" and must:
        raise errors[0]
    else:
        fault = "; ".join(str(error) for error in errors)
        log.warning("nothing is shown: %s", fault)
        report(fault)
    return display


def _prepare() -> None:
    """Load SDL while there is no screen: then the first picture comes sooner."""
    try:
        load_sdl()
    except DisplayError as error:  # raised again when a screen is opened
        log.debug("%s", error)


def _missing(settings: DisplaySettings, console: Console) -> str:
    other = console.other_in_front()
    if other is not None:
        return f"{other} is in front, not {console.own}, which this was started on"
    return no_screen_reason(settings)


def _open(choice: Choice, settings: DisplaySettings, console: Console) -> Display:
    # Imported here, so that a run without a screen does not load what draws.
    if choice.output is None:
        from pose_edge.displays.window import open_window

        return open_window(
            choice.desktops, fullscreen=settings.fullscreen, rotation=settings.rotation
        )
    from pose_edge.displays.kms import open_kms

    return open_kms(choice.output, console, mode=settings.mode, rotation=settings.rotation)
