"""The file under a recording."""

from __future__ import annotations

import io
import os
from contextlib import suppress


class VideoFile(io.RawIOBase):
    """A file that keeps what it holds when it cannot grow any more.

    FFmpeg does not survive every failing write: its MP4 muxer can crash the process when the disk
    is full, and it would go back and rewrite the start of the file for an end that never got
    written. So the first failure is kept in `error`, and from then on every write is taken and
    thrown away: what lies on the disk stays as it was, playable up to there.

    The same when the mains fail: a disk may write in any order what it was not told to write at
    once. So before FFmpeg goes back all that is there is brought to the disk.

    Attributes:
        error: The first failure, or None.
        size: Bytes that it holds.
        unsynced: Whether something was written since the last `sync` began.
        safe: Bytes that were there when the last `sync` began that has ended.
    """

    def __init__(self, descriptor: int, *, durable: bool) -> None:
        """Take an open file.

        Args:
            descriptor: Of an empty file, opened for reading and writing; `close` closes it.
            durable: Whether the mains may fail: see above.
        """
        super().__init__()
        self._file = open(descriptor, "w+b", buffering=0)  # noqa: SIM115 - closed by `close`
        self._durable = durable
        self._position = 0
        self.error: OSError | None = None
        self.size = 0
        self._whole = 0
        self.unsynced = False
        self.safe = 0

    def readable(self) -> bool:
        """FFmpeg reads back what it wrote when it finishes the file."""
        return True

    def writable(self) -> bool:
        """It is written to."""
        return True

    def seekable(self) -> bool:
        """FFmpeg goes back to finish the file."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read from the current position."""
        if self.error is not None:
            return b""
        data = self._file.read(size) or b""
        self._position += len(data)
        return data

    def write(self, data: object) -> int:
        """Write all of the data, or throw it away after a failure."""
        rest = memoryview(data).cast("B")  # type: ignore[arg-type]  # PyAV gives bytes or a view
        length = len(rest)
        while rest and self.error is None:
            try:
                written = self._file.write(rest)
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
        if self._durable and self.unsynced and self.error is None:
            try:
                self.sync()
            except OSError as error:
                self.error = error
        if self.error is None:
            self._position = self._file.seek(offset, whence)
        elif whence == os.SEEK_SET:
            self._position = offset
        elif whence == os.SEEK_CUR:
            self._position += offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def settle(self) -> None:
        """Note that what is there now is whole: if a later write fails, it is cut off here."""
        if self.error is None:
            self._whole = self.size

    def sync(self) -> None:
        """Bring what is there to the disk; from any thread.

        Raises:
            OSError: That failed: it may be lost.
        """
        size, self.unsynced = self.size, False
        os.fdatasync(self._file.fileno())
        self.safe = size

    def _cut(self) -> None:
        """Leave no half of a fragment, which some players do not play up to."""
        if 0 < self._whole <= self._position:
            with suppress(OSError):  # it plays all the same, in most
                os.ftruncate(self._file.fileno(), self._whole)
                self.size = self._whole

    def close(self) -> None:
        """Close the file."""
        if not self.closed and hasattr(self, "_file"):  # it has none when it could not be taken
            self._file.close()
        super().close()
