"""Says what is to be seen of a result, and draws it on a picture for recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from pose_edge.config.schema import OverlaySettings
from pose_edge.frames import Image
from pose_edge.overlay import (
    Drawing,
    Numbers,
    Painter,
    Readout,
    Rectangle,
    Scene,
    Size,
    Stamp,
    compose,
    crop_frame,
    joined,
    message_picture,
    place_poses,
    skeletons,
)
from pose_edge.overlay.scene import Overlay
from pose_edge.poses import Result

MESSAGE_SIZE: Final = (1280, 720)
"""Width and height of a window that shows a message before any frame has come."""


@dataclass(slots=True)
class Toggles:
    """What is drawn right now; keys change it."""

    skeleton: bool
    readout: bool
    crop: bool

    def press(self, key: str) -> None:
        """Turn what belongs to a key on or off; other keys do nothing."""
        if key == "s":
            self.skeleton = not self.skeleton
        elif key == "i":
            self.readout = not self.readout
        elif key == "c":
            self.crop = not self.crop


class Renderer:
    """Makes scenes for the screen, and pictures of them for recordings."""

    def __init__(
        self,
        settings: OverlaySettings,
        *,
        mirror: bool,
        readout: Readout | None = None,
    ) -> None:
        """Start with what the settings want to see.

        Args:
            settings: What is drawn.
            mirror: Show the picture as a mirror does; left and right of persons stay.
            readout: The read-out of the run; without one none is drawn.
        """
        self.configure(settings, mirror=mirror, readout=readout)
        self._numbers = Numbers()
        self._size = MESSAGE_SIZE
        self._canvas: Image = np.empty((0, 0, 3), dtype=np.uint8)
        self._painter = Painter("BGR")
        self._message: tuple[tuple[str, ...], Scene] | None = None

    def configure(
        self, settings: OverlaySettings, *, mirror: bool, readout: Readout | None = None
    ) -> None:
        """Draw in another way from the next scene on; arguments as at the start."""
        self.toggles = Toggles(settings.skeleton, settings.readout, settings.crop)
        self._min_score = settings.min_keypoint_score
        self._mirror = mirror
        self._readout = readout

    def scene(self, result: Result, *, skipped: int = 0) -> Scene:
        """Say what is to be seen of a result.

        Args:
            result: Its frame is neither copied nor changed.
            skipped: Frames that were not looked at so far, for the read-out.

        Returns:
            A scene that follows the toggles whenever it is painted. Its image is the frame's own:
            it must not be read when the result was released.
        """
        frame = result.frame
        self._message = None
        self._size = (frame.width, frame.height)
        poses, crop, provenance = result.poses, result.crop, result.provenance

        def overlay(size: Size, place: Rectangle) -> Drawing:
            toggles, mirror = self.toggles, self._mirror
            capsules, stamps, panels = [], list[Stamp](), list[Stamp]()
            if toggles.crop and crop is not None:
                capsules.append(crop_frame(crop, place, mirror=mirror))
            if toggles.skeleton:
                figures = place_poses(poses, place, mirror=mirror, min_score=self._min_score)
                capsules.append(skeletons(figures))
                stamps += self._numbers.stamps(poses, figures)
            if toggles.readout and self._readout is not None:
                panels.append(self._readout.stamp(size, provenance=provenance, skipped=skipped))
            return Drawing(joined(capsules), tuple(stamps), tuple(panels))

        return Scene(self._size, overlay, frame.image, frame.order, self._mirror)

    def message(self, title: str, *lines: str) -> Scene:
        """Return a message in place of a picture that would be stale.

        Returns:
            The same scene as the last time where the text is the same and no result came between.
        """
        text = (title, *lines)
        if self._message is None or self._message[0] != text:
            self._message = text, Scene(self._size, _message_overlay(title, lines))
        return self._message[1]

    def draw(self, scene: Scene) -> Image:
        """Draw a scene at the size of its picture.

        Args:
            scene: One with an image.

        Returns:
            uint8 (height, width, 3) in the image's order, valid until the next call.
        """
        assert scene.image is not None
        if self._canvas.shape != scene.image.shape:
            self._canvas = np.empty_like(scene.image)
        if self._painter.order != scene.order:
            self._painter = Painter(scene.order)
        compose(scene.image, self._canvas, mirror=scene.mirror)
        self._painter.paint(self._canvas, scene.overlay(scene.size, (0, 0, *scene.size)))
        return self._canvas


def _message_overlay(title: str, lines: Sequence[str]) -> Overlay:
    """Return what draws a message over everything; it is made anew when the size changes."""
    made: dict[Size, Drawing] = {}

    def overlay(size: Size, _place: Rectangle) -> Drawing:
        if size not in made:
            made.clear()
            made[size] = Drawing(stamps=(Stamp(message_picture(size, title, lines), 0, 0),))
        return made[size]

    return overlay
