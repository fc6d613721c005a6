"""The ring buffer that hands frames from the capture thread to the inference thread.

The slots' memory is allocated once and reused. The capture thread never writes into a slot that is
being read, so no frame is ever torn. If a reader holds a slot for long, frames may be skipped, but
none is damaged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pose_edge.frames import Frame, Image
from pose_edge.util.closable_queue import ClosableQueue
from pose_edge.util.wakeup import Wakeup


@dataclass(eq=False, slots=True)
class Slot:
    """One slot of the ring.

    Attributes:
        frame: The last frame of the slot, whose memory is reused; None before the first.
        holders: Number of users of the slot: it is written, waits, is read, or is shown. At 0 it is
            free.
    """

    frame: Frame | None = None
    holders: int = 0

    @property
    def memory(self) -> Image | None:
        """Memory of the last frame, into which the next one may be written; None without one."""
        return None if self.frame is None else self.frame.image


class RingBuffer(ClosableQueue[Slot]):
    """A fixed number of slots that one writer, one reader and one viewer share.

    Two policies:

    * ``drop=True`` (cameras, streams): the newest frame wins. A frame that was not taken when the
      next one arrives is overwritten and counted in `skipped`.
    * ``drop=False`` (files): every frame is delivered, in order; the writer waits for a free slot.

    The writer calls `reserve`, then `publish` or `free`. The reader calls `take`, then `free`. The
    viewer calls `newest`, then `free`: it takes nothing from the reader.

    Attributes:
        skipped: Frames that were captured but never handed to the reader.
    """

    def __init__(self, slots: int = 5, *, drop: bool, wakeup: Wakeup | None = None) -> None:
        """Create the slots.

        Args:
            slots: Number of slots, at least 2. With `drop`, one is being written and one is waiting
                to be read; each further one lets a reader hold one more frame at no cost.
            drop: The policy, see above.
            wakeup: Wakes the viewer when the first frame after a call of `newest` arrives.

        Raises:
            ValueError: There are fewer than 2 slots.
        """
        if slots < 2:
            raise ValueError(f"a ring needs at least 2 slots, not {slots}")
        super().__init__(drop=drop)
        self._slots = {Slot() for _ in range(slots)}
        self._free = list(self._slots)
        self._newest: Slot | None = None
        self._viewed = False
        self._wakeup = wakeup
        self.skipped = 0

    def reserve(
        self, timeout: float | None, unless: Callable[[], bool] = lambda: False
    ) -> Slot | None:
        """Reserve a slot to write into; the writer gives it back by `publish` or `free`.

        Args:
            timeout: Longest wait for a free slot, seconds; None for no limit.
            unless: Returns whether to stop waiting; called again after each `wake`.

        Returns:
            The slot, or None when none became free or the ring is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: bool(self._free) or self._closed or unless(), timeout)
            return self._reserved() if self._free and not self._closed else None

    def newest(self, after: int) -> Slot | None:
        """Return the slot of the newest frame; the viewer gives it back by `free`.

        Returns None while there is no frame with a higher number than `after`. The next frame then
        wakes the viewer.
        """
        with self._changed:
            self._viewed = True
            slot = self._newest
            if slot is None or not self._is_newer(after):
                return None
            if slot.holders == 0:
                self._free.remove(slot)
            slot.holders += 1
            return slot

    def publish(self, slot: Slot, frame: Frame) -> None:
        """Offer a frame to the reader, in the slot that was reserved for it."""
        slot.frame = frame
        with self._changed:
            if slot not in self._slots:
                return
            if self._drop and self._waiting:
                self._give_back(self._waiting.popleft())
                self.skipped += 1
            self._waiting.append(slot)
            self._newest = slot
            self._changed.notify_all()
            viewed, self._viewed = self._viewed, False
        if viewed and self._wakeup is not None:
            self._wakeup.set()

    def offer(self, frame: Frame) -> None:
        """Offer a frame for which no slot could be reserved; only for a ring that drops.

        The frame takes a slot that has become free, or else the slot of the frame that waits. (The
        waiting frame is dropped only now, because until now the reader could have taken it.) If
        every slot is being read, the new frame is lost.
        """
        with self._changed:
            if not self._free:
                self.skipped += 1
                if self._waiting and self._waiting[0].holders == 1:
                    self._give_back(self._waiting.popleft())
            if not self._free:
                return
            slot = self._reserved()
        self.publish(slot, frame)

    def free(self, slot: Slot) -> None:
        """Give back a slot that was read, or that was reserved but not used."""
        with self._changed:
            if slot in self._slots:
                self._give_back(slot)
                self._changed.notify_all()

    def write_off(self, slot: Slot) -> None:
        """Replace a slot that a hung thread holds and may never give back.

        No other thread uses its memory any more. If the thread gives the slot back after all,
        nothing happens.
        """
        with self._changed:
            if slot in self._slots:
                fresh = Slot()
                self._slots.remove(slot)
                self._slots.add(fresh)
                self._free.append(fresh)
                self._changed.notify_all()

    def count_skipped(self, count: int) -> None:
        """Count frames that the source itself skipped."""
        with self._changed:
            self.skipped += count

    def wait_until_taken(self) -> None:
        """Wait until the reader has taken every frame that was published, or the ring is closed."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting or self._closed)

    def _reserved(self) -> Slot:
        """Take a free slot, preferably not that of the newest frame, which the viewer may want.

        The slot that was freed last is taken: its memory is still in the CPU's caches, and a slot
        that is never needed never allocates memory.
        """
        spared = len(self._free) > 1 and self._free[-1] is self._newest
        slot = self._free.pop(-2 if spared else -1)
        slot.holders = 1
        if slot is self._newest:
            self._newest = None
        return slot

    def _give_back(self, slot: Slot) -> None:
        slot.holders -= 1
        if slot.holders == 0:
            self._free.append(slot)

    def _is_newer(self, after: int) -> bool:
        newest = self._newest
        return newest is not None and newest.frame is not None and newest.frame.index > after
