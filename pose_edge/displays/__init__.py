"""Screens: a window on a desktop, HDMI without a desktop, or none."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from pose_edge.displays.choice import Choice, choose, desktops
from pose_edge.displays.null import NullDisplay
from pose_edge.errors import DisplayError
from pose_edge.frames import ColourOrder, Image
from pose_edge.settings import DisplaySettings

__all__ = ["Display", "NullDisplay", "open_display"]

log = logging.getLogger(__name__)


class Display(Protocol):
    """A screen that is open. All calls come from the thread that opened it."""

    @property
    def name(self) -> str:
        """What it is, e.g. "window (x11)"."""

    def show(self, image: Image, order: ColourOrder) -> None:
        """Present a picture, its aspect kept; returns when the picture is handed over.

        Args:
            image: uint8 (height, width, 3); the size may differ from the last one's.
            order: Its order of colours.

        Raises:
            DisplayError: The screen has failed; close it, and open one again.
        """

    def poll(self) -> list[str]:
        """Handle what the user did since the last call; call it for each picture or more often.

        Returns:
            Names of the keys that were pressed, in lower case, e.g. "s" or "escape", and "closed"
            when the window was closed.

        Raises:
            DisplayError: The screen has failed, as for `show`.
        """

    def toggle_fullscreen(self) -> None:
        """Switch between full screen and window; does nothing where there are no windows."""

    def close(self) -> None:
        """Give the screen back; closing twice does no harm."""


def open_display(
    settings: DisplaySettings,
    environment: Mapping[str, str] = os.environ,
    sysfs: Path = Path("/sys"),
) -> Display:
    """Open the screen that the settings ask for, and log which and why.

    Args:
        settings: The kind of screen, and whether a window starts in full screen.
        environment: Environment variables, which tell of a desktop.
        sysfs: Where the kernel lists the outputs of the graphics cards.

    Returns:
        An open screen. With kind "auto" it is one that shows nothing where there is no screen or
        it cannot be opened.

    Raises:
        DisplayError: A screen that was asked for by name cannot be opened.
    """
    choice = choose(settings.kind, environment, sysfs)
    try:
        display = _open(choice, settings, environment)
    except DisplayError as error:
        if settings.kind != "auto":
            raise
        log.warning("nothing is shown: %s", error)
        return NullDisplay()
    log.info("display: %s (%s)", display.name, choice.reason)
    return display


def _open(choice: Choice, settings: DisplaySettings, environment: Mapping[str, str]) -> Display:
    if choice.kind == "none":
        return NullDisplay()
    # Imported here, so that a run without a screen never loads SDL.
    from pose_edge.displays import sdl

    if choice.kind == "window":
        return sdl.open_window(desktops(environment), fullscreen=settings.fullscreen)
    return sdl.open_kms(choice.output)
