"""Frames and the ring buffer, with real threads that compare every frame with its index."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from helpers import GENEROUS_S, make_frame, wait_until, wait_until_blocked

from pose_edge.errors import EndOfStream, SourceLost
from pose_edge.frames import Frame, Image, Lease
from pose_edge.pipeline.ring_buffer import RingBuffer, Slot
from pose_edge.util.wakeup import Wakeup

SHAPE = (64, 48, 3)


def content(index: int) -> int:
    """Return the value of all pixels of a frame; consecutive frames differ much."""
    return index * 97 % 251


def fill(memory: Image | None, index: int) -> Image:
    """Write a frame row by row like a slow camera, yielding to other threads in between."""
    image = np.empty(SHAPE, dtype=np.uint8) if memory is None else memory
    for row in range(0, SHAPE[0], 8):
        image[row : row + 8] = content(index)
        if row % 16 == 0:
            time.sleep(0)
    return image


def whole(frame: Frame) -> bool:
    return bool((frame.image == content(frame.index)).all())


def publish(ring: RingBuffer, index: int) -> None:
    slot = ring.reserve(GENEROUS_S)
    assert slot is not None
    ring.publish(slot, make_frame(fill(slot.memory, index), index=index))


def take(ring: RingBuffer) -> Lease:
    slot = ring.take(GENEROUS_S)
    assert slot is not None
    return lease_of(ring, slot)


def lease_of(ring: RingBuffer, slot: Slot) -> Lease:
    assert slot.frame is not None
    return Lease(slot.frame, lambda: ring.free(slot))


class Worker(threading.Thread):
    """A thread whose errors are raised again by `finish`."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - raised again by `finish`
            self._error = error

    def finish(self, within_s: float = GENEROUS_S) -> None:
        self.join(within_s)
        assert not self.is_alive(), "deadlock"
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize("slots", [2, 3, 5])
def test_dropping_threads_see_whole_frames_in_order_and_the_skipped_add_up(slots: int) -> None:
    ring = RingBuffer(slots, drop=True)
    count = 3000
    seen: list[int] = []

    def write() -> None:
        for index in range(count):
            slot = ring.reserve(0)
            if slot is None:
                ring.offer(make_frame(fill(None, index), index=index))
                continue
            ring.publish(slot, make_frame(fill(slot.memory, index), index=index))
        ring.close()

    def read() -> None:
        pause = random.Random(slots)
        while True:
            try:
                lease = take(ring)
            except EndOfStream:
                return
            assert whole(lease.frame)
            if pause.random() < 0.1:
                time.sleep(0.002)
            assert whole(lease.frame), "torn while it was held"
            seen.append(lease.frame.index)
            lease.release()

    for worker in [Worker(write), Worker(read)]:
        worker.finish()
    assert seen == sorted(set(seen))
    assert seen
    assert len(seen) + ring.skipped == count


@pytest.mark.parametrize("slots", [2, 5])
def test_without_dropping_every_frame_arrives_once_in_order(slots: int) -> None:
    ring = RingBuffer(slots, drop=False)
    count = 1500
    seen: list[int] = []

    def write() -> None:
        for index in range(count):
            publish(ring, index)
        ring.close()

    def read() -> None:
        held: list[Lease] = []
        pause = random.Random(slots)
        try:
            while True:
                lease = take(ring)
                assert whole(lease.frame)
                seen.append(lease.frame.index)
                held.append(lease)
                if len(held) == slots - 1:  # one slot is left for the writer
                    assert all(whole(old.frame) for old in held)
                    held.pop(0).release()
                if pause.random() < 0.02:
                    time.sleep(0.001)
        except EndOfStream:
            return

    for worker in [Worker(write), Worker(read)]:
        worker.finish()
    assert seen == list(range(count))
    assert ring.skipped == 0


