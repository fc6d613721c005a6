"""One line of JSON for every processed frame."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, Final

from pose_edge.config.schema import StorageSettings
from pose_edge.poses import Pose, Result
from pose_edge.sinks.restarting_sink import RestartingSink
from pose_edge.sinks.segment_files import UNBOUNDED, OpenedFile, SegmentFiles
from pose_edge.sinks.segment_writer import SegmentWriter
from pose_edge.sinks.text_file import TextFile
from pose_edge.supervision.supervisor import Supervisor

SCHEMA: Final = 1
PART: Final = "poses"
STANDARD_OUTPUT: Final = "-"
QUEUE_LENGTH: Final = 256


def pose_record(result: Result) -> dict[str, Any]:
    """Return what is written of a result: the object of DESIGN's "one line of poses".

    Coordinates are rounded to 1e-5 (less than a tenth of a pixel in 4K), scores to 1e-4.
    """
    frame = result.frame
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "seq": frame.index,
        "time": round(frame.time, 6),
        "frame": [frame.width, frame.height],
        "model": result.provenance.model,
        "backend": result.provenance.backend,
        "latency_ms": {stage: round(value, 3) for stage, value in result.stages_ms.items()},
        "poses": [_pose(pose) for pose in result.poses],
    }
    if frame.file is not None:
        record["file"] = frame.file
    return record


def _pose(pose: Pose) -> dict[str, Any]:
    return {
        "id": pose.id,
        "score": round(pose.score, 4),
        "box": [round(edge, 5) for edge in pose.box],
        "keypoints": [
            [round(x, 5), round(y, 5), round(score, 4)] for x, y, score in pose.keypoints.tolist()
        ],
    }


class _StandardOutput:
    """Writes lines to the standard output; see `Writer`."""

    path = None
    waiting = None

    def write(self, item: dict[str, Any]) -> bool:
        """Write a line; whoever reads along gets it at once."""
        sys.stdout.write(f"{json.dumps(item)}\n")
        sys.stdout.flush()
        return True

    def tick(self) -> None:
        """Nothing is left to be done."""

    def close(self) -> None:
        """It stays open: it is not ours."""


class JsonLines:
    """Writes poses to a file, or to the standard output."""

    def __init__(
        self,
        path: str | None,
        *,
        drop: bool,
        report: Callable[[str | None], None],
        storage: StorageSettings | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        """Name the file.

        Args:
            path: The file, or a pattern of names (see `NamePattern`), begun when the first line
                comes; "-" is the standard output, which is never begun anew; None for none yet.
            drop: See `RestartingSink`.
            report: See `RestartingSink`.
            storage: How the files of a live source are kept; None to overwrite a file that is
                there, and to write until the end.
            supervisor: Looks after it while the source is live; see `RestartingSink`.
        """
        self._path = path
        self._storage = storage
        self._outlet: RestartingSink[dict[str, Any]] = RestartingSink(
            PART, capacity=QUEUE_LENGTH, drop=drop, report=report, supervisor=supervisor
        )

    @property
    def active(self) -> bool:
        """Whether results are wanted."""
        return self._outlet.active

    @property
    def failed(self) -> str | None:
        """Why nothing is written now, or None."""
        return self._outlet.failed

    @property
    def lost(self) -> int:
        """Lines that were left out because it had failed."""
        return self._outlet.lost

    def open(self) -> None:
        """Make sure that the file can be written, and get ready; see `Sink.open`."""
        if self._path is not None:
            self._begin(self._path, self._storage, supervised=self._storage is not None)

    def change(self, path: str | None, storage: StorageSettings | None) -> None:
        """Go on with other settings, in a new file; the present one is finished in the background.

        Nothing happens when they are the same. A file that is there is never overwritten by this.

        Args:
            path: As for the constructor; None to write no more.
            storage: How the files of a live source are kept; None when it is a file now, of which
                no frame is to be left out.

        Raises:
            OutputError: The new file could not be written; the old one goes on.
        """
        if (path, storage) == (self._path, self._storage):
            return
        if path is None:
            self._outlet.change(None)
        else:
            live = storage is not None
            self._begin(path, storage or UNBOUNDED, supervised=live, drop=live)
        self._path, self._storage = path, storage

    def send(self, result: Result) -> None:
        """Queue the line of a result; see `Sink.send`."""
        if self._outlet.taking:
            self._outlet.put(pose_record(result))
        else:
            self._outlet.miss()

    def close(self) -> None:
        """Write what is left and close the file."""
        self._outlet.close()

    def _begin(
        self,
        path: str,
        storage: StorageSettings | None,
        *,
        supervised: bool,
        drop: bool | None = None,
    ) -> None:
        title = f"pose file {path}"
        if path == STANDARD_OUTPUT:
            self._outlet.change(_StandardOutput, title=title, supervised=False, drop=drop)
            return
        SegmentFiles(PART, path, storage).check("poses")
        # Each attempt has a series of its own: one that hangs must not meet the next one's files.
        self._outlet.change(
            lambda: SegmentWriter(PART, SegmentFiles(PART, path, storage), _start),
            title=title,
            supervised=supervised,
            drop=drop,
        )


def _start(begun: OpenedFile) -> TextFile:
    return TextFile(begun.descriptor)
