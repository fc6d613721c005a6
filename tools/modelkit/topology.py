"""Rewrites the node list of a TensorFlow.js graph model into plain TensorFlow operations.

A node is the JSON form of a TensorFlow `NodeDef`: name, op, input, attr. Strings in `attr` are
encoded in base64. No function here modifies its arguments.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

Node = Mapping[str, Any]

# TensorFlow's graph optimiser fused these; the TFLite converter supports only the plain ones.
_PLAIN = {"_FusedConv2D": "Conv2D", "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative"}
_FUSED_ONLY_ATTRS = {"fused_ops", "num_args", "epsilon", "leakyrelu_alpha"}
_ACTIVATIONS = {"Relu", "Relu6"}


def unfuse(nodes: Sequence[Node]) -> list[Node]:
    """Replace every fused convolution by a convolution, a BiasAdd and, if any, an activation.

    The last of the new nodes has the old name, so nodes that read it need no change.

    Raises:
        ValueError: A node fuses something other than a bias and ReLU or ReLU6.
    """
    return [plain for node in nodes for plain in (_split(node) if node["op"] in _PLAIN else [node])]


def _split(node: Node) -> list[Node]:
    fused = [base64.b64decode(name).decode() for name in node["attr"]["fused_ops"]["list"]["s"]]
    if fused[:1] != ["BiasAdd"] or len(fused) > 2 or not set(fused[1:]) <= _ACTIVATIONS:
        raise ValueError(f"node {node['name']}: cannot take apart {fused}")
    source, weights, bias = node["input"]
    attrs = node["attr"]
    kind = {"T": attrs["T"]}
    plain_attrs = {key: value for key, value in attrs.items() if key not in _FUSED_ONLY_ATTRS}
    bias_attrs = kind | {key: attrs[key] for key in ("data_format",) if key in attrs}
    steps = [(_PLAIN[node["op"]], [weights], plain_attrs), ("BiasAdd", [bias], bias_attrs)]
    steps += [(activation, [], kind) for activation in fused[1:]]

    result: list[Node] = []
    for position, (op, constants, op_attrs) in enumerate(steps):
        last = position == len(steps) - 1
        name = node["name"] if last else f"{node['name']}/{op}"
        result.append({"name": name, "op": op, "input": [source, *constants], "attr": op_attrs})
        source = name
    return result


def with_uint8_input(nodes: Sequence[Node], name: str) -> list[Node]:
    """Change the placeholder `name` to uint8, and the Casts that read it accordingly.

    Pictures are uint8, and a cast inside the graph costs far less than a conversion in Python.

    Raises:
        ValueError: There is no such placeholder, or a node other than a Cast reads it.
    """
    uint8 = {"type": "DT_UINT8"}
    result: list[Node] = []
    found = False
    for node in nodes:
        if node["name"] == name and node["op"] == "Placeholder":
            found = True
            result.append(_with_attr(node, "dtype", uint8))
        elif any(source.split(":")[0].lstrip("^") == name for source in node.get("input", ())):
            if node["op"] != "Cast":
                raise ValueError(f"node {node['name']} ({node['op']}) reads {name} without a Cast")
            result.append(_with_attr(node, "SrcT", uint8))
        else:
            result.append(node)
    if not found:
        raise ValueError(f"the graph has no placeholder {name}")
    return result


def _with_attr(node: Node, key: str, value: Mapping[str, str]) -> Node:
    return {**node, "attr": {**node["attr"], key: value}}
