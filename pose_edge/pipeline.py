"""The threads between source and screen, and how they are tied.

    capture thread -> ring buffer -> inference thread -> outbox -> whoever calls `take`

Live sources drop: the newest frame and the newest result win. Files do not: every frame is
processed and delivered, in order, and a slow taker slows the file down.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pose_edge.backoff import Backoff
from pose_edge.errors import EndOfStream, SourceError, SourceLost
from pose_edge.estimators import Estimator
from pose_edge.frames import Frame, Lease, RingBuffer
from pose_edge.handover import Handover
from pose_edge.poses import Result
from pose_edge.sinks import Sink
from pose_edge.sources import Source
from pose_edge.supervisor import Supervisor
from pose_edge.telemetry import Stopwatch, Telemetry
from pose_edge.tracking import Following

log = logging.getLogger(__name__)

POLL_S: Final = 0.1
"""How long a thread waits before it looks whether it is to end."""
JOIN_S: Final = 15.0
"""How long `stop` waits for a thread: a source may be within its own time limit."""
STALL_S: Final = 12.0
"""A thread that says nothing for so long has stalled. A source keeps a time limit of its own, 10 s
at most; three looks with the largest model take a Zero 2 W some seconds."""
OPEN_S: Final = 30.0
"""The same while a source is opened, back-off included."""
RING_SLOTS: Final = 5
"""One being written, one waiting, and one each for inference, outbox and renderer."""
RETRY_S: Final = 1.0
"""How long a lost source is left alone before the first attempt to open it again."""
MAX_BEHIND_S: Final = 0.5
"""A video that falls further behind its own speed goes on from there rather than catch up."""


class Pacer:
    """Lets a video play at its own speed."""

    def __init__(self, stop: threading.Event) -> None:
        """Wait no longer once `stop` is set."""
        self._stop = stop
        self._start: float | None = None

    def wait(self, position_s: float) -> None:
        """Wait until the moment of a frame.

        Args:
            position_s: The frame's time in the video, seconds.
        """
        now = time.monotonic()
        if self._start is None or now - self._start - position_s > MAX_BEHIND_S:
            self._start = now - position_s
        self._stop.wait(max(0.0, self._start + position_s - now))


class Outbox(Handover[Result]):
    """Finished results on their way to whoever shows them."""

    def __init__(self, *, drop: bool, capacity: int = 1) -> None:
        """With `drop` a newer result replaces one that was not taken, else `put` waits."""
        super().__init__()
        self._drop = drop
        self._capacity = capacity

    def put(self, result: Result) -> None:
        """Hand over a result."""
        with self._changed:
            if self._drop and len(self._waiting) >= self._capacity:
                self._waiting.popleft().release()
            # Once closed there is room for the last one: what was processed is not lost.
            self._changed.wait_for(lambda: len(self._waiting) < self._capacity or self._closed)
            self._waiting.append(result)
            self._changed.notify_all()

    def take(self, timeout: float) -> Result | None:
        """Get the next result, or None when none came in time.

        Raises:
            EndOfStream: There will be no more.
            Exception: What `close` was given.
        """
        return self._next(timeout)


class Pipeline:
    """Capture and inference, each in its own thread."""

    def __init__(
        self,
        source: Source,
        estimator: Estimator,
        telemetry: Telemetry,
        *,
        following: Following | None = None,
        sinks: Sequence[Sink] = (),
        pace: bool = False,
        max_frames: int | None = None,
        opened: bool = True,
        supervisor: Supervisor | None = None,
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
            opened: Whether the source is open. Else it is live, and is opened, and waited for if
                it is not there, by the pipeline.
            supervisor: Is told how source and inference go.
        """
        self._source = source
        self._estimator = estimator
        self._telemetry = telemetry
        self._following = following
        self._sinks = sinks
        self._max_frames = max_frames
        self._opened = opened
        supervisor = supervisor or Supervisor()
        self._source_part = supervisor.add("source")
        self._inference_part = supervisor.add("inference")
        # A file has no device that could hang, and waits as long as its pace or its taker wants.
        self._capture_stall_s = STALL_S if source.live else math.inf
        self._backoff = Backoff(min(RETRY_S, source.retry_s), source.retry_s)
        self._lost_since, self._failed = "", False
        self._next_index: int | None = None
        self._stopping = threading.Event()
        self._pacer = Pacer(self._stopping) if pace and not source.live else None
        self._ring = RingBuffer(RING_SLOTS, drop=source.live)
        self._outbox = Outbox(drop=source.live)
        self._threads = [
            threading.Thread(target=self._capture, name="capture", daemon=True),
            threading.Thread(target=self._infer, name="inference", daemon=True),
        ]

    @property
    def skipped(self) -> int:
        """Frames that were captured but not processed, so that the newest could be."""
        return self._ring.skipped

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def take(self, timeout: float) -> Result | None:
        """Get the next result; the caller releases it. See `Outbox.take`."""
        return self._outbox.take(timeout)

    def stop(self) -> None:
        """End the threads, and close the source.

        `take` still delivers the results of the frames that were processed, then ends.
        """
        self._stopping.set()
        self._ring.close()
        self._outbox.close()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(JOIN_S)
                if thread.is_alive():
                    log.warning("the %s thread did not end within %g s", thread.name, JOIN_S)

    def _capture(self) -> None:
        try:
            if not self._opened:
                self._open_first()
            while not self._stopping.is_set():
                self._source_part.running(within=self._capture_stall_s)
                self._capture_one()
            self._ring.close()
        except EndOfStream:
            self._ring.close()
        except Exception as error:  # noqa: BLE001 - handed on, and raised again by `take`
            self._ring.close(error)
        finally:
            self._source.close()
            self._source_part.done()

    def _capture_one(self) -> None:
        """Move one frame from the source into the ring."""
        live = self._source.live
        slot = self._ring.reserve(0.0 if live else POLL_S)
        if slot is None and not live:
            return
        try:
            frame = self._source.read(POLL_S, slot.memory if slot else None)
        except SourceLost as error:
            if slot is not None:
                self._ring.cancel(slot)
            self._recover(error)
            return
        if frame is not None:
            self._telemetry.tick("camera")
            if self._lost_since:
                self._recovered()
            if live:
                self._count_passed_over(frame)
        if slot is None:
            if frame is not None:  # a live source must be emptied even when there is no room
                self._ring.offer(frame)
        elif frame is None:
            self._ring.cancel(slot)
        else:
            self._ring.publish(slot, self._paced(frame))

    def _paced(self, frame: Frame) -> Frame:
        """Wait for a file's frame's moment; it counts as exposed when it is handed over."""
        if self._source.live:
            return frame
        if self._pacer is not None:
            self._pacer.wait(frame.time)
            # Where inference cannot keep up, frames wait here rather than grow old in the ring.
            self._ring.wait_until_taken()
        return replace(frame, captured_ns=time.monotonic_ns())

    def _count_passed_over(self, frame: Frame) -> None:
        """Count what the source itself passed over: older frames, and damaged ones."""
        if self._next_index is not None and frame.index > self._next_index:
            self._ring.lose(frame.index - self._next_index)
        self._next_index = frame.index + 1

    def _open_first(self) -> None:
        """Open a source that may not be there yet; until its first frame that is a fault."""
        self._lost_since = time.strftime("%H:%M:%S")
        self._telemetry.set_fault("source", f"opening {self._source.describe()}")
        self._source_part.starting(within=OPEN_S)
        try:
            self._source.open()
        except SourceError as error:
            log.warning("%s; waiting for it", error)
            self._open_again(error)

    def _recover(self, lost: SourceLost) -> None:
        """Open a live source again; its next frame ends the fault."""
        if not self._lost_since:
            self._lost_since = time.strftime("%H:%M:%S")
            log.warning("%s; trying to get it back", lost)
        self._open_again(lost)

    def _open_again(self, error: SourceError) -> None:
        """Try to open the source for as long as it takes."""
        self._failed = True
        self._say_lost(error)
        self._source.close()
        while not self._stopping.wait(self._backoff.next()):
            self._source_part.waiting(str(error), within=OPEN_S)
            try:
                self._source.open()
            except SourceError as again:
                self._say_lost(again)
            else:
                return

    def _say_lost(self, error: SourceError) -> None:
        """Tell what is wrong with the source now; it may be something else than at first."""
        fault = f"{error} (since {self._lost_since})"
        if self._telemetry.faults().get("source") != fault:
            log.debug("%s", error)
        self._telemetry.set_fault("source", fault)

    def _recovered(self) -> None:
        """Note that frames come again."""
        if self._failed:  # else it was there at once, and needs no word
            never_seen = self._next_index is None
            log.info("%s is %s", self._source.describe(), "there" if never_seen else "back")
        self._telemetry.set_fault("source", None)
        self._backoff.reset()
        self._lost_since, self._failed = "", False

    def _infer(self) -> None:
        processed = 0
        try:
            while not self._stopping.is_set() and processed != self._max_frames:
                self._inference_part.running(within=STALL_S)
                lease = self._ring.take(POLL_S)
                if lease is not None:
                    self._outbox.put(self._estimate(lease))
                    processed += 1
            self._stopping.set()
            self._ring.close()
            self._outbox.close()
        except EndOfStream:
            self._outbox.close()
        except Exception as error:  # noqa: BLE001 - handed on, and raised again by `take`
            self._stopping.set()
            self._ring.close()
            self._outbox.close(error)
        finally:
            self._inference_part.done()

    def _estimate(self, lease: Lease) -> Result:
        frame = lease.frame
        stopwatch = Stopwatch(frame.captured_ns)
        stopwatch.lap("wait")
        if frame.file is not None:  # pictures have nothing to do with each other
            self._estimator.reset()
        estimate = self._estimator.estimate(frame, stopwatch)
        poses = estimate.poses
        if self._following is not None:
            poses = self._following.apply(poses, frame)
            stopwatch.lap("postprocess")
        stages_ms = stopwatch.laps_ms
        self._telemetry.add(stages_ms)
        self._telemetry.tick("inference")
        provenance = self._estimator.runtime.provenance
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
