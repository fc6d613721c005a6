"""A sink with its own thread, whose writer is replaced when it fails or hangs.

A slow or broken output must not stop the picture. So items wait in a bounded queue, and everything
slow (opening, writing, closing) happens in the thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, ParamSpec, TypeVar

from pose_edge.sinks.drop_log import DropLog
from pose_edge.sinks.writer import Writer
from pose_edge.sinks.writer_queue import WriterQueue
from pose_edge.supervision.hung_threads import HUNG_LIMIT, HungThreads
from pose_edge.supervision.supervisor import Part, Supervisor
from pose_edge.util.text import counted

log = logging.getLogger(__name__)

P = ParamSpec("P")
Item = TypeVar("Item")

HANG_S: Final = 20.0
"""Seconds without a heartbeat after which a writer counts as hung. SD cards pause for a second or
two; finishing a long file on a slow card takes longer."""
TRYING_AGAIN: Final = "; trying again"
CLOSE_TIMEOUT_S: Final = 10.0
"""Seconds that the end of a run waits for all its sinks together."""


class RestartingSink(Generic[P, Item]):
    """Passes items to a writer in a thread, and to a new writer when that one fails or hangs.

    Without a supervisor, a failure is final. With one, only `close` waits for the output, and a
    thread that hangs is abandoned.

    Attributes:
        name: Name of the sink.
        failed: Why nothing, or not everything, is written now, or None.
        written: Items that a writer has written.
        lost: Items dropped because the output had failed, or was waiting or stalled.
        dropped: Items dropped because the output could not keep up.
        unread: Whether writing has ended because the reader of the output has left.
    """

    def __init__(
        self,
        name: str,
        encode: Callable[P, Item],
        make: Callable[[], Writer[Item]] | None = None,
        *,
        capacity: int,
        drop: bool,
        newest: bool = False,
        report: Callable[[str | None], None],
        supervisor: Supervisor | None = None,
    ) -> None:
        """Initialise the sink; `open` starts it.

        Args:
            name: Name of the sink, its thread and its part, e.g. "recording".
            encode: Makes an item from the arguments of `send`. The item must not refer to anything
                that changes later, such as the image of a frame.
            make: Opens a writer; called in the sink's thread, again after each failure. None for
                no output yet.
            capacity: Most items that may wait for the writer.
            drop: Whether an item is dropped when the queue is full (live sources); otherwise `send`
                waits.
            newest: Whether the oldest item is dropped then, instead of the new one.
            report: Called with a description of a fault, and with None once the output works again.
            supervisor: Replaces writers that fail or hang; None for no replacement.
        """
        self.name = name
        self.failed: str | None = None
        self.written = 0
        self.lost = 0
        self.dropped = 0
        self.unread = False
        self._encode = encode
        self._make = make
        self._capacity = self._usual_capacity = capacity
        self._drop = drop
        self._newest = self._usual_newest = newest
        self._report = report
        self._supervisor = supervisor
        self._part: Part | None = None
        self._lock = threading.Lock()
        self._title = name
        self._for_reader = False
        self._queue: WriterQueue[Item] | None = None
        self._ending: list[WriterQueue[Item]] = []
        self._hung = HungThreads()
        self._logged: str | None = None
        self._drops = DropLog(name)

    @property
    def active(self) -> bool:
        """Whether there is an output, whether it works or not."""
        return self._make is not None

    def open(self) -> None:
        """Start writing.

        Raises:
            OutputError: The output can never be written (checked by subclasses).
        """
        self.switch(self._make, drop=self._drop)

    def switch(
        self,
        make: Callable[[], Writer[Item]] | None,
        *,
        title: str | None = None,
        drop: bool = True,
        supervised: bool = True,
        for_reader: bool = False,
        newest: int | None = None,
    ) -> None:
        """Switch to another writer; the current one finishes its queue in the background.

        Args:
            make: As for the constructor; None for no more output.
            title: Name of the output in messages about a final failure; None for `name`.
            drop: As for the constructor.
            supervised: Whether the supervisor, if there is one, replaces writers that fail.
            for_reader: Whether the output ends without a failure when its reader has left.
            newest: Capacity of a queue that drops its oldest item for a new one; None for capacity
                and rule of the constructor.
        """
        with self._lock:
            self._capacity = newest or self._usual_capacity
            self._newest = newest is not None or self._usual_newest
            self._ending = [queue for queue in self._ending if queue.thread.is_alive()]
            self._make, self._drop, self._title = make, drop, title or self.name
            self._part, self._for_reader, self.unread = None, for_reader, False
            self._set_fault(None)
            if self._supervisor is not None:
                self._supervisor.remove(self.name)
                if make is not None and supervised:
                    self._part = self._supervisor.add(self.name, self._replace)
            old, self._queue = self._queue, None if make is None else self._start(make)
            # Closed after the new queue is in place: `send` retries when the queue has changed.
            if old is not None:
                self._ending.append(old)
                old.close()

    def send(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Encode and queue an item; never wait if `drop`."""
        if self._make is None:
            return
        item = self._encode(*args, **kwargs)
        while True:
            queue = self._queue
            if queue is not None and queue.put(item):
                if queue.displaced:
                    self._note_displaced(queue)
                return
            with self._lock:
                if queue is not self._queue:  # replaced meanwhile
                    continue
                if queue is None or not queue.accepting or queue.stalled:
                    self.lost += self.active
                    return
                self.dropped += 1
            self._drops.add(1)
            return

    def _note_displaced(self, queue: WriterQueue[Item]) -> None:
        with self._lock:
            count, queue.displaced = queue.displaced, 0
            self.dropped += count
        self._drops.add(count)

    def close(self) -> None:
        """Finish the queued items, and wait for the writers; a second call does nothing."""
        close_together([self])

    def begin_close(self) -> None:
        """Let the writers finish the queued items; return at once."""
        with self._lock:
            if self._part is not None and self._supervisor is not None:
                self._supervisor.remove(self.name)
            self._make = self._part = None  # no writer is started any more
            for queue in self._queues():
                queue.close()

    def end_close(self, deadline_s: float) -> None:
        """Wait for the writers after `begin_close`, until a time on the monotonic clock."""
        for queue in self._queues():
            queue.thread.join(max(0.0, deadline_s - time.monotonic()))
            if queue.thread.is_alive():
                self._fail(f"{self._title} did not finish within {CLOSE_TIMEOUT_S:g} s")
                self.lost += queue.discard()
        self._ending, self._queue = [], None
        if self._hung.count and not self.failed:
            self._fail(f"{self._title}: what was being written when the output hung is incomplete")
        if self.dropped:
            left_out = counted(self.dropped, "frame")
            log.warning("%s could not keep up: it lacks %s", self.name, left_out)
            self.dropped = 0

    def failures(self) -> list[str]:
        """Return, after `close`, why the output is incomplete; empty if it is complete."""
        left_out = f"{self.name}: {self.lost} left out while nothing could be written"
        return [*([self.failed] if self.failed else []), *([left_out] if self.lost else [])]

    def _queues(self) -> list[WriterQueue[Item]]:
        return [*self._ending, *([self._queue] if self._queue else [])]

    def _start(self, make: Callable[[], Writer[Item]]) -> WriterQueue[Item]:
        queue: WriterQueue[Item] = WriterQueue(
            self.name,
            lambda queue: self._run(queue, make),
            self._capacity,
            drop=self._drop,
            newest=self._newest,
        )
        if self._part is not None:
            self._part.starting(within=HANG_S)
        queue.thread.start()
        return queue

    def _replace(self) -> None:
        """Replace a writer that has failed or hangs by a new one; called by the supervisor."""
        with self._lock:
            make, part, old = self._make, self._part, self._queue
            if make is None or part is None:
                return
            if old is not None:
                if not old.failed:
                    self._set_fault("the output does not answer", TRYING_AGAIN)
                self.lost += old.discard()
                self._hung.add(old.thread)
                self._queue = None
            if self._hung.count >= HUNG_LIMIT:
                part.failed(f"{HUNG_LIMIT} threads hang in the output")
            else:
                self._queue = self._start(make)

    # --- in the thread ---------------------------------------------------------------------------

    def _run(self, queue: WriterQueue[Item], make: Callable[[], Writer[Item]]) -> None:
        writer: Writer[Item] | None = None
        try:
            writer = make()
            self._heartbeat(queue, writer)
            for item in queue.items():
                if item is not None:
                    taken = writer.write(item)
                    with self._lock:
                        self.written += taken
                        self.lost += not taken
                writer.tick()
                self._heartbeat(queue, writer)
            writer.close()
        except BaseException as error:  # noqa: BLE001 - reported; and `send` must not wait forever
            self._end(queue, error, writer.target if writer else None)
            try:
                if writer is not None:
                    writer.close()
            except BaseException as second:  # noqa: BLE001 - the first error counts
                log.debug("%s: while closing after a failure: %s", self.name, second)

    def _heartbeat(self, queue: WriterQueue[Item], writer: Writer[Item]) -> None:
        """Report the state of a writer to its queue, the log and the supervisor."""
        waiting, target = writer.waiting, writer.target
        queue.pause(waiting)
        with self._lock:
            if queue is not self._queue:  # the sink has moved on to another
                return
            part = self._part
            if (fault := waiting or writer.partial_fault) is not None:
                if self._set_fault(fault):
                    log.warning("%s: %s", self.name, fault)
            elif target is not None:
                self._go_on(target)
        # Not under the lock: if the thread hangs in here, it can still be replaced.
        if part is None:
            return
        if waiting is None:
            part.running(target or "", within=HANG_S)
        else:
            part.waiting(waiting, within=HANG_S, tried=False)

    def _end(self, queue: WriterQueue[Item], error: BaseException, target: str | None) -> None:
        """Handle the failure of a writer."""
        log.debug("%s", self.name, exc_info=error)
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        with self._lock:
            queue.failed = True
            unsent = 1 + queue.discard()
            if self._for_reader and queue is self._queue and isinstance(error, BrokenPipeError):
                self._make, self.unread = None, True  # what nobody reads does not count as lost
                log.info("%s: the reader has left", self.name)
                return
            self.lost += unsent
            if queue in self._ending:
                self._fail(f"{self.name} ended: {reason}")
            if queue is not self._queue:
                return
            part = self._part
            if part is None:
                self._fail(f"{self._title} ended: {reason}")
                return
            reason = f"{target}: {reason}" if target else reason
            self._set_fault(reason, TRYING_AGAIN)  # the supervisor logs it
        part.failed(reason)

    # --- what is reported ------------------------------------------------------------------------

    def _fail(self, reason: str) -> None:
        """Report a final failure."""
        log.error("%s", reason)
        self._set_fault(reason)

    def _go_on(self, target: str) -> None:
        again = self.failed is not None
        if self._part is not None and (again or target != self._logged):
            self._logged = target
            log.info("%s: %s %s", self.name, "going on in" if again else "writing", target)
        self._set_fault(None)

    def _set_fault(self, reason: str | None, hint: str = "") -> bool:
        """Set `failed`, report it with a hint, and return whether it has changed."""
        if reason == self.failed:
            return False
        self.failed = reason
        self._report(reason and f"{reason}{hint}")
        return True


def close_together(sinks: Iterable[RestartingSink[..., Any]]) -> None:
    """Close sinks, and wait for all of them with one common deadline."""
    sinks = list(sinks)
    for sink in sinks:
        sink.begin_close()
    deadline_s = time.monotonic() + CLOSE_TIMEOUT_S
    for sink in sinks:
        sink.end_close(deadline_s)
