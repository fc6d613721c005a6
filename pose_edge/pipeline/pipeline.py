"""The threads between source and screen, and how they are connected.

    capture thread -> ring buffer -> inference thread -> result queue -> the caller of `take`

Live sources drop: the newest frame and the newest result win. Files do not: every frame is
processed and delivered, in order, and a slow caller slows the file down.

Where the options allow it, a thread of a live source that dies or hangs is replaced.
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
"""Longest time that `stop` waits for the threads: a source may be within its own time limit."""
RING_SLOTS: Final = 5
"""One being written, one waiting, and one each for inference, result queue and renderer."""


class Pipeline:
    """Capture and inference, each in its own thread.

    Call `start`, then `take` until it raises `EndOfStream`, releasing each result, then `stop`.

    Attributes:
        live: Whether the source is live.
        still: Whether the frames are unrelated pictures.
        demand: Which pictures of a live source are decoded, and how finely.
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
        """Connect the parts; `start` starts them.

        Args:
            source: Where the frames come from. The pipeline opens, reads and closes it.
            estimator: Finds the poses. The caller closes it, after `stop`.
            telemetry: Gets durations, rates and faults.
            tracker: Gives poses their ids and smooths them; None for poses without ids.
            sinks: Get every result; open, and closed by the caller.
            max_frames: End after this many processed frames.
            options: How to read the source, and what to do after a fault.
            supervisor: Gets the heartbeats of both threads, and has them replaced.
            wakeup: Set when there is something to `take`, or a `newest` frame that is asked for.
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
        """Frames that were captured but not processed, so that the newest could be."""
        return self._shared.ring.skipped

    @property
    def ended(self) -> bool:
        """Whether no more frames will be captured: a file was read to its end, or `stop`."""
        return self._stopping or self._source_ended

    @property
    def paused(self) -> bool:
        """Whether the picture is to stand still; a new source begins unpaused."""
        return self._shared.gate.closed

    @property
    def rest(self) -> Rest:
        """Says whether frames of a live source may be passed over, and whether they are now."""
        return self._shared.rest

    @property
    def lost(self) -> Lost | None:
        """Why a live source is not there, or None."""
        return self._shared.lost

    @property
    def missing(self) -> tuple[str, ...]:
        """What of each file that was read could not be read, see `Source`, with its name."""
        return tuple(self._shared.missing)

    @property
    def estimators(self) -> list[Estimator]:
        """The estimator at work, and the one that is to replace it."""
        return self._inference.estimators

    def describe_source(self) -> str:
        """Return the name of the source."""
        return self._capture.describe()

    @property
    def frame_rate(self) -> float | None:
        """Frames per second that the source promises, None where unknown."""
        return self._capture.frame_rate

    def open(self) -> None:
        """Open the source before `start`, and wait until it is open; not needed for `start`.

        Raises:
            SourceError: The source cannot be opened, or its driver hangs.
        """
        (capture := self._capture).start()
        if not capture.opened.wait(OPEN_S):
            raise SourceError(f"{capture.describe()} did not open within {OPEN_S:g} s")
        if self._source_ended:
            self._shared.ring.take(0)  # raises what the thread died of

    def start(self) -> None:
        """Let frames flow."""
        with self._lock:
            if not self._stopping:
                self._shared.started.set()
                if self._capture.ident is None:
                    self._capture.start()
                self._inference.start()

    def take(self, timeout: float) -> Result | None:
        """Return the next result within some seconds; the caller releases it.

        Returns:
            The result, or None when none came in time.

        Raises:
            EndOfStream: There will be no more results.
            Exception: What the source or the model failed of, when it is not replaced.
        """
        return self._shared.results.take(timeout)

    def newest(self, after: int) -> Lease | None:
        """Return the newest frame, which inference may not have taken yet; the caller releases it.

        Args:
            after: The frame must have a higher number.

        Returns:
            The frame, or None when it is not there yet; `take` says when none will come any more.
        """
        slot = self._shared.ring.newest(after)
        if slot is None or slot.frame is None:
            return None
        return Lease(slot.frame, partial(self._shared.ring.free, slot))

    def pause(self) -> None:
        """Let a file stop after one more frame. A live source goes on: do not show its frames."""
        self._shared.gate.close()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._shared.gate.open()

    def step(self) -> None:
        """Let one more frame of a file pass that is paused."""
        self._shared.gate.step()

    def change_source(self, source: Source) -> None:
        """Go on with another source; return at once.

        Args:
            source: The source, not open. It is opened once the old one is closed; a live one that
                cannot be opened is waited for.
        """
        with self._lock:
            if self.ended:
                return
            self.live, self.still = source.live, source.still
            self._shared.gate.open()
            self._shared.ring.set_drop(drop=source.live)
            self._shared.results.set_drop(drop=source.live)
            self._capture.stop()
            self._hung_threads.add(self._capture)  # should it not end
            self._capture = self._make_capture(lambda: source, predecessor=self._capture)
            self._capture.start()

    def change_inference(
        self, estimator: Estimator | None = None, tracker: PoseTracker | None = None
    ) -> None:
        """Go on with another estimator or tracker, without a gap; return at once.

        The pipeline closes the estimator. None keeps the present one.
        """
        with self._lock:
            self._inference.change(estimator, tracker)

    def change_options(self, options: PipelineOptions) -> None:
        """Use other options for the parts that are made from now on."""
        with self._lock:
            self._options = options

    def limit(self, max_frames: int | None) -> None:
        """End after this many processed frames, counted from the start; None for no limit."""
        self._shared.max_frames = max_frames
        self._shared.ring.wake()

    def stop(self) -> None:
        """End the threads, and close the source.

        `take` still delivers what was processed, then ends. A second call does not wait anew.
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
            if self._stopping or make is None:
                return
            fault = f"{before.describe()} hangs and is being restarted"
            if self._give_up(before, self._source_part, SOURCE, fault):
                self._capture = self._make_capture(make, predecessor=before)
                self._capture.start()

    def _replace_inference(self) -> None:
        """Replace the inference thread; called by the supervisor."""
        with self._lock:
            load, before = self._options.load_estimator, self._inference
            if self._stopping or load is None:
                return
            fault = "the model hangs and is being restarted"
            if self._give_up(before, self._inference_part, INFERENCE, fault):
                tracker, ended = self._options.make_tracker(), self._inference_ended
                self._inference = Inference(
                    load, tracker, self._shared, self._inference_part, ended, predecessor=before
                )
                self._inference.start()

    def _give_up(self, thread: WorkerThread, part: Part, name: str, fault: str) -> bool:
        """Give a thread up, and return whether another one may take its place."""
        thread.give_up()
        if thread.is_alive():
            self._shared.telemetry.set_fault(name, fault)
        self._hung_threads.add(thread)
        if self._hung_threads.too_many:
            part.give_up(counted(self._hung_threads.count, "thread hangs", "threads hang"))
            return False
        return True
