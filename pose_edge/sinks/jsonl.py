"""Write poses as JSON lines: one line per processed frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from pose_edge.config.outputs import PosesSettings, StorageSettings
from pose_edge.sinks.file_sink import FileSink
from pose_edge.sinks.message import PoseMessage
from pose_edge.sinks.segment_file import SegmentFile
from pose_edge.supervision.supervisor import Supervisor

QUEUE_LENGTH: Final = 256
"""Most messages that may wait to be written."""

PoseFile: TypeAlias = FileSink[[PoseMessage], PoseMessage, PosesSettings]


def pose_file(
    settings: PosesSettings,
    storage: StorageSettings | None,
    *,
    report: Callable[[str | None], None],
    supervisor: Supervisor | None = None,
    replace: bool = False,
) -> PoseFile:
    """Return a sink that writes JSON lines to a file or to the standard output.

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
    """Writes messages as lines of JSON; each line is readable at once. An `Encoder`.

    Attributes:
        file: The output file.
    """

    def __init__(self, file: SegmentFile) -> None:
        """Initialise the encoder of an empty file."""
        self.file = file

    def takes(self, _item: PoseMessage) -> bool:
        """Return True: a file can hold any messages; see `Encoder.takes`."""
        return True

    def write(self, item: PoseMessage) -> None:
        """Write a message as a line; see `Encoder.write`."""
        self.file.write(item.line)
        self.file.settle()

    def finish(self) -> None:
        """Do nothing: every line is complete already."""
