"""An output that is begun anew when it has failed, and changed while the program runs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

from pose_edge.sinks.disk_thread import HANG_S
from pose_edge.sinks.worker import Worker, Writer
from pose_edge.supervision.supervisor import Part, Supervisor

log = logging.getLogger(__name__)

Item = TypeVar("Item")

CLOSE_TIMEOUT_S: Final = 10.0
"""How long the end of a run waits for an output to be finished."""
MAX_HUNG: Final = 3
"""Threads that may hang in a disk; with so many no other one is sent after them."""
WAIT_SAID_S: Final = 5.0
"""How often the supervisor is told that there is still something to be waited for."""


class RestartingSink(Generic[Item]):
    """Hands items to a writer in a thread, and that thread's work to another one when it failed.

    Without a supervisor a failure is for good. With one, nothing here ever waits for a disk but
    `close`: opening, checking and closing are the thread's business, and one that hangs is left
    to itself.
    """

    def __init__(
        self,
        name: str,
        *,
        capacity: int,
        drop: bool,
        report: Callable[[str | None], None],
        supervisor: Supervisor | None = None,
    ) -> None:
        """Prepare; `change` begins.

        Args:
            name: Of the part, e.g. "recording".
            capacity: Items that may wait for the thread.
            drop: When so many wait: lose the next (live sources) or wait (files).
            report: Told what is wrong now, and None when it works again.
            supervisor: Replaces what failed or hangs; None to leave it.
        """
        self._name = name
        self._capacity = capacity
        self._drop = drop
        self._report = report
        self._supervisor = supervisor
        self._part: Part | None = None
        self._lock = threading.RLock()
        self._make: Callable[[], Writer[Item]] | None = None
        self._title = name
        self._worker: Worker[Item] | None = None
        self._ending: list[Worker[Item]] = []
        self._hung: list[Worker[Item]] = []
        self._lost_before = 0
        self._logged: Path | None = None
        self._waits = ""
        self._waiting_said = ("", 0.0)
        self.failed: str | None = None

    @property
    def active(self) -> bool:
        """Whether there is something to be written at all."""
        return self._make is not None

    @property
    def taking(self) -> bool:
        """Whether items are of any use now; `put` them all the same, they are counted."""
        worker = self._worker
        return worker is not None and worker.taking

    @property
    def lost(self) -> int:
        """How many items were left out because the output had failed or waited."""
        with self._lock:
            workers = [*self._ending, *self._hung, *([self._worker] if self._worker else [])]
            return self._lost_before + sum(worker.lost for worker in workers)

    def put(self, item: Item) -> None:
        """Hand over an item; with `drop` this never waits."""
        tried = None
        while (worker := self._worker) is not tried and worker is not None:
            if worker.put(item):
                return
            tried = worker  # it was changed for another one just now
        self.miss()

    def miss(self) -> None:
        """Count an item that was not even made, because nothing was `taking`."""
        if self.active:
            self._lost_before += 1

    def change(
        self,
        make: Callable[[], Writer[Item]] | None,
        *,
        title: str | None = None,
        supervised: bool = True,
        drop: bool | None = None,
    ) -> None:
        """Write with another writer from now on; what was put before is finished in the background.

        Args:
            make: Makes the writer; called in the output's thread, again after each failure. None
                for no more output.
            title: What to call it when it has failed for good.
            supervised: Whether it is begun anew when it has failed, if there is a supervisor.
            drop: As for the constructor, from now on; None for no change.
        """
        with self._lock:
            self._retire()
            self._drop = self._drop if drop is None else drop
            self._make = make
            self._title = title or self._name
            self._clear()
            if self._supervisor is not None:
                self._supervisor.remove(self._name)
                self._part = None
                if make is not None and supervised:
                    self._part = self._supervisor.add(self._name, self._replace)
            if make is not None:
                self._start(make)

    def close(self) -> None:
        """Finish what was put, and wait for that, for a while; twice does no harm."""
        deadline = time.monotonic() + CLOSE_TIMEOUT_S
        with self._lock:
            if self._part is not None and self._supervisor is not None:
                self._supervisor.remove(self._name)
            self._make = self._part = None  # nothing is begun any more
            workers = [*self._ending, *([self._worker] if self._worker else [])]
        for worker in workers:
            worker.close()
        for worker in workers:
            if not worker.join(max(0.0, deadline - time.monotonic())):
                self._fail(f"{self._title} did not finish within {CLOSE_TIMEOUT_S:g} s")

    def _start(self, make: Callable[[], Writer[Item]]) -> None:
        self._worker = Worker(
            self._name, make, capacity=self._capacity, drop=self._drop, told=self._told
        )
        if self._part is not None:
            self._part.starting(within=HANG_S)
        self._worker.start()

    def _retire(self) -> None:
        """Let the present thread finish in the background."""
        self._forget_ended()
        if self._worker is not None:
            self._worker.close()
            self._ending.append(self._worker)
        self._worker = None

    def _replace(self) -> None:
        """Take a new thread for one that has failed or hangs; for the supervisor."""
        with self._lock:
            make, part, old = self._make, self._part, self._worker
            if make is None or part is None:
                return
            self._forget_ended()
            if old is not None:
                if old.failed is None:
                    self._fail_for_now("the disk does not answer")
                old.abandon()
                self._hung.append(old)
                self._worker = None
            if len(self._hung) - (old is not None and not old.alive) >= MAX_HUNG:
                part.failed("the disk does not answer, again and again")
                return
            self._start(make)

    def _forget_ended(self) -> None:
        for workers in (self._ending, self._hung):
            self._lost_before += sum(worker.lost for worker in workers if not worker.alive)
            workers[:] = [worker for worker in workers if worker.alive]

    def _told(self, worker: Worker[Item]) -> None:
        """Pass on what a thread says."""
        with self._lock:
            part, path, waiting = self._part, worker.path, worker.waiting
            if worker is not self._worker:
                if worker.failed is not None and worker in self._ending:
                    self._fail(f"{self._name} ended: {worker.failed}")
                return
            reason = worker.failed
            if reason is not None:
                reason = self._died(reason, path)
            elif waiting is not None:
                self._wait_for(waiting)
            else:
                self._go_on(path)
        # Not with the lock: should the thread hang in there, it can still be replaced.
        if part is None:
            return
        if reason is not None:
            part.failed(reason)
        elif waiting is None:
            part.running(str(path or ""), within=HANG_S)
        elif self._is_time_to_say_so(waiting):
            part.waiting(waiting, within=HANG_S + WAIT_SAID_S)

    def _died(self, reason: str, path: Path | None) -> str:
        if self._part is None:
            reason = f"{self._title} ended: {reason}"
            self._fail(reason)
        else:
            reason = f"{path}: {reason}" if path else reason
            self._fail_for_now(reason)
        return reason

    def _fail(self, reason: str) -> None:
        """Say that it has failed for good."""
        self.failed = reason
        log.error("%s", reason)
        self._report(reason)

    def _fail_for_now(self, reason: str) -> None:
        self.failed, self._waits = reason, ""
        self._waiting_said = ("", 0.0)
        self._report(f"{reason}; trying again")

    def _wait_for(self, reason: str) -> None:
        if reason != self._waits:
            self.failed = self._waits = reason
            log.warning("%s: %s", self._name, reason)
            self._report(reason)

    def _is_time_to_say_so(self, reason: str) -> bool:
        """Each time that it is said counts as a look that was in vain: not too often."""
        now = time.monotonic()
        said, said_s = self._waiting_said
        if reason == said and now - said_s < WAIT_SAID_S:
            return False
        self._waiting_said = (reason, now)
        return True

    def _go_on(self, path: Path | None) -> None:
        again = self.failed is not None
        if self._part is not None and path is not None and (again or path != self._logged):
            self._logged = path
            log.info("%s: %s %s", self._name, "going on in" if again else "writing", path)
        if path is not None:
            self._clear()

    def _clear(self) -> None:
        """Say that nothing is wrong any more."""
        if self.failed is not None:
            self.failed, self._waits = None, ""
            self._waiting_said = ("", 0.0)
            self._report(None)
