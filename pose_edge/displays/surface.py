"""The common base of screens that SDL draws on: windows, and screens without a desktop."""

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
"""Interval at which SDL is polled for keys, seconds."""


class KeyEvents:
    """Merges SDL's two events for one key press: the key's unshifted name, then typed text."""

    def __init__(self) -> None:
        """Create the object, with no key pressed."""
        self._name = ""
        self._repeated = False

    def pressed(self, name: str, *, repeated: bool) -> list[str]:
        """Return the names to report for a key-down event: none if it is an auto-repeat."""
        self._name, self._repeated = name, repeated
        return [] if repeated else [name]

    def typed(self, text: str) -> list[str]:
        """Return the names to report for typed text that is not the key's name, e.g. "?"."""
        known = self._repeated or text == self._name or text.isspace()
        return [] if known else [text]


class Surface(Display, ABC):
    """A screen that SDL draws on.

    The sizes of picture and screen may change at any time (a window is resized, a camera returns
    with another resolution), so the layout is computed for each picture.
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
        """Create a renderer for an SDL window.

        Args:
            sdl: The library, closed by `close`.
            window: SDL's window, destroyed by `close`.
            name: The kind of screen, for the user.
            settings: Rotation and fit.
            software: Whether to fall back to SDL's software renderer where there is no GPU.

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
        """Present a scene at its aspect ratio: with black bars or, with fit "fill", cropped.

        Waits for the next vertical sync where the driver supports it.
        """
        self._check_connected()
        self._has_picture = scene.image is not None
        self._scene = scene.without_image()
        self._paint(scene, stopwatch)
        return True

    @property
    def poll_interval_s(self) -> float:
        """See `Display.poll_interval_s`; SDL reports keys only when it is polled."""
        return KEYS_S

    def poll(self) -> list[str]:
        """Handle events; redraw the last scene if the screen was resized or uncovered."""
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
        """Close the window or release the screen; a second call does nothing."""
        if self._open:
            self._open = False
            self._painter.close()
            self._sdl.api.SDL_DestroyWindow(self._window)
            self._sdl.close()

    @abstractmethod
    def _check_connected(self) -> None:
        """Raise `DisplayError` or `DesktopEnded` if the screen is gone; called often."""

    def _failure(self, error: SdlError) -> PoseEdgeError:
        """Return the exception to raise when SDL cannot draw."""
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
