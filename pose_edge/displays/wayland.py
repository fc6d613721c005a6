"""The end of a Wayland compositor, told from a user who closes the window: SDL reports the same."""

from __future__ import annotations

import ctypes
import logging
from typing import Any, Final

from pose_edge.displays.sdl import Sdl

LIBRARY: Final = "libwayland-client.so.0"

log = logging.getLogger(__name__)


def compositor_lost(sdl: Sdl, window: Any) -> bool:  # noqa: ANN401
    """Say whether the connection of a window of SDL to its compositor is broken.

    Args:
        sdl: Started on Wayland.
        window: SDL's window.
    """
    api = sdl.api
    info = api.SDL_SysWMinfo()
    api.SDL_GetVersion(info.version)
    if not api.SDL_GetWindowWMInfo(window, info):
        return False
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        log.debug("the compositor cannot be asked after: %s", error)
        return False
    library.wl_display_get_error.argtypes = [ctypes.c_void_p]
    return bool(library.wl_display_get_error(info.info.wl.display))
