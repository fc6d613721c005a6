"""Replay a video with the poses that were recorded with it, without a model."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.config.schema import Settings
from pose_edge.errors import EndOfStream, UsageError
from pose_edge.estimators import Estimator
from pose_edge.estimators.crop import Crop
from pose_edge.frames import Frame
from pose_edge.pipeline.loading import load_model
from pose_edge.pipeline.pose_record import PoseRecord, recorded_poses, recorded_provenance
from pose_edge.poses import Estimate, Pose
from pose_edge.sources.spec import SourceKind, parse_source
from pose_edge.telemetry import Stopwatch
from pose_edge.util.paths import user_path

log = logging.getLogger(__name__)

TOLERANCE_S: Final = 0.002
"""Largest difference between the times of a frame and its line, seconds: containers round times."""
COMPARED_FRAMES: Final = 30
"""Number of first frames whose times are compared with the lines before anything is shown."""
SPARE_S: Final = 1.0
"""Longest time by which lines may go on after the end that a video states, seconds."""
SEARCHED_LINES: Final = 300
"""Number of lines that are searched for the line of the first frame; those before it are older than
the video."""
FILE_TIME_S: Final = 1e8
"""Times below this, in seconds, are positions in a file; others are Unix times."""
MISSING_SHARE: Final = 0.1
"""Largest ratio of frames without a line to frames with one; the disk was too slow for some."""
STEP_FRAMES: Final = 5
"""Number of successive frames without a line after which the clock may have been set."""


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the first frames of a video tell about it.

    Attributes:
        name: Name of the file.
        size: Width and height of the first frame, pixels.
        times: Times of the first frames, seconds.
        duration_s: Length that the file states, seconds, None where unknown.
    """

    name: str
    size: tuple[int, int]
    times: tuple[float, ...]
    duration_s: float | None


def load_model_or_replay(
    settings: Settings,
    stack: ExitStack,
    *,
    report: Callable[[str | None], None],
    stop: threading.Event | None = None,
) -> Estimator:
    """Load the model that the settings name, or open the recorded poses that replace it.

    See `load_model` and `open_replay` for arguments and errors.
    """
    if settings.source.poses is not None:
        return open_replay(settings, stack)
    return load_model(settings, stack, report=report, stop=stop)


def open_replay(settings: Settings, stack: ExitStack) -> ReplayEstimator:
    """Open the recorded poses of a video, and check that both belong together.

    Args:
        settings: The settings, of which the section source matters.
        stack: Closes the file of the poses.

    Raises:
        UsageError: The source is not a video, or the poses belong to another one.
        SourceError: The video or the poses cannot be read.
    """
    path = user_path(settings.source.poses or "")
    spec = parse_source(settings.source.name)
    if spec.kind is not SourceKind.VIDEO:
        raise UsageError(
            f"--poses-from {path} needs the video that the poses were recorded with",
            remedy="name it with --source",
        )
    video = _read_facts(spec.location)
    record = PoseRecord(path, Path(spec.location).name)
    stack.callback(record.close)
    offset_s = match_times(video, record)
    log.info("replay: %d lines of %s, no model runs", len(record.times), path)
    return ReplayEstimator(record, video, offset_s)


def match_times(video: VideoFacts, record: PoseRecord) -> float:
    """Return by how much the times of the lines are later than those of their frames, seconds.

    Raises:
        UsageError: Sizes, lengths or times of frames and lines do not match.
    """
    size = tuple(record.read(0)["frame"])
    if size != video.size:
        raise _mismatch(video, record, f"frames of {_text(video.size)} and of {_text(size)} pixels")
    _check_length(video, record)
    for line in _fitting_lines(record, video.times, 0):
        return record.times[line] - video.times[0]
    raise _mismatch(video, record, "the times of their frames differ")


def find_clock_step(
    record: PoseRecord, known: tuple[int, float], times: Sequence[float]
) -> int | None:
    """Return the line of the first of some frames, if the clock was set right before it.

    A camera's lines have the time of the clock, its video has not. If lines are only missing, their
    numbers (`seq`) have a gap, too; then nothing is found.

    Args:
        record: The poses.
        known: The last line that was found, and the time of its frame, seconds.
        times: Times of the frames after that, which have no line, seconds.
    """
    last, last_s = known
    for line in _fitting_lines(record, times, last + 1):
        end = record.find(times[-1] + record.times[line] - times[0], TOLERANCE_S) or line
        before, first, final = (_number(record, one) for one in (last, line, end))
        if first >= final:
            continue
        interval_s = (times[-1] - times[0]) / (final - first)
        gap_s = (first - before) * interval_s
        if abs(gap_s - (times[0] - last_s)) < STEP_FRAMES / 2 * interval_s:
            return line
    return None


def _number(record: PoseRecord, line: int) -> int:
    """Return the number of a line's frame in its source; 0 where another program left it out."""
    number = record.read(line).get("seq")
    return number if isinstance(number, int) else 0


def _fitting_lines(record: PoseRecord, times: Sequence[float], start: int) -> Iterator[int]:
    """Yield the lines that may be that of the first frame, as all frames then have a line."""
    for line, time_s in enumerate(record.times[start : start + SEARCHED_LINES], start):
        offset_s = time_s - times[0]
        if all(record.find(one + offset_s, TOLERANCE_S) is not None for one in times):
            yield line


