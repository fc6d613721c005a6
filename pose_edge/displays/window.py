"""A window on a desktop, X or Wayland."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Final

from pose_edge.displays.desktop import DesktopConnection, DesktopEnded
from pose_edge.displays.display import CLOSED
from pose_edge.displays.screen_layout import Rotation, letterbox
from pose_edge.displays.sdl import Sdl, SdlError, load_sdl
from pose_edge.displays.surface import TITLE, Surface
from pose_edge.errors import DisplayError, PoseEdgeError
from pose_edge.overlay import Scene, Size
from pose_edge.telemetry import Stopwatch

ROOM: Final = 0.9
"""Fraction of the desktop that a new window may take, so that its frame and title fit as well."""

REMEDY: Final = (
    "is a desktop running, and may this user use it? (variables WAYLAND_DISPLAY, DISPLAY, "
    "XAUTHORITY)"
)


def open_window(desktops: Sequence[str], *, fullscreen: bool, rotation: Rotation) -> Window:
    """Open a window on the desktop; it appears with the first picture.

    Args:
        desktops: SDL's names of the kinds of desktop to try, e.g. wayland, x11.
        fullscreen: Whether the window starts in full screen.
        rotation: Degrees clockwise by which everything is turned.

    Raises:
        DisplayError: There is no SDL or no desktop.
    """
    api = load_sdl()
    hints = {
        # SDL would go on to drivers that show nothing.
        api.SDL_HINT_VIDEODRIVER: ",".join(desktops).encode(),
        # A window is no game: leave the desktop's effects alone.
        api.SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR: b"0",
    }
    try:
        sdl = Sdl(api, hints)
        try:
            return Window(sdl, fullscreen=fullscreen, rotation=rotation)
        except SdlError:
            sdl.close()
            raise
    except SdlError as error:
        raise DisplayError(f"no window can be opened ({error})", remedy=REMEDY) from error


class Window(Surface):
    """A window, which the key f switches to full screen."""

    def __init__(self, sdl: Sdl, *, fullscreen: bool, rotation: Rotation) -> None:
        """Create the window, hidden; see `open_window`."""
        self._fullscreen = fullscreen
        self._appeared = False
        api = sdl.api
        flags = api.SDL_WINDOW_HIDDEN | api.SDL_WINDOW_RESIZABLE | api.SDL_WINDOW_ALLOW_HIGHDPI
        centred = api.SDL_WINDOWPOS_CENTERED
        window = sdl.check_pointer(api.SDL_CreateWindow(TITLE, centred, centred, 640, 480, flags))
        super().__init__(sdl, window, rotation, f"window ({sdl.driver})", software=True)
        self._desktop = DesktopConnection(sdl, window)

    def show(self, scene: Scene, stopwatch: Stopwatch) -> bool:
        """Present a scene; a minimised window stays as it is: some drivers would wait for ever."""
        self._check_there()
        if not self._appeared:
            self._appeared = True
            self._appear(scene.size)
        api = self._sdl.api
        if api.SDL_GetWindowFlags(self._window) & api.SDL_WINDOW_MINIMIZED:
            return False
        return super().show(scene, stopwatch)

    def poll(self) -> list[str]:
        """Handle events; SDL also reports a window as closed when its compositor has ended."""
        names = super().poll()
        if CLOSED in names and self._desktop.ended():
            raise self._desktop_ended()
        return names

    def toggle_fullscreen(self) -> None:
        """Switch between full screen and window."""
        self._fullscreen = not self._fullscreen
        if self._appeared:
            self._apply_fullscreen()

    def close(self) -> None:
        """Close the window, unless its desktop has ended: SDL would wait for ever, or exit."""
        if not self._desktop.ended():
            super().close()
            self._desktop.close()

    def _check_there(self) -> None:
        if self._desktop.broken:
            raise self._desktop_ended()

    def _failure(self, error: SdlError) -> PoseEdgeError:
        return self._desktop_ended() if self._desktop.ended() else super()._failure(error)

    def _desktop_ended(self) -> DesktopEnded:
        return DesktopEnded(f"{self.name} is gone: the desktop has ended")

    def _appear(self, size: Size) -> None:
        """Show the window, as large as the picture, but no larger than the desktop has room."""
        api = self._sdl.api
        if self._rotation in (90, 270):
            size = size[1], size[0]
        desktop = api.SDL_Rect()
        if api.SDL_GetDisplayUsableBounds(0, ctypes.byref(desktop)) == 0:
            room = round(desktop.w * ROOM), round(desktop.h * ROOM)
            if size[0] > room[0] or size[1] > room[1]:
                size = letterbox(size, room)[2:]
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
