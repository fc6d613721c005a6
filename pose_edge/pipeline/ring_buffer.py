"""The ring buffer that hands frames from the capture thread to a reader.

The slots' memory is allocated once and reused. A reader holds a `SlotLease`; as long as it does,
the capture thread never writes into that slot, so no frame is ever torn. A reader that holds a
lease for long costs frames, not correctness.
"""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Self

from pose_edge.frames import Frame, Image
from pose_edge.util.closable_queue import ClosableQueue


class Slot:
    """One place of the ring: memory that a source may fill, and the frame that lies in it."""

    __slots__ = ("_frame", "memory")

    def __init__(self) -> None:
        """Start empty; the first frame decides how much memory the slot has."""
        self.memory: Image | None = None
        self._frame: Frame | None = None

    @property
    def frame(self) -> Frame:
        """The frame in this slot; an error when there is none."""
        if self._frame is None:
            raise RuntimeError("the slot holds no frame")
        return self._frame

    def store(self, frame: Frame) -> None:
        """Take a frame; its memory is what the source may fill the next time."""
        self._frame = frame
        self.memory = frame.image


class SlotLease:
    """The right to read one frame until it is released."""

    __slots__ = ("_ring", "_slot")

    def __init__(self, ring: RingBuffer, slot: Slot) -> None:
        """Made by `RingBuffer.take` only."""
        self._ring = ring
        self._slot: Slot | None = slot

    @property
    def frame(self) -> Frame:
        """The leased frame; an error once the lease is released, for its memory is reused."""
        if self._slot is None:
            raise RuntimeError("the frame's lease was released")
        return self._slot.frame

    def release(self) -> None:
        """Give the slot back; doing it twice does no harm."""
        slot, self._slot = self._slot, None
        if slot is not None:
            self._ring._free_slot(slot)

    def write_off(self) -> None:
        """Give the slot up for lost; see `RingBuffer.write_off`."""
        slot = self._slot
        if slot is not None:
            self._ring.write_off(slot)

    def __enter__(self) -> Self:
        """Use the lease as a context that releases it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release."""
        self.release()


class RingBuffer(ClosableQueue[Slot]):
    """A fixed number of slots between one capture thread and one reader.

    Two policies:

    * ``drop=True`` (cameras, streams): the newest frame wins. A frame that was not taken when the
      next one arrives is overwritten and counted in `skipped`.
    * ``drop=False`` (files): every frame is delivered, in order; the writer waits for a free slot.
    """

    def __init__(self, slots: int = 5, *, drop: bool) -> None:
        """Make the slots.

        Args:
            slots: At least 2. With `drop`, one is being written and one is waiting to be read;
                each further one lets a reader hold one more frame at no cost.
            drop: The policy, see above.
        """
        if slots < 2:
            raise ValueError(f"a ring needs at least 2 slots, not {slots}")
        super().__init__()
        self._drop = drop
        self._slots = {Slot() for _ in range(slots)}
        self._free = deque(self._slots)
        self._skipped = 0

    @property
    def skipped(self) -> int:
        """How many frames were captured but never handed to the reader."""
        with self._changed:
            return self._skipped

    def reserve(self, timeout: float) -> Slot | None:
        """Get a slot to write into, for the capture thread.

        Args:
            timeout: Seconds to wait for a free slot.

        Returns:
            A slot that nobody reads, or None when all are held or wait to be read (or the ring is
            closed). It must be given back by `publish` or `cancel`.
        """
        with self._changed:
            self._changed.wait_for(lambda: bool(self._free) or self._closed, timeout)
            return self._free.popleft() if self._free and not self._closed else None

    def publish(self, slot: Slot, frame: Frame) -> None:
        """Offer a frame to the reader, in the slot that was reserved for it."""
        slot.store(frame)
        with self._changed:
            if slot not in self._slots:
                return
            if self._drop and self._waiting:
                self._free.append(self._waiting.popleft())
                self._skipped += 1
            self._waiting.append(slot)
            self._changed.notify_all()

    def cancel(self, slot: Slot) -> None:
        """Give back a reserved slot unused."""
        self._free_slot(slot)

    def offer(self, frame: Frame) -> None:
        """Offer a frame for which no slot could be reserved; the ring must be one that drops.

        It takes a slot that is free by now, else that of the frame that waits. (That one was not
        taken away before: while the next frame was still to come, a reader could have had it.)
        Where every slot is held, the frame is lost.
        """
        with self._changed:
            if self._free:
                slot = self._free.popleft()
            elif self._waiting:
                slot = self._waiting.popleft()
                self._skipped += 1
            else:
                self._skipped += 1
                return
        self.publish(slot, frame)

    def write_off(self, slot: Slot) -> None:
        """Put a fresh slot in the place of one that a hanging thread holds and may never give back.

        If it does after all, nothing comes of it. Its memory is not touched by anybody else.
        """
        with self._changed:
            if slot in self._slots:
                fresh = Slot()
                self._slots.remove(slot)
                self._slots.add(fresh)
                self._free.append(fresh)
                self._changed.notify_all()

    def set_drop(self, *, drop: bool) -> None:
        """Follow the other policy from now on: another kind of source takes over."""
        with self._changed:
            self._drop = drop
            self._changed.notify_all()

    def lose(self, count: int) -> None:
        """Count frames that the source itself passed over."""
        with self._changed:
            self._skipped += count

    def wait_until_taken(self) -> None:
        """Wait until the reader has taken every frame that was published, or the ring is closed."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting or self._closed)

    def take(self, timeout: float) -> SlotLease | None:
        """Get the next frame: the newest with `drop`, else the oldest not yet read.

        Args:
            timeout: Seconds to wait for one.

        Returns:
            The lease of a frame, or None when none came in time.

        Raises:
            EndOfStream: The ring was closed and everything in it was read.
            Exception: What `close` was given as the reason, in the same case.
        """
        slot = self._next(timeout)
        return None if slot is None else SlotLease(self, slot)

    def _free_slot(self, slot: Slot) -> None:
        with self._changed:
            if slot not in self._slots:
                return
            self._free.append(slot)
            self._changed.notify_all()
