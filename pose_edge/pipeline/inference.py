"""The inference thread: finds the poses in the newest frame, and passes them on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from pose_edge.estimators import Estimator
from pose_edge.frames import Lease
from pose_edge.pipeline.rest import Found
from pose_edge.pipeline.worker_thread import Shared, WorkerThread
from pose_edge.poses import Result
from pose_edge.supervision.supervisor import Part
from pose_edge.telemetry import INFERENCE, Event, Stopwatch
from pose_edge.tracking import PoseTracker

log = logging.getLogger(__name__)

POLL_S: Final = 0.1
"""Longest wait for a frame before the thread looks whether it has been stopped."""
STALL_S: Final = 12.0
"""Longest time for one frame: three passes of the largest model take a Zero 2 W some seconds."""
LOAD_S: Final = 90.0
"""Longest time to load a model; a Zero 2 W with a slow card takes its time."""


class Inference(WorkerThread):
    """Runs one estimator, and after `change` another one.

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
        """Prepare; `start` starts the thread.

        Args:
            load: Returns the estimator; called in the thread.
            tracker: Gives poses their ids and smooths them; None for poses without ids.
            shared: See `WorkerThread`.
            part: See `WorkerThread`.
            ended: See `WorkerThread`.
            predecessor: The thread before this one. Its estimator is closed before another one is
                loaded, because it may hold an Edge TPU.
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
            estimator: The estimator, which the thread closes; None to keep the present one.
            tracker: The tracker, which counts ids from 1; None to keep the present one.
        """
        unused = estimator
        with self._lock:
            if self._changeable:
                self._next_tracker = tracker or self._next_tracker
                if estimator is not None:
                    unused, self._next_estimator = self._next_estimator, estimator
        if unused is not None:
            unused.close()

    @property
    def estimators(self) -> list[Estimator]:
        """The estimator at work and the next one."""
        return [one for one in (self._estimator, self._next_estimator) if one is not None]

    def close_estimators(self) -> None:
        """Close the estimator at work and the next one.

        Closing a runtime is allowed in any thread: it ends the child process that may hang.
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
            self._part.running(within=STALL_S)
            self._apply_change()
            self._process_one(self._estimator)

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

    def _process_one(self, estimator: Estimator) -> None:
        """Find the poses in the next frame, if one comes in time."""
        self._slot = slot = self._shared.ring.take(POLL_S)
        if slot is None:
            return
        assert slot.frame is not None
        if self._shared.rest.passes_over(slot.frame):
            self._shared.ring.free(slot)
            self._slot = None
            self._shared.telemetry.tick(Event.PASSED_OVER)
            return
        lease = Lease(slot.frame, partial(self._shared.ring.free, slot))
        result = self._estimate(estimator, lease)
        if self.given_up:  # and woken up: this result comes too late
            return
        self._shared.results.put(result)
        self._slot = None
        self._shared.processed += 1
        if self._recovering:
            self._recovering = False
            self._shared.telemetry.set_fault(INFERENCE, None)
            log.info("inference is back")

    def _estimate(self, estimator: Estimator, lease: Lease) -> Result:
        """Find the poses in a frame, count them, and send them to the sinks."""
        frame = lease.frame
        stopwatch = Stopwatch(frame.captured_ns)
        stopwatch.lap("wait")
        if frame.file is not None:  # pictures have nothing to do with each other
            estimator.reset()
        estimate = estimator.estimate(frame, stopwatch)
        poses = estimate.poses
        if self._tracker is not None:
            poses = self._tracker.apply(poses, frame)
            stopwatch.lap("postprocess")
        took_ms = sum(stopwatch.laps_ms.values()) - stopwatch.laps_ms["wait"]
        doubt = Found.PERHAPS if estimate.poses else Found.NOBODY
        found = Found.SOMEBODY if poses else doubt
        result = Result(
            lease=lease,
            poses=poses,
            provenance=estimator.provenance,
            crop=estimate.crop,
            stages_ms={**stopwatch.laps_ms, "total": sum(stopwatch.laps_ms.values())},
            passed_over=self._shared.rest.looked(frame, took_ms / 1e3, found),
        )
        telemetry = self._shared.telemetry
        telemetry.add(stopwatch.laps_ms)
        telemetry.tick(Event.PROCESSED)
        if result.poses:
            telemetry.tick(Event.PERSON)
        telemetry.set_provenance(result.provenance)
        for sink in self._shared.sinks:
            sink.send(result)
        return result
