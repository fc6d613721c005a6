"""A video of what is shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import av

from pose_edge.config.schema import RecordSettings, StorageSettings
from pose_edge.errors import UsageError
from pose_edge.frames import ColourOrder, Image
from pose_edge.sinks.mp4 import Mp4, Timed
from pose_edge.sinks.restarting_sink import RestartingSink
from pose_edge.sinks.segment_files import UNBOUNDED, OpenedFile, SegmentFiles
from pose_edge.sinks.segment_writer import SegmentWriter
from pose_edge.supervision.supervisor import Supervisor

PART: Final = "recording"
QUEUE_LENGTH: Final = 8


class Recorder:
    """Encodes pictures to H.264 in MP4, with their own times."""

    def __init__(
        self,
        path: str | None,
        settings: RecordSettings,
        *,
        frame_rate: float | None,
        drop: bool,
        report: Callable[[str | None], None],
        storage: StorageSettings | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        """Name the file.

        Args:
            path: The file, or a pattern of names (see `NamePattern`), begun when the first picture
                comes; None for none yet.
            settings: Quality and speed of the encoder.
            frame_rate: Usual pictures per second, where known: decides how often the file can be
                cut.
            drop: See `RestartingSink`.
            report: See `RestartingSink`.
            storage: How the files of a live source are kept; None to overwrite a file that is
                there, and to write until the end.
            supervisor: Looks after it while the source is live; see `RestartingSink`.
        """
        self._path = path
        self._settings = settings
        self._storage = storage
        self._frame_rate = frame_rate or 30.0
        self._outlet: RestartingSink[Timed] = RestartingSink(
            PART, capacity=QUEUE_LENGTH, drop=drop, report=report, supervisor=supervisor
        )

    @property
    def active(self) -> bool:
        """Whether pictures are wanted."""
        return self._outlet.active

    @property
    def failed(self) -> str | None:
        """Why nothing is written now, or None."""
        return self._outlet.failed

    @property
    def lost(self) -> int:
        """Pictures that were left out because it had failed."""
        return self._outlet.lost

    def open(self) -> None:
        """Make sure that the file can be written, and get ready.

        Raises:
            OutputError: It cannot.
            UsageError: The name is not that of an MP4 file.
        """
        if self._path is not None:
            live = self._storage is not None
            self._begin(self._path, self._settings, self._storage, supervised=live)

    def change(
        self, path: str | None, settings: RecordSettings, storage: StorageSettings | None
    ) -> None:
        """Go on with other settings, in a new file; the present one is finished in the background.

        Nothing happens when they are the same. A file that is there is never overwritten by this.

        Args:
            path: As for the constructor; None to record no more.
            settings: As for the constructor.
            storage: How the files of a live source are kept; None when it is a file now, of which
                no frame is to be left out.

        Raises:
            OutputError: The new file could not be written; the old one goes on.
            UsageError: The same, for its name.
        """
        if (path, settings, storage) == (self._path, self._settings, self._storage):
            return
        if path is None:
            self._outlet.change(None)
        else:
            live = storage is not None
            self._begin(path, settings, storage or UNBOUNDED, supervised=live, drop=live)
        self._path, self._settings, self._storage = path, settings, storage

    def add(self, image: Image, order: ColourOrder, time_s: float) -> None:
        """Queue a picture.

        Args:
            image: uint8 (height, width, 3), copied.
            order: Its order of colours.
            time_s: When it belongs, seconds; only differences matter.
        """
        if not self._outlet.taking:
            self._outlet.miss()
            return
        frame = av.VideoFrame.from_ndarray(image, format="rgb24" if order == "RGB" else "bgr24")
        self._outlet.put(Timed(frame, time_s))

    def close(self) -> None:
        """Encode what is left and finish the file."""
        self._outlet.close()

    def _begin(
        self,
        path: str,
        settings: RecordSettings,
        storage: StorageSettings | None,
        *,
        supervised: bool,
        drop: bool | None = None,
    ) -> None:
        if Path(path).suffix.lower() != ".mp4":
            raise UsageError(f"cannot record to {path}: the name must end in .mp4")
        series = SegmentFiles(PART, path, storage)
        series.check("a recording")
        start = partial(
            _start, settings=settings, frame_rate=self._frame_rate, live=storage is not None
        )
        # Each attempt has a series of its own: one that hangs must not meet the next one's files.
        self._outlet.change(
            lambda: SegmentWriter(PART, SegmentFiles(PART, path, storage), start),
            title=f"{PART} {path}",
            supervised=supervised,
            drop=drop,
        )


def _start(begun: OpenedFile, *, settings: RecordSettings, frame_rate: float, live: bool) -> Mp4:
    return Mp4(begun.descriptor, settings, frame_rate, live=live)
