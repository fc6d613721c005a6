"""Converts a published graph to a model file: runs the steps of this kit in order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import (
    decoder,
    graph,
    lazyheads,
    network,
    quantise,
    samples,
    shapes,
    signatures,
    tflite,
    topology,
)
from .adapt import adapt
from .byteinput import shorten_input
from .catalogue import INPUT, Int8, ModelSpec, Size
from .nodes import Tensors, needed
from .preprocess import with_picture_input
from .samples import Sample
from .topology import Node
from .weights import decode_weights


def read(spec: ModelSpec, published: Mapping[str, bytes]) -> tuple[list[Node], Tensors]:
    """Read a published graph.

    Args:
        spec: The model.
        published: Content of each file, by its path in the package.

    Returns:
        The graph's nodes in plain operations, and the values of its constants.
    """
    model = json.loads(published[spec.source.topology[0]])
    weights = spec.source.weights[0]
    tensors = decode_weights(model["weightsManifest"], {Path(weights).name: published[weights]})
    return topology.unfuse(model["modelTopology"]["node"]), tensors


def make_fp16(spec: ModelSpec, published: Mapping[str, bytes]) -> bytes:
    """Convert the published graph to float16 weights and a uint8 input, otherwise unchanged."""
    nodes, tensors = read(spec, published)
    nodes = topology.with_uint8_input(nodes, INPUT)
    graph_def = graph.to_graph_def(nodes, tensors)
    return tflite.convert_fp16(graph.to_function(graph_def, f"{INPUT}:0", dict(spec.outputs)))


def make_int8(
    spec: ModelSpec, int8: Int8, published: Mapping[str, bytes], pictures: Sequence[Sample]
) -> bytes:
    """Make a model that computes most of its layers with 8 bits.

    Args:
        spec: The model.
        int8: How to quantise it.
        published: Content of each file, by its path in the package.
        pictures: Calibration pictures.

    Returns:
        The model, with a signature for each size if there is more than one.

    Raises:
        ValueError: The graph does not have the expected structure.
    """
    nodes, tensors = read(spec, published)
    graphs = {size: prepare(spec, int8, nodes, tensors, size) for size in spec.graphs}
    usual = spec.sizes[0]

    def calibration() -> Iterable[NDArray[np.uint8]]:
        return samples.inputs(pictures, usual)

    def quantised(name: str) -> bool:
        return bool(re.search(int8.scope, name)) and not re.search(int8.kept, name)

    # Weights are adapted and ranges measured only for the usual size, so that all sizes share the
    # same weights and the file stores them once.
    chosen = [layer for layer in network.layers(graphs[usual][0]) if quantised(layer.name)]
    adapted = adapt(*graphs[usual], INPUT, calibration, chosen)
    exact: dict[Size, bytes] = {}
    for size, (own_nodes, own_tensors) in graphs.items():
        graph_def = graph.to_graph_def(own_nodes, {**own_tensors, **adapted})
        function = graph.to_function(graph_def, f"{INPUT}:0", dict(spec.outputs))
        exact[size] = tflite.convert_fp32(function)
    ranges = measure(int8, exact[usual], calibration(), samples.blanks(usual))
    models: dict[Size, bytes] = {}
    for size, whole in exact.items():
        model = quantise.quantise(whole, ranges, int8.scope, int8.kept)
        if (count := quantise.int8_convolutions(model)) != len(chosen):
            raise ValueError(f"{count} convolutions are int8, but {len(chosen)} were adapted")
        outputs = [name for name, _ in spec.outputs]
        models[size] = signatures.order_outputs(shorten_input(model), outputs)
    return signatures.merge(models)


def measure(
    int8: Int8,
    exact: bytes,
    pictures: Iterable[NDArray[np.uint8]],
    blanks: Iterable[NDArray[np.uint8]],
) -> quantise.Ranges:
    """Measure the ranges of a float32 model on pictures with people and, if wanted, blank ones."""
    ranges = quantise.measure_ranges(exact, pictures, int8.picture, int8.reach, int8.logits)
    if int8.blank_reach is None:
        return ranges
    blank = quantise.measure_ranges(exact, blanks, int8.picture, int8.blank_reach, int8.logits)
    return quantise.union(ranges, blank)


def prepare(
    spec: ModelSpec, int8: Int8, nodes: Sequence[Node], tensors: Tensors, size: Size
) -> tuple[list[Node], Tensors]:
    """Rewrite a published graph for one picture size, in a form that quantises well.

    The answers stay the same, except for rounding.

    Args:
        spec: The model.
        int8: How it will be quantised.
        nodes: Nodes in plain operations.
        tensors: Values of the constants.
        size: Height and width of the picture in pixels.

    Returns:
        The needed nodes, and the values of all constants.
    """
    outputs = [tensor for _, tensor in spec.outputs]
    if spec.source.sized_by == "decoder":
        tensors = decoder.resize(tensors, size)
    result, values = with_picture_input(nodes, tensors, int8.picture, size, INPUT)
    if spec.source.sized_by == "shapes":
        result = needed(result, outputs)
        result, values = shapes.fold_shapes(result, values, INPUT, size)
        result = needed(result, outputs)
        result, values = shapes.reshape_new_axes(result, values, INPUT, size)
    result, values = lazyheads.read_lazily(result, values, int8.heads)
    result, values = network.with_biases(result, values)
    return needed(result, outputs), values
