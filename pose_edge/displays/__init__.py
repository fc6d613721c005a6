"""Screens: a window on a desktop, HDMI without a desktop, or none.

May import: util, frames, poses, config, supervision, telemetry, overlay.

To add a kind of screen, write one file with a subclass of `Display` (see `display.py`), import it
in `_open`, and let `choice.choices` return it when it is to be used.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pose_edge.config.schema import DisplaySettings
from pose_edge.displays.choice import Choice, choices, no_screen_reason
from pose_edge.displays.display import CLOSED, DesktopEnded, Display, PageDisplay
from pose_edge.errors import DisplayError

if TYPE_CHECKING:
    from pose_edge.displays.terminal import Console

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
    """Open the screen that the settings ask for, or wait for one; log which and why.

    Args:
        settings: The kind of screen, and how it is used.
        environment: Environment variables, which name the desktop.
        sysfs: Where sysfs is mounted, in which the kernel lists the outputs of graphics cards.
        report: Called with the screen's fault, and with None when the screen works.
        busy: Called before a screen is opened, which may take seconds.
        must: Whether to raise an error when the screen of the settings cannot be opened. If False,
            or with kind "auto", the error is reported and opening is tried again.

    Returns:
        A display that opens a screen as soon as there is one, and again after it was lost; with
        kinds "none" and "web", a display that shows nothing.

    Raises:
        DisplayError: A screen is connected, or a window was asked for, and it cannot be opened.
            Not raised with kind "auto" or without `must`.
    """
    if settings.kind in ("none", "web"):
        log.info("display: none (the setting display.kind: %s)", settings.kind)
        return PageDisplay() if settings.kind == "web" else Display()
    from pose_edge.displays.reconnecting import ReconnectingDisplay
    from pose_edge.displays.sdl import load_sdl
    from pose_edge.displays.terminal import Console, own_terminal

    console = Console(sysfs, own_terminal())

    def find_choices() -> list[Choice]:
        free = console.other_in_front() is None
        found = choices(settings, environment, sysfs)
        return [choice for choice in found if free or choice.output is None]

    def open_choice(choice: Choice) -> Display:
        busy()
        return _open(choice, settings, console)

    # Load SDL while there is no screen, so that the first picture appears sooner.
    display = ReconnectingDisplay(find_choices, open_choice, report, prepare=load_sdl)
    errors = display.try_to_open()
    if display.visible:
        for error in errors:
            log.info("not taken: %s", error)
    elif errors and settings.kind != "auto" and must:
        raise errors[0]
    else:
        fault = _why_nothing_is_shown(errors, settings, console)
        log.warning("nothing is shown yet: %s", fault)
        if errors or settings.kind == "hdmi":
            report(fault)
    return display


def _why_nothing_is_shown(
    errors: Sequence[DisplayError], settings: DisplaySettings, console: Console
) -> str:
    if errors:
        return "; ".join(map(str, errors))
    if other := console.other_in_front():
        return f"{other} is in front, not {console.own}, which this was started on"
    return no_screen_reason(settings)


def _open(choice: Choice, settings: DisplaySettings, console: Console) -> Display:
    # Imported here, so that a run without a screen does not load SDL and the renderer.
    if choice.output is None:
        from pose_edge.displays.window import open_window

        return open_window(choice.desktops, settings)
    from pose_edge.displays.kms import open_kms

    return open_kms(choice.output, settings, console)
