"""One line of JSON for every processed frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from pose_edge.config.outputs import PosesSettings, StorageSettings
from pose_edge.sinks.file_sink import FileSink
from pose_edge.sinks.message import PoseMessage
from pose_edge.sinks.segment_file import SegmentFile
from pose_edge.supervision.supervisor import Supervisor

QUEUE_LENGTH: Final = 256

PoseFile: TypeAlias = FileSink[[PoseMessage], PoseMessage, PosesSettings]


def pose_file(
    settings: PosesSettings,
    storage: StorageSettings | None,
    *,
    report: Callable[[str | None], None],
    supervisor: Supervisor | None = None,
    replace: bool = False,
) -> PoseFile:
    """Return a sink that writes results to a file of JSON lines, or to the standard output.

    Its `send` takes a `PoseMessage`. See `FileSink` for the arguments.
    """
    return FileSink(
        "poses",
        lambda message: message,
        lambda file, _settings: JsonLines(file),
        settings,
        storage,
        capacity=QUEUE_LENGTH,
        report=report,
        supervisor=supervisor,
        replace=replace,
    )


class JsonLines:
    """Writes messages as lines of JSON, complete and readable at once; an `Encoder`.

    Attributes:
        file: The file.
    """

    def __init__(self, file: SegmentFile) -> None:
        """Take an empty file."""
        self.file = file

    def takes(self, _item: PoseMessage) -> bool:
        """Return True: lines have no limit; see `Encoder.takes`."""
        return True

    def write(self, item: PoseMessage) -> None:
        """Write a message as a line; see `Encoder.write`."""
        self.file.write(item.line)
        self.file.settle()

    def finish(self) -> None:
        """Do nothing: every line is complete already."""
