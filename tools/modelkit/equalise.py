"""Gives the channels of a map similar ranges, so that one 8-bit scale fits them all.

This is cross-layer equalisation (Nagel et al., "Data-Free Quantization Through Weight Equalization
and Bias Correction", 2019), but with factors from the measured ranges of the activations. A channel
is multiplied by a positive factor where it is computed, and divided by it where it is read. The
network computes the same: linear layers and ReLU pass a positive factor on, and so does ReLU6 as
long as nothing reaches 6. A channel with small values then uses more of the 255 steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .network import Layer
from .nodes import Tensors, producer
from .topology import Node

CEILING = 6.0
"""Value at which ReLU6 clips."""

HEADROOM = 1.15
"""Factor by which a channel may exceed its largest measured value before ReLU6 clips it."""

LARGEST_FACTOR = 16.0
"""Largest factor of a channel."""

_JOINS = ("AddV2", "ResizeBilinear")
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")


def factors(
    largest: NDArray[np.float32], ceiling: float | None, exponent: float
) -> NDArray[np.float32]:
    """Choose the factor of each channel.

    Args:
        largest: float32 [channels], the largest measured absolute value of each channel.
        ceiling: Value that no channel may exceed; None to scale towards the largest channel.
        exponent: 1 makes the ranges equal. A smaller value leaves a part of the difference, which
            would otherwise move to the weights of the next layer.

    Returns:
        float32 [channels], from 1 to `LARGEST_FACTOR`.
    """
    measure = largest.max() if ceiling is None else ceiling / HEADROOM
    ratio = measure / np.maximum(largest, 1e-6)
    return np.asarray(np.clip(ratio**exponent, 1, LARGEST_FACTOR), np.float32)


def groups(nodes: Sequence[Node], layers: Sequence[Layer]) -> list[list[str]]:
    """List the groups of maps that must share their factors, in the order of the graph.

    Addition and resizing need the same factors for their inputs and outputs. A group with a map
    that any other operation than these and convolutions reads (the decoder) is left out, and its
    maps stay unchanged.

    Returns:
        For each group, the names of the nodes whose outputs are its maps.
    """
    made = {layer.name for layer in layers}
    joins = {node["name"]: _maps(node) for node in nodes if node["op"] in _JOINS}
    leader = {name: name for name in [*made, *joins]}

    def find(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    # A sum can be scaled only if all its inputs can be.
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
    """Scale the channels of every map that allows it towards a common range.

    Args:
        nodes: Nodes in plain operations.
        tensors: Values of the constants.
        layers: The convolutions among the nodes.
        largest: For each map, the largest measured absolute value of each channel, [channels].

    Returns:
        The values of the constants, with scaled weights and biases. The network computes the same.
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
    """Return the maps that a node in `_JOINS` reads: all inputs of a sum, the first of a resize."""
    sources = [producer(source) for source in node["input"]]
    return sources if node["op"] == "AddV2" else sources[:1]
