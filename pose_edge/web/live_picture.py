"""The live picture: drawn and encoded only while somebody watches, and once for all watchers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from pose_edge.config.outputs import WebSettings
from pose_edge.frames import ColourOrder, Image
from pose_edge.overlay import Scene, Size
from pose_edge.web.loop_call import LoopCall

if TYPE_CHECKING:
    import asyncio

REPEAT_S: Final = 2.0
"""Interval at which a still picture is sent again, seconds, so that watchers and proxies see that
the connection works."""


class LivePicture:
    """Takes pictures from the main thread, and passes them as JPEGs to all watchers.

    The methods are grouped by the thread that calls them: the main thread or the event loop's.

    Attributes:
        settings: The settings in force.
        number: Number of the newest JPEG; it increases by 1 with each.
    """

    def __init__(self, settings: WebSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Create the live picture without watchers; `clock` returns monotonic seconds."""
        self.settings = settings
        self.number = 0
        self._watchers: set[object] = set()
        self._clock = clock
        self._due_s = 0.0
        self._put_s = self._joined_s = 0.0
        self._waiting: tuple[Image, ColourOrder] | None = None
        self._jpeg = b""
        self._changed: asyncio.Event | None = None  # set when the next JPEG is ready
        self._wake = LoopCall(self._encode)

    # --- in the main thread -----------------------------------------------------------------------

    @property
    def watched(self) -> bool:
        """Whether somebody watches."""
        return bool(self._watchers)

    def due(self) -> bool:
        """Return whether somebody watches, and the next picture is due by the frame rate."""
        return bool(self._watchers) and self._clock() >= self._due_s

    def due_again(self) -> bool:
        """Return whether to send a still picture again: for a new watcher, or after `REPEAT_S`."""
        now = self._clock()
        late = self._joined_s >= self._put_s or now - self._put_s >= REPEAT_S
        return late and bool(self._watchers)

    def send(self, scene: Scene, draw: Callable[[Scene], Image]) -> None:
        """Draw a scene with `draw` and send its picture, at the size of `fitting`."""
        fitting = self.fitting(scene)
        self.put(draw(fitting), fitting.order)

    def fitting(self, scene: Scene) -> Scene:
        """Return a scene scaled down to the width that the settings allow."""
        size = shrunk_size(scene.size, self.settings.picture_width)
        if size == scene.size:
            return scene
        image = None if scene.image is None else shrunk(scene.image, size)
        return replace(scene, size=size, image=image)

    def put(self, image: Image, order: ColourOrder) -> None:
        """Send a copy of a picture; it replaces a picture that is not encoded yet."""
        now = self._clock()
        # Keep to the schedule: a late picture does not delay those after it.
        self._due_s = max(self._due_s + 1 / self.settings.fps, now)
        self._put_s = now
        self._waiting = image.copy(), order
        self._wake.request()

    # --- in the event loop ------------------------------------------------------------------------

    @property
    def watchers(self) -> int:
        """Number of watchers."""
        return len(self._watchers)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Use another event loop, and forget all watchers."""
        self._watchers = set()
        self._changed = None
        self._wake.attach(loop)

    def join(self) -> object:
        """Add a watcher, who gets a picture soon, even of a still scene; return its handle."""
        watcher = object()
        self._joined_s = self._clock()
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: object) -> None:
        """Remove a watcher."""
        self._watchers.discard(watcher)

    async def newer(self, than: int) -> tuple[int, bytes]:
        """Wait for a JPEG whose number differs from `than`; return its number and data."""
        import asyncio

        while self.number == than:
            if self._changed is None:
                self._changed = asyncio.Event()
            await self._changed.wait()
        return self.number, self._jpeg

    def _encode(self) -> None:
        import simplejpeg

        waiting, self._waiting = self._waiting, None
        if waiting is None or not self._watchers:
            return
        image, order = waiting
        self._jpeg = simplejpeg.encode_jpeg(
            image, quality=self.settings.quality, colorspace=order, colorsubsampling="420"
        )
        self.number += 1
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()


def shrunk_size(size: Size, width: int) -> Size:
    """Return a size of the same aspect ratio that is at most `width` pixels wide."""
    if size[0] <= width:
        return size
    return width, max(1, round(size[1] * width / size[0]))


def shrunk(image: Image, size: Size) -> Image:
    """Return a copy of an image, scaled down to a size."""
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
