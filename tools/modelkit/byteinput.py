"""Removes the detour over float from the input of a quantised model.

The quantiser leaves uint8 -> float -> minus 128 -> int8 at the start of a model. With the input of
`preprocess`, one QUANTIZE that moves the zero point does the same. The answers are identical to the
bit, and no float map, four times as large as the picture, is computed.
"""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from .preprocess import ZERO

_DETOUR = ("CAST", "SUB", "QUANTIZE")


def shorten_input(model: bytes) -> bytes:
    """Replace the conversion of the input by a single QUANTIZE from uint8 to int8.

    Args:
        model: A quantised model whose input is uint8 and goes through CAST, SUB and QUANTIZE.

    Returns:
        The model with one operation in place of these three.

    Raises:
        ValueError: The model does not begin with these operations, or the result of the QUANTIZE
            has another scale than 1 or another zero point than 0.
    """
    flat = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    graph = flat.subgraphs[0]
    found = [name_of(flat, operator) for operator in graph.operators[: len(_DETOUR)]]
    if tuple(found) != _DETOUR:
        raise ValueError(f"the model begins with {', '.join(found)}, not {', '.join(_DETOUR)}")
    *detour, last = graph.operators[: len(_DETOUR)]
    result = graph.tensors[last.outputs[0]].quantization
    if list(result.scale) != [1.0] or list(result.zeroPoint) != [0]:
        raise ValueError(
            f"the input has scale {list(result.scale)} and zero point {list(result.zeroPoint)}: "
            "the range of its map must be -128 to 127"
        )
    source = graph.inputs[0]
    graph.tensors[source].quantization = schema.QuantizationParametersT(
        scale=[1.0], zeroPoint=[ZERO]
    )
    last.inputs = [source]
    graph.operators = [operator for operator in graph.operators if operator not in detour]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(flat))


def name_of(flat: schema.ModelT, operator: schema.OperatorT) -> str:
    """Return the name of an operation, such as CONV_2D."""
    return flatbuffer_utils.opcode_to_name(flat, operator.opcodeIndex) or "?"
