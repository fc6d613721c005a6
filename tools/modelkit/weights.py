"""Decodes the weights of a TensorFlow.js graph model to numpy arrays.

Format: `weightsManifest` in model.json lists name, shape and type of the tensors in the order in
which their bytes are concatenated in the .bin files (TensorFlow.js, `tfjs-core/src/io/types.ts`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The format is little-endian on every machine.
_STORED = {"float32": "<f4", "int32": "<i4", "float16": "<f2"}


def decode_weights(
    groups: Sequence[Mapping[str, Any]], blobs: Mapping[str, bytes]
) -> dict[str, NDArray[Any]]:
    """Decode every tensor of a weight manifest.

    Args:
        groups: `weightsManifest` of model.json.
        blobs: Content of each .bin file, by its name in the manifest.

    Returns:
        Arrays by name of the tensor, in the type that the graph expects (float32 or int32). Tensors
        stored as float16 are widened, which changes no value.

    Raises:
        ValueError: A type is not supported, or bytes are missing or left over.
    """
    tensors: dict[str, NDArray[Any]] = {}
    for group in groups:
        blob = b"".join(blobs[path] for path in group["paths"])
        offset = 0
        for entry in group["weights"]:
            stored = np.dtype(_stored_type(entry))
            count = math.prod(entry["shape"])
            end = offset + count * stored.itemsize
            if end > len(blob):
                raise ValueError(f"weights end before tensor {entry['name']}")
            flat = np.frombuffer(blob, stored, count, offset)
            tensors[entry["name"]] = flat.astype(_STORED[entry["dtype"]]).reshape(entry["shape"])
            offset = end
        if offset != len(blob):
            raise ValueError(f"{len(blob) - offset} bytes left over after the last tensor")
    return tensors


def _stored_type(entry: Mapping[str, Any]) -> str:
    """Return the numpy type in which a tensor of the manifest is stored."""
    name = entry.get("quantization", entry)["dtype"]
    if name not in _STORED or entry["dtype"] not in ("float32", "int32"):
        raise ValueError(f"tensor {entry['name']}: type {name} is not supported")
    return _STORED[name]
