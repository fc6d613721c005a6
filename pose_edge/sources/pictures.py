"""A picture, or a folder of pictures in the order of their names."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Final

from pose_edge.errors import EndOfStream, SourceError
from pose_edge.frames import Frame, Image
from pose_edge.sources.picture_file import (
    ANIMATED_FORMATS,
    count_pictures,
    identify,
    open_picture,
    to_bgr,
)
from pose_edge.sources.source import Source
from pose_edge.sources.spec import PICTURE_SUFFIXES, is_raw_mjpeg
from pose_edge.util.paths import is_dir
from pose_edge.util.text import counted

log = logging.getLogger(__name__)

NAMED: Final = 3
"""Most names that `shortened` shows."""


class Pictures(Source):
    """Still pictures, shown at one per second."""

    live = False
    still = True
    frame_rate = 1.0

    def __init__(self, path: str) -> None:
        """Create the source of a picture or a folder of pictures."""
        self._path = Path(path)
        self._files: list[Path] = []
        self._others: dict[str, list[str]] = {}
        self._index = 0
        self._unreadable: list[str] = []
        self._in_folder = False

    def open(self) -> None:
        """List the pictures; see `Source.open`."""
        self._index, self._unreadable, self._others = 0, [], {}
        self.missing = None
        self._files = [self._path]
        self._in_folder = is_dir(self._path)
        if self._in_folder:
            try:
                self._files, self._others = sort_folder(self._path)
            except OSError as error:
                raise SourceError(f"{self._path} cannot be read: {error.strerror}") from error
            if not self._files:
                others = f"; ignored: {self._list_others()}" if self._others else ""
                raise SourceError(f"{self._path} holds no pictures{others}")
        self.frame_count = len(self._files)

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        """Return the next picture; see `Source.read`.

        A file that cannot be read raises SourceError if it was given by its own path; in a folder,
        it is logged, counted in `missing` and skipped.
        """
        del timeout, reuse
        if self._index >= len(self._files):
            if self._others:
                log.info("ignored in %s: %s", self.describe(), self._list_others())
                self._others = {}
            raise EndOfStream
        path, index = self._files[self._index], self._index
        self._index += 1
        try:
            image = self._read(path)
        except SourceError as error:
            if not self._in_folder:
                raise
            log.error("%s", error)
            self._unreadable.append(path.name)
            count = f"{len(self._unreadable)} of {counted(len(self._files), 'picture')}"
            self.missing = f"{count} could not be read ({shortened(self._unreadable)})"
            return None
        return Frame(image, "BGR", time.monotonic_ns(), index, float(index), file=path.name)

    def _read(self, path: Path) -> Image:
        with open_picture(path) as picture:
            image = to_bgr(picture)
            count = count_pictures(picture)
            if count > 1:
                alone = self._in_folder and picture.format in ANIMATED_FORMATS
                hint = ", all of them where it is given by its own name" if alone else ""
                log.warning("%s holds %d pictures: the first is taken%s", path, count, hint)
        return image

    def close(self) -> None:
        """Do nothing, as no file stays open."""

    def describe(self) -> str:
        """Return the name of the picture or folder."""
        return self._path.name or str(self._path)

    def _list_others(self) -> str:
        return "; ".join(
            f"{kind} ({len(names)}): {shortened(names)}" for kind, names in self._others.items()
        )


def sort_folder(folder: Path) -> tuple[list[Path], dict[str, list[str]]]:
    """List the pictures of a folder in the order of their names, and all other names by kind.

    A file counts as a picture by its suffix, so that a damaged one is not silently ignored, or by
    its content.

    Returns:
        Paths of the pictures; and the other names, by a description of their kind.

    Raises:
        OSError: The folder cannot be read.
    """
    pictures: list[Path] = []
    others: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):  # e.g. ._a.jpg, which macOS stores beside a.jpg
            others["hidden files"].append(path.name)
        elif is_dir(path):
            others["folders"].append(path.name)
        elif _is_picture(path):
            pictures.append(path)
        else:
            others["other files"].append(path.name)
    return pictures, dict(others)


def _is_picture(path: Path) -> bool:
    known = path.suffix.lower() in PICTURE_SUFFIXES
    return known or (not is_raw_mjpeg(path) and identify(path) is not None)


def shortened(names: Collection[str]) -> str:
    """Return the first names and the number of further ones, e.g. "a, b, c and 2 more"."""
    shown = list(names)[:NAMED]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
