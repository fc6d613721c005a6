"""Runs a graph and looks inside."""

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
    """Makes a function that computes the outputs of some nodes.

    Args:
        nodes: Nodes in plain operations.
        tensors: Values of the constants.
        feed: The placeholder.
        names: Nodes to look at, each for its first output.

    Returns:
        The function: a picture to the outputs by node.
    """
    wanted = needed(nodes, names)
    # Names of nodes have slashes, which a signature may not have.
    keys = {f"watched_{position}": f"{name}:0" for position, name in enumerate(names)}
    function = graph.to_function(graph.to_graph_def(wanted, tensors), f"{feed}:0", keys)

    def look(picture: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        found = function(tf.constant(picture))
        return {name: found[key].numpy() for name, key in zip(names, keys, strict=True)}

    return look
