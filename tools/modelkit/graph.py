"""Converts nodes and weights to a TensorFlow function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from google.protobuf import json_format  # type: ignore[import-untyped]
from numpy.typing import NDArray
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.types.experimental import ConcreteFunction

from .topology import Node


def to_graph_def(nodes: Sequence[Node], weights: Mapping[str, NDArray[Any]]) -> GraphDef:
    """Build a GraphDef, with values in its Const nodes.

    Args:
        nodes: Nodes in plain TensorFlow operations (see `topology`).
        weights: Value of each Const node, by its name.

    Raises:
        ValueError: A Const node has no value, or a value of another type.
    """
    topology = {"node": list(nodes), "library": {}, "versions": {}}
    graph_def = json_format.ParseDict(topology, GraphDef())
    for node in graph_def.node:
        if node.op != "Const":
            continue
        if node.name not in weights:
            raise ValueError(f"no weight for constant {node.name}")
        proto = tf.make_tensor_proto(weights[node.name])
        if proto.dtype != node.attr["dtype"].type:
            raise ValueError(f"constant {node.name}: the weight has another type than the graph")
        node.attr["value"].tensor.CopyFrom(proto)
    return graph_def


def to_function(graph_def: GraphDef, feed: str, fetches: Mapping[str, str]) -> ConcreteFunction:
    """Import a GraphDef and prune it to a concrete function from `feed` to `fetches`.

    Args:
        graph_def: The graph.
        feed: Name of the input tensor, such as `input:0`.
        fetches: Name of each output tensor, such as `Identity:0`, by its name in the function's
            signature.
    """
    imported = tf.compat.v1.wrap_function(
        lambda: tf.compat.v1.import_graph_def(graph_def, name=""), []
    )
    tensors = {name: imported.graph.get_tensor_by_name(tensor) for name, tensor in fetches.items()}
    return imported.prune(imported.graph.get_tensor_by_name(feed), tensors)
