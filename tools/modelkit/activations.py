"""Runs a graph and returns the outputs of inner nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from . import graph
from .nodes import Tensors, needed
from .topology import Node

Watchdog = Callable[[NDArray[Any]], dict[str, NDArray[np.float32]]]


def watch(nodes: Sequence[Node], tensors: Tensors, feed: str, names: Sequence[str]) -> Watchdog:
    """Make a function that computes the outputs of some nodes.

    Args:
        nodes: Nodes in plain operations.
        tensors: Values of the constants.
        feed: Name of the placeholder for the picture.
        names: Nodes whose first outputs are wanted.

    Returns:
        A function that maps a picture to the outputs, by name of the node.
    """
    wanted = needed(nodes, names)
    # A signature's keys may not contain slashes, as the names of nodes do.
    keys = {f"watched_{position}": f"{name}:0" for position, name in enumerate(names)}
    function = graph.to_function(graph.to_graph_def(wanted, tensors), f"{feed}:0", keys)

    def look(picture: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        found = function(tf.constant(picture))
        return {name: found[key].numpy() for name, key in zip(names, keys, strict=True)}

    return look
