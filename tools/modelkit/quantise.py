"""Quantises an FP32 .tflite file, so that most of its layers are computed with 8 bits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from ai_edge_litert.tools import flatbuffer_utils
from ai_edge_quantizer import qtyping, quantizer
from numpy.typing import NDArray

from .byteinput import name_of
from .preprocess import ZERO

OPERATIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "RESIZE_BILINEAR")
"""Operations to quantise. All others are cheap, or belong to the decoder, which needs float."""

LOWEST_LOGIT = -8.0
"""Lower end of the range of a heat map's logits. The sigmoid of a lower one is at most 0.0003, so
the difference is negligible."""

Ranges = Mapping[str, tuple[float, float]]
"""Smallest and largest value that a tensor must represent, by its name."""


def quantise(model: bytes, ranges: Ranges, scope: str, kept: str) -> bytes:
    """Quantise a model: activations to int8 per tensor, weights to int8 per channel.

    Args:
        model: The FP32 model.
        ranges: Range of every map (see `measure_ranges`).
        scope: Regular expression for the output names of the operations to quantise.
        kept: Regular expression for the operations among them that stay float.

    Returns:
        The quantised model.

    Raises:
        ValueError: The quantiser returned no model.
    """
    worker = quantizer.Quantizer(model)
    for operation in OPERATIONS:
        name = qtyping.TFLOperationName(operation)
        worker.add_static_config(scope, name, activation_num_bits=8, weight_num_bits=8)
        # If several rules match an operation, the last one applies.
        worker.update_quantization_recipe(kept, name, algorithm_key="no_quantize")
    result = worker.quantize(
        {name: _as_wanted(*ends) for name, ends in ranges.items()},
        enable_progress_bar=False,
        enable_progress_report=False,
    )
    if result.quantized_model is None:
        raise ValueError("the quantiser gave no model")
    return bytes(result.quantized_model)


def measure_ranges(
    model: bytes,
    pictures: Iterable[NDArray[np.uint8]],
    picture: str,
    reach: float = 0.0,
    logits: str = "",
) -> dict[str, tuple[float, float]]:
    """Measure the range of every float map.

    Weights are left out: given a range, the quantiser would use it for the whole tensor, while it
    determines a range for each channel by itself.

    Args:
        model: The FP32 model.
        pictures: Calibration pictures in the format of the model's input.
        picture: Name of the map with the picture: integers from -128 to 127, which int8 represents
            exactly (see `preprocess`).
        reach: See `common_range`.
        logits: Regular expression for the logits of heat maps, of which the peaks matter. Their
            range extends from `LOWEST_LOGIT` to the largest value of all pictures. Clipped peaks
            would be ties, and the first one would win.

    Returns:
        The ranges, by name of the tensor.
    """
    interpreter = Interpreter(
        model_content=model,
        num_threads=1,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    computed = _computed(model)
    tensors = [
        (tensor["index"], tensor["name"])
        for tensor in interpreter.get_tensor_details()
        if tensor["dtype"] == np.float32 and tensor["name"] in computed
    ]
    ends: dict[str, list[tuple[float, float]]] = {name: [] for _, name in tensors}
    for pixels in pictures:
        interpreter.set_tensor(source, pixels)
        interpreter.invoke()
        for index, name in tensors:
            value = interpreter.get_tensor(index)
            ends[name].append((float(value.min()), float(value.max())))
    ranges = {name: common_range(pairs, reach) for name, pairs in ends.items()}
    for name, pairs in ends.items():
        if logits and re.search(logits, name):
            ranges[name] = (LOWEST_LOGIT, max(high for _, high in pairs))
    return ranges | {picture: (-float(ZERO), 255.0 - ZERO)}


def common_range(pairs: Sequence[tuple[float, float]], reach: float) -> tuple[float, float]:
    """Combine the ranges of many pictures into one.

    The extremes would spend steps on rare values; the means would clip common ones.

    Args:
        pairs: Smallest and largest value in each picture.
        reach: Position of each end between the mean over all pictures (0) and the extreme (1).
    """
    lows, highs = np.array(pairs, np.float64).T
    return (
        float(lows.mean() + reach * (lows.min() - lows.mean())),
        float(highs.mean() + reach * (highs.max() - highs.mean())),
    )


def union(one: Ranges, other: Ranges) -> dict[str, tuple[float, float]]:
    """Return ranges that cover both of two ranges for each tensor.

    Args:
        one: Ranges by tensor.
        other: Ranges of the same tensors.
    """
    return {
        name: (min(low, other[name][0]), max(high, other[name][1]))
        for name, (low, high) in one.items()
    }


def int8_convolutions(model: bytes) -> int:
    """Count the convolutions of a model with an int8 output."""
    flat = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    graph = flat.subgraphs[0]
    return sum(
        name_of(flat, operator) in ("CONV_2D", "DEPTHWISE_CONV_2D")
        and flatbuffer_utils.type_to_name(graph.tensors[operator.outputs[0]].type) == "INT8"
        for operator in graph.operators
    )


def _computed(model: bytes) -> set[str]:
    """Return the names of the tensors that operations compute."""
    graph = flatbuffer_utils.read_model_from_bytearray(bytearray(model)).subgraphs[0]
    return {graph.tensors[i].name.decode() for op in graph.operators for i in op.outputs}


def _as_wanted(low: float, high: float) -> dict[str, NDArray[np.float32]]:
    """Return a range in the quantiser's format: arrays with as many axes as the maps."""
    shape = (1, 1, 1, 1)
    return {"min": np.full(shape, low, np.float32), "max": np.full(shape, high, np.float32)}
