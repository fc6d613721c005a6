"""Specialises a graph for any picture size to a single size.

At run time, MultiPose computes sizes, grids and clipping bounds from the shape of its picture, and
adds axes to tensors by a kind of slicing that TensorFlow Lite does not support. For a fixed picture
size, these are constants and plain reshapes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .activations import watch
from .nodes import INT, Tensors, by_name, constant, operation, producer
from .topology import Node

_SHAPE_ONLY = {"Shape", "Size"}
"""Operations that depend on the shape of their input, not on its values."""


def fold_shapes(
    nodes: Sequence[Node], tensors: Tensors, feed: str, size: tuple[int, int]
) -> tuple[list[Node], Tensors]:
    """Replace everything that does not depend on the content of the picture by constants.

    Args:
        nodes: Nodes in plain operations; placeholder `feed` has its full shape.
        tensors: Values of the constants.
        feed: Name of the uint8 placeholder for the picture.
        size: Height and width of the picture in pixels.

    Returns:
        The new nodes and the values of all constants.
    """
    known = by_name(nodes)
    fixed: set[str] = set()
    for node in _in_order(nodes):
        free = all(producer(source) in fixed for source in node.get("input", ()))
        if node["name"] != feed and (node["op"] in _SHAPE_ONLY or free):
            fixed.add(node["name"])
    # Only fixed nodes that other nodes read: nodes behind them are not needed any more.
    border = {
        producer(source)
        for node in nodes
        if node["name"] not in fixed
        for source in node.get("input", ())
        if producer(source) in fixed and known[producer(source)]["op"] != "Const"
    }
    return _to_constants(nodes, tensors, feed, size, border)


def reshape_new_axes(
    nodes: Sequence[Node], tensors: Tensors, feed: str, size: tuple[int, int]
) -> tuple[list[Node], Tensors]:
    """Replace every StridedSlice that adds axes by a Reshape.

    Args:
        nodes: Nodes in plain operations, with all shapes known (see `fold_shapes`).
        tensors: Values of the constants.
        feed: The placeholder, uint8.
        size: Height and width of the picture in pixels.

    Returns:
        The new nodes and the values of all constants.

    Raises:
        ValueError: A StridedSlice adds an axis and also selects a part of the tensor.
    """
    slices = [node for node in nodes if node["op"] == "StridedSlice" and _mask(node, "new_axis")]
    names = [node["name"] for node in slices]
    sources = [producer(node["input"][0]) for node in slices]
    look = watch(nodes, tensors, feed, [*names, *sources])
    found = look(np.zeros((1, *size, 3), np.uint8))
    result, values = list(nodes), dict(tensors)
    for node in slices:
        name = node["name"]
        begin = tensors[producer(node["input"][1])]
        whole = _mask(node, "begin") & _mask(node, "end") | _mask(node, "new_axis")
        if whole != 2 ** len(begin) - 1 or _mask(node, "ellipsis") or _mask(node, "shrink_axis"):
            raise ValueError(f"{name} does not only add axes")
        values[f"{name}/shape"] = np.array(found[name].shape, np.int32)
        reshape = [
            constant(f"{name}/shape", values[f"{name}/shape"]),
            operation(
                name,
                "Reshape",
                [node["input"][0], f"{name}/shape"],
                T=node["attr"]["T"],
                Tshape=INT,
            ),
        ]
        result = [new for old in result for new in (reshape if old["name"] == name else [old])]
    return result, values


def _to_constants(
    nodes: Sequence[Node], tensors: Tensors, feed: str, size: tuple[int, int], names: set[str]
) -> tuple[list[Node], Tensors]:
    """Compute nodes that do not depend on the picture, and replace them by constants."""
    look = watch(nodes, tensors, feed, sorted(names))
    found = look(np.zeros((1, *size, 3), np.uint8))
    result = [
        constant(node["name"], found[node["name"]]) if node["name"] in found else node
        for node in nodes
    ]
    return result, {**tensors, **found}


def _mask(node: Node, kind: str) -> int:
    """Return a mask of a StridedSlice: one bit for each entry of its slice specification."""
    return int(node["attr"].get(f"{kind}_mask", {}).get("i", 0))


def _in_order(nodes: Sequence[Node]) -> list[Node]:
    """Sort nodes topologically: each comes after all nodes that it reads."""
    known = by_name(nodes)
    ordered: dict[str, Node] = {}
    pending = [(node["name"], False) for node in reversed(nodes)]
    while pending:
        name, ready = pending.pop()
        if name in ordered:
            continue
        if ready:
            ordered[name] = known[name]
            continue
        pending.append((name, True))
        pending += [(producer(source), False) for source in known[name].get("input", ())]
    return list(ordered.values())
