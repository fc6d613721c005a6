"""A file of pose lines, read at any place."""

from __future__ import annotations

import json
import logging
import re
from array import array
from bisect import bisect_left
from pathlib import Path
from typing import Any, Final

import numpy as np

from pose_edge.errors import SourceError
from pose_edge.poses import KEYPOINT_COUNT, Pose, Provenance

log = logging.getLogger(__name__)

HEAD: Final = re.compile(rb'\{"schema": 1, "seq": \d+, "time": ([0-9.e+-]+), ')
"""How this program begins a line; others are read as a whole, which takes longer."""
NAMED: Final = b'"file": '
NOTE: Final = "recorded"
"""Stands beside the backend of poses that no model finds now."""

MAX_LINE: Final = 1_000_000
"""Bytes of a line; a file with a longer one is another file."""


class PoseRecord:
    """The lines of a file, in the order of their times.

    Only where each line begins is kept in memory, so that a file of hours may be read.

    Attributes:
        path: The file.
        times: Times of the lines, seconds, rising.
    """

    def __init__(self, path: Path, video: str) -> None:
        """Find the lines.

        Args:
            path: The file.
            video: Name of the video; lines that name another one are left out.

        Raises:
            SourceError: The file cannot be read, or holds no pose lines.
        """
        self.path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror}") from error
        try:
            found = self._find_lines(video)
        except BaseException:
            self._file.close()
            raise
        self.times = array("d", (time_s for time_s, _place in found))
        self._places = array("q", (place for _time_s, place in found))

    def find(self, time_s: float, tolerance_s: float) -> int | None:
        """Return the number of the line nearest to a time, or None where none is near enough."""
        after = bisect_left(self.times, time_s)
        near = [
            (abs(self.times[line] - time_s), line)
            for line in (after - 1, after)
            if 0 <= line < len(self.times)
        ]
        distance, line = min(near)
        return line if distance <= tolerance_s else None

    def read(self, line: int) -> dict[str, Any]:
        """Return the JSON object of a line, by its number.

        Raises:
            SourceError: It cannot be read any more, or is no line of poses.
        """
        try:
            self._file.seek(self._places[line])
            text = self._file.readline(MAX_LINE)
        except (OSError, ValueError) as error:  # closed meanwhile
            raise SourceError(f"{self.path} cannot be read: {error}") from error
        return self._parse(text, f"at {self.times[line]:.3f} s")

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        self._file.close()

    def _find_lines(self, video: str) -> list[tuple[float, int]]:
        """Return time and place of each line of a video, sorted by time."""
        found, place, number = [], 0, 0
        while text := self._file.readline(MAX_LINE):
            number += 1
            head = HEAD.match(text)
            if head is None or NAMED in text:
                record = self._parse(text, f"line {number}")
                if record.get("file", video) == video:
                    found.append((float(record["time"]), place))
            else:
                found.append((float(head[1]), place))
            place += len(text)
        if not found:
            raise SourceError(f"{self.path} holds no poses of {video}")
        return sorted(found)

    def _parse(self, text: bytes, where: str) -> dict[str, Any]:
        try:
            record = json.loads(text)
            if record["schema"] == 1 and {"time", "frame", "poses"} <= record.keys():
                return dict(record)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            log.debug("%s, %s: %s", self.path, where, error)
        raise SourceError(f"{self.path} holds something else than poses ({where})")


def recorded_poses(record: dict[str, Any]) -> list[Pose]:
    """Return the people of a line.

    Raises:
        ValueError: The line does not hold what the schema says.
    """
    return [_pose(one) for one in record["poses"]]


def recorded_provenance(record: dict[str, Any]) -> Provenance:
    """Return what found the poses of a line when they were recorded."""
    return Provenance(
        str(record.get("model", "")),
        str(record.get("backend", "")),
        NOTE,
        str(record.get("finder", "")),
    )


def _pose(one: dict[str, Any]) -> Pose:
    keypoints = np.array(one["keypoints"], dtype=np.float32).reshape(KEYPOINT_COUNT, 3)
    left, top, right, bottom = one["box"]
    confidence = one.get("confidence")
    return Pose(
        keypoints,
        float(one["score"]),
        (left, top, right, bottom),
        one["id"],
        None if confidence is None else np.array(confidence, dtype=np.float32),
        predicted=one.get("predicted", False),
    )
