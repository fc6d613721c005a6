"""The poses that `annotate` writes as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pose_edge.config.outputs import CsvSettings, PosesSettings
from pose_edge.errors import OutputError
from pose_edge.poses import Result
from pose_edge.sinks.csv_table import csv_file
from pose_edge.sinks.file_sink import FileSink
from pose_edge.sinks.jsonl import pose_file
from pose_edge.sinks.message import PoseMessage
from pose_edge.sinks.restarting_sink import close_together


class TextOutputs:
    """The files of poses of all inputs, with the name of the input in each line of several.

    Attributes:
        name: Name of the present input of several; pictures have their own already.
    """

    def __init__(self, poses: PosesSettings, csv: CsvSettings, *, replace: bool) -> None:
        """Prepare; `open` starts.

        Args:
            poses: Where the lines go.
            csv: Where the table goes.
            replace: Whether files may be replaced that exist already.
        """
        self.name: str | None = None
        self._files: list[FileSink[[PoseMessage], PoseMessage, Any]] = [
            pose_file(poses, None, report=_ignore, replace=replace),
            csv_file(csv, None, report=_ignore, replace=replace),
        ]

    @property
    def paths(self) -> list[Path]:
        """The files so far."""
        return [path for file in self._files for path in file.paths]

    @property
    def unread(self) -> bool:
        """Whether the reader of the only output has left."""
        active = [file for file in self._files if file.active or file.unread]
        return bool(active) and all(file.unread for file in active)

    def open(self) -> None:
        """Start writing; see `FileSink.open`."""
        for file in self._files:
            file.open()

    def send(self, result: Result) -> None:
        """Write a result; wait while the files are slow."""
        message = PoseMessage.of(result, file=self.name)
        for file in self._files:
            file.send(message)

    def check(self) -> None:
        """Make sure that everything could be written so far; after the end, that it was.

        Raises:
            OutputError: A file cannot be written any more.
        """
        for file in self._files:
            if file.failed:
                raise OutputError(file.failed)

    def close(self) -> None:
        """Finish the files."""
        close_together(self._files)


def _ignore(_reason: str | None) -> None:
    """Do nothing: `check` says what is wrong."""