def _check_length(video: VideoFacts, record: PoseRecord) -> None:
    """Raise UsageError if there are too few lines, or lines that go on after the video ends.

    Frames are not counted: what a file states of their number is approximate. Frames without a
    line show during play. The lines of a camera may go on after its recording has ended.
    """
    lines, compared = len(record.times), len(video.times)
    if lines < compared:
        raise _mismatch(video, record, f"{compared} frames or more and {lines} lines")
    length_s = record.times[-1] - record.times[0]
    if (
        not _of_camera(record)
        and video.duration_s is not None
        and length_s > video.duration_s + SPARE_S
    ):
        why = f"the video ends after {video.duration_s:.2f} s, the poses after {length_s:.2f} s"
        raise _mismatch(video, record, why)


def _of_camera(record: PoseRecord) -> bool:
    return record.times[-1] >= FILE_TIME_S


class ReplayEstimator:
    """Looks up the poses of a frame in a file, by the frame's time; implements `Estimator`.

    Attributes:
        runtime: None, because no model runs.
        provenance: See `Estimator`; with a note that the poses are recorded.
    """

    runtime = None

    def __init__(self, record: PoseRecord, video: VideoFacts, offset_s: float) -> None:
        """Create the estimator.

        Args:
            record: The poses.
            video: The video that they belong to.
            offset_s: The offset that `match_times` returned for both, seconds.
        """
        self._record = record
        self._video = video
        self._offset_s = offset_s
        self._first_s = video.times[0] + offset_s
        self._round = 0
        self._last: tuple[int, float] | None = None
        self._lost: deque[float] = deque(maxlen=STEP_FRAMES)
        self._found = self._missing = 0
        self.provenance = recorded_provenance(record.read(0))

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        """Return the recorded poses of a frame; none if it has no line.

        Raises:
            UsageError: The poses do not belong to this video.
            SourceError: The file of the poses cannot be read.
        """
        watch = stopwatch or Stopwatch()
        line = self._find(frame)
        watch.lap("preprocess")
        watch.lap("inference")
        poses = [] if line is None else self._read(line, frame)
        watch.lap("postprocess")
        return Estimate(poses)

    def estimate_crop(
        self, frame: Frame, crop: Crop, stopwatch: Stopwatch | None = None
    ) -> list[Pose]:
        """Return the poses of the whole frame, because none are recorded for a crop."""
        del crop
        return self.estimate(frame, stopwatch).poses

    def reset(self) -> None:
        """Do nothing: no frame depends on an earlier one."""

    def close(self) -> None:
        """Close the file of the poses; see `Estimator.close`."""
        self._record.close()

    def _find(self, frame: Frame) -> int | None:
        """Return the index of a frame's line, or None if it has none."""
        if frame.round != self._round:  # the video has started again with this frame
            self._round = frame.round
            self._offset_s = self._first_s - frame.time
            self._last = None
            self._lost.clear()
        line = self._record.find(frame.time + self._offset_s, TOLERANCE_S)
        if line is None:
            self._lost.append(frame.time)
            line = self._follow_clock(frame)
        if line is not None:
            self._found += 1
            self._last = line, frame.time
            self._lost.clear()
            return line
        self._missing += 1
        if self._missing > COMPARED_FRAMES and self._missing > self._found * MISSING_SHARE:
            raise _mismatch(self._video, self._record, self._explain(frame))
        if self._missing == 1:
            log.warning("%s has no line for %.2f s", self._record.path, frame.time)
        return None

    def _follow_clock(self, frame: Frame) -> int | None:
        """Return the line of a frame if the clock was set shortly before it; go by it from now."""
        last, lost = self._last, self._lost
        if last is None or len(lost) < STEP_FRAMES or not _of_camera(self._record):
            return None
        first = find_clock_step(self._record, last, lost)
        if first is None:
            return None
        self._offset_s = self._record.times[first] - lost[0]
        if self._round == 0:
            before, after = (self._record.read(one)["time"] for one in (last[0], first))
            step_s = after - before - (lost[0] - last[1])
            log.info("the clock was set by %.3f s at %.2f s of the recording", step_s, lost[0])
        return self._record.find(frame.time + self._offset_s, TOLERANCE_S)

    def _explain(self, frame: Frame) -> str:
        """Return why frames up to this one have no line."""
        last_s = self._record.times[-1]
        if frame.time + self._offset_s > last_s:
            return f"the poses end after {last_s - self._first_s:.2f} s, the video goes on"
        return "the times of their frames differ"

    def _read(self, line: int, frame: Frame) -> list[Pose]:
        record = self._record.read(line)
        size = tuple(record["frame"])
        if size != (frame.width, frame.height):
            sizes = f"frames of {frame.width}x{frame.height} and of {_text(size)} pixels"
            raise _mismatch(self._video, self._record, sizes)
        self.provenance = recorded_provenance(record)
        try:
            return recorded_poses(record)
        except ValueError as error:
            raise self._record.fault(line, error) from error


def _read_facts(path: str) -> VideoFacts:
    """Read the first frames of a video.

    Raises:
        SourceError: The video cannot be read.
    """
    # Imported late: a run without a video needs no FFmpeg.
    from pose_edge.sources.video import Video

    times: list[float] = []
    size = (0, 0)
    with closing(Video(path)) as video:
        video.open()
        try:
            while len(times) < COMPARED_FRAMES:
                if (frame := video.read(0.0)) is not None:
                    size = size if times else (frame.width, frame.height)
                    times.append(frame.time)
        except EndOfStream:
            log.debug("%s has %d frames", video.describe(), len(times))
        return VideoFacts(video.describe(), size, tuple(times), video.duration_s)


def _mismatch(video: VideoFacts, record: PoseRecord, why: str) -> UsageError:
    return UsageError(
        f"{video.name} and {record.path} do not belong together: {why}",
        remedy="give the poses that were written with this video",
    )


def _text(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))
