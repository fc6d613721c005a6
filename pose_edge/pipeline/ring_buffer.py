"""The ring buffer that hands frames from the capture thread to the inference thread.

The slots' memory is allocated once and reused. The capture thread never writes into a slot that is
being read, so no frame is ever torn. A reader that holds a slot for long costs frames, not
correctness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pose_edge.frames import Frame, Image
from pose_edge.util.closable_queue import ClosableQueue
from pose_edge.util.wakeup import Wakeup


@dataclass(eq=False, slots=True)
class Slot:
    """One place of the ring.

    Attributes:
        frame: The newest frame in the slot; None before the first, which brings its memory.
        holders: How many need the frame: it waits, is read, or is shown. At 0 the slot is free.
    """

    frame: Frame | None = None
    holders: int = 0

    @property
    def memory(self) -> Image | None:
        """Memory of the last frame, which the next one may be written into."""
        return None if self.frame is None else self.frame.image


class RingBuffer(ClosableQueue[Slot]):
    """A fixed number of slots between one writer and one reader, and a viewer beside them.

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
        """Make the slots.

        Args:
            slots: At least 2. With `drop`, one is being written and one is waiting to be read;
                each further one lets a reader hold one more frame at no cost.
            drop: The policy, see above.
            wakeup: Of the viewer: set when there is a newer frame than `newest` has given.
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
        """Return a slot to write into, to be given back by `publish` or `free`.

        Args:
            timeout: Longest wait for a free slot, seconds; None for any time.
            unless: Returns whether to wait no longer; it is asked again after each `wake`.

        Returns:
            The slot; None when none became free, or the ring is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: bool(self._free) or self._closed or unless(), timeout)
            return self._reserved() if self._free and not self._closed else None

    def newest(self, after: int) -> Slot | None:
        """Return the slot of the newest frame, to be given back by `free`.

        Returns None while there is no frame with a higher number than `after`; the viewer is woken
        up by the next one.
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

        The frame takes a slot that has become free, else that of the frame that waits. (That frame
        is not taken away earlier: while the next one was still to come, a reader could have had
        it.) If every slot is being read, the frame is lost.
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
        """Give back a slot that was read, or reserved and not used."""
        with self._changed:
            if slot in self._slots:
                self._give_back(slot)
                self._changed.notify_all()

    def write_off(self, slot: Slot) -> None:
        """Replace a slot that a hung thread holds and may never give back.

        If the thread gives it back after all, nothing happens. No other thread touches its memory.
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
        """Take a free slot, but rather not that of the newest frame, which the viewer may want.

        It is the one freed last: its memory is in the caches, and a slot that is never needed
        never gets any.
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
