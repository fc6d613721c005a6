"""Keeps a child process with the model on the Edge TPU running for as long as there is a device."""

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
"""Interval of the checks for a new device and for a dead child."""
LATE_S: Final = 0.2
"""A live picture does not wait longer for an answer: the CPU answers instead, and the Edge TPU is
left out until its answer has come. Several times what a slow one (Thunder on USB 2) needs."""
POLL_S: Final = 0.1
"""Interval of the checks for an early end of a wait. A wait is over after so many of them, rather
than by the clock: time in which the whole program was stopped does not count."""
JOIN_S: Final = 10.0
"""How long `close` waits: the child is given time to return the device."""

FAILURES: Final = 3
WINDOW_S: Final = 60.0
"""After `FAILURES` failures within this time, the next attempt has to wait."""

FIRST_S: Final = 1.0
"""The shortest wait."""

FAILED: Final = "edgetpu failed"
LATE: Final = "edgetpu late"
LOST: Final = "edgetpu lost"
SLOW: Final = "edgetpu slow"
UNPLUGGED: Final = "edgetpu unplugged"


class EdgeTpuUnavailable(ChildFault):
    """No child can be started, because something that it needs is missing.

    Attributes:
        note: What is missing, in a few words for the picture.
    """

    def __init__(self, message: str, *, note: str, remedy: str | None = None) -> None:
        """Keep message and remedy, see `PoseEdgeError`, and the note."""
        super().__init__(message, remedy=remedy)
        self.note = note


class EdgeTpuAbsent(EdgeTpuUnavailable):
    """No device is plugged in."""

    def __init__(self, message: str) -> None:
        """Keep the message."""
        super().__init__(message, note=UNPLUGGED)


class FailureBackoff:
    """Counts failures: rare ones cost no wait, frequent ones cost longer and longer waits."""

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without failures.

        Args:
            limit_s: The longest wait, seconds.
            clock: Seconds that only increase.
        """
        self._clock = clock
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._backoff = Backoff(min(FIRST_S, limit_s), limit_s)
        self._wait_s = 0.0

    def failed(self) -> float:
        """Count a failure.

        Returns:
            Seconds to wait before the next attempt: 0 for the first two within a minute, then 1,
            2, 4 and so on, up to the limit, until a minute has passed without a failure.
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
"""Starts a child and waits until it has loaded the model, or until the argument, a function,
returns False. Raises EdgeTpuAbsent, EdgeTpuUnavailable, or another ChildFault."""


class ChildSupervisor:
    """Starts the child, hands it out, watches it, and starts it again when it has failed.

    One thread asks for answers (`run`); the supervisor's own thread does everything slow.

    Attributes:
        note: What is wrong and since when, in a few words for the picture; empty when nothing is.
        holding: Whether a child has the device, or is just trying to get it.
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
        """Prepare; `open` starts the first child.

        Args:
            start: Starts a child.
            timeout: Seconds after which an inference has failed and the child is killed.
            failure_backoff: Says how long to wait after a failure.
            late: Seconds after which `run` gives up, while the answer may still come.
            required: Whether the first attempt is the last one if it fails; `wait` raises why.
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
        """The child, while it can be asked."""
        return self._child

    def open(self) -> None:
        """Start the first child, in the background."""
        self._thread.start()

    def wait(self, timeout: float, stop: threading.Event | None = None) -> None:
        """Wait for the end of the first attempt to start a child, or for `stop`.

        Raises:
            ChildFault: The attempt has failed, or takes too long.
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
            The outputs, valid until the next call; None when there is no child, it has another
            input, or its answer has not come in time.
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
        """Start children, one after the other: the main of the supervisor's thread."""
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
            except Exception as error:  # nothing may end this thread silently
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
        """Hand the child out until it fails (why is returned) or `close` is called (None)."""
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
        """Wait until the child fails (why is returned) or `close` is called (None)."""
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
        """Wait for a late answer, then hand the child out again, or return why it has failed."""
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
        elif self._logged:  # one that never worked was pulled out, and what was wrong is over
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
        """Log what is wrong once, and note it on the picture for as long as it lasts."""
        if self._closing:
            return
        again = f"trying again in {pause:g} s" if pause else "trying again"
        self._log_fault(reason, f"; the CPU goes on, {again}")
        # The time since when it is lost matters more than that of each attempt to start it again.
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
        """Wait; return False when `close` is called."""
        with self._changed:
            return not self._changed.wait_for(lambda: self._closing, seconds)

    def _note(self, trouble: str) -> None:
        self._trouble = trouble
        self.note = f"{trouble} {time.strftime('%H:%M')}" if trouble else ""
