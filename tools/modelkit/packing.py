"""Writes a .tflite file in which equal strings and lists are stored once.

The graphs of several picture sizes differ in little more than shapes. The schema's generated code
writes every name and list again for each graph, above all the quantisation tables with a scale and
a zero point for each channel. But in a FlatBuffer, many places may refer to one copy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

IDENTIFIER = b"TFL3"


class SharingBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """Writes equal strings and equal lists of numbers once."""

    def __init__(self) -> None:
        """Create a builder of an empty file."""
        super().__init__(1 << 20)
        self._written: dict[tuple[str, bytes], int] = {}

    def CreateString(self, s: str | bytes, *_: object) -> int:  # noqa: N802 - overrides
        """Write a string unless it was written before; return its offset."""
        text = s.encode() if isinstance(s, str) else s
        return self._once(("", text), lambda: super(SharingBuilder, self).CreateString(text))

    def CreateNumpyVector(self, x: Any) -> int:  # noqa: ANN401, N802 - overrides
        """Write a list of numbers unless it was written before; return its offset."""
        key = (x.dtype.str, x.tobytes())
        return self._once(key, lambda: super(SharingBuilder, self).CreateNumpyVector(x))

    def _once(self, key: tuple[str, bytes], write: Callable[[], int]) -> int:
        if key not in self._written:
            self._written[key] = write()
        return self._written[key]


def pack(model: schema.ModelT) -> bytes:
    """Serialise a model to the bytes of a .tflite file."""
    for graph in model.subgraphs:
        _to_arrays(graph, "inputs", "outputs", kind=np.int32)
        for tensor in graph.tensors:
            _to_arrays(tensor, "shape", "shapeSignature", kind=np.int32)
            if tensor.quantization is not None:
                _to_arrays(tensor.quantization, "scale", "min", "max", kind=np.float32)
                _to_arrays(tensor.quantization, "zeroPoint", kind=np.int64)
        for operator in graph.operators:
            _to_arrays(operator, "inputs", "outputs", "intermediates", kind=np.int32)
    builder = SharingBuilder()
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _to_arrays(owner: Any, *names: str, kind: type) -> None:  # noqa: ANN401 - a generated class
    """Convert lists of a schema object to arrays, which `CreateNumpyVector` writes."""
    for name in names:
        if (values := getattr(owner, name)) is not None:
            setattr(owner, name, np.asarray(values, kind))
