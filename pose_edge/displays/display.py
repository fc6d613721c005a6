"""The interface of all screens, and the events that end their use."""

from __future__ import annotations

import math
from typing import Final

from pose_edge.errors import DisplayError, PoseEdgeError
from pose_edge.overlay import Scene
from pose_edge.telemetry import Stopwatch

CLOSED: Final = "closed"
"""Reported by `Display.poll`, among the keys, when the user has closed the window."""


class DesktopEnded(PoseEdgeError):  # noqa: N818 - an event of the desktop
    """The desktop has ended, and its windows cannot be used or closed any more."""


class ScreenYielded(DisplayError):  # noqa: N818 - no fault: the user switched the terminal
    """Another virtual terminal was brought to the front, and the screen is left to it."""


class Display:
    """A screen; this base class is the one that shows nothing, for services without a screen.

    All calls come from the thread that opened it.
    """

    @property
    def name(self) -> str:
        """The kind of screen, e.g. "window (x11)"; "none" while there is none."""
        return "none"

    @property
    def visible(self) -> bool:
        """Whether there is a screen to show scenes on."""
        return False

    @property
    def poll_interval_s(self) -> float:
        """Seconds after which `poll` should be called again, at the latest."""
        return math.inf

    def show(self, scene: Scene, stopwatch: Stopwatch) -> bool:
        """Present a scene at the screen's resolution; return when it is handed over.

        Args:
            scene: What to show. Its image is read now; the rest may be painted again later.
            stopwatch: Gets the stages "upload", "draw" and "present".

        Returns:
            Whether the scene can be seen now.

        Raises:
            DisplayError: The screen has failed or is gone.
            DesktopEnded: The desktop has ended; the program must end too.
        """
        del scene, stopwatch
        return False

    def poll(self) -> list[str]:
        """Handle the events since the last call; to be called for each picture or more often.

        Returns:
            Names of the keys that were pressed: what was typed, in lower case, e.g. "s" or "?", or
            "space" or "escape"; and `CLOSED`.

        Raises:
            DisplayError: See `show`.
            DesktopEnded: See `show`.
        """
        return []

    def toggle_fullscreen(self) -> bool | None:
        """Switch between full screen and window.

        Returns:
            Whether the window fills the screen now; None where there are no windows.
        """
        return None

    def close(self) -> None:
        """Give the screen back; closing twice does no harm."""


class PageDisplay(Display):
    """No screen, because people watch the page that the program serves."""

    @property
    def name(self) -> str:
        """The kind of screen."""
        return "web"

    @property
    def visible(self) -> bool:
        """True: the page may be watched as long as the program runs."""
        return True
