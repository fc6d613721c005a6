"""Common helpers of the tests: pictures with an encoded number, people, and fake components."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from pose_edge.errors import EndOfStream, SourceLost
from pose_edge.estimators.crop import Crop
from pose_edge.frames import ColourOrder, Frame, Image, Lease
from pose_edge.poses import Estimate, FloatArray, Keypoint, Pose, Provenance, Result, box_of
from pose_edge.runtimes import AnyArray, InputSize
from pose_edge.sources import Source
from pose_edge.sources.demand import FrameDemand
from pose_edge.telemetry import Stopwatch
from pose_edge.tracking import oks_matrix
from pose_edge.zoo.registry import Tensor

GENEROUS_S = 60.0
"""Time limit in seconds for events that should happen at once; only failing tests reach it."""


def slowness() -> float:
    """Return the factor on time limits under the present load of the machine, at least 1.

    It is the load average per processor.
    """
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


CODE_BITS = 16
"""Number of bits that a coded picture carries."""
CODE_ROWS = 4
"""Number of rows of fields in a coded picture."""


def wait_until(condition: Callable[[], bool], what: str = "the condition") -> None:
    """Wait until a condition is true; fail after `GENEROUS_S`."""
    deadline = time.monotonic() + GENEROUS_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true within {GENEROUS_S:g} s"
        time.sleep(0.005)


def wait_until_blocked(thread: threading.Thread) -> None:
    """Wait until a thread is blocked on a condition or an event."""

    def blocked() -> bool:
        frame = sys._current_frames().get(thread.ident or 0)
        code = None if frame is None else frame.f_code
        return code is not None and (code.co_filename, code.co_name) == (threading.__file__, "wait")

    wait_until(blocked, "the thread's wait")


def fill_pipe(descriptor: int) -> None:
    """Fill a pipe that nobody reads.

    Args:
        descriptor: The writing end of the pipe.
    """
    before = os.get_blocking(descriptor)
    os.set_blocking(descriptor, False)
    for size in (4096, 1):
        with suppress(BlockingIOError):
            while True:
                os.write(descriptor, b"x" * size)
    os.set_blocking(descriptor, before)


# --- pictures with a number -----------------------------------------------------------------------


def coded_picture(number: int, width: int = 160, height: int = 120) -> Image:
    """Return a picture that encodes a number in dark and bright fields, which survive a codec."""
    fields = np.array([number >> bit & 1 for bit in range(CODE_BITS)], dtype=np.uint8)
    grid = fields.reshape(CODE_ROWS, -1) * 200 + 28
    ys = np.arange(height) * CODE_ROWS // height
    xs = np.arange(width) * (CODE_BITS // CODE_ROWS) // width
    return np.repeat(grid[np.ix_(ys, xs)][:, :, np.newaxis], 3, axis=2).astype(np.uint8)


def read_code(picture: Image) -> int:
    """Return the number encoded by `coded_picture`."""
    height, width = picture.shape[:2]
    columns = CODE_BITS // CODE_ROWS
    ys = (np.arange(CODE_ROWS) * 2 + 1) * height // (2 * CODE_ROWS)
    xs = (np.arange(columns) * 2 + 1) * width // (2 * columns)
    fields = picture[np.ix_(ys, xs)].mean(axis=2).reshape(-1) > 128
    return int(sum(1 << bit for bit, on in enumerate(fields) if on))


def write_video(
    path: Path,
    times: Sequence[float],
    size: tuple[int, int] = (160, 120),
    *,
    b_frames: int = 0,
    pictures: Callable[[int], Image] | None = None,
) -> Path:
    """Write an H.264 video with frames at the given times, by default coded with their index."""
    make = pictures or (lambda index: coded_picture(index, *size))
    with av.open(str(path), "w") as container:
        rate = Fraction(len(times), 1) if len(times) < 2 else Fraction(1 / (times[1] - times[0]))
        stream = container.add_stream("libx264", rate=rate.limit_denominator(1001))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 90_000)
        stream.codec_context.options = {"bf": str(b_frames), "preset": "ultrafast", "crf": "18"}
        for index, moment in enumerate(times):
            frame = av.VideoFrame.from_ndarray(make(index), format="bgr24")
            frame.pts, frame.time_base = round(moment * 90_000), Fraction(1, 90_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def read_video(path: Path) -> list[tuple[float, Image]]:
    """Return time in seconds and picture (BGR) of every frame of a video."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        frames = []
        for frame in container.decode(stream):
            assert frame.pts is not None
            image = np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8)
            frames.append((float(frame.pts * stream.time_base), image))
    return frames


# --- persons --------------------------------------------------------------------------------------

