"""A screen without a desktop, through kernel mode setting (KMS)."""

from __future__ import annotations

import re
from typing import Any, Final

from pose_edge.config.schema import DisplaySettings
from pose_edge.displays.choice import Output, outputs
from pose_edge.displays.display import ScreenYielded
from pose_edge.displays.sdl import Sdl, load_sdl, start_sdl
from pose_edge.displays.surface import TITLE, Surface
from pose_edge.displays.terminal import Console, Keyboard
from pose_edge.errors import DisplayError

REMEDY: Final = (
    "end the desktop if one is running, add the user to the groups video, render, input and "
    "tty, and install Mesa: sudo apt-get install libgl1-mesa-dri libegl1 libgles2 libgbm1 libdrm2"
)


def open_kms(output: Output, settings: DisplaySettings, console: Console) -> KmsScreen:
    """Open the screen that is connected to an output.

    Args:
        output: The output with the screen.
        settings: The screen's mode and rotation.
        console: The virtual terminal that owns the screen.

    Raises:
        DisplayError: SDL is not installed, the user has no permission to use the screen, or the
            screen does not have the mode of the settings.
    """
    api = load_sdl()
    hints = {
        api.SDL_HINT_VIDEODRIVER: b"KMSDRM",
        api.SDL_HINT_KMSDRM_DEVICE_INDEX: str(output.card).encode(),
        # Presenting then waits for the refresh that shows this picture, not the previous one. One
        # picture less is queued, and the measured time of display is correct.
        api.SDL_HINT_VIDEO_DOUBLE_BUFFER: b"1",
    }
    # By default SDL mutes the console's keyboard: Ctrl-Alt-F2 and Ctrl-C do not work, and the
    # keyboard stays dead if the program is killed.
    api.SDL_setenv(b"SDL_INPUT_LINUX_KEEP_KBD", b"1", 0)
    fault = f"the screen at {output.name} cannot be opened"
    with start_sdl(api, hints, fault=fault, remedy=REMEDY) as sdl:
        return KmsScreen(sdl, output, settings, console)


class KmsScreen(Surface):
    """A screen without a desktop, which no other program draws on."""

    def __init__(
        self, sdl: Sdl, output: Output, settings: DisplaySettings, console: Console
    ) -> None:
        """Open the screen and the console's keyboard; see `open_kms`."""
        self._output = output
        self._console = console
        api = sdl.api
        index = _index_of(output, sdl)
        mode = _find_mode(sdl, index, settings.mode, output.name)
        position = api.SDL_WINDOWPOS_CENTERED_DISPLAY(index)
        size = (mode.w, mode.h) if mode is not None else (640, 480)
        kind = api.SDL_WINDOW_FULLSCREEN_DESKTOP if mode is None else api.SDL_WINDOW_FULLSCREEN
        window = sdl.check(api.SDL_CreateWindow(TITLE, position, position, *size, kind))
        if mode is not None:
            sdl.check(api.SDL_SetWindowDisplayMode(window, mode))
        api.SDL_ShowCursor(api.SDL_DISABLE)
        super().__init__(sdl, window, f"hdmi ({output.name})", settings)
        self._keyboard = Keyboard()

    def poll(self) -> list[str]:
        """Handle events; return the keys that were typed on the terminal.

        Keys reported by SDL are ignored, because not every build reports them: without a desktop,
        PyPI's build of SDL reads no keyboard.
        """
        super().poll()
        return self._keyboard.keys()

    def close(self) -> None:
        """Release the screen and the keyboard; a second call does nothing."""
        super().close()
        self._keyboard.close()

    def _check_connected(self) -> None:
        if other := self._console.other_in_front():
            raise ScreenYielded(f"{other} is in front: {self.name} is left to it")
        if not self._output.connected():
            raise DisplayError(f"the screen at {self._output.name} was unplugged")


def _index_of(output: Output, sdl: Sdl) -> int:
    """Return SDL's index of a screen: SDL counts a card's connected outputs in kernel order."""
    known = outputs(output.folder.parents[2])
    names = [other.name for other in known if other.card == output.card and other.connected()]
    index = names.index(output.name) if output.name in names else 0
    return min(index, max(0, int(sdl.api.SDL_GetNumVideoDisplays()) - 1))


def _find_mode(sdl: Sdl, index: int, mode: str, name: str) -> Any:  # noqa: ANN401
    """Return SDL's description of a mode, e.g. "1280x720@60", or None for "auto"."""
    if mode == "auto":
        return None
    parts = re.fullmatch(r"(\d+)x(\d+)(?:@(\d+))?", mode)
    assert parts is not None, "other settings are not valid"
    width, height, rate = int(parts[1]), int(parts[2]), parts[3]
    api = sdl.api
    available = []
    for number in range(api.SDL_GetNumDisplayModes(index)):
        found = api.SDL_DisplayMode()
        sdl.check(api.SDL_GetDisplayMode(index, number, found))
        if (found.w, found.h) == (width, height) and rate in (None, str(found.refresh_rate)):
            return found
        available.append(f"{found.w}x{found.h}@{found.refresh_rate}")
    raise DisplayError(
        f"the screen at {name} has no mode {mode} (the setting display.mode); it has "
        + ", ".join(available)
    )
