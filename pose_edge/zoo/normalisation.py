"""Which numbers a model wants for the brightness of a pixel, and what its file says about that."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Literal

Channels = tuple[float, float, float]
"""A number for each of red, green and blue."""

InputRange = Literal["0..255", "0..1", "-1..1"]
"""The numbers that common models with float32 input want for black and white."""


@dataclass(frozen=True, slots=True)
class Normalisation:
    """How pixels become numbers of a float32 input: (pixel - mean) / std, as in TFLite's metadata.

    Attributes:
        mean: Of each channel, in units of pixel values 0...255.
        std: Likewise; not 0.
    """

    mean: Channels
    std: Channels

    def __str__(self) -> str:
        """Return the range, e.g. ``0..1``, or mean and std where it is none of the common ones."""
        for name, known in RANGES.items():
            if self == known:
                return name
        return f"(pixel - {list(self.mean)}) / {list(self.std)}"


RANGES: Final[dict[InputRange, Normalisation]] = {
    "0..255": Normalisation((0.0,) * 3, (1.0,) * 3),
    "0..1": Normalisation((0.0,) * 3, (255.0,) * 3),
    "-1..1": Normalisation((127.5,) * 3, (127.5,) * 3),
}

METADATA_NAME: Final = b"TFLITE_METADATA"
NORMALISATION_TYPE: Final = 1
"""Of the kinds of process units in the metadata, `NormalizationOptions`."""


def read_normalisation(content: bytes) -> Normalisation | None:
    """Return what a model's TFLite metadata says about its first input, or None.

    Damaged metadata say nothing: whether the rest of the file can be used is another question.

    Args:
        content: The whole file.
    """
    try:
        return _from_metadata(content)
    except (struct.error, ValueError, IndexError):
        return None


def _from_metadata(content: bytes) -> Normalisation | None:
    # The numbers of the fields are those of TensorFlow's schema.fbs and metadata_schema.fbs.
    model = _Table.root(content)
    for entry in model.tables(6):  # Model.metadata
        if entry.data(0) == METADATA_NAME:  # Metadata.name
            buffer = model.tables(4)[entry.number(1)]  # Model.buffers, Metadata.buffer
            break
    else:
        return None
    for graph in _Table.root(buffer.data(0)).tables(3)[:1]:  # ModelMetadata.subgraph_metadata
        for tensor in graph.tables(2)[:1]:  # SubGraphMetadata.input_tensor_metadata
            for unit in tensor.tables(4):  # TensorMetadata.process_units
                options = unit.table(1)  # ProcessUnit.options
                if unit.byte(0) == NORMALISATION_TYPE and options is not None:
                    return _checked(options.floats(0), options.floats(1))
    return None


def _checked(mean: tuple[float, ...], std: tuple[float, ...]) -> Normalisation | None:
    """Return means and deviations of one channel or three; None when they make no sense."""
    if len(mean) not in (1, 3) or len(std) not in (1, 3):
        return None
    if not (all(abs(value) <= 1e4 for value in mean) and all(1e-4 <= v <= 1e4 for v in std)):
        return None
    (m, *more), (s, *further) = mean, std
    return Normalisation((m, *(more or (m, m))), (s, *(further or (s, s))))


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of a FlatBuffer, read with checks of every bound: whoever made the file may lie.

    Raises `struct.error` or `ValueError` where the file is damaged.
    """

    content: bytes
    position: int

    @classmethod
    def root(cls, content: bytes) -> _Table:
        return cls(content, _unpack("<I", content, 0))

    def _field(self, number: int) -> int | None:
        """Return where a field stands, or None when the table leaves it out."""
        layout = self.position - _unpack("<i", self.content, self.position)
        place = 4 + 2 * number
        if place >= _unpack("<H", self.content, layout):
            return None
        offset = _unpack("<H", self.content, layout + place)
        return self.position + offset if offset else None

    def number(self, field: int) -> int:
        place = self._field(field)
        return 0 if place is None else _unpack("<I", self.content, place)

    def byte(self, field: int) -> int:
        place = self._field(field)
        return 0 if place is None else _unpack("<B", self.content, place)

    def table(self, field: int) -> _Table | None:
        place = self._field(field)
        return None if place is None else _Table(self.content, self._target(place))

    def _target(self, place: int) -> int:
        return place + _unpack("<I", self.content, place)

    def _vector(self, field: int, size: int) -> tuple[int, int]:
        """Return start and length of a vector; all its elements lie within the content."""
        place = self._field(field)
        if place is None:
            return 0, 0
        start = self._target(place)
        length = _unpack("<I", self.content, start)
        if start + 4 + length * size > len(self.content):
            raise ValueError("a vector is longer than the file")
        return start + 4, length

    def data(self, field: int) -> bytes:
        start, length = self._vector(field, 1)
        return self.content[start : start + length]

    def floats(self, field: int) -> tuple[float, ...]:
        start, length = self._vector(field, 4)
        return struct.unpack_from(f"<{length}f", self.content, start)

    def tables(self, field: int) -> list[_Table]:
        start, length = self._vector(field, 4)
        places = range(start, start + 4 * length, 4)
        return [_Table(self.content, self._target(place)) for place in places]


def _unpack(layout: str, content: bytes, place: int) -> int:
    if place < 0:  # Python would count from the end
        raise ValueError("an offset points before the file")
    (value,) = struct.unpack_from(layout, content, place)
    return int(value)
