"""A model with almost no computational cost: it returns the same person for every picture.

A real model takes a second on an emulated processor, and would dominate what the tests measure
about cameras and screens. This one uses the same runtime and the same estimator.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

SIDE: Final = 16
"""Width and height of the input, in pixels; small, to save time."""

# x and y of head, shoulders and arms, 0...1. Without hips the estimator uses the whole frame each
# time instead of a crop, so that the person stays in the same place.
UPPER_BODY: Final = (
    *((0.50, 0.44), (0.51, 0.43), (0.49, 0.43), (0.53, 0.44), (0.47, 0.44)),
    *((0.58, 0.52), (0.42, 0.52), (0.66, 0.52), (0.34, 0.52), (0.72, 0.46), (0.28, 0.46)),
)
SCORE: Final = 0.9


def answer() -> NDArray[np.float32]:
    """Return the model's constant output: float32 of shape (17, 3), rows of y, x and score."""
    keypoints = np.zeros((17, 3), dtype=np.float32)
    for number, (x, y) in enumerate(UPPER_BODY):
        keypoints[number] = y, x, SCORE
    return keypoints


def write_light_model(path: Path) -> Path:
    """Write a model that reshapes the constant answer to MoveNet's output shape (1, 1, 17, 3)."""
    model: Any = schema.ModelT()
    model.version = 3
    model.buffers = [_buffer(b""), _buffer(answer().tobytes())]
    graph: Any = schema.SubGraphT()
    graph.tensors = [
        _tensor("picture", (1, SIDE, SIDE, 3), schema.TensorType.UINT8, buffer=0),
        _tensor("answer", (17, 3), schema.TensorType.FLOAT32, buffer=1),
        _tensor("keypoints", (1, 1, 17, 3), schema.TensorType.FLOAT32, buffer=0),
    ]
    graph.inputs, graph.outputs = [0], [2]
    graph.operators = [_reshape(1, 2, (1, 1, 17, 3))]
    model.subgraphs = [graph]
    code: Any = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RESHAPE
    code.version = 1
    model.operatorCodes = [code]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(builder.Output())
    return path


def _buffer(content: bytes) -> Any:  # noqa: ANN401 - the schema has no types
    buffer = schema.BufferT()
    buffer.data = list(content)
    return buffer


def _tensor(name: str, shape: tuple[int, ...], kind: int, *, buffer: int) -> Any:  # noqa: ANN401
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), kind, buffer
    return tensor


def _reshape(source: int, target: int, shape: tuple[int, ...]) -> Any:  # noqa: ANN401
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [source], [target]
    operator.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
    operator.builtinOptions = schema.ReshapeOptionsT()
    operator.builtinOptions.newShape = list(shape)
    return operator
