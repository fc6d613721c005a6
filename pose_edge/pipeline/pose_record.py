"""Random access to a file of pose lines."""

from __future__ import annotations

import json
import logging
import math
import re
from array import array
from bisect import bisect_left
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.errors import SourceError
from pose_edge.poses import KEYPOINT_COUNT, Pose, Provenance

log = logging.getLogger(__name__)

HEAD: Final = re.compile(rb'\{"schema": 1, "seq": \d+, "time": (\d+(?:\.\d+)?(?:e[+-]?\d+)?), ')
"""Start of a line as this program writes it; any other line is parsed as a whole, which is slow."""
NAMED: Final = b'"file": '
"""Mark of a line that names its file; it is parsed as a whole, too."""
NOTE: Final = "recorded"
"""Note beside the backend of replayed poses."""

MAX_LINE: Final = 1_000_000
"""Longest line, bytes; a longer one shows that the file holds something else."""
LARGEST: Final = 10.0
"""Largest amount of a coordinate or score; a pose that reaches out of the frame exceeds 1."""


BACK_S: Final = 1.0
"""Seconds by which a line follows the one before it where the clock was set back."""


class PoseRecord:
    """The pose lines of a file, in their order.

    Only time and offset of each line are kept in memory, so that files of hours can be read.

    Attributes:
        path: The file.
        times: Times of the lines, seconds, ascending: where the clock was set back, all later ones
            are moved on.
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
        try:
            return _parse(text)
        except ValueError as error:
            raise self.fault(line, error) from error

    def fault(self, line: int, why: object) -> SourceError:
        """Return the error for a line with a wrong value; it names the line by its number."""
        number, left = 1, self._places[line]
        self._file.seek(0)
        while left > 0 and (part := self._file.read(min(left, MAX_LINE))):
            number += part.count(b"\n")
            left -= len(part)
        return self._fault(number, why)

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        self._file.close()

    def _find_lines(self, video: str) -> list[tuple[float, int]]:
        """Return time (seconds) and offset (bytes) of each line of a video, as in `times`."""
        found: list[tuple[float, int]] = []
        place = number = 0
        while text := self._file.readline(MAX_LINE):
            number += 1
            try:
                time_s = _time_of(text, video)
            except ValueError as error:
                if text.endswith(b"\n") or len(text) == MAX_LINE or not found:
                    raise self._fault(number, error) from error
                log.warning("%s: line %d is incomplete and left out", self.path, number)
                time_s = None
            if time_s is not None:
                found.append((time_s, place))
            place += len(text)
        if not found:
            raise SourceError(f"{self.path} holds no poses of {video}")
        return _ascending(found)

    def _fault(self, number: int, why: object) -> SourceError:
        return SourceError(f"{self.path}, line {number}: {why}")


def _ascending(lines: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Move lines on in time, so that none is earlier than the one before it."""
    moved, shift_s, last_s = [], 0.0, -math.inf
    for time_s, place in lines:
        if time_s + shift_s < last_s:
            shift_s = last_s + BACK_S - time_s
        last_s = time_s + shift_s
        moved.append((last_s, place))
    return moved


def _time_of(text: bytes, video: str) -> float | None:
    """Return the time of a line, seconds, or None if it is empty or names another video.

    Raises:
        ValueError: It is no pose line.
    """
    if text.isspace():
        return None
    head = HEAD.match(text)
    if head is None or NAMED in text or not text.endswith(b"\n"):
        record = _parse(text)
        return float(record["time"]) if record.get("file", video) == video else None
    return _checked_time(float(head[1]))


def _parse(text: bytes) -> dict[str, Any]:
    """Return the JSON object of a line, of which all but the poses is checked.

    Raises:
        ValueError: It is no pose line, or a value is wrong.
    """
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("this is no JSON object") from error
    if not isinstance(record, dict) or record.get("schema") != 1:
        raise ValueError("this is no line of poses")
    _checked_time(record.get("time"))
    size = record.get("frame")
    if not isinstance(size, list) or len(size) != 2 or not all(map(_is_count, size)):
        raise ValueError("frame is not a width and a height")
    if not isinstance(record.get("poses"), list):
        raise ValueError("poses is not a list")
    return record


def recorded_poses(record: dict[str, Any]) -> list[Pose]:
    """Return the poses of a line.

    Args:
        record: The JSON object of the line.

    Raises:
        ValueError: A field is missing or has a wrong value.
    """
    return [_pose(one) for one in record["poses"]]


def recorded_provenance(record: dict[str, Any]) -> Provenance:
    """Return the model and the backend that found the poses when they were recorded."""
    return Provenance(
        str(record.get("model", "")),
        str(record.get("backend", "")),
        NOTE,
        str(record.get("finder") or ""),
    )


def _pose(one: object) -> Pose:
    if not isinstance(one, dict):
        raise ValueError("a pose is not an object")
    number, confidence = one.get("id", 0), None
    if one.get("confidence") is not None:
        confidence = _numbers(one, "confidence", (KEYPOINT_COUNT,)).astype(np.float32)
    if number is not None and not _is_count(number):
        raise ValueError("id is neither a whole number from 1 nor null")
    left, top, right, bottom = _numbers(one, "box", (4,)).tolist()
    return Pose(
        _numbers(one, "keypoints", (KEYPOINT_COUNT, 3)).astype(np.float32),
        float(_numbers(one, "score", ())),
        (left, top, right, bottom),
        number,
        confidence,
        predicted=one.get("predicted") is True,
    )


def _numbers(one: dict[str, Any], name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return a field of a pose as an array of a shape."""
    try:
        found = np.array(one.get(name))
    except ValueError:  # lists of different lengths
        found = np.array(None)
    if found.shape != shape or found.dtype.kind not in "iuf" or not (abs(found) <= LARGEST).all():
        wanted = " x ".join(map(str, shape)) + " numbers" if shape else "a number"
        raise ValueError(f"{name} is not {wanted}")
    return found


def _checked_time(time_s: object) -> float:
    if isinstance(time_s, (int, float)) and not isinstance(time_s, bool):
        with suppress(OverflowError):  # of a very large int
            if math.isfinite(time_s):
                return float(time_s)
    raise ValueError("time is not a number")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
