"""Normalisation of pixel values for a model's input, and how to read it from the model's file."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Literal

from pose_edge.zoo.flatbuffer import Table

Channels = tuple[float, float, float]
"""One number each for red, green and blue."""

InputRange = Literal["0..255", "0..1", "-1..1"]
"""Common ranges of a float32 input, from black to white."""


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Conversion of pixel values to a float32 input: (pixel - mean) / std, as in TFLite metadata.

    Attributes:
        mean: Mean of each channel, in units of pixel values 0...255.
        std: Divisor of each channel, in the same units; not 0.
    """

    mean: Channels
    std: Channels

    def __str__(self) -> str:
        """Return the range, e.g. ``0..1``, or mean and std if it is not a common range."""
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
"""Type of a process unit in the metadata: `NormalizationOptions`."""


def read_normalisation(content: bytes) -> Normalisation | None:
    """Return the normalisation of a model's first input from its TFLite metadata, or None.

    Damaged metadata are treated as absent, because the rest of the file may still be usable.

    Args:
        content: The whole file.
    """
    try:
        return _from_metadata(content)
    except (struct.error, ValueError, IndexError):
        return None


def _from_metadata(content: bytes) -> Normalisation | None:
    # Field numbers are from TensorFlow's schema.fbs and metadata_schema.fbs.
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
    """Return the normalisation from 1 or 3 means and deviations; None if they are not plausible."""
    if len(mean) not in (1, 3) or len(std) not in (1, 3):
        return None
    if not (all(abs(value) <= 1e4 for value in mean) and all(1e-4 <= v <= 1e4 for v in std)):
        return None
    (m, *more), (s, *further) = mean, std
    return Normalisation((m, *(more or (m, m))), (s, *(further or (s, s))))
