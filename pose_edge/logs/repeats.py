"""Messages that come again and again are summed up.

The first of a kind is passed on at once. What repeats it within the next `WINDOW_S` is counted,
and told in one line at the end of that time; as long as it goes on, in one line for each such
time. When it has stopped for a whole window, the next one is a first again. So nothing is lost but
the moments of the repetitions.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from pose_edge.logs.stderr import Stderr

WINDOW_S: Final = 60.0
MIN_WAIT_S: Final = 0.01
"""A timer never rings before the end of a window by a rounding error, over and over."""
VARIANTS: Final = 10
"""Messages of one kind with different figures that are passed on in one window: a status every ten
seconds is no flood, and two cameras that fail are two faults."""
KINDS: Final = 256
"""Kinds of messages that are remembered at the same time; of the rest, the oldest is forgotten."""
MAX_TEXT: Final = 2000
"""Letters of a message that are kept for the summary."""

DIRECTIVE: Final = re.compile(r"%(\(\w+\))?[-+ #0]*[\d*]*(\.[\d*]+)?[a-zA-Z%]")
DIGITS: Final = re.compile(r"\d+")


class Kind(NamedTuple):
    """What repetitions have in common."""

    logger: str
    level: int
    form: str


class Timer(Protocol):
    """What calls a function after a while."""

    def start(self) -> None:
        """Begin to wait."""

    def cancel(self) -> None:
        """Do not call it any more."""


@dataclass(slots=True)
class Window:
    """What is known of one kind of message.

    Attributes:
        begin: When the first was passed on, or the last summary written, monotonic seconds.
        passed: Hashes of the texts that were passed on since.
        held: How many were held back since.
        alike: Whether those were all the same.
        last: The last one's text.
        name: The last one's level.
    """

    begin: float
    passed: set[int] = field(default_factory=set)
    held: int = 0
    alike: bool = True
    last: str = ""
    name: str = "WARNING"


def _daemon_timer(seconds: float, call: Callable[[], None]) -> Timer:
    timer = threading.Timer(seconds, call)
    timer.name = "log"
    timer.daemon = True
    return timer


class Repeats(logging.Handler):
    """Passes records on to another handler, repetitions summed up.

    A thread waits for the end of a window only while something is held back. Its memory is
    bounded. Details (level debug) are passed on as they are: who asks for them wants them all.
    """

    def __init__(
        self,
        target: Stderr,
        *,
        sum_up: bool = True,
        clock: Callable[[], float] = time.monotonic,
        timer: Callable[[float, Callable[[], None]], Timer] = _daemon_timer,
    ) -> None:
        """Write to the target.

        Args:
            target: Gets what is left; closed with this one.
            sum_up: False passes everything on: somebody is watching, and wants to see each loss
                and each return.
            clock: Returns monotonic seconds.
            timer: Makes what calls a function after some seconds.
        """
        super().__init__()
        self.target = target
        self._sum_up = sum_up
        self._clock = clock
        self._make_timer = timer
        self._timer: Timer | None = None
        self._windows: dict[Kind, Window] = {}  # in the order of their begins
        self._closed = False

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on, or hold it back; the caller holds this handler's lock."""
        self._end_windows()
        if record.levelno <= logging.DEBUG or not self._sum_up:
            self.target.handle(record)
            return
        text = _identity(record)
        kind = kind_of(record, text)
        window = self._windows.get(kind)
        if window is None:
            window = self._windows[kind] = Window(self._clock())
            self._forget_oldest()
        if hash(text) not in window.passed and len(window.passed) < VARIANTS:
            window.passed.add(hash(text))
            self.target.handle(record)
            return
        text = text[:MAX_TEXT]
        window.alike = window.alike and window.last in ("", text)
        window.held, window.last, window.name = window.held + 1, text, record.levelname
        self._wait()

    def flush(self) -> None:
        """Write what is summed up so far: called at the end of the program too."""
        self.acquire()
        try:
            for kind in list(self._windows):
                self._tell(kind, self._windows.pop(kind))
        finally:
            self.release()

    def close(self) -> None:
        """Write what is summed up, and end."""
        self._closed = True
        self.flush()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.target.close()
        super().close()

    def _end_windows(self) -> None:
        now = self._clock()
        for kind, window in list(self._windows.items()):
            if now - window.begin < WINDOW_S:
                return
            del self._windows[kind]
            if window.held:  # it goes on, perhaps: a new window that begins without a first
                self._windows[kind] = Window(now, {hash(window.last)})
                self._tell(kind, window)

    def _forget_oldest(self) -> None:
        if len(self._windows) > KINDS:
            kind = next(iter(self._windows))
            self._tell(kind, self._windows.pop(kind))

    def _tell(self, kind: Kind, window: Window) -> None:
        if not window.held:
            return
        seconds = max(1.0, self._clock() - window.begin)
        last = "" if window.alike else ", the last"
        text = f"... {window.held} more in {seconds:.0f} s{last}: {window.last}"
        record = {"name": kind.logger, "levelno": kind.level, "levelname": window.name, "msg": text}
        self.target.handle(logging.makeLogRecord(record))

    def _wait(self) -> None:
        """See to it that a summary is written even when nothing else is logged."""
        if self._timer is not None or self._closed:
            return
        begins = [window.begin for window in self._windows.values() if window.held]
        if not begins:
            return
        left = max(MIN_WAIT_S, min(begins) + WINDOW_S - self._clock())
        timer = self._make_timer(left, self._wake)
        try:
            timer.start()
        except RuntimeError:  # no more threads, or the end of the program, which flushes
            return
        self._timer = timer

    def _wake(self) -> None:
        self.acquire()
        try:
            self._timer = None
            self._end_windows()
            self._wait()
        finally:
            self.release()


def kind_of(record: logging.LogRecord, text: str) -> Kind:
    """Tell what a record has in common with its repetitions.

    Args:
        record: The record.
        text: Its message.

    Returns:
        Its logger, level and form: the message before figures and names are put in. Where that
        says nothing ("%s: %s"), or is no text, the message without its figures.
    """
    form = record.msg if isinstance(record.msg, str) else ""
    if not any(letter.isalpha() for letter in DIRECTIVE.sub("", form)):
        form = text
    return Kind(record.name, record.levelno, DIGITS.sub("0", form[:MAX_TEXT]))


def _identity(record: logging.LogRecord) -> str:
    """Return a record's message, with the error that comes with it."""
    error = record.exc_info[1] if record.exc_info else None
    try:
        text = record.getMessage()
        return f"{text} ({type(error).__name__}: {error})" if error is not None else text
    except Exception:  # noqa: BLE001 - the formatter says what can be said of it
        return repr(record.msg) if isinstance(record.msg, str) else type(record.msg).__name__
