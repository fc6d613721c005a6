"""One line of JSON for every processed frame."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from pose_edge.config.schema import PosesSettings, StorageSettings
from pose_edge.poses import Pose, Result
from pose_edge.sinks.file_sink import FileSink
from pose_edge.sinks.segment_file import SegmentFile
from pose_edge.supervision.supervisor import Supervisor

SCHEMA: Final = 1
QUEUE_LENGTH: Final = 256

Record: TypeAlias = dict[str, Any]
PoseFile: TypeAlias = FileSink[[Result], Record, PosesSettings]


def pose_record(result: Result) -> Record:
    """Return the JSON object of a result, which docs/poses.md describes.

    Coordinates are rounded to 1e-5 (less than a tenth of a pixel in 4K), scores to 1e-4,
    probabilities to 1e-3.
    """
    frame = result.frame
    record: Record = {
        "schema": SCHEMA,
        "seq": frame.index,
        "time": round(frame.time, 6),
        "frame": [frame.width, frame.height],
        "model": result.provenance.model,
        "backend": result.provenance.backend,
        "latency_ms": {stage: round(value, 3) for stage, value in result.stages_ms.items()},
        "poses": [_pose(pose) for pose in result.poses],
    }
    if result.provenance.finder:
        record["finder"] = result.provenance.finder
    if result.passed_over:
        record["passed_over"] = result.passed_over
    if frame.file is not None:
        record["file"] = frame.file
    return record


def _pose(pose: Pose) -> Record:
    record: Record = {
        "id": pose.id,
        "score": round(pose.score, 4),
        "box": [round(edge, 5) for edge in pose.box],
        "keypoints": [
            [round(x, 5), round(y, 5), round(score, 4)] for x, y, score in pose.keypoints.tolist()
        ],
    }
    if pose.confidence is not None:
        record["confidence"] = [round(value, 3) for value in pose.confidence.tolist()]
    if pose.predicted:
        record["predicted"] = True
    return record


def pose_file(
    settings: PosesSettings,
    storage: StorageSettings | None,
    *,
    report: Callable[[str | None], None],
    supervisor: Supervisor | None = None,
    replace: bool = False,
    encode: Callable[[Result], Record] = pose_record,
) -> PoseFile:
    """Return a sink that writes results to a file of JSON lines, or to the standard output.

    Its `send` takes a `Result`, of which `encode` makes the line. See `FileSink` for the other
    arguments.
    """
    return FileSink(
        "poses",
        encode,
        lambda file, _settings: JsonLines(file),
        settings,
        storage,
        capacity=QUEUE_LENGTH,
        report=report,
        supervisor=supervisor,
        replace=replace,
    )


class JsonLines:
    """Writes objects as lines, complete and readable at once; an `Encoder`.

    Attributes:
        file: The file.
    """

    def __init__(self, file: SegmentFile) -> None:
        """Take an empty file."""
        self.file = file

    def takes(self, _item: Record) -> bool:
        """Return True: lines have no limit; see `Encoder.takes`."""
        return True

    def write(self, item: Record) -> None:
        """Write an object as a line; see `Encoder.write`."""
        self.file.write(f"{json.dumps(item)}\n".encode())
        self.file.settle()

    def finish(self) -> None:
        """Do nothing: every line is complete already."""
