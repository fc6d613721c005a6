"""Makes variants of the bundled TensorFlow Lite files, with other inputs, outputs and metadata."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from pose_edge.util import resources

POSENET: Final = "posenet-mobilenet"
LIGHTNING: Final = "movenet-lightning-int8"

Model = Any
"""A model as an object of the schema's generated code."""


def rewrite(path: Path, name: str, *changes: Callable[[Model], None]) -> Path:
    """Apply changes to the first graph of a bundled model and write it to a file.

    Args:
        path: The file to write.
        name: Name of the bundled model.
        changes: Functions that change the model in place.

    Returns:
        The path.
    """
    content = (resources.models_dir() / f"{name}.tflite").read_bytes()
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    del model.subgraphs[1:], model.signatureDefs[1:]
    for change in changes:
        change(model)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def float_input(mean: float, std: float) -> Callable[[Model], None]:
    """Return a change to a float32 input that expects (pixel - mean) / std."""

    def change(model: Model) -> None:
        graph = model.subgraphs[0]
        quantised = graph.tensors[graph.inputs[0]]  # the first operation quantises it again
        (scale,), (zero,) = quantised.quantization.scale, quantised.quantization.zeroPoint
        quantised.type, quantised.quantization = schema.TensorType.FLOAT32, None
        given, scaled = (_add_tensor(model, quantised.shape) for _ in range(2))
        factor = _add_tensor(model, [1], np.array([std * scale], dtype=np.float32))
        offset = _add_tensor(model, [1], np.array([(mean - zero) * scale], dtype=np.float32))
        first = _operator(model, "MUL", [given, factor], scaled)
        second = _operator(model, "ADD", [scaled, offset], graph.inputs[0])
        graph.operators = [first, second, *graph.operators]
        _replace(model, "inputs", graph.inputs[0], given)

    return change


def pixel_output(size: int) -> Callable[[Model], None]:
    """Return a change of MoveNet's output to coordinates in pixels of a square input."""

    def change(model: Model) -> None:
        graph = model.subgraphs[0]
        before = graph.outputs[0]
        after = _add_tensor(model, graph.tensors[before].shape)
        factors = np.array([size, size, 1], dtype=np.float32)
        factor = _add_tensor(model, [1, 1, 1, 3], factors)
        graph.operators.append(_operator(model, "MUL", [before, factor], after))
        _replace(model, "outputs", before, after)

    return change


def dynamic_input(model: Model) -> None:
    """Make height and width of the input dynamic."""
    graph = model.subgraphs[0]
    source = graph.tensors[graph.inputs[0]]
    source.shape, source.shapeSignature = [1, 1, 1, 3], [1, -1, -1, 3]


def input_size(height: int, width: int) -> Callable[[Model], None]:
    """Return a change of the input's size, for a fully convolutional model."""

    def change(model: Model) -> None:
        graph = model.subgraphs[0]
        graph.tensors[graph.inputs[0]].shape = [1, height, width, 3]

    return change


def without_filter(model: Model) -> None:
    """Remove a convolution's filter; loading such a model on one thread mostly crashes LiteRT."""
    operator = model.subgraphs[0].operators[20]
    operator.inputs = [operator.inputs[0], -1, operator.inputs[2]]


def metadata(content: bytes) -> Callable[[Model], None]:
    """Return a change that adds TFLite metadata."""

    def change(model: Model) -> None:
        entry = schema.MetadataT()
        entry.name, entry.buffer = "TFLITE_METADATA", len(model.buffers)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(content, dtype=np.uint8)
        model.buffers.append(buffer)
        model.metadata.append(entry)

    return change


def normalisation_metadata(mean: Sequence[float], std: Sequence[float]) -> bytes:
    """Return TFLite metadata with `NormalizationOptions` for the first input."""
    builder = flatbuffers.Builder(256)
    means, stds = (builder.CreateNumpyVector(np.array(v, np.float32)) for v in (mean, std))
    options = _table(builder, {0: means, 1: stds})
    builder.StartObject(2)
    builder.PrependUint8Slot(0, 1, 0)  # NormalizationOptions
    builder.PrependUOffsetTRelativeSlot(1, options, 0)
    tensor = _table(builder, {4: _vector(builder, builder.EndObject())})
    graph = _table(builder, {2: _vector(builder, tensor)})
    builder.Finish(_table(builder, {3: _vector(builder, graph)}), b"M001")
    return bytes(builder.Output())


def _table(builder: flatbuffers.Builder, fields: dict[int, int]) -> int:
    builder.StartObject(8)
    for number, offset in fields.items():
        builder.PrependUOffsetTRelativeSlot(number, offset, 0)
    return int(builder.EndObject())


def _vector(builder: flatbuffers.Builder, only: int) -> int:
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(only)
    return int(builder.EndVector())


def _replace(model: Model, which: str, before: int, after: int) -> None:
    graph = model.subgraphs[0]
    setattr(graph, which, [after if one == before else one for one in getattr(graph, which)])
    for signature in model.signatureDefs or ():
        for one in getattr(signature, which):
            if one.tensorIndex == before:
                one.tensorIndex = after


def _add_tensor(model: Model, shape: Sequence[int], value: Any = None) -> int:  # noqa: ANN401
    """Add a float32 tensor, constant if there is a value; return its index."""
    tensor, buffer = schema.TensorT(), schema.BufferT()
    if value is not None:
        buffer.data = np.frombuffer(value.tobytes(), dtype=np.uint8)
    tensor.shape, tensor.type = list(shape), schema.TensorType.FLOAT32
    tensor.name, tensor.buffer = f"added{len(model.buffers)}", len(model.buffers)
    model.buffers.append(buffer)
    tensors = model.subgraphs[0].tensors
    tensors.append(tensor)
    return len(tensors) - 1


def _operator(model: Model, kind: str, inputs: list[int], output: int) -> Model:
    code, operator = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
    code.version = 1
    operator.opcodeIndex = len(model.operatorCodes)
    model.operatorCodes.append(code)
    operator.inputs, operator.outputs = inputs, [output]
    options = {"MUL": schema.MulOptionsT, "ADD": schema.AddOptionsT}[kind]
    operator.builtinOptionsType = getattr(schema.BuiltinOptions, f"{kind.title()}Options")
    operator.builtinOptions = options()
    return operator
