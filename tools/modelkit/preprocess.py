"""Puts the preparation of the picture into the graph, in the form that quantises without loss.

The networks want values from -1 to 1: x * 2 / 255 - 1 = (x - 127.5) * 2 / 255 for a byte x. An 8
bit tensor whose zero is one of its steps cannot hold these: each lies half a step beside, is a tie
when it is rounded, and bytes fall together by twos. So the graph computes x - 128, which an int8
tensor holds exactly (it is the byte with its top bit flipped), and the first convolution takes the
rest: its weights the 2 / 255, its bias the half step, for conv(v + h) = conv(v) + h * sum(weights).
Only at the edge of the picture this is not quite the same: what is padded there is half a step off.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .nodes import FLOAT, Tensors, constant, operation, producer
from .topology import Node

STEP = 2 / 255
"""What one step of a byte is to the network."""

MIDDLE = 127.5
"""The byte that is zero to the network, if there were one."""

ZERO = 128
"""The byte that is zero to the graph."""


def with_picture_input(
    nodes: Sequence[Node], tensors: Tensors, target: str, shape: tuple[int, int], name: str
) -> tuple[list[Node], Tensors]:
    """Gives the graph a uint8 placeholder and computes `target` directly from it.

    What `target` was computed from before goes, with the old placeholder.

    Args:
        nodes: Nodes in plain operations.
        tensors: Values of the constants.
        target: Node that has the picture as float32 from -1 to 1 and is read by one convolution
            alone, the first.
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
    # The old placeholder may have the name of the new one, and must go.
    others = [node for node in nodes if node["name"] not in (name, target)]
    return steps + others, {**tensors, **values}
