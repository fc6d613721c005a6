"""An open output file, which stays readable after a failed write or a power cut."""

from __future__ import annotations

import errno
import io
import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

Item_contra = TypeVar("Item_contra", contravariant=True)


class SegmentFile:
    """A file that keeps its contents when it cannot grow any more, e.g. on a full disk.

    FFmpeg does not survive every failed write. When the disk is full, its MP4 muxer can crash the
    process, and it would go back and rewrite the start of the file for an end that was never
    written. So `write` raises nothing. It keeps the first failure in `error`, which `settle`
    raises, and from then on discards all data. The file on the disk stays readable up to there.

    A power cut is similar: until a file is synced, the disk may write its parts in any order. So a
    file that must survive a power cut is synced before FFmpeg seeks in it.

    Attributes:
        path: The path of the file.
        regular: Whether it is a regular file; else it is a FIFO, a device or the standard output.
        live: Whether it must survive a power cut at any moment, and is new; see `SegmentFiles`.
        error: The first failure, or None.
        size: Size of the file, bytes.
        head: Bytes at the start of the file that hold no item; set by the encoder.
        unsynced: Whether anything was written since the last `sync` began.
    """

    def __init__(
        self, raw: io.FileIO | io.BytesIO, path: Path, *, regular: bool, live: bool
    ) -> None:
        """Wrap an empty file, open for reading and writing (only for writing, if not regular).

        A `BytesIO` may be given instead, if the caller passes its bytes on.
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
        """Bytes of items that a completed `sync` has written to the disk."""
        return max(0, self._synced - self.head)

    def clear(self) -> None:
        """Discard what an earlier run has left in the file."""
        if self.regular:
            self._raw.truncate(0)

    def read(self, size: int = -1) -> bytes:
        """Read from the current position, as FFmpeg does at the end; b"" after a failure."""
        if self.error is not None:
            return b""
        data = self._raw.read(size) or b""
        self._position += len(data)
        return data

    def write(self, data: object) -> int:
        """Write all of the data, or discard it after a failure; return its length, bytes."""
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
        """Seek, after syncing a live file; after a failure, change only the result of `tell`."""
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
        """Mark what was written as complete: if a later write fails, the file is truncated to here.

        Raises:
            OSError: The first failure of a write.
        """
        if self.error is not None:
            raise self.error
        self._settled = self.size

    def sync(self) -> None:
        """Sync what was written to the disk; may be called from any thread.

        Raises:
            OSError: The sync failed, and data may be lost.
        """
        size, self.unsynced = self.size, False
        os.fdatasync(self._raw.fileno())
        self._synced = size

    def check_place(self) -> None:
        """Check that the path still leads to this file.

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
        """Remove the file, unless it is gone or its path leads to another file by now."""
        with suppress(OSError):
            self.check_place()
            self.path.unlink()

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._raw.fileno()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._raw.close()

    def _cut(self) -> None:
        """Truncate to the last complete item: some readers fail on half a fragment or line."""
        if self.regular and self._settled <= self._position:  # a stream may hold data of others
            with suppress(OSError):  # most readers cope with an incomplete end
                self._raw.truncate(self._settled)
                self.size = self._settled


class Encoder(Protocol[Item_contra]):
    """Writes items into one file."""

    @property
    def file(self) -> SegmentFile:
        """The file; closed by the caller."""

    def takes(self, item: Item_contra, /) -> bool:
        """Return whether an item belongs in this file; otherwise it begins the next file."""

    def write(self, item: Item_contra) -> None:
        """Write one item.

        Raises:
            OSError: The file cannot be written.
        """

    def finish(self) -> None:
        """Write the end of the file; after a failure, save what can be saved.

        Raises:
            OSError: The file cannot be written.
        """