def test_a_reader_that_holds_everything_costs_frames_not_correctness() -> None:
    ring = RingBuffer(3, drop=True)
    held = []
    for index in range(3):
        publish(ring, index)
        held.append(take(ring))
    assert ring.reserve(0) is None
    for index in range(3, 13):
        assert ring.reserve(0.001) is None
        ring.offer(make_frame(fill(None, index), index=index))
    assert all(whole(lease.frame) for lease in held)
    assert ring.skipped == 10
    held[1].release()
    publish(ring, 13)
    assert take(ring).frame.index == 13
    assert [held[0].frame.index, held[2].frame.index] == [0, 2]
    assert whole(held[0].frame)
    assert whole(held[2].frame)


def test_the_newest_frame_wins() -> None:
    ring = RingBuffer(3, drop=True)
    for index in range(5):
        publish(ring, index)
    assert take(ring).frame.index == 4
    assert ring.skipped == 4
    assert ring.take(0) is None


def test_a_waiting_frame_is_replaced_by_a_newer_one_but_not_taken_away_before() -> None:
    ring = RingBuffer(2, drop=True)
    publish(ring, 0)
    lease = take(ring)
    publish(ring, 1)
    assert ring.reserve(0) is None, "while the next frame is still to come, this one can be had"
    ring.offer(make_frame(fill(None, 2), index=2))
    assert ring.skipped == 1
    assert whole(lease.frame)
    newest = take(ring)
    assert newest.frame.index == 2
    assert whole(newest.frame)
    assert ring.reserve(0) is None
    for held in (lease, newest):
        held.release()
    assert all(ring.reserve(0) is not None for _ in range(2)), "no slot is lost"
    assert ring.reserve(0) is None


def test_a_reader_gets_frames_though_all_other_slots_are_held() -> None:
    """With one slot left, there must be a waiting frame whenever the reader asks for one."""
    ring = RingBuffer(3, drop=True)
    held = []
    for index in range(2):
        publish(ring, index)
        held.append(take(ring))
    stop = threading.Event()

    def write() -> None:
        index = 2
        while not stop.is_set():
            slot = ring.reserve(0)
            time.sleep(0.002)  # the source takes time for its next frame
            frame = make_frame(fill(slot.memory if slot else None, index), index=index)
            if slot is None:
                ring.offer(frame)
            else:
                ring.publish(slot, frame)
            index += 1

    writer = Worker(write)
    seen = []
    lease = take(ring)
    for _ in range(50):
        assert whole(lease.frame)
        seen.append(lease.frame.index)
        skipped = ring.skipped
        lease.release()
        # Once a newer frame has replaced a waiting one, a frame is always available.
        wait_until(lambda before=skipped: ring.skipped > before, "the next frames")  # type: ignore[misc]
        slot = ring.take(0)
        assert slot is not None
        lease = lease_of(ring, slot)
    stop.set()
    writer.finish()
    assert seen == sorted(set(seen))


def test_an_offered_frame_takes_a_slot_that_has_become_free() -> None:
    ring = RingBuffer(2, drop=True)
    ring.offer(make_frame(fill(None, 0), index=0))
    assert take(ring).frame.index == 0
    assert ring.skipped == 0


def test_frames_that_the_source_passed_over_are_counted() -> None:
    ring = RingBuffer(2, drop=True)
    ring.count_skipped(3)
    ring.count_skipped(1)
    assert ring.skipped == 4


def test_memory_is_allocated_once() -> None:
    ring = RingBuffer(3, drop=True)
    addresses = set()
    for index in range(50):
        publish(ring, index)
        if index % 3 == 0:
            lease = take(ring)
            addresses.add(lease.frame.image.ctypes.data)
            lease.release()
    assert len(addresses) <= 3


def test_a_cancelled_slot_can_be_reserved_again() -> None:
    ring = RingBuffer(2, drop=False)
    for _ in range(5):
        slots = [ring.reserve(0), ring.reserve(0)]
        assert None not in slots
        assert ring.reserve(0) is None
        for slot in slots:
            assert isinstance(slot, Slot)
            ring.free(slot)


