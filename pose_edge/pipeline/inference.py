"""The inference thread: finds the poses in the newest frame, and hands over the results."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from pose_edge.errors import EndOfStream
from pose_edge.estimators import Estimator
from pose_edge.frames import Lease
from pose_edge.pipeline.rest import Found
from pose_edge.pipeline.ring_buffer import Slot
from pose_edge.pipeline.worker_thread import Shared, WorkerThread
from pose_edge.poses import Result
from pose_edge.supervision.supervisor import Part
from pose_edge.telemetry import INFERENCE, Event, Stopwatch
from pose_edge.tracking import PoseTracker

log = logging.getLogger(__name__)

STALL_S: Final = 12.0
"""Longest time for one frame, seconds: three passes of the largest model take a Zero 2 W several
seconds."""
IDLE_S: Final = STALL_S / 3
"""Interval of the heartbeats while no frame arrives, seconds."""
LOAD_S: Final = 90.0
"""Longest time to load a model, seconds; long enough for a Zero 2 W with a slow SD card."""


class Inference(WorkerThread):
    """Runs an estimator, which `change` can replace.

    The first estimator of a pipeline belongs to the caller. Every other one is closed by the
    thread that loaded it or was given it.
    """

    def __init__(
        self,
        load: Callable[[], Estimator],
        tracker: PoseTracker | None,
        shared: Shared,
        part: Part,
        ended: Callable[[WorkerThread, BaseException | None], None],
        *,
        predecessor: Inference | None = None,
    ) -> None:
        """Create the thread; `start` starts it.

        Args:
            load: Returns the estimator; called in the thread.
            tracker: Gives poses their ids and smooths them; None for poses without ids.
            shared: See `WorkerThread`.
            part: See `WorkerThread`.
            ended: See `WorkerThread`.
            predecessor: The thread that this one replaces. Its estimator is closed before another
                one is loaded, because it may hold an Edge TPU.
        """
        super().__init__("inference", shared, part, ended, start_limit_s=LOAD_S)
        self._load = load
        self._tracker = tracker
        self._predecessor = predecessor
        self._borrowed = predecessor is None
        self._recovering = predecessor is not None
        self._estimator: Estimator | None = None
        self._lock = threading.Lock()
        self._next_estimator: Estimator | None = None
        self._next_tracker: PoseTracker | None = None
        self._changeable = True

    def change(self, estimator: Estimator | None, tracker: PoseTracker | None) -> None:
        """Use another estimator or tracker from the next frame on; return at once.

        Args:
            estimator: The estimator, which this thread closes; None to keep the present one.
            tracker: The tracker, which starts its ids from 1; None to keep the present one.
        """
        unused = estimator
        with self._lock:
            if self._changeable:
                self._next_tracker = tracker or self._next_tracker
                if estimator is not None:
                    unused, self._next_estimator = self._next_estimator, estimator
        self._shared.ring.wake()
        if unused is not None:
            unused.close()

    @property
    def estimators(self) -> list[Estimator]:
        """The estimator in use, and the one that will replace it, if any."""
        return [one for one in (self._estimator, self._next_estimator) if one is not None]

    def close_estimators(self) -> None:
        """Close the estimator in use and the next one; any thread may call this.

        Closing a runtime also ends its child process, which may hang.
        """
        with self._lock:
            self._changeable = False
            estimators = self.estimators
            self._next_estimator = None
        for estimator in estimators:
            estimator.close()

    def _work(self) -> None:
        if self._predecessor is not None:
            self._predecessor.close_estimators()
            self._predecessor = None
        self._estimator = self._load()
        while not self._over.is_set() and not self._all_processed():
            # With a file, this thread waits for outputs that nobody reads at the moment.
            self._part.running(within=STALL_S if self._shared.ring.drop else math.inf)
            self._shared.demand.wait_begins()
            self._slot = slot = self._shared.ring.take(IDLE_S)
            self._apply_change()
            if slot is not None:
                self._shared.demand.taken()
                self._process(slot, self._estimator)

    def _clean_up(self) -> None:
        slot, self._slot = self._slot, None
        if slot is not None:
            self._shared.ring.free(slot)
        if self._borrowed:
            self._estimator = None
        self.close_estimators()

    def _all_processed(self) -> bool:
        limit = self._shared.max_frames
        return limit is not None and self._shared.processed >= limit

    def _apply_change(self) -> None:
        with self._lock:
            estimator, self._next_estimator = self._next_estimator, None
            tracker, self._next_tracker = self._next_tracker, None
        if tracker is not None:
            self._tracker = tracker
        if estimator is not None:
            if self._estimator is not None:
                self._estimator.close()
            self._estimator, self._borrowed = estimator, False

    def _process(self, slot: Slot, estimator: Estimator) -> None:
        """Find the poses in the frame of a slot and hand them over, or pass over the frame."""
        assert slot.frame is not None
        if self._shared.rest.passes_over(slot.frame):
            self._shared.ring.free(slot)
            self._slot = None
            self._shared.telemetry.tick(Event.PASSED_OVER)
            return
        lease = Lease(slot.frame, partial(self._shared.ring.free, slot))
        result = self._estimate(estimator, lease)
        if self.given_up:  # an output held this thread up
            return
        self._shared.results.put(result)
        self._slot = None
        self._shared.processed += 1
        if self._recovering:
            self._recovering = False
            self._shared.telemetry.set_fault(INFERENCE, None)
            log.info("inference is back")

    def _estimate(self, estimator: Estimator, lease: Lease) -> Result:
        """Find the poses in a frame, record the timings, and send the result to the sinks."""
        frame = lease.frame
        stopwatch = Stopwatch(frame.captured_ns)
        if frame.arrived_ns is not None and frame.decoded_ns is not None:
            # Without time stamps of the camera, `captured_ns` may be later than `arrived_ns`.
            stopwatch.lap("arrival", max(frame.captured_ns, frame.arrived_ns))
            stopwatch.lap("decode", max(frame.captured_ns, frame.decoded_ns))
        stopwatch.lap("queue")
        wait_ms = stopwatch.total_ms
        if frame.file is not None:  # pictures are unrelated to each other
            estimator.reset()
        estimate = estimator.estimate(frame, stopwatch)
        if self.given_up:  # this thread hung and has recovered: its poses come too late
            raise EndOfStream
        self._shared.demand.shrink = estimate.shrink
        poses = estimate.poses
        if self._tracker is not None:
            poses = self._tracker.apply(poses, frame)
            stopwatch.lap("tracking")
        took_s = (stopwatch.total_ms - wait_ms) / 1e3
        doubt = Found.PERHAPS if estimate.poses else Found.NOBODY
        found = Found.SOMEBODY if poses else doubt
        laps_ms, provenance = stopwatch.laps_ms, estimator.provenance
        result = Result(
            lease=lease,
            poses=poses,
            provenance=provenance,
            crop=estimate.crop,
            stages_ms=_stages_ms(laps_ms, wait_ms),
            laps_ms=laps_ms,
            done_ns=stopwatch.last_ns,
            passed_over=self._shared.rest.looked(frame, took_s, found),
        )
        self._shared.telemetry.processed(laps_ms, provenance, person=bool(poses))
        for sink in self._shared.sinks:
            sink.send(result)
        return result


def _stages_ms(laps_ms: Mapping[str, float], wait_ms: float) -> dict[str, float]:
    """Return `Result.stages_ms`; stages that a frame did not go through are left out.

    Args:
        laps_ms: Durations of the stages `TO_POSES` of a frame, milliseconds.
        wait_ms: Time before the estimator began, milliseconds.
    """
    stages_ms = {"wait": wait_ms}
    for stage in ("preprocess", "inference", "postprocess"):
        if stage in laps_ms:
            stages_ms[stage] = laps_ms[stage]
    if "tracking" in laps_ms:
        stages_ms["postprocess"] = stages_ms.get("postprocess", 0.0) + laps_ms["tracking"]
    stages_ms["total"] = sum(laps_ms.values())
    return stages_ms
