"""A window on an X or Wayland desktop."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Sequence
from typing import Any, Final

from pose_edge.config.schema import DisplaySettings
from pose_edge.displays.display import CLOSED, DesktopEnded
from pose_edge.displays.screen_layout import placed_picture
from pose_edge.displays.sdl import Sdl, SdlError, load_sdl, start_sdl
from pose_edge.displays.surface import TITLE, Surface
from pose_edge.errors import PoseEdgeError
from pose_edge.overlay import Scene, Size
from pose_edge.telemetry import Stopwatch

ROOM: Final = 0.9
"""Largest part of the desktop's width and height that a new window takes, so that its frame and
title bar fit too."""

REMEDY: Final = (
    "is a desktop running, and may this user use it? (variables WAYLAND_DISPLAY, DISPLAY, "
    "XAUTHORITY)"
)

XLIB: Final = "libX11.so.6"
WAYLAND: Final = "libwayland-client.so.0"

log = logging.getLogger(__name__)


def open_window(desktops: Sequence[str], settings: DisplaySettings) -> Window:
    """Open a window on the desktop; it appears with the first picture.

    Args:
        desktops: SDL's video drivers to try, e.g. "wayland", "x11".
        settings: Whether the window starts in full screen, and the rotation.

    Raises:
        DisplayError: SDL is not installed, or there is no desktop.
    """
    api = load_sdl()
    hints = {
        # Otherwise SDL would fall back to drivers that show nothing.
        api.SDL_HINT_VIDEODRIVER: ",".join(desktops).encode(),
        # By default SDL turns off the desktop's compositing, which suits games only.
        api.SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR: b"0",
    }
    with start_sdl(api, hints, fault="no window can be opened", remedy=REMEDY) as sdl:
        return Window(sdl, settings)


class Window(Surface):
    """A window on a desktop, which can be switched to full screen."""

    def __init__(self, sdl: Sdl, settings: DisplaySettings) -> None:
        """Create a hidden window; see `open_window`."""
        self._fullscreen = settings.fullscreen
        self._appeared = False
        api = sdl.api
        flags = api.SDL_WINDOW_HIDDEN | api.SDL_WINDOW_RESIZABLE | api.SDL_WINDOW_ALLOW_HIGHDPI
        centred = api.SDL_WINDOWPOS_CENTERED
        window = sdl.check(api.SDL_CreateWindow(TITLE, centred, centred, 640, 480, flags))
        # Before the renderer: creating one takes many requests, and the server may end meanwhile.
        self._desktop = DesktopConnection(sdl, window)
        name = f"window ({sdl.driver})"
        try:
            super().__init__(sdl, window, name, settings, software=True)
        except SdlError as error:
            if self._desktop.ended():
                raise self._desktop_ended() from error
            self._desktop.close()
            raise

    def show(self, scene: Scene, stopwatch: Stopwatch) -> bool:
        """Present a scene, unless the window is minimised: some drivers would block forever."""
        self._check_connected()
        if not self._appeared:
            self._appeared = True
            self._appear(scene.size)
        api = self._sdl.api
        if api.SDL_GetWindowFlags(self._window) & api.SDL_WINDOW_MINIMIZED:
            return False
        return super().show(scene, stopwatch)

    def poll(self) -> list[str]:
        """Handle events, or raise `DesktopEnded`.

        SDL reports the end of the compositor as a closed window.
        """
        # SDL 2.32 queries the X server about some events, and crashes if that has ended.
        if self._desktop.ended():
            raise self._desktop_ended()
        names = super().poll()
        if CLOSED in names and self._desktop.ended():
            raise self._desktop_ended()
        return names

    def toggle_fullscreen(self) -> bool:
        """Switch between full screen and window; return whether it fills the screen now."""
        self._fullscreen = not self._fullscreen
        if self._appeared:
            self._apply_fullscreen()
        return self._fullscreen

    def close(self) -> None:
        """Close the window, unless the desktop has ended: SDL would block forever, or exit."""
        if not self._desktop.ended():
            super().close()
            self._desktop.close()

    def _check_connected(self) -> None:
        if self._desktop.broken:
            raise self._desktop_ended()

    def _failure(self, error: SdlError) -> PoseEdgeError:
        return self._desktop_ended() if self._desktop.ended() else super()._failure(error)

    def _desktop_ended(self) -> DesktopEnded:
        return DesktopEnded(f"{self.name} is gone: the desktop has ended")

    def _appear(self, size: Size) -> None:
        """Show the window at the picture's size, or smaller if the desktop requires it."""
        api = self._sdl.api
        if self._rotation in (90, 270):
            size = size[1], size[0]
        desktop = api.SDL_Rect()
        if api.SDL_GetDisplayUsableBounds(0, ctypes.byref(desktop)) == 0:
            room = round(desktop.w * ROOM), round(desktop.h * ROOM)
            if size[0] > room[0] or size[1] > room[1]:
                size = placed_picture(size, room)[2:]
        centred = api.SDL_WINDOWPOS_CENTERED
        api.SDL_SetWindowSize(self._window, *size)
        api.SDL_SetWindowPosition(self._window, centred, centred)
        api.SDL_ShowWindow(self._window)
        self._apply_fullscreen()

    def _apply_fullscreen(self) -> None:
        api = self._sdl.api
        mode = api.SDL_WINDOW_FULLSCREEN_DESKTOP if self._fullscreen else 0
        api.SDL_SetWindowFullscreen(self._window, mode)
        api.SDL_ShowCursor(api.SDL_DISABLE if self._fullscreen else api.SDL_ENABLE)


