"""Builders for the nodes that this kit adds to a graph.

A node is the JSON form of a TensorFlow `NodeDef` (see `topology`); the value of a Const is kept
beside the list, by its name.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .topology import Node

Tensors = Mapping[str, NDArray[Any]]

FLOAT = {"type": "DT_FLOAT"}
INT = {"type": "DT_INT32"}

_TYPES = {"float32": FLOAT, "int32": INT, "bool": {"type": "DT_BOOL"}}


def operation(name: str, op: str, sources: Sequence[str], **attrs: object) -> Node:
    """Returns a node; its `T` is float when nothing else is said and None leaves it out."""
    shown = {key: value for key, value in ({"T": FLOAT} | attrs).items() if value is not None}
    return {"name": name, "op": op, "input": list(sources), "attr": shown}


def constant(name: str, value: NDArray[Any]) -> Node:
    """Returns a Const for a value of type float32, int32 or bool."""
    return {"name": name, "op": "Const", "input": [], "attr": {"dtype": type_of(value)}}


def type_of(value: NDArray[Any]) -> Mapping[str, str]:
    """Returns the attribute that says the type of `value`.

    Raises:
        ValueError: TensorFlow Lite graphs of this kit have no such type.
    """
    name = np.asarray(value).dtype.name
    if name not in _TYPES:
        raise ValueError(f"no graph of this kit has constants of type {name}")
    return _TYPES[name]


def text(value: str) -> Mapping[str, str]:
    """Returns a string attribute, which JSON carries as base64."""
    return {"s": base64.b64encode(value.encode()).decode()}


def text_of(node: Node, attr: str) -> str:
    """Returns the string attribute of a node."""
    return base64.b64decode(node["attr"][attr]["s"]).decode()


def by_name(nodes: Sequence[Node]) -> dict[str, Node]:
    """Returns the nodes by their names."""
    return {node["name"]: node for node in nodes}


def producer(source: str) -> str:
    """Returns the name of the node that gives an input: `^a`, `a` and `a:1` come from `a`."""
    return source.removeprefix("^").split(":")[0]


def replaced(nodes: Sequence[Node], name: str, new: Sequence[Node]) -> list[Node]:
    """Returns the list with `new` in the place of node `name`.

    Raises:
        ValueError: There is no such node.
    """
    result = [item for node in nodes for item in (new if node["name"] == name else [node])]
    if name not in by_name(nodes):
        raise ValueError(f"the graph has no node {name}")
    return result


def needed(nodes: Sequence[Node], outputs: Sequence[str]) -> list[Node]:
    """Returns the nodes that `outputs` (nodes or tensors of them) are computed from, in order.

    Raises:
        ValueError: A node that is needed is not there.
    """
    known = by_name(nodes)
    wanted: set[str] = set()
    queue = [producer(output) for output in outputs]
    while queue:
        name = queue.pop()
        if name in wanted:
            continue
        if name not in known:
            raise ValueError(f"the graph has no node {name}")
        wanted.add(name)
        queue += map(producer, known[name].get("input", ()))
    return [node for node in nodes if node["name"] in wanted]
