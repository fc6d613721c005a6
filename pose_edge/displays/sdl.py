"""A picture on the screen through SDL 2: in a window, or by KMS without any desktop."""

from __future__ import annotations

import ctypes
import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

import cv2
import numpy as np

from pose_edge.displays.choice import Output
from pose_edge.errors import DisplayError
from pose_edge.frames import ColourOrder, Image

TITLE: Final = b"pose_edge"

ROOM: Final = 0.9
"""Part of the desktop that a new window may take, so that its frame and title fit as well."""

INSTALL_SDL: Final = "install it (pip install pysdl2 pysdl2-dll) or use --display none"
WINDOW_ADVICE: Final = (
    "is a desktop running, and may this user use it? (variables DISPLAY, WAYLAND_DISPLAY, "
    "XAUTHORITY)"
)
KMS_ADVICE: Final = (
    "end the desktop if one is running, let the user into the groups video, render, input and "
    "tty, and install Mesa: sudo apt-get install libgl1-mesa-dri libegl1 libgles2 libgbm1 libdrm2"
)

log = logging.getLogger(__name__)


def open_window(desktops: Sequence[str], *, fullscreen: bool) -> SdlDisplay:
    """Open a window on the desktop; it appears with the first picture.

    Args:
        desktops: SDL's names of the kinds of desktop to try, e.g. x11, wayland.
        fullscreen: Whether it begins in full screen.

    Raises:
        DisplayError: There is no SDL or no desktop.
    """
    sdl = _load()
    hints = {
        # SDL would go on to drivers that show nothing.
        sdl.SDL_HINT_VIDEODRIVER: ",".join(desktops).encode(),
        # A window is no game: leave the desktop's effects alone.
        sdl.SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR: b"0",
    }
    try:
        return SdlDisplay(sdl, hints, fullscreen=fullscreen)
    except _SdlError as error:
        raise DisplayError(f"no window can be opened ({error}): {WINDOW_ADVICE}") from error


def open_kms(output: Output | None) -> SdlDisplay:
    """Take the whole screen, without a desktop.

    Args:
        output: The output with a connected screen.

    Raises:
        DisplayError: There is no SDL, no connected screen, or no right to use it.
    """
    if output is None:
        raise DisplayError(
            "no screen is connected: no status in /sys/class/drm/card*-* reads connected; plug a "
            "screen in and switch it on, or use --display none"
        )
    sdl = _load()
    hints = {
        sdl.SDL_HINT_VIDEODRIVER: b"KMSDRM",
        sdl.SDL_HINT_KMSDRM_DEVICE_INDEX: str(output.card).encode(),
        # With "opengl" the screen stays black on some drivers.
        sdl.SDL_HINT_RENDER_DRIVER: b"opengles2",
    }
    try:
        return SdlDisplay(sdl, hints, fullscreen=True, output=output)
    except _SdlError as error:
        raise DisplayError(
            f"the screen at {output.name} cannot be opened ({error}): {KMS_ADVICE}"
        ) from error


def letterbox(width: int, height: int, room: tuple[int, int]) -> tuple[int, int, int, int]:
    """Fit a picture into a room, its aspect kept.

    Args:
        width: Of the picture, at least 1.
        height: Of the picture, at least 1.
        room: Width and height to fit it into.

    Returns:
        x, y, width and height of the centred picture; it touches two opposite sides.
    """
    scale = min(room[0] / width, room[1] / height)
    fitted = max(1, round(width * scale)), max(1, round(height * scale))
    return (room[0] - fitted[0]) // 2, (room[1] - fitted[1]) // 2, *fitted


