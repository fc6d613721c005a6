"""Draws results: the frame with skeleton, read-out and crop, as it is shown and recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from pose_edge.frames import ColourOrder, Image
from pose_edge.overlay import Readout, compose, draw_crop, draw_poses, message_picture
from pose_edge.poses import Result
from pose_edge.settings import OverlaySettings

MESSAGE_SIZE: Final = (720, 1280)
"""Height and width of a message when no frame has ever come."""


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
    """Keeps one canvas and draws every picture on it."""

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
        self.toggles = Toggles(settings.skeleton, settings.readout, settings.crop)
        self._min_score = settings.min_keypoint_score
        self._mirror = mirror
        self._readout = readout
        self._canvas: Image = np.zeros((*MESSAGE_SIZE, 3), dtype=np.uint8)
        self._message: tuple[str, ...] | None = None

    def draw(self, result: Result, *, skipped: int = 0) -> Image:
        """Draw a result.

        Args:
            result: What to draw; its frame is left as it is.
            skipped: Frames that were not looked at so far, for the read-out.

        Returns:
            uint8 (height, width, 3) in the frame's order, valid until the next call.
        """
        frame, toggles, mirror = result.frame, self.toggles, self._mirror
        self._message = None
        if self._canvas.shape != frame.image.shape:
            self._canvas = np.empty_like(frame.image)
        canvas = self._canvas
        compose(frame, canvas, mirror=mirror)
        if toggles.crop and result.crop is not None:
            draw_crop(canvas, frame.order, result.crop, mirror=mirror)
        if toggles.skeleton:
            draw_poses(canvas, frame.order, result.poses, mirror=mirror, min_score=self._min_score)
        if toggles.readout and self._readout is not None:
            self._readout.draw(
                canvas,
                frame.order,
                provenance=result.provenance,
                skipped=skipped,
            )
        return canvas

    def message(self, title: str, *lines: str, order: ColourOrder = "BGR") -> Image | None:
        """Draw a message in place of a picture that would be stale.

        Returns:
            The canvas, or None when it shows this message already.
        """
        if self._message == (title, *lines):
            return None
        self._message = (title, *lines)
        message_picture(self._canvas, order, title, lines)
        return self._canvas
