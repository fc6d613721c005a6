"""The interface of all screens, and the exceptions for events that end their use."""

from __future__ import annotations

import math
from typing import Final

from pose_edge.errors import DisplayError, PoseEdgeError
from pose_edge.overlay import Scene
from pose_edge.telemetry import Stopwatch

CLOSED: Final = "closed"
"""Returned by `Display.poll`, among the keys, when the user has closed the window."""


class DesktopEnded(PoseEdgeError):  # noqa: N818 - an event of the desktop
    """The desktop has ended, and its windows can no longer be used or closed."""


class ScreenYielded(DisplayError):  # noqa: N818 - no fault: the user switched the terminal
    """Another virtual terminal was brought to the front and now owns the screen."""


class Display:
    """A screen. This base class shows nothing; it serves runs without a screen.

    All methods must be called from the thread that opened the screen.
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
        """Longest time between two calls of `poll`, seconds."""
        return math.inf

    def show(self, scene: Scene, stopwatch: Stopwatch) -> bool:
        """Present a scene at the screen's resolution; return once the driver has accepted it.

        Args:
            scene: What to show. Its image is read before this method returns; the overlay may be
                painted again later.
            stopwatch: Records the stages "upload", "draw" and "present".

        Returns:
            Whether the scene is visible now.

        Raises:
            DisplayError: The screen has failed or is gone.
            DesktopEnded: The desktop has ended; the program must end too.
        """
        del scene, stopwatch
        return False

    def poll(self) -> list[str]:
        """Handle the events since the last call; call it at least once for each picture.

        Returns:
            Names of the keys that were pressed, in lower case: the typed character, e.g. "s" or
            "?", or a name, e.g. "space" or "escape"; and `CLOSED`.

        Raises:
            DisplayError: See `show`.
            DesktopEnded: See `show`.
        """
        return []

    def toggle_fullscreen(self) -> bool | None:
        """Switch between full screen and window.

        Returns:
            Whether the window fills the screen now, or None if the display is not a window.
        """
        return None

    def close(self) -> None:
        """Release the screen; a second call does nothing."""


class PageDisplay(Display):
    """The display of kind "web": no screen, because people watch the web page."""

    @property
    def name(self) -> str:
        """The kind of screen."""
        return "web"

    @property
    def visible(self) -> bool:
        """True: somebody may watch the page at any time."""
        return True
