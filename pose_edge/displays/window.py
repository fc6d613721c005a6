"""A window on a desktop, X or Wayland."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Final

from pose_edge.displays.screen_layout import Rotation, letterbox
from pose_edge.displays.sdl import Sdl, SdlError, load_sdl
from pose_edge.displays.surface import TITLE, Surface
from pose_edge.displays.wayland import compositor_lost
from pose_edge.displays.xlib import ServerWatch
from pose_edge.errors import DisplayError
from pose_edge.overlay import Size

ROOM: Final = 0.9
"""Part of the desktop that a new window may take, so that its frame and title fit as well."""

ADVICE: Final = (
    "is a desktop running, and may this user use it? (variables WAYLAND_DISPLAY, DISPLAY, "
    "XAUTHORITY)"
)

log = logging.getLogger(__name__)


def open_window(desktops: Sequence[str], *, fullscreen: bool, rotation: Rotation) -> Window:
    """Open a window on the desktop; it appears with the first picture.

    Args:
        desktops: SDL's names of the kinds of desktop to try, e.g. wayland, x11.
        fullscreen: Whether it begins in full screen.
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
    server = ServerWatch()
    with ExitStack() as undo:
        undo.callback(server.close)
        try:
            with server.watching():
                sdl = Sdl(api, hints)
            undo.callback(sdl.close)
            window = Window(sdl, server, fullscreen=fullscreen, rotation=rotation)
        except SdlError as error:
            raise DisplayError(f"no window can be opened ({error}): {ADVICE}") from error
        undo.pop_all()
    return window


class Window(Surface):
    """A window, made large by the key f."""

    def __init__(
        self, sdl: Sdl, server: ServerWatch, *, fullscreen: bool, rotation: Rotation
    ) -> None:
        """Make everything that can fail; made by `open_window` only."""
        self._fullscreen = fullscreen
        self._server = server
        api = sdl.api
        flags = api.SDL_WINDOW_HIDDEN | api.SDL_WINDOW_RESIZABLE | api.SDL_WINDOW_ALLOW_HIGHDPI
        centred = api.SDL_WINDOWPOS_CENTERED
        window = sdl.check_pointer(api.SDL_CreateWindow(TITLE, centred, centred, 640, 480, flags))
        super().__init__(sdl, window, rotation, f"window ({sdl.driver})")

    def toggle_fullscreen(self) -> None:
        """Switch between full screen and window."""
        self._fullscreen = not self._fullscreen
        if self._appeared:
            self._apply_fullscreen()

    def close(self) -> None:
        """Close the window; closing twice does no harm."""
        super().close()
        self._server.close()

    def _destroy_window(self) -> None:
        self._server.let_go(self._sdl, self._window)
        super()._destroy_window()

    def _check_there(self) -> None:
        if self._server.lost:
            raise DisplayError(f"{self.name} is gone: the X server has ended")

    def _check_asked_to_close(self) -> None:
        if self._sdl.driver == "wayland" and compositor_lost(self._sdl, self._window):
            raise DisplayError(f"{self.name} is gone: the compositor has ended")

    def _create_renderer(self) -> Any:  # noqa: ANN401
        api = self._sdl.api
        accelerated = api.SDL_RENDERER_ACCELERATED | api.SDL_RENDERER_PRESENTVSYNC
        renderer = api.SDL_CreateRenderer(self._window, -1, accelerated)
        if not renderer:
            log.debug("no accelerated renderer (%s): the CPU draws", self._sdl.error())
            renderer = api.SDL_CreateRenderer(self._window, -1, api.SDL_RENDERER_SOFTWARE)
        return self._sdl.check_pointer(renderer)

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
