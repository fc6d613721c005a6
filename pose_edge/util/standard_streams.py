"""Standard streams that are safe to use, whatever the process's launcher did to them.

A launcher may close them, redirect them to a full disk, or never read the pipe that it provides.
Python then has no stream at all, raises errors from `print`, or blocks forever.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
import threading
from contextlib import suppress
from typing import Any, Final, TextIO, cast

from pose_edge.errors import OutputError

PATIENCE_S: Final = 1.0
"""Longest wait for the reader of standard error, seconds. After one such wait, writing no longer
waits until the stream is read again."""
UNREADABLE: Final = "backslashreplace"
"""Error handler for characters that the stream's encoding lacks."""


def prepare_standard_streams() -> None:
    """Make the standard streams safe to use; streams that tests have replaced are kept."""
    for descriptor in (0, 1, 2):
        _open_if_closed(descriptor)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _standard_output(sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = cast(TextIO, StandardError(encoding=_encoding(sys.stderr)))


def discard_output() -> None:
    """Discard the rest of standard output, whose reader has gone or does not read."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)


class StandardError(io.TextIOBase):
    """Standard error whose `write` never blocks for long and never raises an error.

    Only whole lines should be written; a line that was cut off is ended before the next one.
    """

    def __init__(self, descriptor: int = 2, *, encoding: str = "utf-8") -> None:
        """Create the stream on a file descriptor, which it does not close."""
        super().__init__()
        self._descriptor = descriptor
        self._encoding = encoding
        self._lock = threading.RLock()
        self._unread = False
        self._cut = False
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a variable in the stubs
        """The encoding of the texts."""
        return self._encoding

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Write a text; what cannot be written is dropped."""
        with suppress(OSError):
            self.deliver(text)
        return len(text)

    def deliver(self, text: str) -> None:
        """Write a text, with an error if that fails.

        Raises:
            OSError: The text cannot be written, or nobody reads it in time.
        """
        with self._lock:
            whole = f"\n{text}" if self._cut else text
            rest = memoryview(whole.encode(self._encoding, UNREADABLE))
            begun = False
            while rest:
                try:
                    self._wait()
                    # A pipe or terminal that is ready takes PIPE_BUF bytes without blocking.
                    written = os.write(self._descriptor, rest[: select.PIPE_BUF])
                except BlockingIOError:  # another writer was faster (non-blocking descriptor)
                    continue
                except OSError:
                    self._cut = self._cut or begun
                    raise
                begun, self._cut = True, False
                rest = rest[written:]

    def _wait(self) -> None:
        """Wait until something can be written; raise TimeoutError if nobody reads in time."""
        if not self._poll.poll(0 if self._unread else PATIENCE_S * 1000):
            self._unread = True
            raise TimeoutError(errno.ETIMEDOUT, "nobody reads it")
        self._unread = False


class _StandardOutput(io.FileIO):
    """Standard output that reports a failed write only once, with an error for users."""

    _failed = False

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - any kind of bytes
        """Write bytes; after an error, drop them.

        Raises:
            OutputError: The bytes cannot be written.
            BrokenPipeError: The reader has gone.
        """
        if self._failed:
            return len(data)
        try:
            while (written := super().write(data)) is None:  # non-blocking descriptor
                select.select([], [self.fileno()], [])
        except OSError as error:
            self._failed = True
            if isinstance(error, BrokenPipeError):
                raise
            raise OutputError(f"the standard output: {error.strerror}") from error
        return written


def _standard_output(given: TextIO | None) -> TextIO:
    raw = _StandardOutput(1, "w", closefd=False)
    buffer = io.BufferedWriter(raw)
    return io.TextIOWrapper(
        buffer, encoding=_encoding(given), errors=UNREADABLE, line_buffering=raw.isatty()
    )


def _encoding(stream: TextIO | None) -> str:
    """Return the encoding of a stream, or UTF-8 for a stream that was closed."""
    return stream.encoding if stream is not None else "utf-8"


def _open_if_closed(descriptor: int) -> None:
    """Open /dev/null in place of a closed stream, before another file gets its number.

    Reading finds the end of the file. Writing fails, as it would with the closed stream: a result
    that nobody can see must not look like a success.
    """
    with suppress(OSError):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDONLY)
            os.dup2(opened, descriptor)
            if opened != descriptor:
                os.close(opened)
