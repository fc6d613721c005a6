"""Write to a named pipe whose reader may come late, be slow, leave, and come back."""

from __future__ import annotations

import errno
import io
import os
import select
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Generic, TypeVar

from pose_edge.sinks.segment_file import Encoder, SegmentFile

LIVE_ROOM_S: Final = 1.0
"""Longest wait for room in the pipe, seconds; a reader that takes longer counts as not reading.
Meanwhile the sink's queue fills, and drops its oldest items."""
FILE_ROOM_S: Final = 3.0
"""The same for a source that is a file. It can wait, so nothing is lost while a reader starts."""

Item = TypeVar("Item")


class PipeWriter(Generic[Item]):
    """A `Writer` for a named pipe, which blocks only for a bounded time.

    Each reader gets whole items, starting with the next one, encoded as in a file of its own: a
    table begins with its header. Items are dropped while nobody reads.

    Attributes:
        waiting: See `Writer`.
        partial_fault: None; see `Writer`.
    """

    partial_fault: str | None = None

    def __init__(
        self,
        path: Path,
        start: Callable[[SegmentFile], Encoder[Item]],
        write_timeout_s: float = LIVE_ROOM_S,
    ) -> None:
        """Initialise the writer; the pipe is opened as soon as a reader has opened it.

        Args:
            path: The pipe.
            start: Creates the encoder for each reader.
            write_timeout_s: Longest wait for room in the pipe, seconds.
        """
        self._write_timeout_s = write_timeout_s
        self._path = path
        self._start = start
        self._descriptor: int | None = None
        self._buffer = io.BytesIO()
        self._encoder: Encoder[Item] | None = None
        self._rest = b""
        self.waiting: str | None = None
        self.tick()

    @property
    def target(self) -> str | None:
        """The path of the pipe, while a reader has it open."""
        return str(self._path) if self._descriptor is not None else None

    def write(self, item: Item) -> bool:
        """Write an item, or drop it while nobody reads; see `Writer.write`."""
        write_timeout_s = self._write_timeout_s if self.waiting is None else 0.0
        if (
            self._descriptor is None
            or self._encoder is None
            or not self._write_rest(write_timeout_s)
        ):
            return False
        self._encoder.write(item)
        self._rest = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        self._write_rest(0.0)  # the rest is written with the next item
        return self._descriptor is not None

    def tick(self) -> None:
        """Check whether there is a reader; see `Writer.tick`."""
        if self._descriptor is None:
            self._open()
        elif _is_left(self._descriptor):
            self._lose_reader()
        elif self._rest:
            self._write_rest(0.0)

    def close(self) -> None:
        """Write what is left, as far as the reader accepts it; see `Writer.close`."""
        if self._descriptor is not None and self._encoder is not None:
            self._encoder.finish()
            self._rest += self._buffer.getvalue()
            self._write_rest(LIVE_ROOM_S if self.waiting is None else 0.0)
        self._lose_reader()

    def _open(self) -> None:
        """Open the pipe, if a reader has opened it.

        Raises:
            OSError: The path no longer exists, or is not a pipe any more.
        """
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            self.waiting = f"nobody reads {self._path}"
            return
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.ENXIO, "it is no named pipe any more")
        self._descriptor = descriptor
        self._buffer = io.BytesIO()
        self._encoder = self._start(SegmentFile(self._buffer, self._path, regular=False, live=True))
        self.waiting = None

    def _write_rest(self, timeout: float) -> bool:
        """Write what is left of the last item; return whether all of it has reached the pipe.

        Args:
            timeout: Longest wait for room before each partial write, seconds.
        """
        while self._rest and self._descriptor is not None:
            try:
                self._rest = self._rest[os.write(self._descriptor, self._rest) :]
                self.waiting = None
            except BlockingIOError:
                if not timeout:
                    return False
                if not select.select([], [self._descriptor], [], timeout)[1]:
                    self.waiting = f"the reader of {self._path} does not read"
                    return False
            except BrokenPipeError:
                self._lose_reader()
        return self._descriptor is not None

    def _lose_reader(self) -> None:
        """Close the pipe, and wait for the next reader."""
        descriptor, self._descriptor = self._descriptor, None
        self._encoder, self._rest = None, b""
        self.waiting = f"nobody reads {self._path}"
        if descriptor is not None:
            with suppress(OSError):  # closing a pipe loses no data
                os.close(descriptor)


def is_pipe(path: Path) -> bool:
    """Return whether a path leads to a named pipe."""
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _is_left(descriptor: int) -> bool:
    """Return whether the reader of a pipe has closed it."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
