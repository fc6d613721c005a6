"""The recordings and pose files of a run, which can be played, fetched and deleted."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from pose_edge.config.schema import Settings
from pose_edge.errors import OutputError, UsageError
from pose_edge.sinks.message import Record
from pose_edge.sinks.name_pattern import NamePattern, is_standard_output
from pose_edge.sinks.output_guard import is_written
from pose_edge.util.paths import user_path

MOST_FILES: Final = 1000
"""Files that are listed, the newest ones."""
DEFAULT_RECORDING: Final = "pose-edge-{time}.mp4"
"""Where the page records to, in the program's folder, if the settings do not say."""
KINDS: Final = {".mp4": ("video", "video/mp4"), ".csv": ("table", "text/csv; charset=utf-8")}
OTHER_KIND: Final = ("poses", "application/x-ndjson; charset=utf-8")


class OutputFile(NamedTuple):
    """A file that a run has written.

    Attributes:
        path: Where it lies.
        size: Bytes.
        modified: Unix seconds.
    """

    path: Path
    size: int
    modified: float

    @property
    def content_type(self) -> str:
        """Its media type."""
        return KINDS.get(self.path.suffix.lower(), OTHER_KIND)[1]

    @property
    def record(self) -> Record:
        """The file as JSON values; bytes of its name that are no text are shown as marks."""
        return {
            "name": self.path.name.encode(errors="replace").decode(),
            "size": self.size,
            "modified": round(self.modified, 1),
            "kind": KINDS.get(self.path.suffix.lower(), OTHER_KIND)[0],
        }


def list_files(settings: Settings) -> list[OutputFile]:
    """Return the files that were written by these settings, newest first."""
    found = {file.path.name: file for pattern in _patterns(settings) for file in _files(pattern)}
    newest = sorted(found.values(), key=lambda file: file.modified, reverse=True)
    return newest[:MOST_FILES]


def find_file(settings: Settings, name: str) -> OutputFile | None:
    """Return one of these files by its name; None for anything else, such as a link."""
    for pattern in _patterns(settings):
        file = _file(pattern, name)
        if file is not None:
            return file
    return None


def delete_file(settings: Settings, name: str) -> None:
    """Delete one of these files.

    Raises:
        UsageError: There is none of this name, or it is being written.
        OutputError: It cannot be deleted.
    """
    file = find_file(settings, name)
    if file is None:
        raise UsageError(f"there is no file {name}")
    if is_written(file.path):
        raise UsageError(f"{name} is being written")
    try:
        file.path.unlink()
    except OSError as error:
        raise OutputError(f"{name} cannot be deleted: {error.strerror}") from None


def _patterns(settings: Settings) -> Iterator[NamePattern]:
    for path in (
        settings.record.path,
        settings.poses.path,
        settings.csv.path,
        DEFAULT_RECORDING,
    ):
        if path is not None and not is_standard_output(path):
            yield NamePattern(str(user_path(path)))


def _files(pattern: NamePattern) -> Iterator[OutputFile]:
    try:
        names = [path.name for path in pattern.folder.iterdir()]
    except OSError:  # not there yet, or not for this user
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