def test_a_lease_is_released_once_and_then_of_no_use() -> None:
    ring = RingBuffer(2, drop=False)
    publish(ring, 0)
    lease = take(ring)
    lease.release()
    lease.release()
    with pytest.raises(RuntimeError, match="released"):
        _ = lease.frame
    # A second release must not free the slot twice: two frames would share its memory.
    assert ring.reserve(0) is not None
    assert ring.reserve(0) is not None
    assert ring.reserve(0) is None


@pytest.mark.parametrize("drop", [False, True])
def test_closing_delivers_what_is_left_and_then_ends(drop: bool) -> None:
    ring = RingBuffer(3, drop=drop)
    publish(ring, 0)
    ring.close()
    ring.close(ValueError("comes too late"))
    assert take(ring).frame.index == 0
    for _ in range(2):
        with pytest.raises(EndOfStream):
            ring.take(GENEROUS_S)
    assert ring.reserve(GENEROUS_S) is None


def test_an_error_is_delivered_after_what_is_left() -> None:
    ring = RingBuffer(3, drop=False)
    publish(ring, 0)
    ring.close(SourceLost("the cable"))
    assert take(ring).frame.index == 0
    for _ in range(2):
        with pytest.raises(SourceLost, match="the cable"):
            ring.take(0)


@pytest.mark.parametrize("error", [None, SourceLost("gone")])
def test_closing_wakes_a_waiting_reader(error: Exception | None) -> None:
    ring = RingBuffer(2, drop=True)

    def read() -> None:
        with pytest.raises(type(error) if error else EndOfStream):
            ring.take(GENEROUS_S * 2)

    reader = Worker(read)
    wait_until_blocked(reader)
    ring.close(error)
    reader.finish()


def test_closing_wakes_a_waiting_writer() -> None:
    ring = RingBuffer(2, drop=False)
    publish(ring, 0)
    publish(ring, 1)
    answers: list[Slot | None] = []
    writer = Worker(lambda: answers.append(ring.reserve(GENEROUS_S * 2)))
    wait_until_blocked(writer)
    ring.close()
    writer.finish()
    assert answers == [None]


def test_a_release_wakes_a_waiting_writer() -> None:
    ring = RingBuffer(2, drop=False)
    publish(ring, 0)
    publish(ring, 1)
    lease = take(ring)
    writer = Worker(lambda: publish(ring, 2))
    wait_until_blocked(writer)
    lease.release()
    writer.finish(GENEROUS_S / 3)  # woken at once, not by its own timeout
    assert [take(ring).frame.index for _ in range(2)] == [1, 2]


def test_a_frame_wakes_a_waiting_reader() -> None:
    ring = RingBuffer(2, drop=True)
    indices: list[int] = []
    reader = Worker(lambda: indices.append(take(ring).frame.index))
    wait_until_blocked(reader)
    publish(ring, 7)
    reader.finish(GENEROUS_S / 3)
    assert indices == [7]


def test_taking_ends_at_its_time_limit() -> None:
    started = time.monotonic()
    assert RingBuffer(2, drop=True).take(0.05) is None
    assert time.monotonic() - started >= 0.045


def test_two_slots_are_needed() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        RingBuffer(1, drop=True)


def test_size_of_a_frame() -> None:
    frame = make_frame(np.zeros((3, 5, 3), dtype=np.uint8))
    assert (frame.width, frame.height) == (5, 3)


# --- slots held by a hanging thread ---------------------------------------------------------------


