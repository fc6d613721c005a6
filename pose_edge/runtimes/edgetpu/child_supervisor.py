"""Supervise the child process that runs the model on the Edge TPU, and restart it if it fails."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from pose_edge.runtimes.child_fault import ChildDied, ChildFault, ChildLate
from pose_edge.runtimes.runtime import AnyArray
from pose_edge.supervision.backoff import Backoff

if TYPE_CHECKING:
    from pose_edge.runtimes.child import Child

log = logging.getLogger(__name__)

CHECK_S: Final = 1.0
"""Interval between checks for a new device and for a dead child, seconds."""
LATE_S: Final = 0.2
"""Timeout of an inference on a live frame, seconds; the CPU then takes over until the result has
arrived. It is several times what a slow Edge TPU needs (Thunder on USB 2)."""
POLL_S: Final = 0.1
"""Interval at which waits check whether to end early, seconds. Waits count these intervals instead
of reading the clock, so that time in which the whole program was stopped does not count."""
JOIN_S: Final = 10.0
"""Time that `close` waits for the thread, seconds; the child needs some to release the device."""

FAILURES: Final = 3
WINDOW_S: Final = 60.0
"""After `FAILURES` failures within this many seconds, the next attempt is delayed (backoff)."""

FIRST_S: Final = 1.0
"""The shortest delay, seconds."""

FAILED: Final = "edgetpu failed"
LATE: Final = "edgetpu late"
LOST: Final = "edgetpu lost"
SLOW: Final = "edgetpu slow"
UNPLUGGED: Final = "edgetpu unplugged"


class EdgeTpuUnavailable(ChildFault):
    """No child can be started because a requirement is missing.

    Attributes:
        note: What is missing, in a few words to show on the picture.
    """

    def __init__(self, message: str, *, note: str, remedy: str | None = None) -> None:
        """Create the error; for message and remedy see `PoseEdgeError`."""
        super().__init__(message, remedy=remedy)
        self.note = note


class EdgeTpuAbsent(EdgeTpuUnavailable):
    """No device is plugged in."""

    def __init__(self, message: str) -> None:
        """Create the error."""
        super().__init__(message, note=UNPLUGGED)


class FailureBackoff:
    """Exponential backoff that applies only to frequent failures; rare ones cause no delay."""

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Create a backoff without failures.

        Args:
            limit_s: The longest delay, seconds.
            clock: A monotonic clock, seconds.
        """
        self._clock = clock
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._backoff = Backoff(min(FIRST_S, limit_s), limit_s)
        self._wait_s = 0.0

    def failed(self) -> float:
        """Record a failure.

        Returns:
            Delay before the next attempt, seconds: 0 for the first two failures within a minute,
            then 1, 2, 4 and so on up to the limit, until a minute has passed without a failure.
        """
        now = self._clock()
        if self._failures and now - self._failures[-1] - self._wait_s > WINDOW_S:
            self._failures.clear()
            self._backoff.reset()
            self._wait_s = 0.0
        self._failures.append(now)
        frequent = len(self._failures) == FAILURES and now - self._failures[0] <= WINDOW_S
        if frequent or self._wait_s > 0:
            self._wait_s = self._backoff.next()
        return self._wait_s


Start: TypeAlias = "Callable[[Callable[[], bool]], Child]"
"""Starts a child and waits until it has loaded the model, or until the function passed to it
returns False. Raises EdgeTpuAbsent, EdgeTpuUnavailable, or another ChildFault."""


