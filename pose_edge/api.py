"""The public Python interface; import it from the package: ``from pose_edge import PoseEstimator``.

This module does not print, handle signals or read environment variables.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_edge.config.load import load_config
from pose_edge.config.schema import Settings
from pose_edge.errors import EndOfStream
from pose_edge.frames import ColourOrder, Frame, check_order, checked_image
from pose_edge.pipeline.loading import load_model, with_full_effort
from pose_edge.pipeline.options import PipelineOptions
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.poses import Pose, Result
from pose_edge.sources import choose_source
from pose_edge.telemetry import Telemetry
from pose_edge.tracking import PoseTracker
from pose_edge.util import resources

AnyPath = str | os.PathLike[str]
EdgeTpuMode = Literal["auto", "on", "off"]
AnySettings = Mapping[str, str | int | float | bool | None] | AnyPath

log = logging.getLogger(__name__)
# Without a handler, Python would print this library's warnings in programs that set up no logging.
logging.getLogger("pose_edge").addHandler(logging.NullHandler())


class _Closing:
    """Context manager that is also closed by `close`, or when it is garbage collected."""

    def __init__(self, stack: ExitStack) -> None:
        self._close = weakref.finalize(self, stack.pop_all().close)

    @property
    def closed(self) -> bool:
        """Whether the object is closed."""
        return not self._close.alive

    def close(self) -> None:
        """Stop all background work and free devices and memory; a second call does nothing."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class PoseEstimator(_Closing):
    """Finds the people in pictures.

    By default each call is independent of earlier ones. With ``tracking=True`` the pictures are
    treated as consecutive frames of one video: people keep their `Pose.id`, and a model for one
    person looks where the person was last.

    Thread-safe: calls from several threads run one after another.

    >>> import cv2
    >>> from pose_edge import Keypoint, PoseEstimator
    >>> image = cv2.imread("person.jpg")
    >>> with PoseEstimator("movenet-lightning-int8") as estimator:
    ...     poses = estimator(image)
    >>> len(poses)
    1
    >>> poses[0][Keypoint.NOSE].score > 0.5
    True
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        threads: int | None = None,
        edgetpu: EdgeTpuMode | None = None,
        tracking: bool = False,
        settings: AnySettings | None = None,
    ) -> None:
        """Load a model.

        Args:
            model: A name from ``pose-edge models list`` (by default "movenet-lightning-int8"), or
                the path of a .tflite file.
            threads: CPU threads, 1...64; by default 4, but never more than there are cores.
            edgetpu: Whether to use a Coral Edge TPU: "auto" uses one while it is plugged in, "on"
                requires one, "off" uses the CPU only.
            tracking: Treat the pictures as consecutive frames of one video.
            settings: More settings of the sections model, edgetpu, tracking and smoothing, e.g.
                ``{"model.max_people": 2}``, or the path of a config.yaml. The other arguments
                take precedence.

        Raises:
            ConfigError: A setting is unknown or its value is not allowed.
            UnavailableError: The model, the runtime or the Edge TPU is not available.
            UsageError: The settings contradict each other.
        """
        self._settings = _settings(settings, model, threads, edgetpu)
        self._tracking = tracking
        self._lock = threading.Lock()
        with ExitStack() as stack:
            wanted = self._settings if tracking else with_full_effort(self._settings)
            self._estimator = load_model(wanted, stack, wait=True)
            super().__init__(stack)
        self.reset()

    def __call__(
        self, image: NDArray[Any], *, order: ColourOrder = "BGR", time_s: float | None = None
    ) -> list[Pose]:
        """Find the people in a picture.

        Args:
            image: uint8 (height, width, 3) of any size. It is neither changed nor kept.
            order: Order of the colour channels: "BGR" as in OpenCV, or "RGB" as in Pillow.
            time_s: With tracking, the frame's time in its video, seconds; by default the time of
                the call.

        Returns:
            The people, best first; empty when nobody was found.

        Raises:
            TypeError: `image` is not a numpy array of uint8.
            ValueError: `image` has the wrong shape, or `order` is unknown.
            RuntimeError: The estimator is closed.
            UnavailableError: The model cannot be run any more.
        """
        check_order(order)
        now_ns = time.monotonic_ns()
        moment_s = now_ns / 1e9 if time_s is None else time_s
        frame = Frame(checked_image(image), order, now_ns, 0, moment_s)
        with self._lock:
            if self.closed:
                raise RuntimeError("this pose estimator is closed")
            if self._tracking:
                return self._tracker.apply(self._estimator.estimate(frame).poses, frame)
            self._estimator.reset()
            return self._estimator.estimate(frame).poses

    @property
    def backend(self) -> str:
        """The hardware that ran the model for the last result: "cpu" or "edgetpu"."""
        return self._estimator.provenance.backend

    def reset(self) -> None:
        """Forget all earlier frames before another video begins; ids start at 1 again."""
        with self._lock:
            self._estimator.reset()
            self._tracker = PoseTracker(self._settings, live=False)

    def close(self) -> None:
        """Free the model and the Edge TPU, once a call running in another thread has returned."""
        with self._lock:
            super().close()


@dataclass(frozen=True, slots=True)
class PoseResult:
    """The poses of one frame of a source.

    Attributes:
        frame: The frame. Its image is a copy that nothing else writes to.
        poses: The people in the frame, best first; empty when nobody was found.
        model: Name of the model that found them.
        backend: The hardware that ran the model: "cpu" or "edgetpu".
        latency_ms: Duration in milliseconds of the stages "wait", "preprocess", "inference" and
            "postprocess", and their "total": from exposure (for a file, from reading the frame)
            to the poses.
    """

    frame: Frame
    poses: list[Pose]
    model: str
    backend: str
    latency_ms: dict[str, float]

    @property
    def time(self) -> float:
        """Time of exposure in Unix seconds; for a file, the position in it in seconds."""
        return self.frame.time


class PoseStream(_Closing):
    """Iterable over the results of a running source; see `open_pipeline`.

    One thread at a time may iterate. Another thread may call `close`, which ends the iteration.
    """

    def __init__(self, pipeline: Pipeline, order: ColourOrder, stack: ExitStack) -> None:
        """Initialise the stream; only `open_pipeline` does this."""
        super().__init__(stack)
        self._pipeline, self._order = pipeline, order
        self._ended = False

    def __iter__(self) -> Iterator[PoseResult]:
        """Yield results until the file or stream ends or `close` is called.

        A second loop continues where the first one stopped.

        Raises:
            UnavailableError: The source or the model failed and cannot be used any more.
        """
        with suppress(EndOfStream):
            while not self.closed:
                result = self._pipeline.take(threading.TIMEOUT_MAX)  # Ctrl-C interrupts it
                if result is not None:
                    yield _own(result, self._order)
        if not self._ended:
            self._ended = True
            for reason in self.missing:
                log.warning("%s", reason)

    @property
    def missing(self) -> tuple[str, ...]:
        """Messages about the parts of a file that could not be read; empty for an intact file.

        Complete after the last result. Example:
        ``("cam.mp4: 3 of 300 frames are damaged or missing",)``.
        """
        return self._pipeline.missing


def open_pipeline(
    source: AnyPath | int = "auto",
    *,
    model: str | None = None,
    threads: int | None = None,
    edgetpu: EdgeTpuMode | None = None,
    order: ColourOrder = "BGR",
    realtime: bool = False,
    settings: AnySettings | None = None,
) -> PoseStream:
    """Find the people in every frame of a source.

    A camera or network stream does not wait for the loop: frames that arrive while the loop is busy
    are dropped (visible as a gap in `Frame.index`), and the next result is from a recent frame. If
    the source is lost, the loop waits until it is back. A file waits for the loop: every frame is
    processed, in order.

    >>> from pose_edge import open_pipeline
    >>> with open_pipeline("demo") as results:
    ...     result = next(result for result in results if result.poses)
    >>> print(f"{result.time:.2f} s: {result.frame.width} x {result.frame.height} pixels")
    0.00 s: 1280 x 720 pixels

    Args:
        source: "auto" (any camera, else the demo clip), "demo", "picamera", "picamera:1",
            "/dev/video0", "camera:NAME", the number of a camera, an rtsp:// or http:// address, or
            the path of a video, a picture or a folder of pictures.
        model: As for `PoseEstimator`.
        threads: As for `PoseEstimator`.
        edgetpu: As for `PoseEstimator`.
        order: Order of the colour channels of the frames in the results, "BGR" or "RGB".
        realtime: Play a video at its own speed instead of as fast as possible.
        settings: As for `PoseEstimator`, and also the sections source and camera.

    Returns:
        A stream of results, which the caller closes. Each result has its own copy of the frame,
        which the caller may keep and change.

    Raises:
        SourceError: The source does not exist or cannot be opened.
        PoseEdgeError: See `PoseEstimator`.
    """
    check_order(order)
    # A path object always means a file, even one called "demo".
    name = str(source if isinstance(source, str | int) else Path(source).absolute())
    wanted = _settings(settings, model, threads, edgetpu, name)
    with ExitStack() as stack:
        feed = choose_source(wanted.source, wanted.camera)
        estimator = load_model(wanted, stack, wait=not feed.live)
        options = PipelineOptions(
            pace=realtime, wait=wanted.camera.wait, read_limit_s=wanted.camera.timeout
        )
        tracker = PoseTracker(wanted, live=feed.live)
        pipeline = Pipeline(feed, estimator, Telemetry(), tracker=tracker, options=options)
        stack.callback(pipeline.stop)
        if not (feed.live and wanted.camera.wait):
            pipeline.open()
        pipeline.start()
        return PoseStream(pipeline, order, stack)


def _settings(settings: AnySettings | None, *arguments: str | int | None) -> Settings:
    """Return the settings, overridden by the arguments model, threads, edgetpu and source."""
    path = Path(settings) if isinstance(settings, str | os.PathLike) else resources.default_config()
    values = dict(settings) if isinstance(settings, Mapping) else {}
    names = ("model.name", "model.threads", "edgetpu.mode", "source.name")
    values |= {n: v for n, v in zip(names, arguments, strict=False) if v is not None}
    texts = {name: v if isinstance(v, str) else json.dumps(v) for name, v in values.items()}
    return load_config(path, {}, [(name, text, "settings") for name, text in texts.items()])


def _own(result: Result, order: ColourOrder) -> PoseResult:
    """Return a result with its own copy of the frame, and release the pipeline's memory."""
    try:
        frame, by = result.frame, result.provenance
        same = frame.order == order
        image = frame.image.copy() if same else cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
        owned = replace(frame, image=np.asarray(image, dtype=np.uint8), order=order)
        return PoseResult(owned, result.poses, by.model, by.backend, result.stages_ms)
    finally:
        result.release()
