"""The end of a desktop session, noticed by the window in it.

When the connection to an X server breaks, Xlib ends the process, and recordings stay unfinished.
`XSetIOErrorExitHandler` (libX11 1.7) prevents that for one connection, whose calls then return and
do nothing. SDL has a second connection, which it hides and uses at its own end. So a window whose
desktop has ended is never closed, nor is SDL: the program finishes its files and ends, and is
started again by its supervisor or its user.
"""

from __future__ import annotations

import ctypes
import logging
from typing import Any, Final

from pose_edge.displays.sdl import Sdl
from pose_edge.errors import PoseEdgeError

XLIB: Final = "libX11.so.6"
WAYLAND: Final = "libwayland-client.so.0"

log = logging.getLogger(__name__)


class DesktopEnded(PoseEdgeError):  # noqa: N818 - an event of the desktop
    """The desktop has ended, and its windows cannot be used or closed any more."""


class DesktopConnection:
    """The connection of a window to its X server or Wayland compositor.

    Attributes:
        broken: The X server was found to have ended.
    """

    def __init__(self, sdl: Sdl, window: Any) -> None:  # noqa: ANN401
        """Keep the end of an X server from ending the process.

        Args:
            sdl: The library.
            window: SDL's window.
        """
        self.broken = False
        self._xlib: Any = None
        self._wayland: Any = None
        api = sdl.api
        info = api.SDL_SysWMinfo()
        api.SDL_GetVersion(info.version)
        if not api.SDL_GetWindowWMInfo(window, info):
            return
        try:
            if info.subsystem == api.SDL_SYSWM_X11:
                self._display = ctypes.c_void_p(info.info.x11.display)
                self._watch_x(ctypes.CDLL(XLIB))
            elif info.subsystem == api.SDL_SYSWM_WAYLAND:
                self._wayland = ctypes.CDLL(WAYLAND)
                self._display = ctypes.c_void_p(info.info.wl.display)
        except (OSError, AttributeError) as error:
            log.debug("the end of the desktop cannot be noticed: %s", error)

    def ended(self) -> bool:
        """Ask the server or compositor whether it is still there, which takes a round trip."""
        if self._wayland is not None:
            return bool(self._wayland.wl_display_get_error(self._display))
        if self._xlib is not None and not self.broken:
            self._xlib.XSync(self._display, 0)
        return self.broken

    def close(self) -> None:
        """Forget the connection and restore Xlib's own handler, after SDL was closed."""
        if self._xlib is not None:
            self._xlib.XSetIOErrorHandler(self._previous)
        self._xlib = self._wayland = None

    def _watch_x(self, xlib: Any) -> None:  # noqa: ANN401
        xlib.XSetIOErrorHandler.restype = ctypes.c_void_p
        xlib.XSetIOErrorHandler.argtypes = [ctypes.c_void_p]
        # C holds no references to these: they must live until `close`. The first one is for all
        # connections, and replaces a message and exit(); the second one replaces another exit().
        self._on_error = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(self._note)
        self._on_exit = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(_stay)
        xlib.XSetIOErrorExitHandler(self._display, self._on_exit, None)
        self._previous = xlib.XSetIOErrorHandler(self._on_error)
        self._xlib = xlib

    def _note(self, _display: int) -> int:
        self.broken = True
        return 0


def _stay(_display: int, _data: int) -> None:
    """Do not end the process."""
