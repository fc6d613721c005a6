"""Screens: a window on a desktop, HDMI without a desktop, or none."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from pose_edge.config.schema import DisplaySettings
from pose_edge.displays.choice import Choice, choices, nothing
from pose_edge.displays.console import Console, own_terminal
from pose_edge.displays.null import NullDisplay
from pose_edge.displays.reconnecting import ReconnectingDisplay
from pose_edge.errors import DisplayError
from pose_edge.overlay import Scene
from pose_edge.telemetry import Stopwatch

__all__ = ["Display", "NullDisplay", "open_display"]

log = logging.getLogger(__name__)


class Display(Protocol):
    """A screen. All calls come from the thread that opened it."""

    @property
    def name(self) -> str:
        """What it is, e.g. "window (x11)", or "none"."""

    @property
    def visible(self) -> bool:
        """Whether it is worth making a scene for it."""

    def show(self, scene: Scene, stopwatch: Stopwatch) -> bool:
        """Present a scene at the screen's resolution; returns when it is handed over.

        Args:
            scene: What to show; it may be repeated later without its image, which is read now.
            stopwatch: Gets the stages "upload", "draw" and "present".

        Returns:
            Whether it can be seen now.
        """

    def poll(self) -> list[str]:
        """Handle what happened since the last call; call it for each picture or more often.

        Returns:
            Names of the keys that were pressed, in lower case, e.g. "s" or "escape"; "closed" when
            the window was closed; "opened" when a screen has come that shows nothing yet.
        """

    def toggle_fullscreen(self) -> None:
        """Switch between full screen and window; does nothing where there are no windows."""

    def close(self) -> None:
        """Give the screen back; closing twice does no harm."""


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
        environment: Environment variables, which tell of a desktop.
        sysfs: Where the kernel lists the outputs of the graphics cards.
        report: Told what is wrong with the screen, and None when it works.
        busy: Called before each opening, which may take seconds.
        must: Whether a screen that was asked for and cannot be opened is an error, not only a fault
            that may pass.

    Returns:
        A display that is opened as soon as there is a screen, and again whenever it was lost; with
        kind "none" one that never is.

    Raises:
        DisplayError: The screen is there, or a window was asked for, and it cannot be opened; with
            kind "auto" that is only logged.
    """
    if settings.kind == "none":
        log.info("display: none (the setting display.kind: none)")
        return NullDisplay()
    console = Console(sysfs, own_terminal())

    def look() -> list[Choice]:
        found = choices(settings, environment, sysfs)
        if console.away() is not None:
            found = [choice for choice in found if choice.kind != "hdmi"]
        return found

    def open_choice(choice: Choice) -> NullDisplay:
        busy()
        return _open(choice, settings, console)

    keeper = ReconnectingDisplay(look, open_choice, report, prepare=_prepare)
    errors = keeper.try_to_open()
    if keeper.visible:
        for error in errors:
            log.info("not taken: %s", error)
    elif not errors:
        log.warning("nothing is shown yet: %s", _missing(settings, console))
        if settings.kind == "hdmi":
            report(_missing(settings, console))
    elif settings.kind != "auto" and must:
        raise errors[0]
    else:
        fault = "; ".join(str(error) for error in errors)
        log.warning("nothing is shown: %s", fault)
        report(fault)
    return keeper


def _prepare() -> None:
    """Load SDL while a screen is waited for: then the picture is there sooner."""
    from pose_edge.displays.sdl import load_sdl

    try:
        load_sdl()
    except DisplayError as error:  # said when a screen is opened
        log.debug("%s", error)


def _missing(settings: DisplaySettings, console: Console) -> str:
    other = console.away()
    if other is not None:
        return f"{other} is in front, not {console.home}, which this was started on"
    return nothing(settings)


def _open(choice: Choice, settings: DisplaySettings, console: Console) -> NullDisplay:
    # Imported here, so that a run without a screen never loads SDL.
    if choice.output is None:
        from pose_edge.displays.window import open_window

        return open_window(
            choice.desktops, fullscreen=settings.fullscreen, rotation=settings.rotation
        )
    from pose_edge.displays.kms import open_kms

    return open_kms(choice.output, console, mode=settings.mode, rotation=settings.rotation)
