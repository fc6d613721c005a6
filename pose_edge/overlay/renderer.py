"""The renderer: turns results into scenes, and scenes into pictures for recordings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import cv2
import numpy as np

from pose_edge.config.schema import OverlaySettings
from pose_edge.frames import Frame, Image
from pose_edge.overlay.background import blurred
from pose_edge.overlay.badges import Badges
from pose_edge.overlay.crop import crop_frame
from pose_edge.overlay.figures import place_poses
from pose_edge.overlay.message import message_picture
from pose_edge.overlay.paint import Painter
from pose_edge.overlay.readout import Readout
from pose_edge.overlay.scene import Capsules, Drawing, Rectangle, Scene, Size, Stamp, joined
from pose_edge.overlay.skeleton import skeletons
from pose_edge.overlay.trails import Trail, Trails, trail_capsules
from pose_edge.poses import Box, Pose, Provenance, Result

MESSAGE_SIZE: Final[Size] = (1280, 720)
"""Size of a message that is shown before the first frame has arrived, pixels."""


class _Moment(NamedTuple):
    """The data of a result that are drawn, without its frame, which may be released by then."""

    poses: Sequence[Pose]
    crop: Box | None
    provenance: Provenance
    trails: Sequence[Trail]
    skipped: int
    paused: bool
    resting: bool
    still: bool


class Renderer:
    """Creates scenes for the screen, and pictures of them for recordings.

    Attributes:
        settings: What is drawn; see `change`.
    """

    def __init__(
        self, settings: OverlaySettings, *, mirror: bool, readout: Readout | None = None
    ) -> None:
        """Create the renderer.

        Args:
            settings: What is drawn.
            mirror: Whether to show the picture mirrored; a person's left stays their left.
            readout: The read-out of the run, or None to draw none.
        """
        self.settings = settings
        self._mirror = mirror
        self._readout = readout
        self._badges = Badges()
        self._trails = Trails()
        self._size = MESSAGE_SIZE
        self._canvas: Image = np.empty((0, 0, 3), dtype=np.uint8)
        self._painter = Painter("BGR")
        self._message: tuple[tuple[str, ...], Scene] | None = None

    def change(self, **settings: Any) -> None:  # noqa: ANN401 - values of the settings
        """Change some settings, for everything that is drawn from now on."""
        self.settings = self.settings.model_copy(update=settings)

    def scene(
        self, result: Result, *, skipped: int = 0, paused: bool = False, resting: bool = False
    ) -> Scene:
        """Return the scene of a result.

        Args:
            result: The result; its frame is neither copied nor changed.
            skipped: Number of frames not processed so far, for the read-out.
            paused: Whether the user has paused the picture; this is shown even if the read-out is
                off.
            resting: Whether only some frames are processed, for the read-out.

        Returns:
            A scene whose overlay follows the settings in force whenever it is painted. Its image
            may be the frame's own: it must not be read after the result was released.
        """
        frame = result.frame
        self._message = None
        self._size = (frame.width, frame.height)
        moment = _Moment(
            result.poses,
            result.crop,
            result.provenance,
            self._follow(result),
            skipped=skipped,
            paused=paused,
            resting=resting,
            still=frame.file is not None,
        )

        def overlay(size: Size, place: Rectangle) -> Drawing:
            return self._drawing(moment, size, place)

        return Scene(self._size, overlay, self._background(frame), frame.order, self._mirror)

    def message(self, title: str, *lines: str) -> Scene:
        """Return the scene of a message that replaces a stale picture.

        Returns:
            The same object as before if the text is the same and no result came in between.
        """
        text = (title, *lines)
        if self._message is None or self._message[0] != text:

            @lru_cache(1)  # rendering text is slow, and the size seldom changes
            def overlay(size: Size, _place: Rectangle) -> Drawing:
                return Drawing(stamps=[Stamp(message_picture(size, title, lines), 0, 0)])

            self._message = text, Scene(self._size, overlay)
        return self._message[1]

    def draw(self, scene: Scene) -> Image:
        """Draw a scene at its own size.

        Returns:
            uint8 (height, width, 3) in the scene's colour order, valid until the next call.
        """
        width, height = scene.size
        if self._canvas.shape != (height, width, 3):
            self._canvas = np.empty((height, width, 3), np.uint8)
        if self._painter.order != scene.order:
            self._painter = Painter(scene.order)
        image = scene.image
        if image is None:
            self._canvas[:] = 0
        else:
            if image.shape != self._canvas.shape:
                image = np.asarray(cv2.resize(image, scene.size), np.uint8)
            if scene.mirror:
                cv2.flip(image, 1, dst=self._canvas)
            else:
                np.copyto(self._canvas, image)
        self._painter.paint(self._canvas, scene.overlay(scene.size, (0, 0, *scene.size)))
        return self._canvas

    def _background(self, frame: Frame) -> Image | None:
        """Return the background image of a frame by the settings, or None for black."""
        match self.settings.background:
            case "camera":
                return frame.image
            case "blur":
                return blurred(frame.image)
            case _:
                return None

    def _follow(self, result: Result) -> Sequence[Trail]:
        """Add a result to the trails, and return them."""
        seconds, frame = self.settings.trails, result.frame
        if seconds == 0 or frame.file is not None:
            return ()
        least = self.settings.min_keypoint_score
        return self._trails.add(result.poses, frame.time, seconds, least)

    def _drawing(self, moment: _Moment, size: Size, place: Rectangle) -> Drawing:
        """Return the drawing over a frame, for a canvas or screen of this size."""
        settings, mirror = self.settings, self._mirror
        least, colour_by = settings.min_keypoint_score, settings.colour
        figures = place_poses(moment.poses, place, mirror=mirror, min_score=least)
        capsules, stamps = list[Capsules](), list[Stamp]()
        if settings.crop and moment.crop is not None:
            capsules.append(crop_frame(moment.crop, place, mirror=mirror))
        if moment.trails:
            trails = trail_capsules(moment.trails, place, mirror=mirror, colour_by=colour_by)
            capsules.append(trails)
        if settings.skeleton:
            numbers = [pose.id for pose in moment.poses]
            capsules.append(skeletons(figures, numbers, colour_by))
            stamps = self._badges.stamps(numbers, figures, size, colour_by)
        kind = settings.readout
        if kind == "off" and moment.paused:
            kind = "short"
        if kind != "off" and self._readout is not None:
            readout = self._readout.stamp(
                kind,
                size,
                place,
                figures,
                moment.provenance,
                skipped=moment.skipped,
                paused=moment.paused,
                resting=moment.resting,
                still=moment.still,
            )
            stamps.append(readout)
        return Drawing(joined(capsules), stamps)
