"""Helpers that build and find nodes of a graph.

A node is the JSON form of a TensorFlow `NodeDef` (see `topology`). The values of Const nodes are
kept in a separate mapping (`Tensors`), by the node's name.
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
    """Return a node; attributes that are None are left out, and `T` is float by default."""
    shown = {key: value for key, value in ({"T": FLOAT} | attrs).items() if value is not None}
    return {"name": name, "op": op, "input": list(sources), "attr": shown}


def constant(name: str, value: NDArray[Any]) -> Node:
    """Return a Const node for a value of type float32, int32 or bool."""
    return {"name": name, "op": "Const", "input": [], "attr": {"dtype": type_of(value)}}


def type_of(value: NDArray[Any]) -> Mapping[str, str]:
    """Return the attribute for the type of `value`.

    Raises:
        ValueError: The type is not float32, int32 or bool.
    """
    name = np.asarray(value).dtype.name
    if name not in _TYPES:
        raise ValueError(f"no graph of this kit has constants of type {name}")
    return _TYPES[name]


def text(value: str) -> Mapping[str, str]:
    """Return a string attribute, encoded in base64 as in JSON."""
    return {"s": base64.b64encode(value.encode()).decode()}


def text_of(node: Node, attr: str) -> str:
    """Return the decoded string attribute of a node."""
    return base64.b64decode(node["attr"][attr]["s"]).decode()


def by_name(nodes: Sequence[Node]) -> dict[str, Node]:
    """Return the nodes by name."""
    return {node["name"]: node for node in nodes}


def producer(source: str) -> str:
    """Return the name of the node that an input refers to: `^a`, `a` and `a:1` refer to `a`."""
    return source.removeprefix("^").split(":")[0]


def replaced(nodes: Sequence[Node], name: str, new: Sequence[Node]) -> list[Node]:
    """Return the list with the nodes `new` in place of the node `name`.

    Raises:
        ValueError: There is no such node.
    """
    result = [item for node in nodes for item in (new if node["name"] == name else [node])]
    if name not in by_name(nodes):
        raise ValueError(f"the graph has no node {name}")
    return result


def needed(nodes: Sequence[Node], outputs: Sequence[str]) -> list[Node]:
    """Return the nodes from which `outputs` are computed, in the order of the list.

    Args:
        nodes: All nodes.
        outputs: Names of nodes, or of their outputs such as `a:1`.

    Raises:
        ValueError: A needed node does not exist.
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
