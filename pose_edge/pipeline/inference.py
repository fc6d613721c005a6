"""The inference thread: finds the poses in the newest frame, and hands them on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pose_edge.estimators import Estimator
from pose_edge.pipeline.result_queue import ResultQueue
from pose_edge.pipeline.ring_buffer import RingBuffer, SlotLease
from pose_edge.pipeline.worker_thread import Ended, WorkerThread
from pose_edge.poses import Result
from pose_edge.sinks import Sink
from pose_edge.supervision.supervisor import Part
from pose_edge.telemetry import Stopwatch, Telemetry
from pose_edge.tracking import PoseTracker

log = logging.getLogger(__name__)

POLL_S: Final = 0.1
"""How long it waits for a frame before it looks whether it is to end."""
STALL_S: Final = 12.0
"""One that says nothing for so long has stalled: three looks with the largest model take a Zero 2 W
some seconds."""
LOAD_S: Final = 90.0
"""The same while a model is loaded; a Zero 2 W with a slow card takes its time."""


@dataclass(frozen=True, slots=True)
class InferenceChange:
    """What is to be another from the next frame on; None stays.

    Attributes:
        estimator: Loaded. The one before is closed.
        following: Ids begin anew.
    """

    estimator: Estimator | None = None
    following: PoseTracker | None = None

    def followed_by(self, later: InferenceChange) -> InferenceChange:
        """Return both together; what is later counts."""
        return InferenceChange(later.estimator or self.estimator, later.following or self.following)


class Inference(WorkerThread):
    """One estimator in a thread of its own, until it ends, is stopped, or is given up."""

    def __init__(
        self,
        make: Callable[[], Estimator],
        following: PoseTracker | None,
        ring: RingBuffer,
        outbox: ResultQueue,
        telemetry: Telemetry,
        *,
        part: Part,
        ended: Ended,
        borrowed: bool,
        sinks: Sequence[Sink] = (),
        max_frames: int | None = None,
        predecessor: Inference | None = None,
    ) -> None:
        """Prepare; `start` begins.

        Args:
            make: Loads the estimator, in the thread.
            following: Gives poses ids and steadies them.
            ring: Where the frames come from.
            outbox: Gets the results.
            telemetry: Gets times, rates and what found the poses.
            part: Is told how it goes.
            ended: Called at the end, in the thread, with what it died of.
            borrowed: Whether somebody else closes the estimator at the end.
            sinks: Get every result too.
            max_frames: End after this many processed frames, those of the predecessor included.
            predecessor: Whose estimator is released first: it may hold an Edge TPU.
        """
        super().__init__("inference", part, ended, begins_within=LOAD_S)
        self._make = make
        self._following = following
        self._ring = ring
        self._outbox = outbox
        self._telemetry = telemetry
        self._borrowed = borrowed
        self._sinks = sinks
        self.max_frames = max_frames
        self._predecessor = predecessor
        self._replaces = predecessor is not None
        self.processed: int = predecessor.processed if predecessor else 0
        self._estimator: Estimator | None = None
        self._lease: SlotLease | None = None
        self._changed = InferenceChange()
        self._lock = threading.Lock()

    def change(self, changed: InferenceChange) -> None:
        """Use something else from the next frame on; returns at once."""
        with self._lock:
            before, self._changed = self._changed, self._changed.followed_by(changed)
        if changed.estimator is not None and before.estimator is not None:  # it was never used
            before.estimator.runtime.close()

    def release(self) -> None:
        """Close what its thread would close at its end: it hangs, or has died."""
        self._close(self._estimator)
        with self._lock:
            changed, self._changed = self._changed, InferenceChange()
        self._close(changed.estimator)

    def _work(self) -> None:
        if self._predecessor is not None:
            self._predecessor.release()
            self._predecessor = None
        self._estimator = self._make()
        while not self._over.is_set() and not self._full():
            self._part.running(within=STALL_S)
            self._apply_changes()
            self._process_one()

    def _clean_up(self) -> None:
        if self._lease is not None:
            self._lease.release()
        if not self._borrowed:
            self.release()

    def _write_off(self) -> None:
        lease = self._lease
        if lease is not None:
            lease.write_off()

    def _full(self) -> bool:
        return self.max_frames is not None and self.processed >= self.max_frames

    def _apply_changes(self) -> None:
        with self._lock:
            changed, self._changed = self._changed, InferenceChange()
        if changed.following is not None:
            self._following = changed.following
        if changed.estimator is not None:
            self._close(self._estimator)
            self._estimator, self._borrowed = changed.estimator, False

    def _process_one(self) -> None:
        """Find the poses in the next frame, if there is one in time."""
        assert self._estimator is not None
        self._lease = lease = self._ring.take(POLL_S)
        if lease is None:
            return
        result = self._estimate(self._estimator, lease)
        if self.given_up:  # and woken from its sleep: nobody wants its result any more
            return
        self._outbox.put(result)
        self._lease = None
        self.processed += 1
        if self._replaces:
            self._replaces = False
            self._telemetry.set_fault("inference", None)
            log.info("inference is back")

    def _estimate(self, estimator: Estimator, lease: SlotLease) -> Result:
        frame = lease.frame
        stopwatch = Stopwatch(frame.captured_ns)
        stopwatch.lap("wait")
        if frame.file is not None:  # pictures have nothing to do with each other
            estimator.reset()
        estimate = estimator.estimate(frame, stopwatch)
        poses = estimate.poses
        if self._following is not None:
            poses = self._following.apply(poses, frame)
            stopwatch.lap("postprocess")
        stages_ms = stopwatch.laps_ms
        self._telemetry.add(stages_ms)
        self._telemetry.tick("inference")
        if poses:
            self._telemetry.tick("somebody")
        provenance = estimator.runtime.provenance
        self._telemetry.set_provenance(provenance)
        result = Result(
            lease=lease,
            poses=poses,
            provenance=provenance,
            crop=estimate.crop,
            stages_ms={**stages_ms, "total": sum(stages_ms.values())},
        )
        for sink in self._sinks:
            sink.send(result)
        return result

    @staticmethod
    def _close(estimator: Estimator | None) -> None:
        if estimator is not None:
            estimator.runtime.close()
