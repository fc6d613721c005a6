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
from pose_edge.pipeline.pacer import Pacer
from pose_edge.pipeline.ring_buffer import RingBuffer, Slot
from pose_edge.pipeline.worker_thread import Ended, WorkerThread
from pose_edge.sources import Source
from pose_edge.supervision.backoff import Backoff
from pose_edge.supervision.supervisor import Part
from pose_edge.telemetry import Telemetry

log = logging.getLogger(__name__)

POLL_S: Final = 0.1
"""How long it waits before it looks whether it is to end."""
STALL_S: Final = 3.0
"""One that says nothing for so much longer than its source may take has stalled."""
OPEN_S: Final = 30.0
"""The same while a source is opened, back-off included."""
RETRY_S: Final = 1.0
"""How long a lost source is left alone before the first attempt to open it again."""
RELEASE_S: Final = 5.0
"""How long the source of a predecessor that hangs may take to be closed from outside."""


class Capture(WorkerThread):
    """One source in a thread of its own, until it ends, is stopped, or is given up."""

    def __init__(
        self,
        make: Callable[[], Source],
        ring: RingBuffer,
        telemetry: Telemetry,
        *,
        part: Part,
        ended: Ended,
        live: bool,
        limit_s: float,
        opened: bool = False,
        pace: bool = False,
        predecessor: Capture | None = None,
    ) -> None:
        """Prepare; `start` begins.

        Args:
            make: Makes the source, in the thread. The thread closes it.
            ring: Gets the frames.
            telemetry: Gets rates and faults.
            part: Is told how it goes.
            ended: Called at the end, in the thread, with what it died of.
            live: Whether the source is.
            limit_s: How long a live source may take to read, seconds.
            opened: Whether it is open already. Else, if live, it is waited for.
            pace: Play a file at its own speed.
            predecessor: Is waited for, as it may have the same device; frames are numbered on.
        """
        super().__init__("capture", part, ended, begins_within=OPEN_S)
        self._make = make
        self._ring = ring
        self._telemetry = telemetry
        self._live = live
        self._opened = opened
        self._predecessor = predecessor
        self._pacer = Pacer(self._over) if pace and not live else None
        # A file has no device that could hang, and waits as long as its pace or its taker wants.
        self._stall_s = limit_s + STALL_S if live else math.inf
        self._source: Source | None = None
        self._slot: Slot | None = None
        self._backoff = Backoff(RETRY_S)
        self._lost_since, self._failed, self._seen = "", False, False
        self._first_index = 0
        self._next_index = 0

    @property
    def next_index(self) -> int:
        """The number of the next frame."""
        return self._next_index

    def describe(self) -> str:
        """Say what the source is."""
        return self._source.describe() if self._source else "the source"

    def release(self) -> None:
        """Wait until the source is closed; one whose thread hangs is closed from here."""
        self.thread.join(0 if self.given_up else RELEASE_S)
        source = self._source
        if not self.thread.is_alive() or source is None:
            return
        closer = threading.Thread(target=source.close, name="closing a source", daemon=True)
        closer.start()
        closer.join(RELEASE_S)

    def _work(self) -> None:
        self._begin()
        while not self._over.is_set():
            self._part.running(within=self._stall_s)
            self._move_one()

    def _clean_up(self) -> None:
        if self._source is not None:
            self._source.close()

    def _write_off(self) -> None:
        slot = self._slot
        if slot is not None:
            self._ring.write_off(slot)

    def _begin(self) -> None:
        """Get the source, open."""
        if self._predecessor is not None:
            self._predecessor.release()
            self._first_index = self._next_index = self._predecessor.next_index
            self._failed = self._predecessor.given_up
            self._predecessor = None
        self._source = self._make()
        self._backoff = Backoff(min(RETRY_S, self._source.retry_s), self._source.retry_s)
        if not self._opened and not self._over.is_set():
            self._open_first(self._source)

    def _move_one(self) -> None:
        """Move one frame from the source into the ring."""
        assert self._source is not None
        self._slot = slot = self._ring.reserve(0.0 if self._live else POLL_S)
        if slot is None and not self._live:
            return
        try:
            frame = self._source.read(POLL_S, slot.memory if slot else None)
        except SourceLost as error:
            if slot is not None:
                self._ring.cancel(slot)
            self._recover(error)
            return
        if frame is not None:
            # One that was given up may wake from its sleep: nobody wants its frame any more.
            frame = None if self._over.is_set() else self._count(frame)
        if slot is None:
            if frame is not None:  # a live source must be emptied even when there is no room
                self._ring.offer(frame)
        elif frame is None:
            self._ring.cancel(slot)
        else:
            self._ring.publish(slot, self._paced(frame))
        self._slot = None

    def _count(self, frame: Frame) -> Frame:
        """Number a frame, and count what its source passed over: older frames, damaged ones."""
        self._telemetry.tick("camera")
        if self._lost_since:
            self._recovered()
        if self._first_index:
            frame = replace(frame, index=self._first_index + frame.index)
        if self._live and self._seen and frame.index > self._next_index:
            self._ring.lose(frame.index - self._next_index)
        self._next_index, self._seen = frame.index + 1, True
        return frame

    def _paced(self, frame: Frame) -> Frame:
        """Wait for a file's frame's moment; it counts as exposed when it is handed over."""
        if self._live:
            return frame
        if self._pacer is not None:
            self._pacer.wait(frame.time)
            # Where inference cannot keep up, frames wait here rather than grow old in the ring.
            self._ring.wait_until_taken()
        return replace(frame, captured_ns=time.monotonic_ns())

    def _open_first(self, source: Source) -> None:
        """Open a source that may not be there yet; until its first frame that is a fault."""
        self._lost_since = time.strftime("%H:%M:%S")
        self._telemetry.set_fault("source", f"opening {source.describe()}")
        try:
            source.open()
        except SourceError as error:
            if not self._live:
                raise
            log.warning("%s; waiting for it", error)
            self._open_again(source, error)

    def _recover(self, lost: SourceLost) -> None:
        """Open a live source again; its next frame ends the fault."""
        assert self._source is not None
        if not self._lost_since:
            self._lost_since = time.strftime("%H:%M:%S")
            log.warning("%s; trying to get it back", lost)
        self._open_again(self._source, lost)

    def _open_again(self, source: Source, error: SourceError) -> None:
        """Try to open the source for as long as it takes."""
        self._failed = True
        self._say_lost(error)
        source.close()
        while not self._over.wait(self._backoff.next()):
            self._part.waiting(str(error), within=OPEN_S)
            try:
                source.open()
            except SourceError as again:
                self._say_lost(again)
            else:
                return

    def _say_lost(self, error: SourceError) -> None:
        """Tell what is wrong with the source now; it may be something else than at first."""
        if self._over.is_set():
            return
        fault = f"{error} (since {self._lost_since})"
        if self._telemetry.faults().get("source") != fault:
            log.debug("%s", error)
        self._telemetry.set_fault("source", fault)

    def _recovered(self) -> None:
        """Note that frames come again."""
        if self._failed:  # else it was there at once, and needs no word
            log.info("%s is %s", self.describe(), "back" if self._next_index else "there")
        self._telemetry.set_fault("source", None)
        self._backoff.reset()
        self._lost_since, self._failed = "", False