STANDING: Mapping[Keypoint, tuple[float, float]] = {
    Keypoint.NOSE: (0.50, 0.20),
    Keypoint.LEFT_EYE: (0.51, 0.19),
    Keypoint.RIGHT_EYE: (0.49, 0.19),
    Keypoint.LEFT_EAR: (0.52, 0.195),
    Keypoint.RIGHT_EAR: (0.48, 0.195),
    Keypoint.LEFT_SHOULDER: (0.55, 0.30),
    Keypoint.RIGHT_SHOULDER: (0.45, 0.30),
    Keypoint.LEFT_ELBOW: (0.57, 0.40),
    Keypoint.RIGHT_ELBOW: (0.43, 0.40),
    Keypoint.LEFT_WRIST: (0.58, 0.50),
    Keypoint.RIGHT_WRIST: (0.42, 0.50),
    Keypoint.LEFT_HIP: (0.53, 0.50),
    Keypoint.RIGHT_HIP: (0.47, 0.50),
    Keypoint.LEFT_KNEE: (0.53, 0.65),
    Keypoint.RIGHT_KNEE: (0.47, 0.65),
    Keypoint.LEFT_ANKLE: (0.53, 0.80),
    Keypoint.RIGHT_ANKLE: (0.47, 0.80),
}
"""Normalised keypoints (x, y) of an upright person in the middle of the frame. The person faces the
camera, so their left side is on the right."""


def oks(pose: FloatArray, track: FloatArray, width: int, height: int) -> float:
    """Return the object keypoint similarity of two poses."""
    return float(oks_matrix(pose[np.newaxis], track[np.newaxis], width, height)[0, 0])


def person(
    score: float = 0.9,
    *,
    centre: tuple[float, float] = (0.5, 0.5),
    scale: float = 1.0,
    scores: Mapping[Keypoint, float] | None = None,
    places: Mapping[Keypoint, tuple[float, float]] | None = None,
) -> FloatArray:
    """Return keypoints of a standing person.

    Args:
        score: Score of every keypoint.
        centre: Position of the hips, normalised.
        scale: 1 for a person with a height of 0.6 of the frame.
        scores: Different scores for some keypoints.
        places: Different positions for some keypoints.
    """
    keypoints = np.full((17, 3), score, dtype=np.float32)
    for keypoint, (x, y) in STANDING.items():
        keypoints[keypoint, 0] = centre[0] + (x - 0.5) * scale
        keypoints[keypoint, 1] = centre[1] + (y - 0.5) * scale
    for keypoint, place in (places or {}).items():
        keypoints[keypoint, :2] = place
    for keypoint, value in (scores or {}).items():
        keypoints[keypoint, 2] = value
    return keypoints


def answer(keypoints: FloatArray, crop: Crop, width: int, height: int) -> FloatArray:
    """Return the output of a perfect MoveNet for a person in a crop of a frame."""
    output = np.empty((1, 1, 17, 3), dtype=np.float32)
    output[0, 0, :, 0] = (keypoints[:, 1] * height - crop.top) / crop.height
    output[0, 0, :, 1] = (keypoints[:, 0] * width - crop.left) / crop.width
    output[0, 0, :, 2] = keypoints[:, 2]
    return output


def pose(keypoints: FloatArray | None = None, score: float = 0.9) -> Pose:
    """Return a pose."""
    points = person() if keypoints is None else keypoints
    return Pose(points, score, box_of(points, 0.2))


# --- frames and results ---------------------------------------------------------------------------


def make_frame(
    image: Image | None = None,
    *,
    index: int = 0,
    order: ColourOrder = "BGR",
    moment: float | None = None,
    file: str | None = None,
) -> Frame:
    """Return a frame."""
    picture = coded_picture(index) if image is None else image
    return Frame(picture, order, time.monotonic_ns(), index, moment or float(index), file)


def make_result(frame: Frame | None = None, poses: Sequence[Pose] = ()) -> Result:
    """Return a result for a frame."""
    return Result(
        lease=Lease(frame or make_frame()),
        poses=list(poses),
        provenance=Provenance("movenet-test", "cpu"),
        stages_ms={"wait": 1.25, "preprocess": 0.5, "inference": 8.0, "postprocess": 0.1},
    )


# --- fakes ----------------------------------------------------------------------------------------

Answer = Callable[[AnyArray], FloatArray]


