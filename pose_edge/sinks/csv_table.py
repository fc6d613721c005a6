"""Write poses as a CSV table: one row for each person in each frame."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import TypeAlias

from pose_edge.activity.angles import JOINTS, joint_angles
from pose_edge.config.outputs import CsvSettings, StorageSettings
from pose_edge.poses import Keypoint, Pose
from pose_edge.sinks.file_sink import FileSink
from pose_edge.sinks.jsonl import QUEUE_LENGTH
from pose_edge.sinks.message import PoseMessage
from pose_edge.sinks.segment_file import SegmentFile
from pose_edge.supervision.supervisor import Supervisor

CsvFile: TypeAlias = FileSink[[PoseMessage], PoseMessage, CsvSettings]


def csv_file(
    settings: CsvSettings,
    storage: StorageSettings | None,
    *,
    report: Callable[[str | None], None],
    supervisor: Supervisor | None = None,
    replace: bool = False,
) -> CsvFile:
    """Return a sink that writes poses as CSV to a file or to the standard output.

    Its `send` takes a `PoseMessage`. See `FileSink` for the arguments.
    """
    return FileSink(
        "csv",
        lambda message: message,
        CsvTable,
        settings,
        storage,
        capacity=QUEUE_LENGTH,
        report=report,
        supervisor=supervisor,
        replace=replace,
    )


class CsvTable:
    """Writes messages as rows below a header; each row is readable at once. An `Encoder`.

    The format is RFC 4180 in UTF-8 with decimal points, which spreadsheets and pandas read without
    any option.

    Attributes:
        file: The output file.
    """

    def __init__(self, file: SegmentFile, settings: CsvSettings) -> None:
        """Initialise the encoder of an empty file; the first message determines the header."""
        self.file = file
        self._settings = settings
        self._named: bool | None = None

    def takes(self, item: PoseMessage) -> bool:
        """Return whether the header fits the rows of a message; see `Encoder.takes`."""
        return self._named in (None, item.file is not None)

    def write(self, item: PoseMessage) -> None:
        """Write a row for each person, on the first call below the header; see `Encoder.write`."""
        rows = list(rows_of(item, self._settings))
        if self._named is None:
            self._named = item.file is not None
            rows.insert(0, header(self._settings, named=self._named))
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        # A file name that is not UTF-8 contains lone surrogates, which cannot be encoded.
        self.file.write(text.getvalue().encode("utf-8", "replace"))
        self.file.settle()

    def finish(self) -> None:
        """Do nothing: every row is complete already."""


def header(settings: CsvSettings, *, named: bool) -> list[str]:
    """Return the names of the columns.

    Args:
        settings: The unit of the coordinates, which is part of the column names.
        named: Whether the first column is the name of the input file.
    """
    unit = "_px" if settings.coordinates == "pixels" else ""
    points = [
        f"{keypoint.name.lower()}_{part}"
        for keypoint in Keypoint
        for part in (f"x{unit}", f"y{unit}", "score")
    ]
    angles = [f"{joint.name.lower()}_deg" for joint in JOINTS]
    start = ["file"] if named else []
    return [*start, "time", "frame", "id", "score", *points, *angles, "predicted"]


def rows_of(message: PoseMessage, settings: CsvSettings) -> Iterator[list[str]]:
    """Yield one row per person of a message; no row when nobody was found."""
    start = [*([] if message.file is None else [message.file]), f"{message.time:.6f}"]
    for pose in message.poses:
        number = "" if pose.id is None else str(pose.id)
        yield [
            *(*start, str(message.index), number, f"{pose.score:.4f}"),
            *_coordinates(message, pose, settings),
            *_angles(message, pose, settings),
            "1" if pose.predicted else "",
        ]


def _coordinates(message: PoseMessage, pose: Pose, settings: CsvSettings) -> Iterator[str]:
    pixels = settings.coordinates == "pixels"
    digits = 2 if pixels else 5
    places = pose.pixels(message.width, message.height) if pixels else pose.keypoints
    for (x, y, *_), score in zip(places.tolist(), pose.keypoints[:, 2].tolist(), strict=True):
        yield from (f"{x:.{digits}f}", f"{y:.{digits}f}", f"{score:.4f}")


def _angles(message: PoseMessage, pose: Pose, settings: CsvSettings) -> Iterator[str]:
    found = joint_angles(pose, message.width, message.height, settings.min_keypoint_score)
    for angle in found.values():
        yield "" if angle is None else f"{angle:.1f}"
