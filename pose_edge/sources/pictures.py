"""A picture, or a folder of pictures in the order of their names."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import cv2
import numpy as np

from pose_edge.errors import EndOfStream, SourceError
from pose_edge.frames import Frame, Image
from pose_edge.sources.source import Source
from pose_edge.sources.spec import PICTURE_SUFFIXES
from pose_edge.util.paths import is_dir

log = logging.getLogger(__name__)


class Pictures(Source):
    """Still pictures, one per second when they are shown.

    Attributes:
        unreadable: Files of a folder that could not be read as pictures.
    """

    live = False
    still = True
    frame_rate = 1.0

    def __init__(self, path: str) -> None:
        """Prepare a picture or a folder of pictures."""
        self._path = Path(path)
        self._files: list[Path] = []
        self._index = 0
        self.unreadable: list[Path] = []

    def open(self) -> None:
        """List the pictures; see `Source.open`."""
        self._index, self.unreadable = 0, []
        self._files = [self._path]
        if is_dir(self._path):
            self._files = sorted(
                path for path in self._path.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES
            )
            if not self._files:
                kinds = " ".join(sorted(PICTURE_SUFFIXES))
                raise SourceError(f"{self._path} holds no pictures ({kinds})")
        self.frame_count = len(self._files)

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Return the next picture; see `Source.read`.

        A file that cannot be read raises SourceError if it is the only one; in a folder it is
        logged, kept in `unreadable` and skipped.
        """
        del timeout, reuse
        if self._index >= len(self._files):
            raise EndOfStream
        path, index = self._files[self._index], self._index
        self._index += 1
        image = read_picture(path)
        if image is None:
            if len(self._files) == 1:
                raise SourceError(f"{path} is not a picture that can be read")
            log.error("%s is not a picture that can be read: skipped", path)
            self.unreadable.append(path)
            return None
        return Frame(image, "BGR", time.monotonic_ns(), index, float(index), file=path.name)

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def describe(self) -> str:
        """Return the name of the picture or folder."""
        return self._path.name


def read_picture(path: Path) -> Image | None:
    """Return a picture as uint8 (height, width, 3) BGR, upright, or None if it cannot be read."""
    try:
        content = np.fromfile(path, dtype=np.uint8)
    except OSError:
        return None
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    return None if image is None else np.asarray(image, dtype=np.uint8)