class FakeRuntime:
    """A runtime that records its inputs and gives scripted answers; the last one is repeated."""

    def __init__(
        self,
        answers: Sequence[FloatArray | Answer] = (),
        *,
        size: int = 64,
        sizes: Sequence[InputSize] = (),
        dtype: str = "uint8",
        shape: tuple[int, ...] | None = None,
        outputs: Sequence[Tensor] | None = None,
    ) -> None:
        whole = shape or (1, *(sizes[0] if sizes else (size, size)), 3)
        self.sizes: tuple[InputSize, ...] = tuple(sizes) or ((whole[1], whole[2]),)
        self.input = Tensor.model_validate({"shape": whole, "dtype": dtype})
        self.outputs = tuple(outputs or [Tensor(shape=(1, 1, 17, 3), dtype="float32")])
        self.provenance = Provenance("fake-model", "fake")
        self.closed = False
        self.answers = list(answers)
        self.seen: list[AnyArray] = []

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        assert tensor.shape in [(1, *size, 3) for size in self.sizes]
        assert tensor.dtype == self.input.dtype
        self.seen.append(tensor.copy())
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [given(tensor) if callable(given) else given]

    def describe(self) -> str:
        return "a fake"

    def close(self) -> None:
        self.closed = True


class FakeEstimator:
    """An estimator that reads the number in the picture instead of a pose."""

    def __init__(self, work_s: float = 0.0) -> None:
        self.runtime = FakeRuntime()
        self.work_s = work_s
        self.codes: list[int] = []
        self.resets = 0
        self.gate = threading.Event()
        self.gate.set()
        self.fail_at: int | None = None

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        assert self.gate.wait(GENEROUS_S)
        before = read_code(frame.image)
        if self.work_s:
            time.sleep(self.work_s)
        assert read_code(frame.image) == before, "the frame changed while it was leased"
        if self.fail_at == before:
            raise ZeroDivisionError("the estimator broke")
        self.codes.append(before)
        if stopwatch is not None:
            for stage in ("preprocess", "inference", "postprocess"):
                stopwatch.lap(stage)
        return Estimate([pose()], (0.0, 0.0, 1.0, 1.0))

    def estimate_crop(
        self, frame: Frame, crop: Crop, stopwatch: Stopwatch | None = None
    ) -> list[Pose]:
        return self.estimate(frame, stopwatch).poses

    def reset(self) -> None:
        self.resets += 1

    @property
    def provenance(self) -> Provenance:
        return self.runtime.provenance

    def close(self) -> None:
        self.runtime.close()


Step = Frame | BaseException | None


class FakeSource:
    """A source with scripted steps: each is a frame or None to return, or an exception to raise."""

    still = False
    frame_rate: float | None = 30.0
    frame_count: int | None = None
    retry_s = 1.0
    missing: str | None = None
    demand: FrameDemand | None = None

    def __init__(self, steps: Iterator[Step] | Sequence[Step], *, live: bool) -> None:
        self.live = live
        self._steps = iter(steps)
        self.opened = 0
        self.closed = 0
        self.open_errors: list[Exception] = []
        self.reused: list[bool] = []
        self.threads: set[threading.Thread] = set()

    def open(self) -> None:
        self.threads.add(threading.current_thread())
        if self.open_errors:
            raise self.open_errors.pop(0)
        self.opened += 1

    def read(self, timeout: float, reuse: Image | None = None) -> Frame | None:
        self.threads.add(threading.current_thread())
        step = next(self._steps, EndOfStream())
        if isinstance(step, BaseException):
            raise step
        if step is not None and reuse is not None and reuse.shape == step.image.shape:
            reuse[:] = step.image
            self.reused.append(True)
            return replace(step, image=reuse)
        if step is not None:
            self.reused.append(False)
        return step

    def close(self) -> None:
        self.threads.add(threading.current_thread())
        self.closed += 1

    def describe(self) -> str:
        return "a fake source"


def read_until_lost(source: Source) -> SourceLost:
    """Read until the source is lost, and return the error."""
    deadline = time.monotonic() + GENEROUS_S
    while time.monotonic() < deadline:
        try:
            source.read(0.05)
        except SourceLost as lost:
            return lost
    raise AssertionError("the source was not lost")


def frames(count: int | None = None, interval_s: float = 0.0) -> Iterator[Frame]:
    """Yield coded frames.

    Args:
        count: Number of frames; None for an endless stream.
        interval_s: Interval between frames, seconds; 0 to yield them at once.
    """
    due = time.monotonic()
    for index in itertools.count() if count is None else range(count):
        if interval_s:
            due += interval_s
            time.sleep(max(0.0, due - time.monotonic()))
        yield make_frame(coded_picture(index & 0xFFFF), index=index, moment=index / 30)


def no_threads_left(before: set[threading.Thread]) -> bool:
    """Return whether all threads started since `before` was taken have ended."""
    return set(threading.enumerate()) <= before


def noise(width: int, height: int, seed: int = 0) -> Image:
    """Return a picture of random noise."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return a picture of large soft blobs that differ between the colour channels."""
    import cv2

    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
