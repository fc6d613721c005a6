"""The capture thread: moves the frames of one source into the ring buffer."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from pose_edge.errors import SourceError, SourceLost
from pose_edge.frames import Frame
from pose_edge.pipeline.worker_thread import Lost, Shared, WorkerThread
from pose_edge.sources import Source
from pose_edge.supervision.backoff import Backoff
from pose_edge.supervision.supervisor import Part
from pose_edge.telemetry import SOURCE, Event

log = logging.getLogger(__name__)

READ_S: Final = 0.25
"""Longest wait for a frame of a live source, seconds, before the thread checks whether to stop."""
START_S: Final = 0.1
"""Interval of that check while the source is open, but frames may not flow yet, seconds."""
STALL_S: Final = 3.0
"""Margin for the heartbeat of a live source, added to its longest allowed read, seconds."""
OPEN_S: Final = 30.0
"""Longest time for one attempt to open a source, with the backoff before it, seconds."""
RETRY_S: Final = 1.0
"""Wait before the first attempt to open a lost source again, seconds."""
MAX_BEHIND_S: Final = 0.5
"""Lag of a video, in seconds, above which it goes on from there instead of catching up."""
MAX_PAUSE_S: Final = 10.0
"""Longest pause in a video that is played, seconds; a longer one is left out, because it is often
only a jump of the clock."""
PREDECESSOR_S: Final = 5.0
"""Longest wait for the previous thread to close its source, seconds; it may use the same device."""


class Capture(WorkerThread):
    """Opens one source, reads it and closes it.

    No other thread ever calls `open`, `read` or `close` of the source, because this thread may be
    blocked in one of them by a driver. If this thread hangs, it is given up and keeps the source.

    Attributes:
        next_index: Number of the next frame.
        opened: Set once the source is open, or the thread has ended.
        must_open: Whether an error now ends the run, because the source was never opened and the
            run does not wait for it.
    """

    def __init__(
        self,
        make: Callable[[], Source],
        shared: Shared,
        part: Part,
        ended: Callable[[WorkerThread, BaseException | None], None],
        *,
        live: bool,
        wait: bool,
        pace: bool,
        read_limit_s: float,
        predecessor: Capture | None = None,
    ) -> None:
        """Create the thread; `start` starts it.

        Args:
            make: Creates the source, not yet open; called in the thread.
            shared: See `WorkerThread`.
            part: See `WorkerThread`.
            ended: See `WorkerThread`.
            live: Whether the source is live.
            wait: Whether to wait for a live source that cannot be opened, instead of failing.
            pace: Whether to play a file at its own speed.
            read_limit_s: Longest time that a read of a live source may take, seconds.
            predecessor: The thread that this one replaces. Frame numbers continue from its last.
        """
        super().__init__("capture", shared, part, ended, start_limit_s=OPEN_S)
        self._make = make
        self._ring = shared.ring
        self._telemetry = shared.telemetry
        self._live = live
        self._wait = wait and live
        self._predecessor = predecessor
        self._pacer = Pacer(self._over) if pace and not live else None
        # A file has no deadline: it has no device that could hang, and waits for its reader.
        self._heartbeat_s = read_limit_s + STALL_S if live else math.inf
        self._source: Source | None = None
        self._backoff = Backoff(RETRY_S)
        self._lost_since = ""  # time of day; empty while frames come
        self._failed = predecessor is not None and predecessor.given_up
        self._hung = predecessor if self._failed else None
        self.next_index: int = predecessor.next_index if predecessor else 0
        self._first_index = self.next_index
        self._any_frame = False
        self._left_out = shared.demand.left_out
        self.opened = threading.Event()
        self.must_open = not self._wait

    def describe(self) -> str:
        """Return the name of the source."""
        return self._source.describe() if self._source else "the source"

    @property
    def frame_rate(self) -> float | None:
        """Nominal frames per second of the source, None where unknown."""
        return self._source.frame_rate if self._source else None

    def run(self) -> None:
        """See `WorkerThread.run`."""
        super().run()
        self.opened.set()

    def _work(self) -> None:
        self._take_over()
        self._source = source = self._make()
        source.demand = self._shared.demand
        self._backoff = Backoff(min(RETRY_S, source.retry_s), source.retry_s)
        if not self._over.is_set():
            self._open(source)
        while not (self._over.is_set() or self._shared.started.wait(START_S)):
            pass
        while not self._over.is_set():
            self._part.running(within=self._heartbeat_s)
            self._move_one(source)

    def _take_over(self) -> None:
        """Wait for the predecessor, which may have the same device open, and number frames on."""
        predecessor, self._predecessor = self._predecessor, None
        if predecessor is not None:
            if not predecessor.given_up:
                predecessor.wait(PREDECESSOR_S)
            self._first_index = self.next_index = predecessor.next_index

    def _clean_up(self) -> None:
        self._hung = None  # otherwise all threads that were ever replaced stay in memory
        if self._source is not None:
            self._source.close()
            if self._source.missing is not None:
                self._shared.missing.append(f"{self.describe()}: {self._source.missing}")

    def _open(self, source: Source) -> None:
        """Open the source for the first time; a live one counts as lost until its first frame."""
        if self._live:
            self._lost_since = time.strftime("%H:%M:%S")
            self._shared.lost = None
            self._telemetry.set_fault(SOURCE, f"opening {source.describe()}")
        try:
            source.open()
        except SourceError as error:
            if not self._wait:
                raise
            log.warning("%s; waiting for it", error)
            self._open_again(source, error)
        self.must_open = False
        self.opened.set()

    def _open_again(self, source: Source, error: SourceError) -> None:
        """Try to open the source, with backoff, until that succeeds or the thread is stopped."""
        self._failed = True
        self._report_lost(error)
        source.close()
        while not self._over.wait(self._backoff.next()):
            self._report_waiting(error)
            try:
                source.open()
            except SourceError as again:
                self._report_lost(again)
            else:
                return

    def _report_waiting(self, error: SourceError) -> None:
        """Send a heartbeat, or ask for a restart of the program if a hung thread has the device.

        Only the end of the process takes a device from a thread that hangs in its driver. If the
        thread recovers and closes the device, the next attempt succeeds all the same.
        """
        if self._hung is not None and not self._hung.is_alive():
            self._hung = None
        if self._hung is None:
            self._part.waiting(str(error), within=OPEN_S)
        elif not self._part.unrecoverable:
            self._part.give_up(f"{error}; a thread that hangs may still have it open")

    def _move_one(self, source: Source) -> None:
        """Move one frame from the source into the ring."""
        self._slot = slot = self._ring.reserve(0.0 if self._live else None, self._over.is_set)
        if slot is None and not self._live:
            return
        try:
            frame = source.read(READ_S, slot.memory if slot else None)
        except Exception as error:
            self._slot = None
            if slot is not None:
                self._ring.free(slot)  # also at the end: another source may use the ring
            if not isinstance(error, SourceLost):
                raise
            if not self._lost_since:  # else it was reopened, and lost before its first frame
                self._lost_since = time.strftime("%H:%M:%S")
                log.warning("%s; trying to get it back", error)
            self._open_again(source, error)
            return
        # A thread that was given up may recover here; its frame comes too late.
        frame = None if frame is None or self._over.is_set() else self._count(frame)
        if slot is None:
            if frame is not None:  # a live source must be drained even when no slot is free
                self._ring.offer(frame)
        elif frame is None:
            self._ring.free(slot)
        else:
            self._ring.publish(slot, self._paced(frame))
        self._slot = None

    def _count(self, frame: Frame) -> Frame:
        """Number a frame; count it, and those before it that the source left out or skipped."""
        left_out, self._left_out = self._left_out, self._shared.demand.left_out
        for _ in range(1 + self._left_out - left_out):
            self._telemetry.tick(Event.CAPTURED)
        if self._lost_since:
            self._recovered()
        if self._first_index:
            frame = replace(frame, index=self._first_index + frame.index)
        if self._live and self._any_frame and frame.index > self.next_index:
            self._ring.count_skipped(frame.index - self.next_index)
        self.next_index, self._any_frame = frame.index + 1, True
        return frame

    def _paced(self, frame: Frame) -> Frame:
        """Wait until a file's frame is due, and set its time of capture to the end of the wait."""
        if self._live:
            return frame
        if self._pacer is not None:
            if (skipped_s := self._pacer.wait(frame.time)) > 0:
                log.info("%s: a pause of %.0f s is left out", self.describe(), skipped_s)
            # Where inference cannot keep up, frames wait here rather than grow old in the ring.
            self._ring.wait_until_taken()
        self._shared.gate.wait(None, self._over.is_set)  # blocks while the file is paused
        return replace(frame, captured_ns=time.monotonic_ns())

    def _report_lost(self, error: SourceError) -> None:
        """Report why the source is missing; the reason may change between attempts."""
        if self._over.is_set():
            return
        fault = f"{error} (since {self._lost_since})"
        if self._telemetry.faults().get(SOURCE) != fault:
            log.debug("%s", error)
        self._shared.lost = Lost(error, self._lost_since)
        self._telemetry.set_fault(SOURCE, fault)

    def _recovered(self) -> None:
        """Report that frames arrive again."""
        if self._failed:
            log.info("%s is %s", self.describe(), "back" if self.next_index else "there")
        self._shared.lost = None
        self._telemetry.set_fault(SOURCE, None)
        self._backoff.reset()
        self._lost_since, self._failed = "", False


class Pacer:
    """Waits until each frame of a video is due, so that the video plays at its own speed."""

    def __init__(self, stop: threading.Event, clock: Callable[[], float] = time.monotonic) -> None:
        """Create the pacer; `stop` ends every wait once it is set."""
        self._stop = stop
        self._clock = clock
        self._start = 0.0
        self._last_s: float | None = None

    def wait(self, position_s: float) -> float:
        """Wait until the frame at a position of the video, in seconds, is due.

        Returns:
            Length of the pause in the video that was left out, seconds; 0 for none.
        """
        now = self._clock()
        pause_s = 0.0 if self._last_s is None else position_s - self._last_s
        behind = now - self._start - position_s > MAX_BEHIND_S
        if self._last_s is None or behind or pause_s > MAX_PAUSE_S:
            self._start = now - position_s
        self._last_s = position_s
        self._stop.wait(max(0.0, self._start + position_s - now))
        return pause_s if pause_s > MAX_PAUSE_S else 0.0
