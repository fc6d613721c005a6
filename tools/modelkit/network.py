"""Lists the convolutions of a graph as layers, which are the units of quantisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .nodes import FLOAT, Tensors, constant, operation, producer, replaced, text_of
from .topology import Node

_CONVOLUTIONS = {"Conv2D": 3, "DepthwiseConv2dNative": 2}
"""Axis of the output channels in the weights, by operation."""


@dataclass(frozen=True)
class Layer:
    """A convolution with its bias and activation.

    Attributes:
        name: Name of the layer's last node, whose output is the layer's.
        source: Name of the node that it reads.
        weights: Name of the constant with the kernel: [height, width, in, out], or
            [height, width, channels, 1] if depthwise.
        bias: Name of the constant with the bias, [out].
        depthwise: Whether each channel is filtered separately.
        activation: "Relu6", "Relu" or "".
        stride: Step between windows in pixels, the same in both directions.
        padding: "SAME" or "VALID".
    """

    name: str
    source: str
    weights: str
    bias: str
    depthwise: bool
    activation: str
    stride: int
    padding: str

    @property
    def out_axis(self) -> int:
        """The axis of the output channels in the weights."""
        return 2 if self.depthwise else 3

    def matrix(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the kernel as [out, values of a window], in the order of `moments.moments`."""
        return np.moveaxis(weights, self.out_axis, 0).reshape(weights.shape[self.out_axis], -1)

    def kernel(self, matrix: NDArray[np.float32], like: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the kernel of a matrix, in the shape of `like`: the inverse of `matrix`."""
        moved = np.moveaxis(like, self.out_axis, 0).shape
        return np.moveaxis(matrix.reshape(moved), 0, self.out_axis)


def with_biases(nodes: Sequence[Node], tensors: Tensors) -> tuple[list[Node], Tensors]:
    """Add a bias of zeros to every convolution without a bias, for `rounding.bias_change`.

    Returns:
        The new nodes and the values of all constants.
    """
    biased = {node["input"][0] for node in nodes if node["op"] == "BiasAdd"}
    result, values = list(nodes), dict(tensors)
    for node in nodes:
        if node["op"] not in _CONVOLUTIONS or node["name"] in biased:
            continue
        name = node["name"]
        bias, plain = f"{name}/bias", f"{name}/without_bias"
        channels = tensors[producer(node["input"][1])].shape[_CONVOLUTIONS[node["op"]]]
        values[bias] = np.zeros(channels, np.float32)
        new = [
            {**node, "name": plain},
            constant(bias, values[bias]),
            operation(name, "BiasAdd", [plain, bias], T=FLOAT),
        ]
        result = replaced(result, name, new)
    return result, values


def layers(nodes: Sequence[Node]) -> list[Layer]:
    """List the convolutions of a graph in the order of its nodes.

    Args:
        nodes: Nodes in plain operations, each convolution with a bias (see `with_biases`).
    """
    readers: dict[str, list[Node]] = {}
    for node in nodes:
        for source in node.get("input", ()):
            readers.setdefault(source, []).append(node)
    found = []
    for node in nodes:
        if node["op"] not in _CONVOLUTIONS:
            continue
        (last,) = readers[node["name"]]
        bias, activation = last["input"][1], ""
        after = readers.get(last["name"], [])
        if len(after) == 1 and after[0]["op"] in ("Relu", "Relu6"):
            last, activation = after[0], after[0]["op"]
        found.append(
            Layer(
                name=last["name"],
                source=node["input"][0],
                weights=node["input"][1],
                bias=bias,
                depthwise=node["op"] != "Conv2D",
                activation=activation,
                stride=int(node["attr"]["strides"]["list"]["i"][1]),
                padding=text_of(node, "padding"),
            )
        )
    return found
