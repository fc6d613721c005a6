"""An animated picture (GIF, PNG, WebP, AVIF), played like a video."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pose_edge.errors import EndOfStream, SourceError
from pose_edge.frames import Frame, Image
from pose_edge.sources.picture_file import faults_explained, open_until, to_bgr
from pose_edge.sources.source import Source
from pose_edge.util.text import counted

if TYPE_CHECKING:
    from PIL import Image as PillowImage

log = logging.getLogger(__name__)

SHORTEST_S: Final = 0.011
"""Shortest frame duration that is accepted from a file, seconds."""
USUAL_S: Final = 0.1
"""Duration of a frame for which the file gives less than `SHORTEST_S`, seconds. Browsers do the
same, because such files were made for slow programs."""
LONGEST_S: Final = 60.0
"""Longest duration of a frame, seconds."""


class Animation(Source):
    """An animated picture, read by Pillow."""

    live = False

    def __init__(self, path: str, *, loop: bool = False) -> None:
        """Create the source of a file; with `loop`, playback starts again at the end."""
        self._path = Path(path)
        self._loop = loop
        self._stack = ExitStack()
        self._picture: PillowImage.Image | None = None
        self._first = self._next = self._end = self._index = 0
        self._position = 0.0

    def open(self) -> None:
        """Open the file; see `Source.open`."""
        self.close()
        self.missing = None
        self._index, self._position = 0, 0.0
        with faults_explained(self._path), ExitStack() as stack:
            picture = open_until(stack, self._path)
            # The first picture of a PNG may be a fallback for programs without animations.
            self._first = self._next = int(bool(getattr(picture, "default_image", False)))
            self._end = int(getattr(picture, "n_frames", 1))
            picture.seek(self._first)
            picture.load()
            self.frame_rate = 1 / _shown_s(picture)
            self._stack = stack.pop_all()
        self._picture = picture
        self.frame_count = None if self._loop else self._end - self._first

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Return the next frame; see `Source.read`."""
        del timeout, reuse
        if self._picture is None:
            raise RuntimeError("the animation is not open")
        if self._next >= self._end:
            if not self._loop:
                raise EndOfStream
            self._next = self._first
        try:
            with faults_explained(self._path):
                self._picture.seek(self._next)
                image = to_bgr(self._picture)
        except SourceError as error:
            if self._next == self._first:
                raise
            self._give_up_rest(error)
            return None
        frame = Frame(image, "BGR", time.monotonic_ns(), self._index, self._position)
        self._position += _shown_s(self._picture)
        self._index += 1
        self._next += 1
        return frame

    def _give_up_rest(self, error: SourceError) -> None:
        """Log a damaged frame and end before it, as all later frames depend on it."""
        log.error("%s", error)
        lost = self._end - self._next
        total = counted(self._end - self._first, "frame")
        self.missing = f"{lost} of {total} {'is' if lost == 1 else 'are'} damaged"
        self._end = self._next

    def close(self) -> None:
        """Close the file; see `Source.close`."""
        self._picture = None
        self._stack.close()

    def describe(self) -> str:
        """Return the file's name."""
        return self._path.name


def _shown_s(picture: PillowImage.Image) -> float:
    """Return how long the current frame is shown, in seconds."""
    duration = float(picture.info.get("duration", 0)) / 1000
    return USUAL_S if duration < SHORTEST_S else min(duration, LONGEST_S)