class ChildSupervisor:
    """Starts a child process, makes it available to `run`, and restarts it after a failure.

    One thread calls `run`; everything slow happens in the supervisor's own thread.

    Attributes:
        note: What is wrong and since when, in a few words to show on the picture; empty if nothing.
        holding: Whether a child has opened the device or is opening it.
    """

    def __init__(
        self,
        start: Start,
        *,
        timeout: float,
        failure_backoff: FailureBackoff,
        late: float = LATE_S,
        required: bool = False,
        report: Callable[[str | None], None] = lambda _reason: None,
    ) -> None:
        """Create the supervisor; `open` starts the first child.

        Args:
            start: Starts a child.
            timeout: Time after which an inference has failed and the child is killed, seconds.
            failure_backoff: Determines the delay after a failure.
            late: Time after which `run` returns without a result, which may still arrive, seconds.
            required: Whether to give up if the first attempt fails; `wait` then raises the reason.
            report: Called with what is wrong, and with None when the Edge TPU works.
        """
        self._start = start
        self._timeout = timeout
        self._report = report
        self._failure_backoff = failure_backoff
        self._late = min(late, timeout)
        self._required = required
        self._running = threading.Lock()
        self._changed = threading.Condition()
        self._child: Child | None = None
        self._run_fault: ChildFault | None = None
        self._first_attempt = threading.Event()
        self._first_fault: ChildFault | None = None
        self._closing = False
        self.holding = False
        self._worked = False
        self._logged = ""
        self._note("")
        self._thread = threading.Thread(target=self._supervise, name="edgetpu", daemon=True)

    @property
    def child(self) -> Child | None:
        """The child while it can run the model, else None."""
        return self._child

    def open(self) -> None:
        """Start the first child, in the background."""
        self._thread.start()

    def wait(self, timeout: float, stop: threading.Event | None = None) -> None:
        """Wait until the first attempt to start a child has ended, or `stop` is set.

        Raises:
            ChildFault: The attempt has failed, or takes longer than `timeout` seconds.
        """
        stop = stop or threading.Event()
        left = timeout
        while not self._first_attempt.wait(POLL_S) and not stop.is_set():
            left -= POLL_S
            if left <= 0:
                raise ChildFault(f"the Edge TPU is not ready within {timeout:g} s")
        if self._first_fault is not None and not stop.is_set():
            raise self._first_fault

    def run(self, tensor: AnyArray) -> list[AnyArray] | None:
        """Run the model on a tensor of the input's shape.

        Returns:
            The outputs, valid until the next call; None if there is no child, its input has another
            shape, it has failed, or its result has not arrived in time.
        """
        with self._running:
            child = self._child
            if child is None or child.loaded.input.shape != tensor.shape:
                return None
            try:
                return child.run(tensor, self._late)
            except ChildFault as fault:
                with self._changed:
                    self._child = None
                    self._run_fault = fault
                    self._note(LATE if isinstance(fault, ChildLate) else LOST)
                    self._changed.notify_all()
        return None

    def close(self) -> None:
        """End the child and the thread; a second call does nothing."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(JOIN_S)
            if self._thread.is_alive():
                log.warning("the Edge TPU's child process did not end within %g s", JOIN_S)

    def _supervise(self) -> None:
        """Start children one after another (main of the supervisor's thread)."""
        while not self._closing:
            try:
                fault = self._start_and_use()
                if fault is not None:
                    self._failed(fault, LOST)
            except ChildFault as fault:
                if self._required and not self._first_attempt.is_set():
                    self._end_first_attempt(fault)
                    return
                if isinstance(fault, EdgeTpuAbsent):
                    self._absent(fault)
                else:
                    note = fault.note if isinstance(fault, EdgeTpuUnavailable) else FAILED
                    self._failed(fault, note)
            except Exception as error:  # no error may end this thread silently
                log.debug("Edge TPU: %s", error, exc_info=True)
                self._failed(ChildFault(f"{type(error).__name__}: {error}"), FAILED)

    def _start_and_use(self) -> ChildFault | None:
        """Start a child and use it; see `_use`."""
        self.holding = True
        try:
            return self._use(self._start(lambda: not self._closing))
        finally:
            self.holding = False

    def _use(self, child: Child) -> ChildFault | None:
        """Make the child available until it fails; return why, or None after `close`."""
        try:
            state = "back" if self._worked else "ready"
            log.info("the Edge TPU is %s: %s", state, child.loaded.describe)
            self._worked, self._logged = True, ""
            self._report(None)
            self._hand_out(child)
            self._first_fault = None
            self._first_attempt.set()
            return self._watch(child)
        finally:
            with self._running:
                self._child = None
            child.close()

    def _hand_out(self, child: Child) -> None:
        with self._changed:
            self._note("")
            self._run_fault = None
            self._child = child

    def _watch(self, child: Child) -> ChildFault | None:
        """Wait until the child fails, and return why; return None after `close`."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._run_fault, CHECK_S)
                if self._closing:
                    return None
                fault, self._run_fault = self._run_fault, None
            if isinstance(fault, ChildLate):
                fault = self._await_late_answer(child)
            elif isinstance(fault, ChildDied) or not child.alive:
                fault = child.cause_of_death()
            if fault is not None:
                return fault

    def _await_late_answer(self, child: Child) -> ChildFault | None:
        """Wait for a late result, then make the child available again; return why if it failed."""
        log.info("Edge TPU: no answer within %g s; the CPU goes on", self._late)
        left = self._timeout - self._late
        while not self._closing and left > 0:
            try:
                child.answer(min(POLL_S, left))
                break
            except ChildLate:
                left -= POLL_S
            except ChildDied:
                return child.cause_of_death()
            except ChildFault as fault:
                return fault
        else:
            child.kill()
            return ChildFault(f"an inference took longer than {self._timeout:g} s")
        pause = self._failure_backoff.failed()
        if pause > 0:
            self._log_failure("it keeps the picture waiting", SLOW, pause)
            if not self._pause(pause):
                return None
            self._logged = ""
            self._report(None)
        log.info("the Edge TPU is used again")
        self._hand_out(child)
        return None

    def _absent(self, fault: EdgeTpuAbsent) -> None:
        self._end_first_attempt(fault)
        if self._worked:
            self._log_fault(str(fault))
            if not self.note:
                self._note(fault.note)
        elif self._logged:  # a device that never worked was unplugged: its fault no longer applies
            self._logged = ""
            self._note("")
            self._report(None)
        self._pause(CHECK_S)

    def _failed(self, fault: ChildFault, note: str) -> None:
        pause = self._failure_backoff.failed()
        self._log_failure(str(fault), note, pause)
        self._end_first_attempt(fault)
        self._pause(pause)

    def _log_failure(self, reason: str, note: str, pause: float) -> None:
        """Log a fault once, and show it on the picture as long as it lasts."""
        if self._closing:
            return
        again = f"trying again in {pause:g} s" if pause else "trying again"
        self._log_fault(reason, f"; the CPU goes on, {again}")
        # Keep the time of the loss: it matters more than the time of each attempt to restart.
        if self._trouble not in (note, LOST):
            self._note(note)

    def _log_fault(self, reason: str, more: str = "") -> None:
        level = logging.DEBUG if reason == self._logged else logging.WARNING
        log.log(level, "Edge TPU: %s%s", reason, more)
        self._logged = reason
        self._report(reason)

    def _end_first_attempt(self, fault: ChildFault) -> None:
        if not self._first_attempt.is_set():
            self._first_fault = fault
            self._first_attempt.set()

    def _pause(self, seconds: float) -> bool:
        """Wait; return False if `close` is called meanwhile."""
        with self._changed:
            return not self._changed.wait_for(lambda: self._closing, seconds)

    def _note(self, trouble: str) -> None:
        self._trouble = trouble
        self.note = f"{trouble} {time.strftime('%H:%M')}" if trouble else ""
