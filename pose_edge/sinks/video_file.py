"""The file under a recording."""

from __future__ import annotations

import io
import os
from pathlib import Path


class VideoFile(io.RawIOBase):
    """A file that keeps what it holds when it cannot grow any more.

    FFmpeg does not survive every failing write: its MP4 muxer can crash the process when the disk
    is full, and it would go back and rewrite the start of the file for an end that never got
    written. So the first failure is kept in `error`, and from then on every write is taken and
    thrown away: what lies on the disk stays as it was, playable up to there.
    """

    def __init__(self, path: str) -> None:
        """Make the file, or overwrite it.

        Raises:
            OSError: It cannot be made.
        """
        super().__init__()
        self._file = Path(path).open("w+b", buffering=0)  # noqa: SIM115 - closed by `close`
        self._position = 0
        self.error: OSError | None = None

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
        self._position += length
        while rest and self.error is None:
            try:
                written = self._file.write(rest)
            except OSError as error:
                self.error = error
            else:
                rest = rest[written:]
        return length

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; after a failure only in appearance."""
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

    def close(self) -> None:
        """Close the file."""
        if not self.closed and hasattr(self, "_file"):  # it has none when it could not be made
            self._file.close()
        super().close()
