"""Which numbers a model wants for the brightness of a pixel, and what its file says about that."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Literal

from pose_edge.zoo.flatbuffer import Table

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
    model = Table.root(content)
    for entry in model.tables(6):  # Model.metadata
        if entry.data(0) == METADATA_NAME:  # Metadata.name
            buffer = model.tables(4)[entry.number(1)]  # Model.buffers, Metadata.buffer
            break
    else:
        return None
    for graph in Table.root(buffer.data(0)).tables(3)[:1]:  # ModelMetadata.subgraph_metadata
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
