"""What a window and a whole screen have in common, once SDL has opened them."""

from __future__ import annotations

import ctypes
from abc import abstractmethod
from typing import Any, Final

from pose_edge.displays.gpu import GpuPainter
from pose_edge.displays.null import NullDisplay
from pose_edge.displays.screen_layout import Layout, Rotation
from pose_edge.displays.sdl import Sdl, SdlError
from pose_edge.errors import DisplayError
from pose_edge.overlay import Scene, Size
from pose_edge.telemetry import Stopwatch

TITLE: Final = b"pose_edge"


class Surface(NullDisplay):
    """Something that SDL draws on; see `pose_edge.displays.Display`.

    Picture and screen have different shapes and change them at any time (a window is resized, a
    camera returns with another size), so the place of the picture is worked out for each one.
    """

    def __init__(self, sdl: Sdl, window: Any, rotation: Rotation, name: str) -> None:  # noqa: ANN401
        """Draw on a window of SDL.

        Args:
            sdl: The library, closed by `close`.
            window: SDL's window, destroyed by `close`.
            rotation: Degrees clockwise by which everything is turned.
            name: What it is, for the user.

        Raises:
            SdlError: There is no renderer for it.
        """
        self._name = name
        self._sdl = sdl
        self._window = window
        self._rotation: Rotation = rotation
        self._open = True
        self._appeared = False
        self._scene: Scene | None = None
        self._has_picture = False
        self._painter = GpuPainter(sdl, self._create_renderer())

    @property
    def name(self) -> str:
        """What it is, e.g. "window (x11)"."""
        return self._name

    @property
    def visible(self) -> bool:
        """Say that it can be drawn on."""
        return True

    def show(self, scene: Scene, stopwatch: Stopwatch) -> bool:
        """Present a scene, its aspect kept, with black bars where it does not fill the screen.

        Waits for the screen's next refresh where the driver can. A minimised window is left as it
        is, for there some drivers would wait for ever.

        Args:
            scene: What to show.
            stopwatch: Gets the stages "upload", "draw" and "present".

        Returns:
            Whether it can be seen.

        Raises:
            DisplayError: The screen has failed or was unplugged.
        """
        api = self._sdl.api
        self._check_there()
        if not self._appeared:
            self._appeared = True
            self._appear(scene.size)
        if api.SDL_GetWindowFlags(self._window) & api.SDL_WINDOW_MINIMIZED:
            return False
        self._has_picture = scene.image is not None
        self._scene = scene.without_image()
        try:
            if scene.image is not None:
                self._painter.upload(scene.image, scene.order)
            stopwatch.lap("upload")
            self._paint(stopwatch)
        except SdlError as error:
            raise DisplayError(f"{self.name} has failed ({error})") from error
        return True

    def poll(self) -> list[str]:
        """Handle what the user did since the last call.

        A window that was resized or uncovered gets its scene again: a still one is shown once.

        Returns:
            Names of the keys that were pressed, in lower case, and "closed".

        Raises:
            DisplayError: The screen has failed.
        """
        api = self._sdl.api
        event = api.SDL_Event()
        names, stale = [], False
        while api.SDL_PollEvent(ctypes.byref(event)):
            if event.type == api.SDL_QUIT:
                self._check_asked_to_close()
                names.append("closed")
            elif event.type == api.SDL_KEYDOWN and not event.key.repeat:
                names += self._pressed(api.SDL_GetKeyName(event.key.keysym.sym).decode().lower())
            elif event.type == api.SDL_WINDOWEVENT:
                changes = (api.SDL_WINDOWEVENT_EXPOSED, api.SDL_WINDOWEVENT_SIZE_CHANGED)
                stale |= event.window.event in changes
        self._check_there()
        if stale and self._scene is not None:
            try:
                self._paint(Stopwatch())
            except SdlError as error:
                raise DisplayError(f"{self.name} has failed ({error})") from error
        return names

    def close(self) -> None:
        """Close the window or give the screen back; closing twice does no harm."""
        if self._open:
            self._open = False
            self._painter.close()
            self._destroy_window()
            self._sdl.close()

    def _destroy_window(self) -> None:
        self._sdl.api.SDL_DestroyWindow(self._window)

    def _pressed(self, key: str) -> list[str]:
        """Return what to report of a key that SDL reports."""
        return [key]

    @abstractmethod
    def _check_there(self) -> None:
        """Raise `DisplayError` when the screen has gone."""

    def _check_asked_to_close(self) -> None:
        """Raise `DisplayError` when it was not the user who closed the window."""

    @abstractmethod
    def _appear(self, size: Size) -> None:
        """Become visible, with the first scene, whose size it gets."""

    @abstractmethod
    def _create_renderer(self) -> Any:  # noqa: ANN401
        """Return a renderer of SDL; raise `SdlError` when there is none."""

    def _paint(self, stopwatch: Stopwatch) -> None:
        assert self._scene is not None
        layout = Layout(self._painter.output_size(), self._rotation)
        self._painter.draw(self._scene, layout, picture=self._has_picture)
        stopwatch.lap("draw")
        self._sdl.take_fault()
        self._painter.present()
        stopwatch.lap("present")
        fault = self._sdl.take_fault()
        if fault is not None:
            raise SdlError(fault)
        self._check_there()
