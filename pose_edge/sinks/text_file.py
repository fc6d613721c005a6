"""One file of JSON lines that is being written."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any, Final


class TextFile:
    """Whole lines, readable as soon as they are written; see `OpenFile` for the attributes."""

    full: Final = False

    def __init__(self, descriptor: int) -> None:
        """Take an empty file; `finish` closes it."""
        self._descriptor = descriptor
        self.size = 0
        self.unsynced = False
        self.safe = 0

    def write(self, item: dict[str, Any]) -> None:
        """Write an object as a line; of one for which there is no room nothing stays.

        Raises:
            OSError: It cannot be written.
        """
        rest = memoryview(f"{json.dumps(item)}\n".encode())
        length = len(rest)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            with suppress(OSError):  # no file that could be cut
                os.ftruncate(self._descriptor, self.size)
            raise
        self.size += length
        self.unsynced = True

    def sync(self) -> None:
        """Bring to the disk what was written.

        Raises:
            OSError: That failed: it may be lost.
        """
        size, self.unsynced = self.size, False
        os.fdatasync(self._descriptor)
        self.safe = size

    def finish(self, *, durable: bool) -> None:
        """Close it; see `OpenFile`."""
        try:
            if durable:
                self.sync()
        finally:
            os.close(self._descriptor)
