"""Computes the heads of MoveNet only at the cells where they are read.

MoveNet is a CenterNet (Zhou et al., "Objects as Points", 2019). For each quantity, a head computes
a value in every cell of the feature map: a 3x3 depthwise convolution, a 1x1 convolution with ReLU
and a final 1x1 convolution. But the heads for boxes, keypoint regression and sub-cell offsets are
read, by a GatherNd, only at the few cells where a person or a keypoint was found: for a single
person at 1 + 17 of 2304. The 3x3 neighbourhoods of these cells give the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .nodes import FLOAT, INT, Tensors, by_name, constant, operation, producer, replaced
from .topology import Node

_WINDOW = 3


@dataclass(frozen=True)
class LazyHead:
    """A head, and the cells at which it is read.

    Attributes:
        gather: Name of the GatherNd that reads the head.
        rows: Output with the rows of the n cells to read, int32 [n].
        columns: Output with the columns of these cells, int32 [n].
        pick: For each of the n cells the number k of the pair of channels (2k and 2k + 1) to
            return, so that the result is [n, 2]. Empty for all channels: [n, channels].
    """

    gather: str
    rows: str
    columns: str
    pick: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Head:
    """The parts of a head: the output that it reads, and the names of its constants."""

    features: str
    depthwise: str
    hidden: tuple[str, str]
    final: tuple[str, str]


def read_lazily(
    nodes: Sequence[Node], tensors: Tensors, heads: Sequence[LazyHead]
) -> tuple[list[Node], Tensors]:
    """Replace each GatherNd on a head by a computation of the head at the gathered cells.

    The dense heads stay in the list, but nothing reads them, so they are dropped when the list
    becomes a function.

    Args:
        nodes: Nodes in plain operations (see `topology.unfuse`).
        tensors: Values of the constants.
        heads: The heads to replace.

    Returns:
        The new nodes and the values of all constants.

    Raises:
        ValueError: A head is not built as described above.
    """
    result, values = list(nodes), dict(tensors)
    for lazy in heads:
        head = _trace(result, lazy.gather)
        new, extra = _compute_at(head, lazy, values)
        result = replaced(result, lazy.gather, new)
        values |= extra
    return result, values


def _trace(nodes: Sequence[Node], gather: str) -> _Head:
    """Follow a GatherNd back through its head to the feature map."""
    known = by_name(nodes)
    node = known[producer(known[gather]["input"][0])]
    while node["op"] in ("Squeeze", "Reshape"):
        node = known[producer(node["input"][0])]
    constants: list[str] = []
    for op in ("BiasAdd", "Conv2D", "Relu", "BiasAdd", "Conv2D", "DepthwiseConv2dNative"):
        if node["op"] != op:
            raise ValueError(f"the head that {gather} reads has a {node['op']} for a {op}")
        constants += [producer(name) for name in node["input"][1:]]
        source = node["input"][0]
        node = known[producer(source)]
    final_bias, final, hidden_bias, hidden, depthwise = constants
    return _Head(source, depthwise, (hidden, hidden_bias), (final, final_bias))


def _compute_at(head: _Head, lazy: LazyHead, tensors: Tensors) -> tuple[list[Node], Tensors]:
    """Return nodes that compute a head at the cells to read, and the values of their constants.

    The last node has the name of the GatherNd.
    """
    depthwise = tensors[head.depthwise]
    channels = depthwise.shape[2]
    if depthwise.shape != (_WINDOW, _WINDOW, channels, 1):
        raise ValueError(f"{head.depthwise} is no 3x3 depthwise convolution: {depthwise.shape}")
    window = np.stack(np.divmod(np.arange(_WINDOW**2), _WINDOW), axis=1)
    local = {
        # One ring of zeros, like padding SAME: the window of cell (r, c) then begins at (r, c).
        "margin": np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32),
        "window": window.astype(np.int32)[np.newaxis],
        "depthwise": depthwise.reshape(1, _WINDOW**2, channels),
        "hidden": tensors[head.hidden[0]][0, 0],
        "final": tensors[head.final[0]][0, 0],
        "each": np.array(1, np.int32),
    }
    if lazy.pick:
        local["pairs"] = np.array([len(lazy.pick), -1, 2], np.int32)
        local["wanted"] = np.stack([np.arange(len(lazy.pick)), lazy.pick], axis=1).astype(np.int32)
    name = lazy.gather
    values = {f"{name}/{key}": value for key, value in local.items()}

    def add(label: str, op: str, *sources: str, **attrs: object) -> str:
        own = [f"{name}/{source}" if source in local else source for source in sources]
        steps.append(operation(label, op, own, **attrs))
        return label

    steps = [constant(key, value) for key, value in values.items()]
    gather = {"T": None, "Tparams": FLOAT, "Tindices": INT}
    padded = add(f"{name}/Pad", "Pad", head.features, "margin", Tpaddings=INT)
    plane = add(f"{name}/plane", "Squeeze", padded, squeeze_dims={"list": {"i": ["0"]}})
    cells = add(f"{name}/cells", "Pack", lazy.rows, lazy.columns, T=INT, N={"i": 2}, axis={"i": 1})
    corners = add(f"{name}/corners", "ExpandDims", cells, "each", T=INT, Tdim=INT)
    inside = add(f"{name}/inside", "AddV2", corners, "window", T=INT)
    patches = add(f"{name}/patches", "GatherNd", plane, inside, **gather)
    weighted = add(f"{name}/weighted", "Mul", patches, "depthwise")
    filtered = add(f"{name}/filtered", "Sum", weighted, "each", Tidx=INT, keep_dims={"b": False})
    product = add(f"{name}/product", "MatMul", filtered, "hidden")
    shifted = add(f"{name}/shifted", "BiasAdd", product, head.hidden[1])
    hidden = add(f"{name}/activated", "Relu", shifted)
    answer = add(f"{name}/answer", "MatMul", hidden, "final")
    everything = f"{name}/all" if lazy.pick else name
    add(everything, "BiasAdd", answer, head.final[1])
    if lazy.pick:
        pairs = add(f"{name}/by_pair", "Reshape", everything, "pairs", Tshape=INT)
        add(name, "GatherNd", pairs, "wanted", **gather)
    return steps, values
