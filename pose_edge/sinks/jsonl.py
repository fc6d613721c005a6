"""One line of JSON for every processed frame."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TextIO

from pose_edge.poses import Pose, Result
from pose_edge.sinks.target import check_target
from pose_edge.sinks.worker import Worker

SCHEMA: Final = 1
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


class JsonLines:
    """Writes poses to a file, or to the standard output."""

    def __init__(self, path: str, *, drop: bool, report: Callable[[str], None]) -> None:
        """Name the file.

        Args:
            path: The file, overwritten when the first line comes; "-" is the standard output.
            drop: See `Worker`.
            report: Told why it ended early.
        """
        self._path = path
        self._drop = drop
        self._report = report
        self._file: TextIO | None = None
        self._worker: Worker[dict[str, Any]] | None = None

    @property
    def failed(self) -> str | None:
        """Why it gave up, or None."""
        return self._worker.failed if self._worker else None

    def open(self) -> None:
        """Make sure that the file can be written, and get ready; see `Sink.open`."""
        if self._path != "-":
            check_target(self._path, "poses")
        self._worker = Worker(
            f"pose file {self._path}",
            self._write,
            self._finish,
            capacity=QUEUE_LENGTH,
            drop=self._drop,
            report=self._report,
        )

    def send(self, result: Result) -> None:
        """Queue the line of a result; see `Sink.send`."""
        assert self._worker is not None
        self._worker.put(pose_record(result))

    def close(self) -> None:
        """Write what is left and close the file."""
        if self._worker is not None:
            self._worker.close()

    def _write(self, record: dict[str, Any]) -> None:
        if self._file is None:
            self._file = self._start_file()
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()  # whoever reads along gets each line at once

    def _start_file(self) -> TextIO:
        if self._path == "-":
            return sys.stdout
        return Path(self._path).open("w", encoding="utf-8")

    def _finish(self) -> None:
        if self._file is not None and self._file is not sys.stdout:
            self._file.close()
