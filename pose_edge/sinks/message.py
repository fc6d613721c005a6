"""The message that sinks receive for a result: all but the image, whose buffer is reused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

from pose_edge.poses import Pose, Provenance, Result

SCHEMA: Final = 1
"""Version of the JSON format."""

Record: TypeAlias = dict[str, Any]

encode: Final = json.JSONEncoder(allow_nan=False).encode
"""Encodes a record. A number that is not finite would make the line invalid: it is refused."""


@dataclass(frozen=True)
class PoseMessage:
    """The poses of one frame, for other programs. All sinks of a run share the message.

    Attributes:
        index: Number of the frame in its source, from 0.
        time: Time of exposure in Unix seconds; for a file, its position in seconds.
        width: Width of the frame, pixels.
        height: Height of the frame, pixels.
        poses: The people, best first.
        provenance: The model that found them, and the hardware that ran it.
        stages_ms: See `Result.stages_ms`.
        file: Name of the input file, or None.
        live: Whether the frame comes from a camera or stream.
        events: Who has entered or left, as JSON objects; see `ActivityEvent`.
        people: Number of people present by the events, or None where there are no events.
        passed_over: See `Result.passed_over`.
    """

    index: int
    time: float
    width: int
    height: int
    poses: Sequence[Pose]
    provenance: Provenance
    stages_ms: dict[str, float]
    file: str | None = None
    live: bool = False
    events: tuple[Record, ...] = ()
    people: int | None = None
    passed_over: int = 0

    @classmethod
    def of(
        cls,
        result: Result,
        *,
        file: str | None = None,
        events: tuple[Record, ...] = (),
        people: int | None = None,
    ) -> PoseMessage:
        """Create the message of a result.

        Args:
            result: The result; no reference to its frame is kept.
            file: Name of the input file, used if the frame has none.
            events: See the attribute `events`.
            people: See the attribute `people`.
        """
        frame = result.frame
        return cls(
            frame.index,
            frame.time,
            frame.width,
            frame.height,
            result.poses,
            result.provenance,
            result.stages_ms,
            frame.file or file,
            frame.live,
            events,
            people,
            result.passed_over,
        )

    @cached_property
    def record(self) -> Record:
        """The message as a JSON object, in the format of docs/poses.md.

        Coordinates are rounded to 1e-5 (less than a tenth of a pixel in 4K), scores to 1e-4,
        probabilities to 1e-3.
        """
        record: Record = {
            "schema": SCHEMA,
            "seq": self.index,
            "time": round(self.time, 6),
            "frame": [self.width, self.height],
            "model": self.provenance.model,
            "backend": self.provenance.backend,
            "latency_ms": {stage: round(value, 3) for stage, value in self.stages_ms.items()},
            "poses": [_pose(pose) for pose in self.poses],
        }
        if self.provenance.finder:
            record["finder"] = self.provenance.finder
        if self.passed_over:
            record["passed_over"] = self.passed_over
        if self.file is not None:
            # A name that is not UTF-8 contains lone surrogates, which many readers of JSON refuse.
            record["file"] = self.file.encode("utf-8", "replace").decode()
        if self.people is not None:
            record["people"] = self.people
        if self.events:
            record["events"] = list(self.events)
        return record

    @cached_property
    def line(self) -> bytes:
        """The JSON object as a line of text, encoded once when the first sink needs it."""
        return f"{encode(self.record)}\n".encode()


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
