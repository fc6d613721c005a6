"""Small graphs in the form that `topology.unfuse` returns, for the tests of the model kit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from modelkit.nodes import FLOAT, INT, Tensors, constant, operation, text
from modelkit.topology import Node
from numpy.typing import NDArray


class Builder:
    """Collects nodes and the values of their constants."""

    def __init__(self, seed: int = 0) -> None:
        """Create an empty graph; `seed` determines the random weights."""
        self.nodes: list[Node] = []
        self.tensors: dict[str, NDArray[Any]] = {}
        self.random = np.random.default_rng(seed)

    def values(self) -> Tensors:
        """Return the values of the constants by name."""
        return dict(self.tensors)

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.nodes.append(constant(name, value))
        self.tensors[name] = value
        return name

    def add(self, name: str, op: str, *sources: str, **attrs: object) -> str:
        self.nodes.append(operation(name, op, sources, **attrs))
        return name

    def picture(self, height: int, width: int, name: str = "picture") -> str:
        """Add a float placeholder [1, height, width, 3]."""
        dimensions = {"dim": [{"size": str(size)} for size in (1, height, width, 3)]}
        return self.add(name, "Placeholder", T=None, dtype=FLOAT, shape={"shape": dimensions})

    def convolution(
        self,
        name: str,
        source: str,
        shape: Sequence[int],
        *,
        activation: str = "Relu6",
        stride: int = 1,
        bias: bool = True,
    ) -> str:
        """Add a convolution with bias and activation; return the name of its last node.

        It is depthwise if the last number of `shape` is 1 and the one before is not.
        """
        depthwise = shape[3] == 1 and shape[2] > 1
        spread = np.sqrt(2 / np.prod(shape[: 2 if depthwise else 3]))
        weights = self.random.normal(0, spread, shape).astype(np.float32)
        self.constant(f"{name}/weights", weights)
        end = self.add(
            f"{name}/convolution",
            "DepthwiseConv2dNative" if depthwise else "Conv2D",
            source,
            f"{name}/weights",
            strides={"list": {"i": ["1", str(stride), str(stride), "1"]}},
            padding=text("SAME"),
        )
        if bias:
            channels = shape[2] if depthwise else shape[3]
            offsets = self.random.normal(0, 0.2, channels).astype(np.float32)
            end = self.add(
                f"{name}/BiasAdd", "BiasAdd", end, self.constant(f"{name}/bias", offsets)
            )
        return self.add(f"{name}/{activation}", activation, end) if activation else end


def small_network(height: int = 12, width: int = 16) -> Builder:
    """Return a network like MoveNet's: convolutions, a residual and a finer level to decode.

    It computes `answer` from `picture` (float). The depthwise layer has channels of very different
    ranges, which the next layer compensates: such layers suffer most from 8 bits.
    """
    made = Builder()
    first = made.convolution("a", made.picture(height, width), (3, 3, 3, 8), stride=2)
    filtered = made.convolution("b", first, (3, 3, 8, 1))
    narrow = made.convolution("c", filtered, (1, 1, 8, 6), activation="")
    uneven = np.geomspace(0.03, 1, 8, dtype=np.float32)
    for name, factor in (
        ("b/weights", uneven.reshape(1, 1, -1, 1)),
        ("b/bias", uneven),
        ("c/weights", 1 / uneven.reshape(1, 1, -1, 1)),
    ):
        made.tensors[name] = made.tensors[name] * factor
    wide = made.convolution("d", narrow, (1, 1, 6, 12))
    again = made.convolution("e", wide, (1, 1, 12, 6), activation="")
    added = made.add("joined", "AddV2", narrow, again)
    size = made.constant("size", np.array([height, width], np.int32))
    resized = made.add(
        "resized",
        "ResizeBilinear",
        added,
        size,
        half_pixel_centers={"b": True},
        align_corners={"b": False},
    )
    fine = made.convolution("f", resized, (1, 1, 6, 4), activation="Relu")
    made.add("answer", "Sigmoid", made.convolution("head", fine, (1, 1, 4, 2), activation=""))
    return made


def gather_at(made: Builder, name: str, source: str, cells: Sequence[Sequence[int]]) -> str:
    """Add a GatherNd at fixed cells (batch, row, column)."""
    indices = made.constant(f"{name}/indices", np.array(cells, np.int32))
    return made.add(name, "GatherNd", source, indices, T=None, Tparams=FLOAT, Tindices=INT)
