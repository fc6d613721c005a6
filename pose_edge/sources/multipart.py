"""Parser that splits an MJPEG stream (multipart/x-mixed-replace) into its parts.

FFmpeg has one too, but it treats a part without a picture as the end of the stream, requires a
boundary before the first part, and trusts any length that a server claims.
"""

from __future__ import annotations

import re
from typing import Final

MAX_HEADER: Final = 16 * 1024
"""Largest size of a part's header, bytes."""
MAX_PART: Final = 32 * 1024 * 1024
"""Largest size of a picture, bytes; a JPEG of 50 megapixels has about 25 MB."""

LENGTH: Final = re.compile(rb"^content-length:[ \t]*([0-9]{1,15})[ \t]*$", re.IGNORECASE)
END_OF_HEADER: Final = re.compile(rb"\r?\n\r?\n")
BREAKS: Final = (b"\r", b"\n")


class MalformedStream(Exception):  # noqa: N818 - an event of the server, not a fault of ours
    """A stream with a part that is too large, and so cannot be split."""


class PartSplitter:
    """Splits a stream of bytes, which arrive in pieces of any size, into parts.

    A part ends after its Content-Length or, without a valid one, at the next boundary. If no
    boundary follows a part with a Content-Length, the length was wrong, and everything up to the
    next boundary is skipped. The first part may lack its boundary.

    Attributes:
        in_part: Whether the content of a part has begun but not ended.
    """

    def __init__(self, boundary: str = "") -> None:
        """Create the splitter.

        Args:
            boundary: Boundary that the server declared, with or without its dashes. If another one
                is sent before the first part, that one is used.
        """
        self._delimiter = _delimiter(boundary.encode("latin-1", "replace"))
        self._buffer = bytearray()
        self._length: int | None = None
        self.in_part = False
        self._first = True
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Add the next bytes and return the contents of the parts that they complete.

        Raises:
            MalformedStream: A part is larger than `MAX_PART`, or its header than `MAX_HEADER`.
        """
        self._buffer += data
        parts = []
        while (part := self._next()) is not None:
            parts.append(part)
        return parts

    def _next(self) -> bytes | None:
        """Return the content of the next part, or None if it is not complete."""
        if not self.in_part and not self._read_header():
            return None
        end = self._end_of_part()
        if end is None:
            if len(self._buffer) > MAX_PART:
                raise MalformedStream(f"a part has no end after {MAX_PART} bytes")
            return None
        part = bytes(self._buffer[:end])
        del self._buffer[:end]
        self.in_part, self._searched = False, 0
        return part

    def _read_header(self) -> bool:
        """Read a part's header; return whether it is complete."""
        while self._buffer.startswith(BREAKS):
            del self._buffer[:1]
        if not (self._first or self._at_boundary()):
            return False
        header = END_OF_HEADER.search(self._buffer, 0, MAX_HEADER + 4)
        if header is None:
            if len(self._buffer) > MAX_HEADER:
                raise MalformedStream(f"a part's header has no end after {MAX_HEADER} bytes")
            return False
        lines = bytes(self._buffer[: header.start()]).splitlines()
        del self._buffer[: header.end()]
        if self._first:  # some servers send another boundary than they declare
            sent = next((line for line in lines if line.startswith(b"--")), b"")
            self._delimiter = _delimiter(sent) or self._delimiter
        found = (LENGTH.match(line) for line in lines)
        self._length = next((int(match[1]) for match in found if match), None)
        if self._length is not None and self._length > MAX_PART:
            raise MalformedStream(f"a part of {self._length} bytes is larger than any picture")
        self.in_part, self._first = True, False
        return True

    def _at_boundary(self) -> bool:
        """Discard everything before the next boundary; return whether there is one."""
        delimiter = self._delimiter or b"--"
        start = self._buffer.find(delimiter)
        if start < 0:
            del self._buffer[: max(0, len(self._buffer) - len(delimiter) + 1)]
            return False
        del self._buffer[:start]
        return True

    def _end_of_part(self) -> int | None:
        """Return the offset at which the content ends, or None if its end has not arrived."""
        if self._length is not None:
            return self._length if len(self._buffer) >= self._length else None
        delimiter = self._delimiter or b"\r\n--"
        end = self._buffer.find(delimiter, self._searched)
        if end < 0:
            self._searched = max(0, len(self._buffer) - len(delimiter) + 1)
            return None
        return end


def _delimiter(boundary: bytes) -> bytes:
    """Return the line before each part: two dashes and the boundary; b"" without a boundary.

    Servers declare the boundary with or without the dashes, in quotation marks or not.
    """
    name = boundary.strip(b" \"'").removeprefix(b"--")
    return b"--" + name if name else b""
