"""Keeps a child process with the model on the Edge TPU, for as long as there is a device."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Literal

from pose_edge.runtimes import AnyArray
from pose_edge.runtimes.child import ChildDied, ChildFault, ChildLate, Started
from pose_edge.runtimes.edgetpu.failure_backoff import FailureBackoff

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
"""How often it is looked whether a device was plugged in, and whether the child lives."""
LATE_S: Final = 0.2
"""An answer that takes longer is not waited for by the picture: the CPU answers instead, and the
Edge TPU is left out until its answer is there. Several times what a slow one (Thunder on USB 2)
needs, and short enough that nobody sees the picture stop."""
POLL_S: Final = 0.1
"""How often a wait looks whether it is still wanted."""
JOIN_S: Final = 10.0
"""How long `close` waits: the child is given time to return the device."""


class Unavailable(ChildFault):
    """There is nothing to start a child for, or with: why, and what to do.

    Attributes:
        note: The same in a few words, for the picture.
    """

    def __init__(self, reason: str, note: str) -> None:
        """Say why, at length and in short."""
        super().__init__(reason)
        self.note = note


class Absent(Unavailable):
    """No device is plugged in."""


Start = Callable[[Callable[[], bool]], Started]
"""Starts a child and waits until it is ready. It is given a function that says whether it is still
wanted. Raises Absent, Unavailable, or another ChildFault."""


class ChildSupervisor:
    """Starts the child, hands it out, watches it, and starts it again when it has failed.

    One thread asks for answers (`run`); a thread of the keeper's own does everything slow.
    """

    def __init__(
        self,
        start: Start,
        *,
        timeout: float,
        patience: FailureBackoff,
        late: float = LATE_S,
        required: bool = False,
        report: Callable[[str | None], None] = lambda _reason: None,
    ) -> None:
        """Prepare; `open` begins.

        Args:
            start: Starts a child.
            timeout: Seconds after which an inference has failed.
            patience: Says how soon it is tried again.
            late: Seconds after which somebody else answers meanwhile.
            required: Whether a first attempt that fails is the last, and `wait` tells of it.
            report: Told what is wrong, and None when it works.
        """
        self._start = start
        self._timeout = timeout
        self._report = report
        self._patience = patience
        self._late = min(late, timeout)
        self._required = required
        self._in_use = threading.Lock()
        self._changed = threading.Condition()
        self._ready: Started | None = None
        self._given_back: ChildFault | None = None
        self._first: ChildFault | Literal["ready"] | None = None
        self._closing = False
        self._worked = False
        self._told = ""
        self.note = ""
        self._thread = threading.Thread(target=self._keep, name="edgetpu", daemon=True)

    @property
    def ready(self) -> Started | None:
        """The child, while it can be asked."""
        return self._ready

    def open(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    def wait(self, timeout: float, stop: threading.Event | None = None) -> None:
        """Wait until the first attempt to start has come to its end, or nobody wants it any more.

        Args:
            timeout: Seconds that this may take.
            stop: Set when it is not wanted any more.

        Raises:
            ChildFault: It did not succeed.
        """
        stop = stop or threading.Event()
        end = time.monotonic() + timeout
        with self._changed:
            while self._first is None and time.monotonic() < end and not stop.is_set():
                self._changed.wait(POLL_S)
            first = self._first
        if stop.is_set():
            return
        if isinstance(first, ChildFault):
            raise first
        if first is None:
            raise ChildFault(f"the Edge TPU is not ready within {timeout:g} s")

    def run(self, tensor: AnyArray) -> list[AnyArray] | None:
        """Run the model on the Edge TPU.

        Args:
            tensor: Of the input's shape.

        Returns:
            The outputs, valid until the next call; None when the Edge TPU cannot be asked, or did
            not answer in time: then somebody else has to.
        """
        with self._in_use:
            started = self._ready
            if started is None:
                return None
            try:
                return started.child.run(tensor, self._late)
            except ChildFault as fault:
                late = isinstance(fault, ChildLate)
                with self._changed:
                    self._ready = None
                    self._given_back = fault
                    self.note = _at("edgetpu late" if late else "edgetpu lost")
                    self._changed.notify_all()
        return None

    def close(self) -> None:
        """End the child and the thread; doing it twice does no harm."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(JOIN_S)
            if self._thread.is_alive():
                log.warning("the Edge TPU's child process did not end within %g s", JOIN_S)

    def _keep(self) -> None:
        """Do it all: the main of the keeper's thread."""
        while not self._closing:
            try:
                lost = self._use(self._start(lambda: not self._closing))
                if lost is not None:
                    self._failed(lost, "edgetpu lost")
            except ChildFault as fault:
                if self._required and self._first is None:
                    self._settle(fault)
                    return
                self._do_without(fault)
            except Exception as error:  # nothing may end this thread unsaid
                log.debug("Edge TPU: %s", error, exc_info=True)
                self._failed(ChildFault(f"{type(error).__name__}: {error}"), "edgetpu failed")

    def _do_without(self, fault: ChildFault) -> None:
        if isinstance(fault, Absent):
            self._absent(fault)
            self._pause(LOOK_S)
        else:
            self._failed(fault, fault.note if isinstance(fault, Unavailable) else "edgetpu failed")

    def _use(self, started: Started) -> ChildFault | None:
        """Hand the child out until it fails (why is returned) or is not needed any more (None)."""
        try:
            self._hand_out(started)
            return self._watch(started)
        finally:
            with self._in_use:
                self._ready = None
            started.child.close()

    def _hand_out(self, started: Started) -> None:
        if self._worked:
            log.info("the Edge TPU is back: %s", started.loaded.describe)
        else:
            log.info("the Edge TPU is ready: %s", started.loaded.describe)
        self._worked, self._told = True, ""
        self._report(None)
        with self._changed:
            self.note = ""
            self._given_back = None
            self._ready, self._first = started, "ready"
            self._changed.notify_all()

    def _watch(self, started: Started) -> ChildFault | None:
        """Wait until the child fails (why is returned) or is not needed any more (None)."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._given_back, LOOK_S)
                if self._closing:
                    return None
                fault, self._given_back = self._given_back, None
            if isinstance(fault, ChildLate):
                fault = self._await_late(started)
            elif isinstance(fault, ChildDied) or not started.child.alive:
                fault = started.child.cause_of_death()
            if fault is not None:
                return fault

    def _await_late(self, started: Started) -> ChildFault | None:
        """Wait for an answer that nobody needs any more; put the child to use again after it.

        Returns:
            Why the child has to be started again, or None.
        """
        log.info("Edge TPU: no answer within %g s; the CPU goes on", self._late)
        end = time.monotonic() + self._timeout - self._late
        while not self._closing and (left := end - time.monotonic()) > 0:
            try:
                started.child.answer(min(POLL_S, left))
                break
            except ChildLate:
                continue
            except ChildDied:
                return started.child.cause_of_death()
        else:
            started.child.kill()
            return ChildFault(f"an inference took longer than {self._timeout:g} s")
        wait = self._patience.failed()
        if wait > 0:
            self._tell("it keeps the picture waiting", "edgetpu slow", wait)
            if not self._pause(wait):
                return None
            self._told = ""
            self._report(None)
        log.info("the Edge TPU is used again")
        with self._changed:
            self.note = ""
            self._ready = started
        return None

    def _absent(self, fault: Absent) -> None:
        self._settle(fault)
        if self._worked:
            self._say(str(fault))
            self.note = self.note or _at(fault.note)
        elif self._told:  # one that never worked is gone, and with it what was wrong
            self._told, self.note = "", ""
            self._report(None)

    def _failed(self, fault: ChildFault, note: str) -> None:
        wait = self._patience.failed()
        self._tell(str(fault), note, wait)
        self._settle(fault)
        self._pause(wait)

    def _tell(self, reason: str, note: str, wait: float) -> None:
        """Say what is wrong: in the log once, on the picture as long as it lasts."""
        if self._closing:
            return
        again = f"trying again in {wait:g} s" if wait else "trying again"
        self._say(reason, f"; the CPU goes on, {again}")
        # Since when it is lost says more than how often it could not be started since.
        if not self.note.startswith((note, "edgetpu lost")):
            self.note = _at(note)

    def _say(self, reason: str, more: str = "") -> None:
        level = logging.DEBUG if reason == self._told else logging.WARNING
        log.log(level, "Edge TPU: %s%s", reason, more)
        self._told = reason
        self._report(reason)

    def _settle(self, fault: ChildFault) -> None:
        with self._changed:
            if self._first is None:
                self._first = fault
            self._changed.notify_all()

    def _pause(self, seconds: float) -> bool:
        """Wait, and tell whether to go on."""
        with self._changed:
            return not self._changed.wait_for(lambda: self._closing, seconds)


def _at(note: str) -> str:
    return f"{note} {time.strftime('%H:%M')}"