class SdlDisplay:
    """An open screen or window; see `pose_edge.displays.Display`.

    Picture and screen have different shapes and change them at any time (a window is resized, a
    camera returns with another size), so the place of the picture is worked out for each one.
    """

    def __init__(
        self,
        sdl: Any,  # noqa: ANN401 - PySDL2 has no types
        hints: Mapping[bytes, bytes],
        *,
        fullscreen: bool,
        output: Output | None = None,
    ) -> None:
        """Start SDL; made by `open_window` and `open_kms` only.

        Args:
            sdl: The module sdl2.
            hints: SDL's options; a user's environment variable of the same name beats them.
            fullscreen: Whether to begin in full screen.
            output: The output that is taken by KMS; None for a window.
        """
        self._sdl = sdl
        self._fullscreen = fullscreen
        self._output = output
        self._open = True
        self._visible = False
        self._window: Any = None
        self._renderer: Any = None
        self._texture: Any = None
        self._texture_shape: tuple[int, ...] = ()
        try:
            self._start(hints)
        except _SdlError:
            self.close()
            raise
        driver = sdl.SDL_GetCurrentVideoDriver().decode().lower()
        self.name = f"window ({driver})" if output is None else f"hdmi ({output.name})"

    def show(self, image: Image, order: ColourOrder) -> None:
        """Present a picture, its aspect kept, with black bars where it does not fill the screen.

        Waits for the screen's next refresh where the driver can. A minimised window is left as it
        is, for there some drivers would wait for ever.

        Args:
            image: uint8 (height, width, 3); the size may differ from the last one's.
            order: Its order of colours.

        Raises:
            DisplayError: The screen has failed or was unplugged.
        """
        sdl = self._sdl
        if self._output is not None and not self._output.connected():
            raise DisplayError(f"the screen at {self._output.name} was unplugged")
        height, width = image.shape[:2]
        if not self._visible:
            self._appear(width, height)
        if sdl.SDL_GetWindowFlags(self._window) & sdl.SDL_WINDOW_MINIMIZED:
            return
        try:
            self._upload(image, order)
            self._paint()
        except _SdlError as error:
            raise DisplayError(f"{self.name} has failed ({error})") from error

    def poll(self) -> list[str]:
        """Handle what the user did since the last call.

        A window that was resized or uncovered gets its picture again: a still one is shown once.

        Returns:
            Names of the keys that were pressed, in lower case, and "closed".

        Raises:
            DisplayError: The screen has failed.
        """
        sdl = self._sdl
        event = sdl.SDL_Event()
        names, stale = [], False
        while sdl.SDL_PollEvent(ctypes.byref(event)):
            if event.type == sdl.SDL_QUIT:
                names.append("closed")
            elif event.type == sdl.SDL_KEYDOWN and not event.key.repeat:
                names.append(sdl.SDL_GetKeyName(event.key.keysym.sym).decode().lower())
            elif event.type == sdl.SDL_WINDOWEVENT:
                changes = (sdl.SDL_WINDOWEVENT_EXPOSED, sdl.SDL_WINDOWEVENT_SIZE_CHANGED)
                stale |= event.window.event in changes
        if stale and self._texture:
            try:
                self._paint()
            except _SdlError as error:
                raise DisplayError(f"{self.name} has failed ({error})") from error
        return names

    def toggle_fullscreen(self) -> None:
        """Switch between full screen and window; by KMS there is nothing else than full screen."""
        if self._output is None:
            self._fullscreen = not self._fullscreen
            if self._visible:
                self._apply_fullscreen()

    def close(self) -> None:
        """Close the window or give the screen back; closing twice does no harm."""
        if not self._open:
            return
        self._open = False
        if self._texture:
            self._sdl.SDL_DestroyTexture(self._texture)
        if self._renderer:
            self._sdl.SDL_DestroyRenderer(self._renderer)
        if self._window:
            self._sdl.SDL_DestroyWindow(self._window)
        self._sdl.SDL_Quit()

    def _start(self, hints: Mapping[bytes, bytes]) -> None:
        sdl = self._sdl
        common = {
            # Ctrl-C and SIGTERM belong to the program.
            sdl.SDL_HINT_NO_SIGNAL_HANDLERS: b"1",
            sdl.SDL_HINT_RENDER_SCALE_QUALITY: b"linear",
        }
        for hint, value in {**common, **hints}.items():
            sdl.SDL_SetHint(hint, value)
        self._check(sdl.SDL_Init(sdl.SDL_INIT_VIDEO))
        sdl.SDL_DisableScreenSaver()
        # Everything that can fail is made now, though the window appears with the first picture,
        # whose size it takes.
        flags = (
            sdl.SDL_WINDOW_HIDDEN | sdl.SDL_WINDOW_RESIZABLE | sdl.SDL_WINDOW_ALLOW_HIGHDPI
            if self._output is None
            else sdl.SDL_WINDOW_FULLSCREEN_DESKTOP
        )
        centred = sdl.SDL_WINDOWPOS_CENTERED
        self._window = sdl.SDL_CreateWindow(TITLE, centred, centred, 640, 480, flags)
        self._check(0 if self._window else -1)
        accelerated = sdl.SDL_RENDERER_ACCELERATED | sdl.SDL_RENDERER_PRESENTVSYNC
        self._renderer = sdl.SDL_CreateRenderer(self._window, -1, accelerated)
        if not self._renderer and self._output is None:
            log.debug("no accelerated renderer (%s): the CPU scales the picture", self._error())
            software = sdl.SDL_RENDERER_SOFTWARE
            self._renderer = sdl.SDL_CreateRenderer(self._window, -1, software)
        self._check(0 if self._renderer else -1)

    def _appear(self, width: int, height: int) -> None:
        """Show the window, as large as the picture, but no larger than the desktop has room."""
        sdl = self._sdl
        self._visible = True
        if self._output is None:
            desktop = sdl.SDL_Rect()
            if sdl.SDL_GetDisplayUsableBounds(0, ctypes.byref(desktop)) == 0:
                room = round(desktop.w * ROOM), round(desktop.h * ROOM)
                if width > room[0] or height > room[1]:
                    width, height = letterbox(width, height, room)[2:]
            centred = sdl.SDL_WINDOWPOS_CENTERED
            sdl.SDL_SetWindowSize(self._window, width, height)
            sdl.SDL_SetWindowPosition(self._window, centred, centred)
            sdl.SDL_ShowWindow(self._window)
        self._apply_fullscreen()

    def _apply_fullscreen(self) -> None:
        sdl = self._sdl
        mode = sdl.SDL_WINDOW_FULLSCREEN_DESKTOP if self._fullscreen else 0
        sdl.SDL_SetWindowFullscreen(self._window, mode)
        sdl.SDL_ShowCursor(sdl.SDL_DISABLE if self._fullscreen else sdl.SDL_ENABLE)

    def _paint(self) -> None:
        """Draw the texture, and wait until it is handed to the screen."""
        sdl = self._sdl
        height, width = self._texture_shape[:2]
        room = self._pair(sdl.SDL_GetRendererOutputSize, self._renderer)
        place = sdl.SDL_Rect(*letterbox(width, height, room))
        self._check(sdl.SDL_RenderClear(self._renderer))
        self._check(sdl.SDL_RenderCopy(self._renderer, self._texture, None, place))
        sdl.SDL_RenderPresent(self._renderer)

    def _upload(self, image: Image, order: ColourOrder) -> None:
        """Write the picture into the texture.

        No renderer takes three bytes a pixel, and SDL's own conversion is several times slower
        than OpenCV's, which writes straight into the texture's memory.
        """
        sdl = self._sdl
        height, width = image.shape[:2]
        if image.shape != self._texture_shape:
            if self._texture:
                sdl.SDL_DestroyTexture(self._texture)
            self._texture = sdl.SDL_CreateTexture(
                self._renderer,
                sdl.SDL_PIXELFORMAT_RGB888,  # B, G, R and an unused byte in memory
                sdl.SDL_TEXTUREACCESS_STREAMING,
                width,
                height,
            )
            self._check(0 if self._texture else -1)
            self._texture_shape = image.shape
        address, pitch = ctypes.c_void_p(), ctypes.c_int()
        self._check(
            sdl.SDL_LockTexture(self._texture, None, ctypes.byref(address), ctypes.byref(pitch))
        )
        assert address.value is not None
        rows = (ctypes.c_uint8 * (pitch.value * height)).from_address(address.value)
        memory = memoryview(rows)
        pixels: Image = np.ndarray(
            (height, width, 4), np.uint8, memory, strides=(pitch.value, 4, 1)
        )
        cv2.cvtColor(
            image, cv2.COLOR_BGR2BGRA if order == "BGR" else cv2.COLOR_RGB2BGRA, dst=pixels
        )
        sdl.SDL_UnlockTexture(self._texture)

    def _pair(self, function: Any, subject: Any) -> tuple[int, int]:  # noqa: ANN401
        """Call a function of SDL that answers with two numbers."""
        first, second = ctypes.c_int(), ctypes.c_int()
        self._check(function(subject, ctypes.byref(first), ctypes.byref(second)))
        return first.value, second.value

    def _check(self, status: int) -> None:
        if status < 0:
            raise _SdlError(self._error())

    def _error(self) -> str:
        return str(self._sdl.SDL_GetError().decode(errors="replace")) or "SDL gives no reason"


class _SdlError(Exception):
    """A call of SDL failed, for the reason that SDL gives."""


def _load() -> Any:  # noqa: ANN401 - PySDL2 has no types
    """Import SDL, which takes a while and is not needed for a run without a screen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import it announces where its library comes from
        try:
            import sdl2
        except (ImportError, OSError, RuntimeError) as error:
            raise DisplayError(f"SDL 2 cannot be loaded ({error}): {INSTALL_SDL}") from error
    return sdl2
