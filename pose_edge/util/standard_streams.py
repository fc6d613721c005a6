"""The standard streams of the process, whatever its launcher has made of them.

A launcher may close them, lead them to a full disk, or never read the pipe that it gave. Python
then has no stream at all, raises errors from `print`, or waits forever.
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
"""Longest wait for somebody who does not read the standard error; afterwards, until it is read
again, nobody waits."""
UNREADABLE: Final = "backslashreplace"
"""How characters are written that the stream's encoding does not have."""


def prepare_standard_streams() -> None:
    """Make the standard streams safe to use; those that tests have put in place stay."""
    for descriptor in (0, 1, 2):
        _open_if_closed(descriptor)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _standard_output(sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = cast(TextIO, StandardError(encoding=_encoding(sys.stderr)))


def discard_output() -> None:
    """Drop what is left of the standard output, whose reader has gone or does not read."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)


class StandardError(io.TextIOBase):
    """The standard error: writing takes no long time and raises no error.

    Only whole lines should be written; one that was cut off is ended before the next.
    """

    def __init__(self, descriptor: int = 2, *, encoding: str = "utf-8") -> None:
        """Write to a file descriptor, which stays open."""
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
        """Return that one can write to it."""
        return True

    def write(self, text: str) -> int:
        """Write a text, or nothing where that is not possible."""
        with suppress(OSError):
            self.deliver(text)
        return len(text)

    def deliver(self, text: str) -> None:
        """Write a text.

        Raises:
            OSError: It cannot be written, or nobody reads it.
        """
        with self._lock:
            whole = f"\n{text}" if self._cut else text
            rest = memoryview(whole.encode(self._encoding, UNREADABLE))
            begun = False
            while rest:
                try:
                    self._wait()
                    # A pipe or terminal that is ready takes so many bytes at once.
                    written = os.write(self._descriptor, rest[: select.PIPE_BUF])
                except BlockingIOError:  # somebody else was quicker, on a descriptor of that kind
                    continue
                except OSError:
                    self._cut = self._cut or begun
                    raise
                begun, self._cut = True, False
                rest = rest[written:]

    def _wait(self) -> None:
        """Wait until something can be written, but not long."""
        if not self._poll.poll(0 if self._unread else PATIENCE_S * 1000):
            self._unread = True
            raise TimeoutError(errno.ETIMEDOUT, "nobody reads it")
        self._unread = False


class _StandardOutput(io.FileIO):
    """The standard output: that it cannot be written is one error, which people understand."""

    _failed = False

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - any kind of bytes
        """Write bytes; after an error, they are dropped.

        Raises:
            OutputError: They cannot be written.
            BrokenPipeError: Its reader has gone.
        """
        if self._failed:
            return len(data)
        try:
            while (written := super().write(data)) is None:  # a descriptor that does not wait
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
    """Return the encoding of a stream, or a usual one for a stream that was closed."""
    return stream.encoding if stream is not None else "utf-8"


def _open_if_closed(descriptor: int) -> None:
    """Put /dev/null where a stream was closed, before any other file gets its number.

    Reading finds the end of a file. Writing fails, as it would with the closed one: a result that
    nobody can see must not look like a success.
    """
    with suppress(OSError):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDONLY)
            os.dup2(opened, descriptor)
            if opened != descriptor:
                os.close(opened)
