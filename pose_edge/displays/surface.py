"""What a window and a screen without a desktop have in common, once SDL has opened them."""

from __future__ import annotations

import ctypes
from abc import ABC, abstractmethod
from typing import Any, Final

from pose_edge.config.schema import DisplaySettings
from pose_edge.displays.display import CLOSED, Display
from pose_edge.displays.gpu import GpuPainter
from pose_edge.displays.screen_layout import ScreenLayout
from pose_edge.displays.sdl import Sdl, SdlError
from pose_edge.errors import DisplayError, PoseEdgeError
from pose_edge.overlay import Scene
from pose_edge.telemetry import Stopwatch

TITLE: Final = b"pose_edge"
KEYS_S: Final = 0.02
"""Time between two looks for keys."""


class KeyEvents:
    """Joins what SDL says of one key: its name on an unshifted keyboard, then what it types."""

    def __init__(self) -> None:
        """Start with no key pressed."""
        self._name = ""
        self._repeated = False

    def pressed(self, name: str, *, repeated: bool) -> list[str]:
        """Return the names to report for a key that was pressed, or is kept down."""
        self._name, self._repeated = name, repeated
        return [] if repeated else [name]

    def typed(self, text: str) -> list[str]:
        """Return the names to report for what it types: e.g. "?", which no key is called."""
        known = self._repeated or text == self._name or text.isspace()
        return [] if known else [text]


class Surface(Display, ABC):
    """A screen that SDL draws on.

    Picture and screen have different shapes and change them at any time (a window is resized, a
    camera returns with another size), so the place of the picture is computed for each one.
    """

    name = ""
    visible = True

    def __init__(
        self,
        sdl: Sdl,
        window: Any,  # noqa: ANN401
        name: str,
        settings: DisplaySettings,
        *,
        software: bool = False,
    ) -> None:
        """Draw on a window of SDL.

        Args:
            sdl: The library, closed by `close`.
            window: SDL's window, destroyed by `close`.
            name: The kind of screen, for the user.
            settings: Rotation and fit.
            software: Whether the CPU may draw where there is no GPU.

        Raises:
            SdlError: There is no renderer for the window.
        """
        self.name = name
        self._sdl = sdl
        self._window = window
        self._rotation = settings.rotation
        self._fit = settings.fit
        self._open = True
        self._scene: Scene | None = None
        self._has_picture = False
        self._painter = GpuPainter(sdl, window, software=software)

    def show(self, scene: Scene, stopwatch: Stopwatch) -> bool:
        """Present a scene, its aspect kept: with black bars or, if so set, without its edges.

        Waits for the screen's next refresh where the driver can.
        """
        self._check_connected()
        self._has_picture = scene.image is not None
        self._scene = scene.without_image()
        self._paint(scene, stopwatch)
        return True

    @property
    def poll_interval_s(self) -> float:
        """See `Display.poll_interval_s`; SDL tells of a key only when it is asked."""
        return KEYS_S

    def poll(self) -> list[str]:
        """Handle events; a screen that was resized or uncovered gets its last scene again."""
        api = self._sdl.api
        event = api.SDL_Event()
        names, stale, keyboard = [], False, KeyEvents()
        while api.SDL_PollEvent(ctypes.byref(event)):
            if event.type == api.SDL_QUIT:
                names.append(CLOSED)
            elif event.type == api.SDL_KEYDOWN:
                name = api.SDL_GetKeyName(event.key.keysym.sym).decode().lower()
                names += keyboard.pressed(name, repeated=bool(event.key.repeat))
            elif event.type == api.SDL_TEXTINPUT:
                names += keyboard.typed(event.text.text.decode(errors="ignore").lower())
            elif event.type == api.SDL_WINDOWEVENT:
                changes = (api.SDL_WINDOWEVENT_EXPOSED, api.SDL_WINDOWEVENT_SIZE_CHANGED)
                stale |= event.window.event in changes
        self._check_connected()
        if stale and self._scene is not None:
            self._paint(self._scene, Stopwatch())
        return names

    def close(self) -> None:
        """Close the window or give the screen back; closing twice does no harm."""
        if self._open:
            self._open = False
            self._painter.close()
            self._sdl.api.SDL_DestroyWindow(self._window)
            self._sdl.close()

    @abstractmethod
    def _check_connected(self) -> None:
        """Raise an error when the screen has gone; called twice for each picture."""

    def _failure(self, error: SdlError) -> PoseEdgeError:
        """Return the error to raise when SDL cannot draw."""
        return DisplayError(f"{self.name} has failed ({error})")

    def _paint(self, scene: Scene, stopwatch: Stopwatch) -> None:
        try:
            if scene.image is not None:
                self._painter.upload(scene.image, scene.order)
            stopwatch.lap("upload")
            layout = ScreenLayout(self._painter.output_size(), self._rotation, self._fit)
            self._painter.draw(scene, layout, picture=self._has_picture)
            stopwatch.lap("draw")
            self._painter.present()
            stopwatch.lap("present")
        except SdlError as error:
            raise self._failure(error) from error
        self._check_connected()
