"""A FP32 .tflite file to one that computes most of its layers with 8 bits."""

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
"""What is worth 8 bits: everything else is small, or decodes the answer, which needs float."""

LOWEST_LOGIT = -8.0
"""A heat map's logit below this is 0.0003 at most after the sigmoid: nobody sees the difference."""

Ranges = Mapping[str, tuple[float, float]]
"""Tensor -> smallest and largest value that it must hold."""


def quantise(model: bytes, ranges: Ranges, scope: str, kept: str) -> bytes:
    """Quantises a model: activations int8 by tensor, weights int8 by channel.

    Args:
        model: The FP32 model.
        ranges: Range of every map (see `measure_ranges`).
        scope: Regular expression for the outputs of the operations to quantise.
        kept: Regular expression for those among them that stay float.

    Returns:
        The quantised model.

    Raises:
        ValueError: The quantiser gave nothing.
    """
    worker = quantizer.Quantizer(model)
    for operation in OPERATIONS:
        name = qtyping.TFLOperationName(operation)
        worker.add_static_config(scope, name, activation_num_bits=8, weight_num_bits=8)
        # Of several rules for one operation the last one counts.
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
    """Measures the range of every float map.

    Weights are left out: the quantiser would take one range for a whole tensor of them, where it
    finds one by channel itself.

    Args:
        model: The FP32 model.
        pictures: Calibration pictures as the model takes them.
        picture: The map with the picture: whole numbers from -128 to 127, which become int8 as they
            are (see `preprocess`).
        reach: See `common_range`.
        logits: Regular expression for the logits of heat maps. What counts in these is the peak:
            they keep the largest value ever seen and give up what is nearly 0 anyway. Cut peaks
            would be ties, and the first of them win.

    Returns:
        The ranges by tensor.
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
    """Chooses one range for those of many pictures.

    The extremes spend steps on what hardly ever comes, the means cut what does.

    Args:
        pairs: Smallest and largest value in each picture.
        reach: How far to go from the mean of each end (0) to its extreme (1).
    """
    lows, highs = np.array(pairs, np.float64).T
    return (
        float(lows.mean() + reach * (lows.min() - lows.mean())),
        float(highs.mean() + reach * (highs.max() - highs.mean())),
    )


def union(one: Ranges, other: Ranges) -> dict[str, tuple[float, float]]:
    """Returns ranges that hold what either of two holds.

    Args:
        one: Ranges by tensor.
        other: Ranges of the same tensors.
    """
    return {
        name: (min(low, other[name][0]), max(high, other[name][1]))
        for name, (low, high) in one.items()
    }


def int8_convolutions(model: bytes) -> int:
    """Counts the convolutions of a model that give int8."""
    flat = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    graph = flat.subgraphs[0]
    return sum(
        name_of(flat, operator) in ("CONV_2D", "DEPTHWISE_CONV_2D")
        and flatbuffer_utils.type_to_name(graph.tensors[operator.outputs[0]].type) == "INT8"
        for operator in graph.operators
    )


def _computed(model: bytes) -> set[str]:
    """Returns the names of the tensors that operations write."""
    graph = flatbuffer_utils.read_model_from_bytearray(bytearray(model)).subgraphs[0]
    return {graph.tensors[i].name.decode() for op in graph.operators for i in op.outputs}


def _as_wanted(low: float, high: float) -> dict[str, NDArray[np.float32]]:
    """Returns a range as the quantiser wants it: arrays with as many axes as the maps."""
    shape = (1, 1, 1, 1)
    return {"min": np.full(shape, low, np.float32), "max": np.full(shape, high, np.float32)}
