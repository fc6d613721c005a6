"""From a result to a scene, and from a scene to a picture for recordings."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from pose_edge.config.schema import OverlaySettings
from pose_edge.frames import Image
from pose_edge.overlay.crop import crop_frame
from pose_edge.overlay.message import message_picture
from pose_edge.overlay.paint import Painter
from pose_edge.overlay.readout import Readout
from pose_edge.overlay.scene import Capsules, Drawing, Rectangle, Scene, Size, Stamp, joined
from pose_edge.overlay.skeleton import number_stamps, place_poses, skeletons
from pose_edge.poses import Result

MESSAGE_SIZE: Final[Size] = (1280, 720)
"""Size of a window that shows a message before the first frame has come."""

KEYS: Final = {"s": "skeleton", "i": "readout", "c": "crop"}
"""Keys that turn a part of the overlay on and off, and the parts' names in `OverlaySettings`."""


class Renderer:
    """Makes scenes for the screen, and pictures of them for recordings."""

    def __init__(
        self, settings: OverlaySettings, *, mirror: bool, readout: Readout | None = None
    ) -> None:
        """Start with the parts of the overlay that the settings turn on.

        Args:
            settings: What is drawn.
            mirror: Show the picture as a mirror does; a person's left stays their left.
            readout: The read-out of the run; without one none is drawn.
        """
        self._settings = settings
        self._mirror = mirror
        self._readout = readout
        self._size = MESSAGE_SIZE
        self._canvas: Image = np.empty((0, 0, 3), dtype=np.uint8)
        self._painter = Painter("BGR")
        self._message: tuple[tuple[str, ...], Scene] | None = None

    def press(self, key: str) -> None:
        """Turn the part that belongs to a key on or off; other keys do nothing."""
        if part := KEYS.get(key):
            changed = {part: not getattr(self._settings, part)}
            self._settings = self._settings.model_copy(update=changed)

    def scene(self, result: Result, *, skipped: int = 0) -> Scene:
        """Return the scene of a result.

        Args:
            result: Its frame is neither copied nor changed.
            skipped: Frames that were not processed so far, for the read-out.

        Returns:
            A scene that shows, whenever it is painted, what keys have turned on. Its image is the
            frame's own: it must not be read after the result was released.
        """
        frame = result.frame
        self._message = None
        self._size = (frame.width, frame.height)
        poses, crop, provenance = result.poses, result.crop, result.provenance

        def overlay(size: Size, place: Rectangle) -> Drawing:
            settings, mirror = self._settings, self._mirror
            capsules, stamps, panels = list[Capsules](), list[Stamp](), list[Stamp]()
            if settings.crop and crop is not None:
                capsules.append(crop_frame(crop, place, mirror=mirror))
            if settings.skeleton:
                least = settings.min_keypoint_score
                figures = place_poses(poses, place, mirror=mirror, min_score=least)
                capsules.append(skeletons(figures))
                stamps = number_stamps(poses, figures)
            if settings.readout and self._readout is not None:
                panels.append(self._readout.stamp(size, provenance, skipped=skipped))
            return Drawing(joined(capsules), stamps, panels)

        return Scene(self._size, overlay, frame.image, frame.order, self._mirror)

    def message(self, title: str, *lines: str) -> Scene:
        """Return a message in place of a picture that would be stale.

        Returns:
            The same scene as before where the text is the same and no result came in between.
        """
        text = (title, *lines)
        if self._message is None or self._message[0] != text:

            @lru_cache(1)  # typesetting is slow, and the size seldom changes
            def overlay(size: Size, _place: Rectangle) -> Drawing:
                return Drawing(stamps=[Stamp(message_picture(size, title, lines), 0, 0)])

            self._message = text, Scene(self._size, overlay)
        return self._message[1]

    def draw(self, scene: Scene) -> Image:
        """Draw a scene with an image, at the image's size.

        Returns:
            uint8 (height, width, 3) in the image's order, valid until the next call.
        """
        assert scene.image is not None
        if self._canvas.shape != scene.image.shape:
            self._canvas = np.empty_like(scene.image)
        if self._painter.order != scene.order:
            self._painter = Painter(scene.order)
        if scene.mirror:
            cv2.flip(scene.image, 1, dst=self._canvas)
        else:
            np.copyto(self._canvas, scene.image)
        self._painter.paint(self._canvas, scene.overlay(scene.size, (0, 0, *scene.size)))
        return self._canvas
