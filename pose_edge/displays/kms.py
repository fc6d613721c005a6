"""A whole screen without any desktop, through the kernel's mode setting (KMS)."""

from __future__ import annotations

import re
from typing import Any, Final

from pose_edge.displays.choice import Output, outputs
from pose_edge.displays.console import Console, ScreenYielded
from pose_edge.displays.keyboard import Keyboard
from pose_edge.displays.screen_layout import Rotation
from pose_edge.displays.sdl import Sdl, SdlError, load_sdl
from pose_edge.displays.surface import TITLE, Surface
from pose_edge.errors import DisplayError
from pose_edge.overlay import Size

ADVICE: Final = (
    "end the desktop if one is running, let the user into the groups video, render, input and "
    "tty, and install Mesa: sudo apt-get install libgl1-mesa-dri libegl1 libgles2 libgbm1 libdrm2"
)


def open_kms(output: Output, console: Console, *, mode: str, rotation: Rotation) -> KmsScreen:
    """Take a whole screen.

    Args:
        output: Where the screen is connected.
        console: The virtual terminal to which the screen belongs.
        mode: "auto" for the screen's usual one, or e.g. "1280x720" or "1280x720@60".
        rotation: Degrees clockwise by which everything is turned.

    Raises:
        DisplayError: There is no SDL, no right to use the screen, or no such mode.
    """
    api = load_sdl()
    hints = {
        api.SDL_HINT_VIDEODRIVER: b"KMSDRM",
        api.SDL_HINT_KMSDRM_DEVICE_INDEX: str(output.card).encode(),
        # Wait for the refresh that shows the picture, not for the one before: a picture less
        # under way, and the time of its display is the true one.
        api.SDL_HINT_VIDEO_DOUBLE_BUFFER: b"1",
    }
    # By default SDL turns the console's keyboard off: no Ctrl-Alt-F2, no Ctrl-C, and nothing for
    # anybody after it was killed.
    api.SDL_setenv(b"SDL_INPUT_LINUX_KEEP_KBD", b"1", 0)
    try:
        sdl = Sdl(api, hints)
        try:
            return KmsScreen(sdl, output, console, mode=mode, rotation=rotation)
        except (SdlError, DisplayError):
            sdl.close()
            raise
    except SdlError as error:
        raise DisplayError(
            f"the screen at {output.name} cannot be opened ({error}): {ADVICE}"
        ) from error


class KmsScreen(Surface):
    """A screen that nobody else draws on."""

    def __init__(
        self, sdl: Sdl, output: Output, console: Console, *, mode: str, rotation: Rotation
    ) -> None:
        """Take the screen; made by `open_kms` only."""
        self._output = output
        self._console = console
        api = sdl.api
        index = _index_of(output, sdl)
        wanted = _find_mode(sdl, index, mode, output.name)
        position = api.SDL_WINDOWPOS_CENTERED_DISPLAY(index)
        size = (wanted.w, wanted.h) if wanted is not None else (640, 480)
        kind = api.SDL_WINDOW_FULLSCREEN_DESKTOP if wanted is None else api.SDL_WINDOW_FULLSCREEN
        window = sdl.check_pointer(api.SDL_CreateWindow(TITLE, position, position, *size, kind))
        if wanted is not None:
            sdl.check(api.SDL_SetWindowDisplayMode(window, wanted))
        api.SDL_ShowCursor(api.SDL_DISABLE)
        super().__init__(sdl, window, rotation, f"hdmi ({output.name})")
        self._keyboard = Keyboard()

    def poll(self) -> list[str]:
        """Handle what the user did since the last call; see `Surface.poll`."""
        return [*super().poll(), *self._keyboard.keys()]

    def close(self) -> None:
        """Give screen and keyboard back; closing twice does no harm."""
        super().close()
        self._keyboard.close()

    def _pressed(self, key: str) -> list[str]:
        """Leave out what SDL reports: the SDL of PyPI reads no keyboard, another one does."""
        del key
        return []

    def _check_there(self) -> None:
        other = self._console.away()
        if other is not None:
            raise ScreenYielded(f"{other} is in front: {self.name} is left to it")
        if not self._output.connected():
            raise DisplayError(f"the screen at {self._output.name} was unplugged")

    def _create_renderer(self) -> Any:  # noqa: ANN401
        api = self._sdl.api
        flags = api.SDL_RENDERER_ACCELERATED | api.SDL_RENDERER_PRESENTVSYNC
        return self._sdl.check_pointer(api.SDL_CreateRenderer(self._window, -1, flags))

    def _appear(self, size: Size) -> None:
        """Show what comes: the screen is there already."""


def _index_of(output: Output, sdl: Sdl) -> int:
    """Return SDL's number of a screen: it counts the connected ones of a card, in its order."""
    sysfs = output.folder.parents[2]
    names = [
        other.name for other in outputs(sysfs) if other.card == output.card and other.connected()
    ]
    index = names.index(output.name) if output.name in names else 0
    there: int = sdl.api.SDL_GetNumVideoDisplays()
    return min(index, max(0, there - 1))


def _find_mode(sdl: Sdl, index: int, mode: str, name: str) -> Any:  # noqa: ANN401
    """Return SDL's description of a mode, or None for "auto"."""
    if mode == "auto":
        return None
    parts = re.fullmatch(r"(\d+)x(\d+)(?:@(\d+))?", mode)
    assert parts is not None, "the settings let no other through"
    width, height, rate = int(parts[1]), int(parts[2]), parts[3]
    api = sdl.api
    there = []
    for number in range(api.SDL_GetNumDisplayModes(index)):
        found = api.SDL_DisplayMode()
        sdl.check(api.SDL_GetDisplayMode(index, number, found))
        if (found.w, found.h) == (width, height) and rate in (None, str(found.refresh_rate)):
            return found
        there.append(f"{found.w}x{found.h}@{found.refresh_rate}")
    raise DisplayError(
        f"the screen at {name} has no mode {mode} (the setting display.mode); it has "
        + ", ".join(there)
    )
