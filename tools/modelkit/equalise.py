"""Gives the channels of a map like ranges, so that one 8 bit scale fits them all.

A channel may be multiplied by a positive factor where it is made, and divided by it where it is
read, without changing what the network computes: linear layers and ReLU pass a positive factor on,
ReLU6 does as long as nothing reaches 6 (cross-layer equalisation: Nagel et al., "Data-Free
Quantization Through Weight Equalization and Bias Correction", 2019; here the factors come from
measured ranges, so that they serve the activations). A small channel beside large ones gets more
of the 255 steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .network import Layer
from .nodes import Tensors, producer
from .topology import Node

CEILING = 6.0
"""Where ReLU6 cuts."""

HEADROOM = 1.15
"""How far a channel may exceed its largest measured value before ReLU6 cuts it."""

LARGEST_FACTOR = 16.0

_JOINS = ("AddV2", "ResizeBilinear")
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")


def factors(
    largest: NDArray[np.float32], ceiling: float | None, exponent: float
) -> NDArray[np.float32]:
    """Chooses the factor of each channel.

    Args:
        largest: float32 [channels], the largest absolute value measured in each.
        ceiling: What no channel may exceed; None when the largest of them all is the measure.
        exponent: 1 makes the ranges equal; less leaves a part of the difference, which otherwise
            the weights of the next layer get.

    Returns:
        float32 [channels], from 1 to `LARGEST_FACTOR`.
    """
    measure = largest.max() if ceiling is None else ceiling / HEADROOM
    ratio = measure / np.maximum(largest, 1e-6)
    return np.asarray(np.clip(ratio**exponent, 1, LARGEST_FACTOR), np.float32)


def groups(nodes: Sequence[Node], layers: Sequence[Layer]) -> list[list[str]]:
    """Lists the maps that must share their factors, in the order of the graph.

    Addition and resizing tie what they read to what they give. A map that anything else than these
    and convolutions reads (the decoding of the answer) is in no group: it stays as it is.

    Returns:
        For each group the names of the nodes whose outputs are its maps.
    """
    made = {layer.name for layer in layers}
    joins = {node["name"]: _maps(node) for node in nodes if node["op"] in _JOINS}
    leader = {name: name for name in [*made, *joins]}

    def find(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    # A sum may have one factor per channel only when all that it adds may.
    tied = {name: sources for name, sources in joins.items() if set(sources) <= set(leader)}
    for name, sources in tied.items():
        for source in sources:
            leader[find(source)] = find(name)
    barred = {name for name in joins if name not in tied}
    for node in nodes:
        if node["name"] not in tied and node["op"] not in _CONVOLUTIONS:
            barred |= {producer(source) for source in node.get("input", ())}
    result: dict[str, list[str]] = {}
    for node in nodes:
        if node["name"] in leader:
            result.setdefault(find(node["name"]), []).append(node["name"])
    return [members for members in result.values() if not barred & set(members)]


def equalise(
    nodes: Sequence[Node],
    tensors: Tensors,
    layers: Sequence[Layer],
    largest: Mapping[str, NDArray[np.float32]],
) -> Tensors:
    """Moves the channels of every map that allows it towards one range.

    Args:
        nodes: Nodes in plain operations.
        tensors: Values of the constants.
        layers: The convolutions among the nodes.
        largest: For each map, [channels], the largest absolute value measured.

    Returns:
        The values of the constants, with other weights and biases. The network computes the same.
    """
    values = dict(tensors)
    for members in groups(nodes, layers):
        makers = [layer for layer in layers if layer.name in members]
        readers = [layer for layer in layers if producer(layer.source) in members]
        if not makers or not readers:
            continue
        ceiling = CEILING if any(layer.activation == "Relu6" for layer in makers) else None
        exponent = 1.0 if all(layer.depthwise for layer in readers) else 0.5
        peaks = np.stack([largest[name] for name in members])
        peak = np.asarray(peaks.max(axis=0), np.float32)
        factor = factors(peak, ceiling, exponent)
        for layer in makers:
            shape = [1] * 4
            shape[layer.out_axis] = -1
            values[layer.weights] = values[layer.weights] * factor.reshape(shape)
            values[layer.bias] = values[layer.bias] * factor
        for layer in readers:
            values[layer.weights] = values[layer.weights] / factor.reshape(1, 1, -1, 1)
    return values


def _maps(node: Node) -> list[str]:
    """Returns the maps that a join reads: all of a sum's inputs, the first of a resize's."""
    sources = [producer(source) for source in node["input"]]
    return sources if node["op"] == "AddV2" else sources[:1]
