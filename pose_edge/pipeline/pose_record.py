"""Random access to a file of pose lines."""

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
"""Start of a line as this program writes it; any other line is parsed as a whole, which is slow."""
NAMED: Final = b'"file": '
"""Mark of a line that names its file; it is parsed as a whole, too."""
NOTE: Final = "recorded"
"""Note beside the backend of replayed poses."""

MAX_LINE: Final = 1_000_000
"""Longest line, bytes; a longer one shows that the file holds something else."""


class PoseRecord:
    """The pose lines of a file, sorted by time.

    Only time and offset of each line are kept in memory, so that files of hours can be read.

    Attributes:
        path: The file.
        times: Times of the lines, seconds, ascending.
    """

    def __init__(self, path: Path, video: str) -> None:
        """Open the file, and index its lines.

        Args:
            path: The file.
            video: File name of the video; lines that name another file are left out.

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
        """Return the index of the line nearest to a time, or None if none is within tolerance."""
        after = bisect_left(self.times, time_s)
        near = [
            (abs(self.times[line] - time_s), line)
            for line in (after - 1, after)
            if 0 <= line < len(self.times)
        ]
        distance, line = min(near)
        return line if distance <= tolerance_s else None

    def read(self, line: int) -> dict[str, Any]:
        """Return the JSON object of a line, by its index.

        Raises:
            SourceError: The line cannot be read any more, or holds no poses.
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
        """Return time (seconds) and offset (bytes) of each line of a video, sorted by time."""
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
    """Return the poses of a line.

    Args:
        record: The JSON object of the line.

    Raises:
        KeyError: A field is missing.
        TypeError: A field has another type than the schema says.
        ValueError: A field has another value than the schema allows.
    """
    return [_pose(one) for one in record["poses"]]


def recorded_provenance(record: dict[str, Any]) -> Provenance:
    """Return the model and the backend that found the poses when they were recorded."""
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
