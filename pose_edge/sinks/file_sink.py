"""A sink that writes files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, ParamSpec, TypeVar

from pose_edge.config.outputs import (
    CsvSettings,
    PosesSettings,
    RecordSettings,
    StorageSettings,
)
from pose_edge.errors import UsageError
from pose_edge.sinks.name_pattern import NamePattern, is_standard_output
from pose_edge.sinks.pipe_writer import FILE_ROOM_S, LIVE_ROOM_S, PipeWriter, is_pipe
from pose_edge.sinks.restarting_sink import RestartingSink
from pose_edge.sinks.segment_file import Encoder, SegmentFile
from pose_edge.sinks.segment_files import SegmentFiles
from pose_edge.sinks.segment_writer import SegmentWriter
from pose_edge.sinks.writer import Writer
from pose_edge.supervision.supervisor import Supervisor

PIPE_QUEUE_LENGTH: Final = 32
"""Most items that may wait for a slow reader of a named pipe; then the oldest one is dropped."""
UNBOUNDED: Final = StorageSettings(min_free=0.0)
"""For files begun by a reload where the source is a file: numbered, but not limited in size."""

P = ParamSpec("P")
Item = TypeVar("Item")
Options = TypeVar("Options", bound=PosesSettings | CsvSettings | RecordSettings)


class FileSink(RestartingSink[P, Item], Generic[P, Item, Options]):
    """Encodes items into files, one after the other.

    Attributes:
        paths: The files written so far, for a source that is not live.
    """

    def __init__(
        self,
        name: str,
        encode: Callable[P, Item],
        start: Callable[[SegmentFile, Options], Encoder[Item]],
        settings: Options,
        storage: StorageSettings | None,
        *,
        capacity: int,
        report: Callable[[str | None], None],
        supervisor: Supervisor | None = None,
        suffix: str | None = None,
        replace: bool = False,
    ) -> None:
        """Initialise the sink; `open` starts it, and the first item creates the first file.

        Args:
            name: See `RestartingSink`.
            encode: See `RestartingSink`.
            start: Creates the encoder of a file.
            settings: Where to write (a path, a pattern of `NamePattern`, "-" for the standard
                output, None for no output) and how to encode.
            storage: The storage limits for a live source; None when the source is a file, of which
                no frame is dropped.
            capacity: See `RestartingSink`.
            report: See `RestartingSink`.
            supervisor: Replaces writers that fail, for live sources and named pipes.
            suffix: Required suffix of the path, in lower case; None for any.
            replace: Whether the output of a source that is a file may replace an existing file; see
                `SegmentFiles`.
        """
        super().__init__(
            name,
            encode,
            capacity=capacity,
            drop=storage is not None,
            report=report,
            supervisor=supervisor,
        )
        self._start_encoder = start
        self._settings = settings
        self._storage = storage
        self._suffix = suffix
        self._replace_file = replace
        self._piped = False
        self.paths: list[Path] = []

    @property
    def ended(self) -> bool:
        """Whether the output was the standard output, and writing to it has ended."""
        path = self._settings.path or ""
        return self.unread or (is_standard_output(path) and self.failed is not None)

    def failures(self) -> list[str]:
        """Return, after `close`, why the output is incomplete.

        A named pipe that was written to does not count as incomplete: its readers got what came
        while they read.
        """
        return [] if self._piped and self.written else super().failures()

    def open(self) -> None:
        """Check that the files can be written, and start writing.

        Raises:
            OutputError: A file cannot be written.
            UsageError: The path does not end in the suffix.
        """
        self._check(self._settings, self._storage)
        self._write_to(self._settings, self._storage, live=self._storage is not None)

    def check(self, settings: Options, storage: StorageSettings | None) -> None:
        """Check settings as `change` does, without applying them.

        Raises:
            OutputError: The new file could not be written.
            UsageError: The path does not end in the suffix.
        """
        if (settings, storage) != (self._settings, self._storage):
            self._check(settings, storage or UNBOUNDED)

    def change(self, settings: Options, storage: StorageSettings | None) -> None:
        """Continue with other settings in a new file; finish the current one in the background.

        The arguments are those of the constructor. Nothing happens when they are unchanged. No file
        is overwritten.

        Raises:
            OutputError: The new file could not be written; the current one continues.
            UsageError: The path does not end in the suffix; the current file continues.
        """
        if (settings, storage) != (self._settings, self._storage):
            self.check(settings, storage)
            self._write_to(settings, storage or UNBOUNDED, live=storage is not None)
            self._settings, self._storage = settings, storage

    def _check(self, settings: Options, bounds: StorageSettings | None) -> None:
        path = settings.path
        if path is None:
            return
        if self._suffix is not None and Path(path).suffix.lower() != self._suffix:
            raise UsageError(
                f"cannot write the {self.name} to {path}: the name must end in {self._suffix}"
            )
        SegmentFiles(self.name, path, bounds, replace=self._replace_file).check()

    def _write_to(self, settings: Options, bounds: StorageSettings | None, *, live: bool) -> None:
        path = settings.path
        self._piped = False
        if path is None:
            self.switch(None)
            return

        def begin(file: SegmentFile) -> Encoder[Item]:
            if not (live or piped or is_standard_output(path)):
                self.paths.append(file.path)
            return self._start_encoder(file, settings)

        pipe = NamePattern(path).current()
        # Without a supervisor the run is offline and may block, so the reader gets every item.
        piped = self._supervisor is not None and is_pipe(pipe)
        self._piped = piped

        def make() -> Writer[Item]:
            if piped:
                return PipeWriter(pipe, begin, LIVE_ROOM_S if live else FILE_ROOM_S)
            # Each writer has its own files: one that hangs must not touch those of the next one.
            files = SegmentFiles(self.name, path, bounds, replace=self._replace_file)
            return SegmentWriter(self.name, files, begin)

        self.switch(
            make,
            title=f"{self.name} {path}",
            drop=live,
            supervised=(live or piped) and not is_standard_output(path),
            for_reader=is_standard_output(path),
            newest=PIPE_QUEUE_LENGTH if piped else None,
        )