class DesktopConnection:
    """Detects the end of the X server or Wayland compositor that a window is connected to.

    When the connection to an X server breaks, Xlib ends the process, and recordings stay
    unfinished. `XSetIOErrorExitHandler` (libX11 1.7) prevents that for one connection: its calls
    then return without effect. But SDL opens a second, hidden connection, which it uses when it
    shuts down. So after the end of the desktop, neither the window nor SDL is closed. The program
    finishes its files and ends; its supervisor or its user starts it again.

    A server that is shutting down may also reject a request, e.g. to show a picture. Xlib would end
    the process for that too; here it is only logged.

    Attributes:
        broken: Whether the X server was found to have ended.
    """

    def __init__(self, sdl: Sdl, window: Any) -> None:  # noqa: ANN401
        """Keep Xlib from ending the process when the X server ends; `window` is SDL's."""
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
        """Return whether the desktop has ended; with X, this takes a round trip to the server."""
        if self._wayland is not None:
            return bool(self._wayland.wl_display_get_error(self._display))
        if self._xlib is not None and not self.broken:
            self._xlib.XSync(self._display, 0)
        return self.broken

    def close(self) -> None:
        """Restore Xlib's own error handlers; to be called after SDL was closed."""
        if self._xlib is not None:
            self._xlib.XSetIOErrorHandler(self._previous)
            self._xlib.XSetErrorHandler(self._previous_refusal)
        self._xlib = self._wayland = None

    def _watch_x(self, xlib: Any) -> None:  # noqa: ANN401
        for function in (xlib.XSetIOErrorHandler, xlib.XSetErrorHandler):
            function.restype = ctypes.c_void_p
            function.argtypes = [ctypes.c_void_p]
        # C holds no reference to the callback: keep it alive until `close`. Both error handlers
        # apply to all connections, and replace Xlib's own, which print a message and call exit().
        # ON_IO_ERROR_EXIT replaces the exit() that Xlib calls after an I/O error.
        self._on_error = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(self._note)
        xlib.XSetIOErrorExitHandler(self._display, ON_IO_ERROR_EXIT, None)
        self._previous = xlib.XSetIOErrorHandler(self._on_error)
        self._previous_refusal = xlib.XSetErrorHandler(ON_X_ERROR)
        self._xlib = xlib

    def _note(self, _display: int) -> int:
        self.broken = True
        return 0


def _stay(_display: int, _data: int) -> None:
    """Return after an I/O error, instead of ending the process."""


def _go_on(_display: int, _event: int) -> int:
    """Log a rejected request, instead of ending the process."""
    log.debug("the X server has refused a request")
    return 0


# Module constants, so that they stay alive: C may call them at any time.
ON_IO_ERROR_EXIT: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(_stay)
ON_X_ERROR: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(_go_on)
