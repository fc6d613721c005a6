"""The text files with poses that `annotate` writes: pose lines (JSON) and a table (CSV)."""

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
    """The pose files, shared by all inputs.

    Attributes:
        name: Name of the current input, written to each line; None for a single input. Pictures
            of a folder are named by their own files.
    """

    def __init__(self, poses: PosesSettings, csv: CsvSettings, *, replace: bool) -> None:
        """Create the outputs without opening them.

        Args:
            poses: Where the pose lines go.
            csv: Where the table goes.
            replace: Whether existing files may be replaced.
        """
        self.name: str | None = None
        self._files: list[FileSink[[PoseMessage], PoseMessage, Any]] = [
            pose_file(poses, None, report=_ignore, replace=replace),
            csv_file(csv, None, report=_ignore, replace=replace),
        ]

    @property
    def paths(self) -> list[Path]:
        """The files written so far."""
        return [path for file in self._files for path in file.paths]

    @property
    def unread(self) -> bool:
        """Whether every output is a pipe whose reader has left."""
        active = [file for file in self._files if file.active or file.unread]
        return bool(active) and all(file.unread for file in active)

    def open(self) -> None:
        """Open the files; see `FileSink.open`."""
        for file in self._files:
            file.open()

    def send(self, result: Result) -> None:
        """Write a result; blocks while a file is slow."""
        message = PoseMessage.of(result, file=self.name)
        for file in self._files:
            file.send(message)

    def check(self) -> None:
        """Check for write errors; after `close`, the result covers everything that was sent.

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
    """Do nothing: `check` reports errors."""
