"""The threads between source and screen, and how they are connected.

    capture thread -> ring buffer -> inference thread -> result queue -> the caller of `take`

With a live source, the newest frame and the newest result replace older ones. With a file, every
frame is processed and delivered, in order, and a slow caller slows the file down (back-pressure).

If the options allow it, a thread of a live source that dies or hangs is replaced.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from pose_edge.errors import SourceError
from pose_edge.estimators import Estimator
from pose_edge.frames import Lease
from pose_edge.pipeline.capture import OPEN_S, Capture
from pose_edge.pipeline.inference import Inference
from pose_edge.pipeline.options import PipelineOptions
from pose_edge.pipeline.rest import Rest
from pose_edge.pipeline.ring_buffer import RingBuffer
from pose_edge.pipeline.worker_thread import Lost, ResultQueue, Shared, WorkerThread
from pose_edge.poses import Result
from pose_edge.sinks import Sink
from pose_edge.sources import Source
from pose_edge.supervision.hung_threads import HungThreads
from pose_edge.supervision.supervisor import Part, Supervisor
from pose_edge.telemetry import INFERENCE, SOURCE, Telemetry
from pose_edge.tracking import PoseTracker
from pose_edge.util.text import counted
from pose_edge.util.wakeup import Wakeup

log = logging.getLogger(__name__)

JOIN_S: Final = 12.0
"""Longest wait of `stop` for the threads, seconds: a source may block until its own time limit."""
RING_SLOTS: Final = 5
"""Number of slots in the ring: one being written, one waiting, and one each for inference, result
queue and renderer."""


class Pipeline:
    """Runs capture and inference, each in its own thread.

    Call `start`, then `take` until it raises `EndOfStream`, releasing each result, then `stop`.

    Attributes:
        live: Whether the source is live.
        still: Whether the frames are unrelated pictures.
        demand: Which pictures of a live source are decoded, and at which size.
    """

    def __init__(
        self,
        source: Source,
        estimator: Estimator,
        telemetry: Telemetry,
        *,
        tracker: PoseTracker | None = None,
        sinks: Sequence[Sink] = (),
        max_frames: int | None = None,
        options: PipelineOptions | None = None,
        supervisor: Supervisor | None = None,
        wakeup: Wakeup | None = None,
    ) -> None:
        """Create and connect the threads; `start` starts them.

        Args:
            source: Delivers the frames. The pipeline opens, reads and closes it.
            estimator: Finds the poses. The caller closes it, after `stop`.
            telemetry: Gets durations, rates and faults.
            tracker: Gives poses their ids and smooths them; None for poses without ids.
            sinks: Get every result. The caller opens and closes them.
            max_frames: Number of processed frames after which to end; None for no limit.
            options: How to read the source, and what to do after a fault.
            supervisor: Gets the heartbeats of both threads, and has them replaced.
            wakeup: Set when a result can be taken, or when a requested `newest` frame arrives.
        """
        self._options = options = options or PipelineOptions()
        self.live, self.still = source.live, source.still
        ring = RingBuffer(RING_SLOTS, drop=source.live, wakeup=wakeup)
        results = ResultQueue(drop=source.live, wakeup=wakeup)
        self._shared = Shared(ring, results, telemetry, sinks, max_frames)
        self.demand = self._shared.demand
        self._lock = threading.Lock()
        self._stopping = self._source_ended = False
        self._stopped_by_s = math.inf
        self._hung_threads = HungThreads()
        supervisor = supervisor or Supervisor()
        self._source_part = supervisor.add(SOURCE, options.make_source and self._replace_capture)
        replace_inference = options.load_estimator and self._replace_inference
        self._inference_part = supervisor.add(INFERENCE, replace_inference)
        self._capture = self._make_capture(lambda: source, wait=options.wait)
        self._inference = Inference(
            lambda: estimator, tracker, self._shared, self._inference_part, self._inference_ended
        )

    @property
    def skipped(self) -> int:
        """Number of frames that were captured, but not processed because newer ones had arrived."""
        return self._shared.ring.skipped

    @property
    def ended(self) -> bool:
        """Whether no more frames will be captured, e.g. because a file was read to its end."""
        return self._stopping or self._source_ended

    @property
    def paused(self) -> bool:
        """Whether the picture is paused; a new source starts unpaused."""
        return self._shared.gate.closed

    @property
    def rest(self) -> Rest:
        """Decides whether frames of a live source are passed over, and tells whether they are."""
        return self._shared.rest

    @property
    def lost(self) -> Lost | None:
        """Why a live source is missing, or None."""
        return self._shared.lost

    @property
    def missing(self) -> tuple[str, ...]:
        """What could not be read of each file, with the file's name; see `Source.missing`."""
        return tuple(self._shared.missing)

    @property
    def estimators(self) -> list[Estimator]:
        """The estimator in use, and the one that will replace it, if any."""
        return self._inference.estimators

    def describe_source(self) -> str:
        """Return the name of the source."""
        return self._capture.describe()

    @property
    def frame_rate(self) -> float | None:
        """Nominal frames per second of the source, None where unknown."""
        return self._capture.frame_rate

    def open(self) -> None:
        """Open the source before `start`, and wait until it is open; this is optional.

        Raises:
            SourceError: The source cannot be opened, or its driver hangs.
        """
        (capture := self._capture).start()
        if not capture.opened.wait(OPEN_S):
            raise SourceError(f"{capture.describe()} did not open within {OPEN_S:g} s")
        if self._source_ended:
            self._shared.ring.take(0)  # raises the error that ended the thread

    def start(self) -> None:
        """Start capture and inference."""
        with self._lock:
            if not self._stopping:
                self._shared.started.set()
                if self._capture.ident is None:
                    self._capture.start()
                self._inference.start()

    def take(self, timeout: float) -> Result | None:
        """Return the next result, waiting for it at most `timeout` seconds.

        Returns:
            The result, which the caller releases, or None when none came in time.

        Raises:
            EndOfStream: There will be no more results.
            Exception: The error of the source or the model, when it is not replaced.
        """
        return self._shared.results.take(timeout)

    def newest(self, after: int) -> Lease | None:
        """Return the newest frame, which inference may not have taken yet; the caller releases it.

        Args:
            after: The frame must have a higher number.

        Returns:
            The frame, or None when there is none yet; only `take` reports the end of the source.
        """
        slot = self._shared.ring.newest(after)
        if slot is None or slot.frame is None:
            return None
        return Lease(slot.frame, partial(self._shared.ring.free, slot))

    def pause(self) -> None:
        """Pause a file after one more frame. A live source goes on: do not show its frames."""
        self._shared.gate.close()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._shared.gate.open()

    def step(self) -> None:
        """Let one more frame of a paused file pass."""
        self._shared.gate.step()

    def change_source(self, source: Source) -> None:
        """Switch to another source; return at once.

        Args:
            source: The source, not yet open. The capture thread opens it once the old one is
                closed, and waits for a live source that cannot be opened.
        """
        with self._lock:
            if self.ended:
                return
            self.live, self.still = source.live, source.still
            self._shared.gate.open()
            self._shared.ring.set_drop(drop=source.live)
            self._shared.results.set_drop(drop=source.live)
            self._capture.stop()
            self._hung_threads.add(self._capture)  # in case it does not end
            self._capture = self._make_capture(lambda: source, predecessor=self._capture)
            self._capture.start()

    def change_inference(
        self, estimator: Estimator | None = None, tracker: PoseTracker | None = None
    ) -> None:
        """Switch to another estimator or tracker without a gap; return at once.

        None keeps the present one. The pipeline closes the new estimator.
        """
        with self._lock:
            self._inference.change(estimator, tracker)

    def change_options(self, options: PipelineOptions) -> None:
        """Use other options for the threads that are created from now on."""
        with self._lock:
            self._options = options

    def limit(self, max_frames: int | None) -> None:
        """End after this many processed frames, counted from the start; None for no limit."""
        self._shared.max_frames = max_frames
        self._shared.ring.wake()

    def stop(self) -> None:
        """Stop the threads, and close the source.

        `take` still returns what was processed before it raises `EndOfStream`. A second call does
        not restart the time limit.
        """
        with self._lock:
            self._stopping = True
            threads = [self._capture, self._inference]
            for thread in threads:
                thread.stop()
        self._shared.ring.close()
        self._shared.results.close()
        self._stopped_by_s = min(self._stopped_by_s, time.monotonic() + JOIN_S)
        for thread in threads:
            if not thread.wait(max(0.0, self._stopped_by_s - time.monotonic())):
                log.warning("the %s thread did not end within %g s", thread.name, JOIN_S)

    def _make_capture(
        self, make: Callable[[], Source], *, wait: bool = True, predecessor: Capture | None = None
    ) -> Capture:
        return Capture(
            make,
            self._shared,
            self._source_part,
            self._capture_ended,
            live=self.live,
            wait=wait,
            pace=self._options.pace,
            read_limit_s=self._options.read_limit_s,
            predecessor=predecessor,
        )

    def _capture_ended(self, capture: WorkerThread, error: BaseException | None) -> None:
        """Handle the end of a capture thread, in that thread."""
        with self._lock:
            if capture is not self._capture:
                return
            replaceable = self._can_replace(self._options.make_source)
            if error is not None and replaceable and not self._capture.must_open:
                self._report_death(SOURCE, self._source_part, error)
                return
            self._source_ended = True
        self._shared.ring.close(error)
        self._source_part.done()

    def _inference_ended(self, inference: WorkerThread, error: BaseException | None) -> None:
        """Handle the end of an inference thread, in that thread."""
        with self._lock:
            if inference is not self._inference:
                return
            if error is not None and self._can_replace(self._options.load_estimator):
                self._report_death(INFERENCE, self._inference_part, error)
                return
            self._stopping = True
            self._capture.stop()
        self._shared.ring.close()
        self._shared.results.close(error)
        self._inference_part.done()

    def _can_replace(self, make: Callable[[], object] | None) -> bool:
        return make is not None and self.live and not self._stopping

    def _report_death(self, name: str, part: Part, error: BaseException) -> None:
        reason = str(error) or type(error).__name__
        log.debug("%s: the thread has died", name, exc_info=error)
        self._shared.telemetry.set_fault(name, reason)
        part.failed(reason)

    def _replace_capture(self) -> None:
        """Replace the capture thread; called by the supervisor."""
        with self._lock:
            make, before = self._options.make_source, self._capture
            if make is None or not self._can_replace(make):
                return
            fault = f"{before.describe()} hangs and is being restarted"
            if self._give_up(before, self._source_part, SOURCE, fault):
                self._capture = self._make_capture(make, predecessor=before)
                self._capture.start()

    def _replace_inference(self) -> None:
        """Replace the inference thread; called by the supervisor."""
        with self._lock:
            load, before = self._options.load_estimator, self._inference
            if load is None or not self._can_replace(load):
                return
            fault = "the model hangs and is being restarted"
            if self._give_up(before, self._inference_part, INFERENCE, fault):
                tracker, ended = self._options.make_tracker(), self._inference_ended
                self._inference = Inference(
                    load, tracker, self._shared, self._inference_part, ended, predecessor=before
                )
                self._inference.start()

    def _give_up(self, thread: WorkerThread, part: Part, name: str, fault: str) -> bool:
        """Give up a thread, and return whether another one may take its place."""
        thread.give_up()
        if thread.is_alive():
            self._shared.telemetry.set_fault(name, fault)
        self._hung_threads.add(thread)
        if self._hung_threads.too_many:
            part.give_up(counted(self._hung_threads.count, "thread hangs", "threads hang"))
            return False
        return True
