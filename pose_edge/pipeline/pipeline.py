"""The threads between source and screen, and how they are tied.

    capture thread -> ring buffer -> inference thread -> outbox -> whoever calls `take`

Live sources drop: the newest frame and the newest result win. Files do not: every frame is
processed and delivered, in order, and a slow taker slows the file down.

With spare parts, a thread that dies or hangs while the source is live is replaced by another, and
the other parts go on. A thread cannot be killed: one that hangs is given up, which can be borne a
few times.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pose_edge.estimators import Estimator
from pose_edge.pipeline.capture import Capture
from pose_edge.pipeline.inference import Inference, InferenceChange
from pose_edge.pipeline.result_queue import ResultQueue
from pose_edge.pipeline.ring_buffer import RingBuffer
from pose_edge.pipeline.worker_thread import WorkerThread
from pose_edge.poses import Result
from pose_edge.sinks import Sink
from pose_edge.sources import Source
from pose_edge.supervision.supervisor import Part, Supervisor
from pose_edge.telemetry import Telemetry
from pose_edge.tracking import PoseTracker

log = logging.getLogger(__name__)

JOIN_S: Final = 12.0
"""How long `stop` waits for the threads: a source may be within its own time limit."""
SOURCE_LIMIT_S: Final = 10.0
"""How long a live source may take to read where nothing else is said."""
RING_SLOTS: Final = 5
"""One being written, one waiting, and one each for inference, outbox and renderer."""
HANGING_LIMIT: Final = 3
"""So many threads may hang, each with its memory and perhaps a device. With one more, only a new
start of the program helps."""


@dataclass(frozen=True, slots=True)
class PartFactories:
    """What replaces parts of a pipeline; each is called in the new part's thread.

    Attributes:
        source: Makes the same source again, not open. It is waited for.
        estimator: Loads the same model again.
        following: Makes what follows people again.
    """

    source: Callable[[], Source]
    estimator: Callable[[], Estimator]
    following: Callable[[], PoseTracker]


class Pipeline:
    """Capture and inference, each in its own thread."""

    def __init__(
        self,
        source: Source,
        estimator: Estimator,
        telemetry: Telemetry,
        *,
        following: PoseTracker | None = None,
        sinks: Sequence[Sink] = (),
        pace: bool = False,
        max_frames: int | None = None,
        limit_s: float = SOURCE_LIMIT_S,
        opened: bool = True,
        supervisor: Supervisor | None = None,
        spares: PartFactories | None = None,
    ) -> None:
        """Tie the parts together; `start` sets them going.

        Args:
            source: The pipeline closes it.
            estimator: Finds the poses.
            telemetry: Gets times, rates and faults.
            following: Gives poses ids and steadies them.
            sinks: Get every result; open, and closed by whoever opened them.
            pace: Play files at their own speed.
            max_frames: End after this many processed frames.
            limit_s: How long a live source may take to read, seconds.
            opened: Whether the source is open. Else it is live, and is opened, and waited for if
                it is not there, by the pipeline.
            supervisor: Is told how source and inference go, and has them replaced.
            spares: What they are replaced with. Without, or with a file, what a thread dies of ends
                the run: `take` raises it.
        """
        self._telemetry = telemetry
        self._spares = spares
        self._live, self._still = source.live, source.still
        self._pace = pace
        self._limit_s = limit_s
        self._sinks = sinks
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._hanging: list[threading.Thread] = []
        self._ring = RingBuffer(RING_SLOTS, drop=source.live)
        self._outbox = ResultQueue(drop=source.live)
        supervisor = supervisor or Supervisor()
        replaceable = spares is not None
        self._source_part = supervisor.add("source", self._replace_source if replaceable else None)
        self._inference_part = supervisor.add(
            "inference", self._replace_inference if replaceable else None
        )
        self._capture = Capture(
            lambda: source,
            self._ring,
            telemetry,
            part=self._source_part,
            ended=self._capture_ended,
            live=source.live,
            limit_s=limit_s,
            opened=opened,
            pace=pace,
        )
        self._inference = Inference(
            lambda: estimator,
            following,
            self._ring,
            self._outbox,
            telemetry,
            part=self._inference_part,
            ended=self._inference_ended,
            borrowed=True,
            sinks=sinks,
            max_frames=max_frames,
        )

    @property
    def skipped(self) -> int:
        """Frames that were captured but not processed, so that the newest could be."""
        return self._ring.skipped

    @property
    def live(self) -> bool:
        """Whether the source is."""
        return self._live

    @property
    def still(self) -> bool:
        """Whether its frames are unrelated pictures."""
        return self._still

    def describe_source(self) -> str:
        """Say what the source is."""
        return self._capture.describe()

    def start(self) -> None:
        """Start the threads."""
        with self._lock:
            if not self._stopping.is_set():
                self._capture.start()
                self._inference.start()

    def take(self, timeout: float) -> Result | None:
        """Get the next result; the caller releases it. See `ResultQueue.take`."""
        return self._outbox.take(timeout)

    def change_source(self, source: Source, *, opened: bool) -> None:
        """Go on with another source, or with the same in another way; returns at once.

        Args:
            source: If it is live and not open, it is opened once the old one is closed.
            opened: Whether it is open.
        """
        with self._lock:
            if self._stopping.is_set():
                source.close()
                return
            self._live, self._still = source.live, source.still
            self._ring.set_drop(drop=source.live)
            self._outbox.set_drop(drop=source.live)
            self._capture.stop()
            self._start_capture(lambda: source, opened=opened)

    def change_spares(self, spares: PartFactories, *, pace: bool, limit_s: float) -> None:
        """Begin parts, from now on, in another way; arguments as at the start."""
        with self._lock:
            self._spares, self._pace, self._limit_s = spares, pace, limit_s

    def change_inference(self, changed: InferenceChange) -> None:
        """Go on with another estimator, or follow people in another way, without a gap."""
        with self._lock:
            self._inference.change(changed)

    def limit(self, max_frames: int | None) -> None:
        """End after so many processed frames in all; None: do not."""
        with self._lock:
            self._inference.max_frames = max_frames

    def stop(self) -> None:
        """End the threads, and close the source.

        `take` still delivers the results of the frames that were processed, then ends.
        """
        with self._lock:
            self._stopping.set()
            threads = [self._capture.thread, self._inference.thread]
            self._capture.stop()
            self._inference.stop()
        self._ring.close()
        self._outbox.close()
        deadline = time.monotonic() + JOIN_S
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
                if thread.is_alive():
                    log.warning("the %s thread did not end within %g s", thread.name, JOIN_S)

    def _capture_ended(self, capture: WorkerThread, error: BaseException | None) -> None:
        """Handle the end of a capture thread, in that thread."""
        with self._lock:
            if capture is not self._capture:
                return
            if error is not None and self._replaceable():
                self._fail("source", self._source_part, error)
                return
        self._ring.close(error)
        self._source_part.done()

    def _inference_ended(self, inference: WorkerThread, error: BaseException | None) -> None:
        """Handle the end of an inference thread, in that thread."""
        with self._lock:
            if inference is not self._inference:
                return
            if error is not None and self._replaceable():
                self._fail("inference", self._inference_part, error)
                return
            self._stopping.set()
            self._capture.stop()
        self._ring.close()
        self._outbox.close(error)
        self._inference_part.done()

    def _replaceable(self) -> bool:
        return self._spares is not None and self._live and not self._stopping.is_set()

    def _fail(self, name: str, part: Part, error: BaseException) -> None:
        """Say that a thread has died."""
        reason = str(error) or type(error).__name__
        log.debug("the %s thread has died", name, exc_info=error)
        self._telemetry.set_fault(name, reason)
        part.failed(reason)

    def _replace_source(self) -> None:
        with self._lock:
            if self._stopping.is_set() or self._spares is None:
                return
            self._capture.give_up()
            if self._may_hang("source", self._capture.thread, self._source_part):
                self._start_capture(self._spares.source, opened=False)

    def _start_capture(self, make: Callable[[], Source], *, opened: bool) -> None:
        self._capture = Capture(
            make,
            self._ring,
            self._telemetry,
            part=self._source_part,
            ended=self._capture_ended,
            live=self._live,
            limit_s=self._limit_s,
            opened=opened,
            pace=self._pace,
            predecessor=self._capture,
        )
        self._capture.start()

    def _replace_inference(self) -> None:
        with self._lock:
            if self._stopping.is_set() or self._spares is None:
                return
            before = self._inference
            before.give_up()
            if self._may_hang("inference", before.thread, self._inference_part):
                self._inference = Inference(
                    self._spares.estimator,
                    self._spares.following(),
                    self._ring,
                    self._outbox,
                    self._telemetry,
                    part=self._inference_part,
                    ended=self._inference_ended,
                    borrowed=False,
                    sinks=self._sinks,
                    max_frames=before.max_frames,
                    predecessor=before,
                )
                self._inference.start()

    def _may_hang(self, name: str, thread: threading.Thread, part: Part) -> bool:
        """Note a thread that is given up, and tell whether one more can be borne."""
        if thread.is_alive():
            self._telemetry.set_fault(name, "it hangs, and is replaced")
        self._hanging = [one for one in (*self._hanging, thread) if one.is_alive()]
        if len(self._hanging) <= HANGING_LIMIT:
            return True
        part.give_up(f"{len(self._hanging)} threads hang")
        return False
