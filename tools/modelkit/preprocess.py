"""Adds the normalisation of the picture to the graph, in a form that quantises without loss.

The networks expect values from -1 to 1: x * 2 / 255 - 1 = (x - 127.5) * 2 / 255 for a byte x. An
int8 tensor represents zero exactly, so it cannot hold these values: each lies halfway between two
steps, and rounding merges pairs of bytes. So the graph computes x - 128, which an int8 tensor holds
exactly (the byte with its top bit flipped), and the first convolution does the rest. Its weights
are multiplied by 2 / 255, and its bias takes the half step h, as conv(v + h) = conv(v) + h *
sum(weights). This is inexact only at the border of the picture, where the padding is half a step
off.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .nodes import FLOAT, Tensors, constant, operation, producer
from .topology import Node

STEP = 2 / 255
"""Difference of two successive byte values in the units of the network."""

MIDDLE = 127.5
"""Byte value (not an integer) that corresponds to zero in the network."""

ZERO = 128
"""Byte value that corresponds to zero in the rewritten graph."""


def with_picture_input(
    nodes: Sequence[Node], tensors: Tensors, target: str, shape: tuple[int, int], name: str
) -> tuple[list[Node], Tensors]:
    """Add a uint8 placeholder to the graph, and compute `target` directly from it.

    The old placeholder and the nodes between it and `target` are not used any more.

    Args:
        nodes: Nodes in plain operations.
        tensors: Values of the constants.
        target: Node with the picture as float32 from -1 to 1, which only the first convolution
            reads.
        shape: Height and width of the picture in pixels.
        name: Name of the new placeholder, uint8 [1, height, width, 3], RGB.

    Returns:
        The new nodes and the values of all constants.

    Raises:
        ValueError: The first convolution is not as expected, or has no bias.
    """
    readers = [node for node in nodes if target in map(producer, node.get("input", ()))]
    if [node["op"] for node in readers] != ["Conv2D"]:
        raise ValueError(f"{target} is read by {[node['op'] for node in readers]}, not a Conv2D")
    convolution = readers[0]["name"]
    bias = next(
        (node for node in nodes if node["op"] == "BiasAdd" and node["input"][0] == convolution),
        None,
    )
    if bias is None:
        raise ValueError(f"{convolution} has no bias")
    kernel, offset = producer(readers[0]["input"][1]), producer(bias["input"][1])
    scaled = tensors[kernel] * np.float32(STEP)
    half = ZERO - MIDDLE
    values = {
        f"{name}/zero": np.array(ZERO, np.float32),
        kernel: scaled,
        offset: tensors[offset] + np.float32(half) * scaled.sum(axis=(0, 1, 2)),
    }
    dimensions = {"dim": [{"size": str(size)} for size in (1, *shape, 3)]}
    byte = {"type": "DT_UINT8"}
    steps = [
        operation(name, "Placeholder", [], T=None, dtype=byte, shape={"shape": dimensions}),
        operation(f"{name}/float", "Cast", [name], T=None, SrcT=byte, DstT=FLOAT),
        constant(f"{name}/zero", values[f"{name}/zero"]),
        operation(target, "Sub", [f"{name}/float", f"{name}/zero"]),
    ]
    # The old placeholder is removed, because it may have the name of the new one.
    others = [node for node in nodes if node["name"] not in (name, target)]
    return steps + others, {**tensors, **values}
