"""Write the log to the standard error, with repeated messages summarised.

One fault must not fill the journal of a service. So the first message of a logging call is written
at once, and repetitions within the next `WINDOW_S` are counted and written as one line.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from pose_edge.logs.formats import Formatter, message_of
from pose_edge.util.text import counted

WINDOW_S: Final = 60.0
"""Length of the window in which repetitions are counted, seconds."""
VARIANTS: Final = 10
"""Most different texts of one call that are written in a window. A status with new figures every
ten seconds is not a repetition, and two cameras that fail are two faults."""
MAX_TEXT: Final = 2000
"""Most characters of a text that are compared, and shown in a summary."""


class StderrHandler(logging.Handler):
    """Writes records to the current `sys.stderr`.

    Records that cannot be written (a full disk, a reader that has left) are counted, and their
    number is written as soon as writing works again.
    """

    formatter: Formatter

    def __init__(self, formatter: Formatter) -> None:
        """Initialise the handler; `formatter` renders the records."""
        super().__init__()
        self.formatter = formatter
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        text = self.format(record) + "\n"
        try:
            if self._lost:
                text = self._lost_message() + text
            # `write` of the program's own stream hides failures, `deliver` raises them.
            getattr(sys.stderr, "deliver", sys.stderr.write)(text)
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):  # broken, closed, missing
            self._lost += 1
        else:
            self._lost = 0

    def _lost_message(self) -> str:
        text = f"{counted(self._lost, 'message')} could not be written here"
        record = {"name": "pose_edge.logs", "levelno": logging.WARNING, "levelname": "WARNING"}
        return self.format(logging.makeLogRecord({**record, "msg": text})) + "\n"


@dataclass(slots=True)
class _Repeated:
    """The texts that one call has logged in the current window, and the suppressed repetitions."""

    written: set[str] = field(default_factory=set)
    held: int = 0
    same: bool = True
    last: str = ""

    def hold(self, text: str) -> None:
        self.same = self.same and self.last in ("", text)
        self.held += 1
        self.last = text


class SummingHandler(StderrHandler):
    """Writes records to the standard error, and counts repetitions instead of writing them.

    Messages of one call (place in the code, logger and level) with the same text are repetitions;
    so are all further texts of a call after `VARIANTS`. Debug records are always written.
    """

    def __init__(
        self,
        formatter: Formatter,
        *,
        clock: Callable[[], float] = time.monotonic,
        window: float = WINDOW_S,
    ) -> None:
        """Start with an empty window of `window` seconds; `clock` returns monotonic seconds."""
        super().__init__(formatter)
        self._clock = clock
        self._window = window
        self._begin = clock()
        self._calls: dict[tuple[Any, ...], _Repeated] = {}
        self._timer: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it; the caller holds the handler's lock."""
        if record.levelno <= logging.DEBUG:
            super().emit(record)
            return
        now = self._clock()
        if now - self._begin >= self._window:
            self._end_window()
        if not self._calls:
            self._begin = now
        key = (record.name, record.levelno, record.levelname, record.pathname, record.lineno)
        call = self._calls.setdefault(key, _Repeated())
        text = _text(record)[:MAX_TEXT]
        if text not in call.written and len(call.written) < VARIANTS:
            call.written.add(text)
            super().emit(record)
        else:
            call.hold(text)
            self._start_timer()

    def flush(self) -> None:
        """Write the summaries now; `logging` calls this at the end of the program."""
        with self.lock or nullcontext():
            self._end_window()

    def close(self) -> None:
        """Write the summaries, and close the handler."""
        self.flush()
        super().close()

    def _end_window(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._clock()
        ended, self._calls = self._calls, {}
        for key, call in ended.items():
            if call.held:
                # The fault probably persists: the next message of this text is a repetition too.
                self._calls[key] = _Repeated({call.last})
                super().emit(_summary(key, call, now - self._begin))
        self._begin = now

    def _start_timer(self) -> None:
        """Schedule the summaries, so that they are written even if nothing else is logged."""
        if self._timer is not None:
            return
        left = max(0.0, self._begin + self._window - self._clock())
        timer = threading.Timer(left, self.flush)
        timer.name, timer.daemon = "log", True
        try:
            timer.start()
        except RuntimeError:  # no more threads, or the program ends and flushes
            return
        self._timer = timer


def _summary(key: tuple[Any, ...], call: _Repeated, seconds: float) -> logging.LogRecord:
    name, levelno, levelname, *_place = key
    last = "" if call.same else ", the last"
    text = f"... {call.held} more in {max(1.0, seconds):.0f} s{last}: {call.last}"
    record = {"name": name, "levelno": levelno, "levelname": levelname, "msg": text}
    return logging.makeLogRecord(record)


def _text(record: logging.LogRecord) -> str:
    """Return a record's message, followed by the error that is logged with it."""
    text = message_of(record)
    error = record.exc_info[1] if record.exc_info else None
    with suppress(Exception):  # an error that cannot be printed
        text += f" ({type(error).__name__}: {error})" if error is not None else ""
    return text
