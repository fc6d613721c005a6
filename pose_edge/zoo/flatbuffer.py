"""Read FlatBuffers, the format of TensorFlow Lite's files, without their generated code."""

from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a FlatBuffer, read with checks of every bound: whoever made the file may lie.

    Each field is read by its number in the schema, as the type that the method is named after; one
    that the table leaves out is 0, empty or None. Raises `struct.error` or `ValueError` where the
    file is damaged.

    Attributes:
        content: The whole file.
        position: Where in it the table is.
    """

    content: bytes
    position: int

    @classmethod
    def root(cls, content: bytes) -> Table:
        """Return the table that a file begins with."""
        return cls(content, _unpack("<I", content, 0))

    def field(self, number: int) -> int | None:
        """Return where a field stands, or None when the table leaves it out."""
        layout = self.position - _unpack("<i", self.content, self.position)
        place = 4 + 2 * number
        if place >= _unpack("<H", self.content, layout):
            return None
        offset = _unpack("<H", self.content, layout + place)
        return self.position + offset if offset else None

    def number(self, field: int) -> int:
        """Return an unsigned number of 32 bits."""
        place = self.field(field)
        return 0 if place is None else _unpack("<I", self.content, place)

    def byte(self, field: int) -> int:
        """Return an unsigned number of 8 bits."""
        place = self.field(field)
        return 0 if place is None else _unpack("<B", self.content, place)

    def table(self, field: int) -> Table | None:
        """Return a table."""
        place = self.field(field)
        return None if place is None else Table(self.content, self._target(place))

    def _target(self, place: int) -> int:
        return place + _unpack("<I", self.content, place)

    def vector(self, field: int, size: int) -> tuple[int, int]:
        """Return where the first element of a vector stands, and their number.

        Args:
            field: Number of the field.
            size: Bytes of an element; all elements lie within the content.
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
        """Return a vector of numbers of 32 bits."""
        start, length = self.vector(field, 4)
        return struct.unpack_from(f"<{length}f", self.content, start)

    def tables(self, field: int) -> list[Table]:
        """Return a vector of tables."""
        start, length = self.vector(field, 4)
        places = range(start, start + 4 * length, 4)
        return [Table(self.content, self._target(place)) for place in places]


def _unpack(layout: str, content: bytes, place: int) -> int:
    if place < 0:  # Python would count from the end
        raise ValueError("an offset points before the file")
    (value,) = struct.unpack_from(layout, content, place)
    return int(value)