def test_what_is_written_off_is_replaced_and_never_comes_back() -> None:
    ring = RingBuffer(2, drop=True)
    held = [ring.reserve(0), ring.reserve(0)]
    assert ring.reserve(0) is None
    for slot in held:
        assert slot is not None
        ring.write_off(slot)
        ring.write_off(slot)
    fresh = [ring.reserve(0), ring.reserve(0)]
    assert None not in fresh
    assert ring.reserve(0) is None
    assert not set(held) & set(fresh)
    for slot in held:  # the hanging thread wakes up
        assert slot is not None
        ring.publish(slot, make_frame())
        ring.free(slot)
    assert ring.take(0) is None
    assert ring.reserve(0) is None


def test_a_slot_that_is_written_off_may_still_be_read_and_released() -> None:
    ring = RingBuffer(2, drop=True)
    slot = ring.reserve(0)
    assert slot is not None
    ring.publish(slot, make_frame(index=7))
    assert ring.take(0) is slot
    lease = lease_of(ring, slot)
    ring.write_off(slot)
    assert lease.frame.index == 7
    lease.release()
    ring.write_off(slot)
    assert [ring.reserve(0) is None for _ in range(3)] == [False, False, True]


def test_the_policy_can_change() -> None:
    ring = RingBuffer(3, drop=False)
    for index in range(2):
        slot = ring.reserve(0)
        assert slot is not None
        ring.publish(slot, make_frame(index=index))
    ring.set_drop(drop=True)
    slot = ring.reserve(0)
    assert slot is not None
    ring.publish(slot, make_frame(index=2))
    assert ring.skipped == 1


def view(ring: RingBuffer, after: int = -1) -> Slot:
    slot = ring.newest(after)
    assert slot is not None
    return slot


def index_of(slot: Slot) -> int:
    assert slot.frame is not None
    return slot.frame.index


def test_the_newest_frame_is_seen_while_it_waits_is_read_and_is_free() -> None:
    ring = RingBuffer(3, drop=True)
    assert ring.newest(-1) is None
    publish(ring, 0)
    waiting = view(ring)
    assert index_of(waiting) == 0
    assert ring.newest(0) is None
    assert ring.take(0) is waiting, "the reader loses nothing"
    ring.free(waiting)
    reader = view(ring)
    ring.free(waiting)
    ring.free(reader)
    free = view(ring)
    assert free is waiting
    ring.free(free)


def test_a_frame_that_is_seen_is_not_overwritten() -> None:
    ring = RingBuffer(3, drop=True)
    publish(ring, 0)
    seen = view(ring)
    for index in range(1, 10):
        publish(ring, index)
        assert index_of(seen) == 0
    assert index_of(view(ring, 8)) == 9
    ring.free(seen)
    assert ring.skipped == 9


def test_a_frame_without_a_slot_does_not_replace_one_that_is_seen() -> None:
    ring = RingBuffer(2, drop=True)
    publish(ring, 0)
    assert ring.take(0) is not None
    publish(ring, 1)
    seen = view(ring)
    assert ring.reserve(0) is None
    ring.offer(make_frame(index=2))
    assert index_of(seen) == 1
    assert ring.skipped == 1
    ring.free(seen)
    ring.offer(make_frame(index=3))
    assert index_of(view(ring)) == 3


def test_a_slot_that_is_being_written_is_not_seen() -> None:
    ring = RingBuffer(2, drop=True)
    publish(ring, 0)
    slot = ring.take(0)
    assert slot is not None
    ring.free(slot)
    assert ring.reserve(0) is not None
    assert ring.reserve(0) is slot
    assert ring.newest(-1) is None


def test_the_viewer_is_woken_up_by_a_newer_frame_once_it_has_asked_for_one() -> None:
    calls: list[int] = []

    class CountedWakeup(Wakeup):
        def set(self) -> None:
            calls.append(1)

    ring = RingBuffer(3, drop=True, wakeup=CountedWakeup())
    publish(ring, 0)
    assert not calls, "nobody has asked"
    assert ring.newest(0) is None
    publish(ring, 1)
    assert len(calls) == 1
    publish(ring, 2)
    assert len(calls) == 1, "nobody has asked again"
    assert index_of(view(ring)) == 2
