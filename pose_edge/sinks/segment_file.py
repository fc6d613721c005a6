"""One open output file."""

from __future__ import annotations

import errno
import io
import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

Item_contra = TypeVar("Item_contra", contravariant=True)


class SegmentFile:
    """A file that keeps what it holds when it cannot grow any more.

    FFmpeg does not survive every failing write: its MP4 muxer can crash the process when the disk
    is full, and it would go back and rewrite the start of the file for an end that never got
    written. So `write` raises nothing: the first failure is kept in `error` for `settle` to raise,
    and from then on everything written is thrown away: what lies on the disk stays as it was,
    readable up to there.

    The same applies to a power cut: until a file is synced, a disk may write its parts in any
    order. So a file that is to survive one is synced before FFmpeg goes back.

    Attributes:
        path: The name of the file.
        regular: Whether it lies on a disk; else it is a FIFO, a device or the standard output.
        live: Whether it is to survive a power cut at any moment, and is new: see `SegmentFiles`.
        error: The first failure, or None.
        size: Bytes in it.
        head: Bytes at its start that hold no item yet; set by the encoder.
        unsynced: Whether something was written since the last `sync` began.
    """

    def __init__(
        self, raw: io.FileIO | io.BytesIO, path: Path, *, regular: bool, live: bool
    ) -> None:
        """Take an empty file, open for reading and writing (or only writing, if not regular).

        Memory stands for a file whose bytes somebody else passes on.
        """
        self._raw = raw
        self.path = path
        self.regular = regular
        self.live = live
        self.error: OSError | None = None
        self.size = self.head = 0
        self.unsynced = False
        self._position = 0
        self._settled = 0
        self._synced = 0

    @property
    def safe(self) -> int:
        """Bytes of items that a completed `sync` has brought to the disk."""
        return max(0, self._synced - self.head)

    def clear(self) -> None:
        """Throw away what an earlier run has left in it."""
        if self.regular:
            self._raw.truncate(0)

    def read(self, size: int = -1) -> bytes:
        """Read from the current position, as FFmpeg does at the end; nothing after a failure."""
        if self.error is not None:
            return b""
        data = self._raw.read(size) or b""
        self._position += len(data)
        return data

    def write(self, data: object) -> int:
        """Write all of the data, or throw it away after a failure."""
        rest = memoryview(data).cast("B")  # type: ignore[arg-type]  # PyAV gives bytes or a view
        length = len(rest)
        while rest and self.error is None:
            try:
                written = self._raw.write(rest)
                if written is None:  # a pipe that its reader has made non-blocking
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            except OSError as error:
                self.error = error
                self._cut()
            else:
                self.unsynced = True
                rest = rest[written:]
        self._position += length
        if self.error is None:
            self.size = max(self.size, self._position)
        return length

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; after a failure only in appearance."""
        if self.live and self.unsynced and self.error is None:
            try:
                self.sync()
            except OSError as error:
                self.error = error
        if self.error is None:
            self._position = self._raw.seek(offset, whence)
        elif whence == os.SEEK_SET:
            self._position = offset
        elif whence == os.SEEK_CUR:
            self._position += offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def settle(self) -> None:
        """Mark what was written as complete: if a later write fails, the file is cut off here.

        Raises:
            OSError: The first failure of a write.
        """
        if self.error is not None:
            raise self.error
        self._settled = self.size

    def sync(self) -> None:
        """Bring what was written to the disk; from any thread.

        Raises:
            OSError: That failed: it may be lost.
        """
        size, self.unsynced = self.size, False
        os.fdatasync(self._raw.fileno())
        self._synced = size

    def check_place(self) -> None:
        """Make sure that what was written can be found under its name.

        Raises:
            OSError: The file was moved or removed, or its disk was taken away.
        """
        own = os.fstat(self._raw.fileno())
        try:
            there = self.path.stat()
        except OSError:
            there = None
        if self.regular and (there is None or not os.path.samestat(own, there)):
            raise OSError(errno.ENOENT, "the file was moved or removed while it was written")

    def remove(self) -> None:
        """Remove the file, unless it is gone or another one has its name by now."""
        with suppress(OSError):
            self.check_place()
            self.path.unlink()

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._raw.fileno()

    def close(self) -> None:
        """Close the file; twice does no harm."""
        self._raw.close()

    def _cut(self) -> None:
        """Leave no half of a fragment or line, which some readers stumble over."""
        if self.regular and self._settled <= self._position:  # others may have written to a stream
            with suppress(OSError):  # a device; or most readers will manage
                self._raw.truncate(self._settled)
                self.size = self._settled


class Encoder(Protocol[Item_contra]):
    """Writes items into one file."""

    @property
    def file(self) -> SegmentFile:
        """The file; closed by the caller."""

    def takes(self, item: Item_contra, /) -> bool:
        """Return whether an item belongs into this file; else the next one is begun with it."""

    def write(self, item: Item_contra) -> None:
        """Write one item.

        Raises:
            OSError: The file cannot be written.
        """

    def finish(self) -> None:
        """Write what belongs at the end; after a failure save what can be saved.

        Raises:
            OSError: The file cannot be written.
        """
