"""The names of output files."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Final

from pose_edge.util.paths import user_path

STANDARD_OUTPUT: Final = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
"""Paths that mean the standard output. They are not opened: a file that the standard output is
redirected to would be overwritten from its start."""
RECORDING_SUFFIX: Final = ".mp4"
TIME_MARK: Final = "{time}"
"""Placeholder for the local time at which a file is created."""
TIME_FORMAT: Final = "%Y-%m-%d_%H-%M-%S"
TIME_SHAPE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{2}-[0-9]{2}-[0-9]{2}"
MAX_NUMBER: Final = 99_999
"""Highest number in a name; one with more digits, e.g. a date, comes from elsewhere."""


class NamePattern:
    """A path from the settings, into which a time and a number are inserted.

    ``rec-{time}.mp4`` makes ``rec-2026-11-23_03-12-05.mp4``, then ``rec-2026-11-23_03-12-05-2.mp4``
    and so on.

    Attributes:
        folder: The folder of the files.
    """

    def __init__(self, path: str) -> None:
        """Parse a path; each `TIME_MARK` in its last component stands for the time."""
        full = user_path(path)
        self.folder = full.parent
        self._stem, self._suffix = full.stem, full.suffix
        if TIME_MARK in self._suffix:  # a time, not a suffix
            self._stem, self._suffix = full.name, ""
        parts = [re.escape(part) for part in self._stem.split(TIME_MARK)]
        stem = parts[0]
        for count, part in enumerate(parts[1:]):
            stem += (f"(?P<time>{TIME_SHAPE})" if count == 0 else "(?P=time)") + part
        number = "(?:-(?P<number>[1-9][0-9]{0,4}))?"
        self._shape = re.compile(f"{stem}{number}{re.escape(self._suffix)}", re.ASCII)

    def current(self) -> Path:
        """Return the path of a file that is created now."""
        return self.path(time.localtime())

    def path(self, moment: time.struct_time, number: int = 1) -> Path:
        """Return the path of a file.

        Args:
            moment: Local time at which the file is created.
            number: 1 for the plain name; 2, 3, ... if that exists.
        """
        stem = self._stem.replace(TIME_MARK, time.strftime(TIME_FORMAT, moment))
        more = f"-{number}" if number > 1 else ""
        return self.folder / f"{stem}{more}{self._suffix}"

    def number(self, name: str, moment: time.struct_time | None = None) -> int | None:
        """Return the number in a file name: 1 for a plain name, else 2 or more.

        Args:
            name: The name, without its folder.
            moment: The local time that the name must contain, if it contains one; None for any.

        Returns:
            The number, or None for a name that does not match.
        """
        found = self._shape.fullmatch(name)
        if found is None:
            return None
        created = found.groupdict().get("time")
        if created is not None and not _is_time(created):
            return None
        if moment is not None and created not in (None, time.strftime(TIME_FORMAT, moment)):
            return None
        number = int(found["number"] or 1)
        return None if found["number"] == "1" else number


def is_standard_output(path: str) -> bool:
    """Return whether a path from the settings means the standard output."""
    return path in STANDARD_OUTPUT


def _is_time(text: str) -> bool:
    try:
        time.strptime(text, TIME_FORMAT)
    except ValueError:
        return False
    return True
