"""The names of output files."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Final

from pose_edge.util.paths import user_path

STANDARD_OUTPUT: Final = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
"""Names of the standard output. Opened by its path, a file that it is redirected to would be
overwritten from its start."""
RECORDING_SUFFIX: Final = ".mp4"
TIME_MARK: Final = "{time}"
"""Stands for the time at which a file is created."""
TIME_FORMAT: Final = "%Y-%m-%d_%H-%M-%S"
TIME_SHAPE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{2}-[0-9]{2}-[0-9]{2}"
MAX_NUMBER: Final = 99_999
"""The highest number in a name: one of more digits, such as a date, has another origin."""


class NamePattern:
    """A path of the configuration, into which a time and a number are put.

    ``rec-{time}.mp4`` makes ``rec-2026-11-23_03-12-05.mp4``, then ``rec-2026-11-23_03-12-05-2.mp4``
    and so on.

    Attributes:
        folder: The folder of the files.
    """

    def __init__(self, path: str) -> None:
        """Take a path; each `TIME_MARK` in its last part stands for the time."""
        full = user_path(path)
        self.folder = full.parent
        self._stem, self._suffix = full.stem, full.suffix
        if TIME_MARK in self._suffix:  # it is not a suffix then
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
        """Return the path of a file that is created at a local time.

        The number is 1 for the plain name; 2, 3, ... when that exists.
        """
        stem = self._stem.replace(TIME_MARK, time.strftime(TIME_FORMAT, moment))
        more = f"-{number}" if number > 1 else ""
        return self.folder / f"{stem}{more}{self._suffix}"

    def number(self, name: str, moment: time.struct_time | None = None) -> int | None:
        """Return the number of a file: 1 for a plain name, else 2 or more.

        Returns None for a name (without its folder) that does not fit the pattern or, where a
        moment is given, belongs to a file that was created at another local time.
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
    """Return whether a path of the configuration stands for the standard output."""
    return path in STANDARD_OUTPUT


def _is_time(text: str) -> bool:
    try:
        time.strptime(text, TIME_FORMAT)
    except ValueError:
        return False
    return True
