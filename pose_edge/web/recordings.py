"""Functions that list, find and delete the recordings and pose files of a run."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from pose_edge.config.schema import Settings
from pose_edge.errors import OutputError, UsageError
from pose_edge.sinks.message import Record
from pose_edge.sinks.name_pattern import NamePattern, is_standard_output
from pose_edge.sinks.output_guard import is_being_written
from pose_edge.util.paths import user_path

MOST_FILES: Final = 1000
"""Maximum number of files that are listed, the newest ones."""
DEFAULT_RECORDING: Final = "pose-edge-{time}.mp4"
"""Name pattern of the page's recordings, in the working directory, if the settings give none."""
KINDS: Final = {".mp4": ("video", "video/mp4"), ".csv": ("table", "text/csv; charset=utf-8")}
OTHER_KIND: Final = ("poses", "application/x-ndjson; charset=utf-8")


class OutputFile(NamedTuple):
    """A file that a run has written.

    Attributes:
        path: Path of the file.
        size: Size, bytes.
        modified: Time of the last change, Unix seconds.
    """

    path: Path
    size: int
    modified: float

    @property
    def content_type(self) -> str:
        """Media type of the file."""
        return KINDS.get(self.path.suffix.lower(), OTHER_KIND)[1]

    @property
    def record(self) -> Record:
        """The file as JSON values; bytes of its name that are not UTF-8 become question marks."""
        return {
            "name": self.path.name.encode(errors="replace").decode(),
            "size": self.size,
            "modified": round(self.modified, 1),
            "kind": KINDS.get(self.path.suffix.lower(), OTHER_KIND)[0],
        }


def list_files(settings: Iterable[Settings]) -> list[OutputFile]:
    """Return the files whose names match the patterns of any of the settings, newest first."""
    found = {file.path.name: file for pattern in _patterns(settings) for file in _files(pattern)}
    newest = sorted(found.values(), key=lambda file: file.modified, reverse=True)
    return newest[:MOST_FILES]


def find_file(settings: Iterable[Settings], name: str) -> OutputFile | None:
    """Return an output file by its name; None if it matches no pattern or is no regular file."""
    for pattern in _patterns(settings):
        file = _file(pattern, name)
        if file is not None:
            return file
    return None


def delete_file(settings: Iterable[Settings], name: str) -> None:
    """Delete a file that `find_file` returns.

    Raises:
        UsageError: There is no such file, or it is being written.
        OutputError: The file cannot be deleted.
    """
    file = find_file(settings, name)
    if file is None:
        raise UsageError(f"there is no file {name}")
    if is_being_written(file.path):
        raise UsageError(f"{name} is being written")
    try:
        file.path.unlink()
    except OSError as error:
        raise OutputError(f"{name} cannot be deleted: {error.strerror}") from None


def _patterns(settings: Iterable[Settings]) -> list[NamePattern]:
    paths = [path for one in settings for path in (one.record.path, one.poses.path, one.csv.path)]
    return [
        NamePattern(str(user_path(path)))
        for path in dict.fromkeys([*paths, DEFAULT_RECORDING])
        if path is not None and not is_standard_output(path)
    ]


def _files(pattern: NamePattern) -> Iterator[OutputFile]:
    try:
        names = [path.name for path in pattern.folder.iterdir()]
    except OSError:  # the folder does not exist yet, or this user may not read it
        return
    for name in names:
        file = _file(pattern, name)
        if file is not None:
            yield file


def _file(pattern: NamePattern, name: str) -> OutputFile | None:
    if "/" in name or "\0" in name or pattern.number(name) is None:
        return None
    path = pattern.folder / name
    try:
        status = path.lstat()
    except (OSError, ValueError):
        return None
    return (
        OutputFile(path, status.st_size, status.st_mtime) if stat.S_ISREG(status.st_mode) else None
    )
