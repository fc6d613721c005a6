"""The capture thread: moves the frames of one source into the ring."""

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
"""Longest wait of a live source for a frame before the thread looks whether it has been stopped."""
START_S: Final = 0.1
"""The same while the source is open and frames are not to flow yet."""
STALL_S: Final = 3.0
"""A heartbeat is due this long after a read should have ended."""
OPEN_S: Final = 30.0
"""Longest time to open a source once, back-off included."""
RETRY_S: Final = 1.0
"""How long a lost source is left alone before the first attempt to open it again."""
MAX_BEHIND_S: Final = 0.5
"""A video that falls further behind its own speed goes on from there instead of catching up."""
MAX_PAUSE_S: Final = 10.0
"""A longer pause in a video is left out when it is played: it is often a jump of the clock only."""
PREDECESSOR_S: Final = 5.0
"""How long the thread waits for its predecessor to close a source on perhaps the same device."""


class Capture(WorkerThread):
    """Opens one source, reads it and closes it.

    No other thread ever calls `open`, `read` or `close` of the source: a driver may be inside one
    of them. A thread that hangs in its source is given up, and keeps the source.

    Attributes:
        next_index: Number of the next frame.
        opened: Set once the source is open, or the thread has ended.
        must_open: Whether an error now ends the run, because the source was never opened and is
            not waited for.
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
        """Prepare; `start` starts the thread.

        Args:
            make: Makes the source, not open; called in the thread.
            shared: See `WorkerThread`.
            part: See `WorkerThread`.
            ended: See `WorkerThread`.
            live: Whether the source is live.
            wait: Wait for a live source that cannot be opened, instead of failing.
            pace: Play a file at its own speed.
            read_limit_s: Longest time that a read of a live source may take, seconds.
            predecessor: The thread before this one. Frames are numbered on from its last one.
        """
        super().__init__("capture", shared, part, ended, start_limit_s=OPEN_S)
        self._make = make
        self._ring = shared.ring
        self._telemetry = shared.telemetry
        self._live = live
        self._wait = wait and live
        self._predecessor = predecessor
        self._pacer = Pacer(self._over) if pace and not live else None
        # A file has no device that could hang, and is read only as fast as frames are taken.
        self._heartbeat_s = read_limit_s + STALL_S if live else math.inf
        self._source: Source | None = None
        self._backoff = Backoff(RETRY_S)
        self._lost_since = ""  # time of day; empty while frames come
        self._hung = predecessor if predecessor is not None and predecessor.given_up else None
        self._failed = self._hung is not None
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
        """Frames per second that the source promises, None where unknown."""
        return self._source.frame_rate if self._source else None

    def run(self) -> None:
        """See `WorkerThread.run`."""
        super().run()
        self.opened.set()

    def _work(self) -> None:
        predecessor, self._predecessor = self._predecessor, None
        if predecessor is not None:
            if not predecessor.given_up:  # it may have the same device open
                predecessor.wait(PREDECESSOR_S)
            self._first_index = self.next_index = predecessor.next_index
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

    def _clean_up(self) -> None:
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
        """Try to open the source until that succeeds or the thread is stopped."""
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
        """Send a heartbeat; ask for a restart of the program where a hung thread has the device.

        Only the end of the process takes a device from a thread that hangs in its driver. Should
        the thread wake up and close it, the next try succeeds all the same.
        """
        if self._hung is None or not self._hung.is_alive():
            self._part.waiting(str(error), within=OPEN_S)
        elif not self._part.helpless:
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
            if not self._lost_since:  # else opened again, but lost before its first frame
                self._lost_since = time.strftime("%H:%M:%S")
                log.warning("%s; trying to get it back", error)
            self._open_again(source, error)
            return
        # A thread that was given up may wake up here: its frame comes too late.
        frame = None if frame is None or self._over.is_set() else self._count(frame)
        if slot is None:
            if frame is not None:  # a live source must be emptied even when there is no room
                self._ring.offer(frame)
        elif frame is None:
            self._ring.free(slot)
        else:
            self._ring.publish(slot, self._paced(frame))
        self._slot = None

    def _count(self, frame: Frame) -> Frame:
        """Number a frame, and count the frames that the source skipped, old or damaged."""
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
        """Wait until a file's frame is due; it counts as captured when it is handed over."""
        if self._live:
            return frame
        if self._pacer is not None:
            if (skipped_s := self._pacer.wait(frame.time)) > 0:
                log.info("%s: a pause of %.0f s is left out", self.describe(), skipped_s)
            # Where inference cannot keep up, frames wait here rather than grow old in the ring.
            self._ring.wait_until_taken()
        self._shared.gate.wait(None, self._over.is_set)  # while it is paused
        return replace(frame, captured_ns=time.monotonic_ns())

    def _report_lost(self, error: SourceError) -> None:
        """Report why the source is missing; the reason may change from try to try."""
        if self._over.is_set():
            return
        fault = f"{error} (since {self._lost_since})"
        if self._telemetry.faults().get(SOURCE) != fault:
            log.debug("%s", error)
        self._shared.lost = Lost(error, self._lost_since)
        self._telemetry.set_fault(SOURCE, fault)

    def _recovered(self) -> None:
        """Report that frames come again."""
        if self._failed:
            log.info("%s is %s", self.describe(), "back" if self.next_index else "there")
        self._shared.lost = None
        self._telemetry.set_fault(SOURCE, None)
        self._backoff.reset()
        self._lost_since, self._failed = "", False


class Pacer:
    """Waits for the moment at which each frame of a video is due."""

    def __init__(self, stop: threading.Event, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare for the first frame; `stop` ends every wait once it is set."""
        self._stop = stop
        self._clock = clock
        self._start = 0.0
        self._last_s: float | None = None

    def wait(self, position_s: float) -> float:
        """Wait until the frame at this time in the video, seconds, is due.

        Returns:
            Seconds of a pause in the video that was left out, or 0.
        """
        now = self._clock()
        pause_s = 0.0 if self._last_s is None else position_s - self._last_s
        behind = now - self._start - position_s > MAX_BEHIND_S
        if self._last_s is None or behind or pause_s > MAX_PAUSE_S:
            self._start = now - position_s
        self._last_s = position_s
        self._stop.wait(max(0.0, self._start + position_s - now))
        return pause_s if pause_s > MAX_PAUSE_S else 0.0
