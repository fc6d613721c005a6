"""Read FlatBuffers, the format of TensorFlow Lite files, without generated code."""

from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a FlatBuffer. All bounds are checked, because the file may be malicious.

    Fields are read by their number in the schema, as the type that the method is named after. A
    field that the table omits is 0, empty or None. Methods raise `struct.error` or `ValueError` if
    the file is damaged.

    Attributes:
        content: The whole file.
        position: Offset of the table in the file, bytes.
    """

    content: bytes
    position: int

    @classmethod
    def root(cls, content: bytes) -> Table:
        """Return the root table of a file."""
        return cls(content, _unpack("<I", content, 0))

    def field(self, number: int) -> int | None:
        """Return the offset of a field in the file, or None if the table omits it."""
        layout = self.position - _unpack("<i", self.content, self.position)
        place = 4 + 2 * number
        if place >= _unpack("<H", self.content, layout):
            return None
        offset = _unpack("<H", self.content, layout + place)
        return self.position + offset if offset else None

    def number(self, field: int) -> int:
        """Return an unsigned 32-bit integer."""
        place = self.field(field)
        return 0 if place is None else _unpack("<I", self.content, place)

    def byte(self, field: int) -> int:
        """Return an unsigned 8-bit integer."""
        place = self.field(field)
        return 0 if place is None else _unpack("<B", self.content, place)

    def table(self, field: int) -> Table | None:
        """Return a table."""
        place = self.field(field)
        return None if place is None else Table(self.content, self._target(place))

    def _target(self, place: int) -> int:
        return place + _unpack("<I", self.content, place)

    def vector(self, field: int, size: int) -> tuple[int, int]:
        """Return the offset of a vector's first element in the file, and the number of elements.

        Args:
            field: Number of the field.
            size: Size of an element in bytes, with which the end of the vector is checked.
        """
        place = self.field(field)
        if place is None:
            return 0, 0
        start = self._target(place)
        length = _unpack("<I", self.content, start)
        if start + 4 + length * size > len(self.content):
            raise ValueError("a vector is longer than the file")
        return start + 4, length

    def data(self, field: int) -> bytes:
        """Return a string, or a vector of bytes."""
        start, length = self.vector(field, 1)
        return self.content[start : start + length]

    def floats(self, field: int) -> tuple[float, ...]:
        """Return a vector of 32-bit floating-point numbers."""
        start, length = self.vector(field, 4)
        return struct.unpack_from(f"<{length}f", self.content, start)

    def tables(self, field: int) -> list[Table]:
        """Return a vector of tables."""
        start, length = self.vector(field, 4)
        places = range(start, start + 4 * length, 4)
        return [Table(self.content, self._target(place)) for place in places]


def _unpack(layout: str, content: bytes, place: int) -> int:
    if place < 0:  # `unpack_from` would count a negative offset from the end
        raise ValueError("an offset points before the file")
    (value,) = struct.unpack_from(layout, content, place)
    return int(value)
