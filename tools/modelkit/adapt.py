"""Prepares the weights of a network for 8 bits, so that quantisation costs almost no accuracy.

There are three steps: `equalise` gives channels similar ranges, `rounding.round_rows` rounds
weights with the least error of the output, and `rounding.bias_change` keeps the output's mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .activations import watch
from .equalise import equalise, groups
from .moments import Moments, moments
from .network import Layer, layers
from .nodes import Tensors
from .rounding import bias_change, round_rows
from .topology import Node

Pictures = Callable[[], Iterable[NDArray[np.uint8]]]


def adapt(
    nodes: Sequence[Node],
    tensors: Tensors,
    feed: str,
    pictures: Pictures,
    chosen: Sequence[Layer],
) -> dict[str, NDArray[np.float32]]:
    """Equalise all layers, and round and correct those that will be quantised.

    Args:
        nodes: Nodes in plain operations, each convolution with a bias (`network.with_biases`).
        tensors: Values of the constants.
        feed: Name of the placeholder for the picture.
        pictures: Returns a new iterable of the calibration pictures at each call.
        chosen: The layers that will be quantised.

    Returns:
        New weights and biases of all layers, by name of the constant.
    """
    every = layers(nodes)
    maps = [name for members in groups(nodes, every) for name in members]
    largest = measure_largest(nodes, tensors, feed, maps, pictures())
    equal = equalise(nodes, tensors, every, largest)
    seen = measure_moments(nodes, equal, feed, chosen, pictures())
    changed = {name: equal[name] for layer in every for name in (layer.weights, layer.bias)}
    return changed | round_layers(equal, chosen, seen)


def measure_largest(
    nodes: Sequence[Node],
    tensors: Tensors,
    feed: str,
    names: Sequence[str],
    pictures: Iterable[NDArray[np.uint8]],
) -> dict[str, NDArray[np.float32]]:
    """Return the largest absolute value of each channel, float32 [channels], for some maps."""
    look = watch(nodes, tensors, feed, names)
    largest: dict[str, NDArray[np.float32]] = {}
    for picture in pictures:
        for name, value in look(picture).items():
            peak = np.abs(value).max(axis=(0, 1, 2))
            largest[name] = np.maximum(largest.get(name, peak), peak)
    return largest


def measure_moments(
    nodes: Sequence[Node],
    tensors: Tensors,
    feed: str,
    chosen: Sequence[Layer],
    pictures: Iterable[NDArray[np.uint8]],
) -> dict[str, Moments]:
    """Return the moments of the input windows of each layer, by the layer's name."""
    look = watch(nodes, tensors, feed, sorted({layer.source for layer in chosen}))
    seen: dict[str, Moments] = {}
    for picture in pictures:
        values = look(picture)
        for layer in chosen:
            window = tensors[layer.weights].shape[:2]
            found = moments(layer, values[layer.source], (window[0], window[1]))
            seen[layer.name] = seen[layer.name] + found if layer.name in seen else found
    return seen


def round_layers(
    tensors: Tensors, chosen: Sequence[Layer], seen: Mapping[str, Moments]
) -> dict[str, NDArray[np.float32]]:
    """Round the weights of some layers and correct their biases.

    Returns:
        The new weights and biases, by name of the constant.
    """
    changed: dict[str, NDArray[np.float32]] = {}
    for layer in chosen:
        weights = tensors[layer.weights]
        exact = layer.matrix(weights)
        mean, covariance = seen[layer.name].mean, seen[layer.name].covariance
        if layer.depthwise:
            rows = [round_rows(exact[c : c + 1], covariance[c]) for c in range(len(exact))]
            rounded = np.concatenate(rows)
        else:
            rounded = round_rows(exact, covariance[0])
        changed[layer.weights] = layer.kernel(rounded, weights)
        changed[layer.bias] = tensors[layer.bias] + bias_change(exact, rounded, mean)
    return changed
