"""First and second moments of what a convolution sees through its window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .network import Layer


@dataclass(frozen=True)
class Moments:
    """Moments of the windows x of one layer, added up over pictures.

    Attributes:
        count: How many windows.
        first: float64 [groups, values], sum of x.
        second: float64 [groups, values, values], sum of x times its transpose.

    A convolution has one group; a depthwise one has a group per channel, because each output
    channel sees the window of its own input channel.
    """

    count: int
    first: NDArray[np.float64]
    second: NDArray[np.float64]

    def __add__(self, other: Moments) -> Moments:
        """Returns the moments of both sets of windows."""
        return Moments(
            self.count + other.count, self.first + other.first, self.second + other.second
        )

    @property
    def mean(self) -> NDArray[np.float64]:
        """[groups, values]: the mean of x."""
        return self.first / self.count

    @property
    def covariance(self) -> NDArray[np.float64]:
        """[groups, values, values]: the covariance of x."""
        mean = self.mean
        return self.second / self.count - mean[:, :, np.newaxis] * mean[:, np.newaxis, :]


def moments(layer: Layer, source: NDArray[np.float32], window: tuple[int, int]) -> Moments:
    """Measures the windows that a layer sees in one picture.

    Args:
        layer: The layer.
        source: float32 [1, height, width, channels], what the layer reads.
        window: Height and width of its kernel.

    Returns:
        The moments; the values of a window are in the order of `Layer.matrix`: row, column,
        channel for a convolution, row and column for a depthwise one.
    """
    windows = _windows(layer, source, window)
    rows, columns, channels = windows.shape[:3]
    if layer.depthwise:
        values = windows.reshape(rows * columns, channels, -1).transpose(1, 0, 2)
    else:
        values = windows.transpose(0, 1, 3, 4, 2).reshape(1, rows * columns, -1)
    return Moments(
        rows * columns,
        values.sum(axis=1, dtype=np.float64),
        # Sums of a few thousand products: float32 is exact enough for one picture, and twice as
        # fast; pictures are added up in float64.
        np.matmul(values.transpose(0, 2, 1), values).astype(np.float64),
    )


def _windows(
    layer: Layer, source: NDArray[np.float32], window: tuple[int, int]
) -> NDArray[np.float32]:
    """Cuts a map into windows: [rows, columns, channels, height, width], as TensorFlow pads."""
    margins = [(0, 0), (0, 0)]
    if layer.padding == "SAME":
        for axis, size in enumerate(window):
            length = source.shape[1 + axis]
            steps = -(-length // layer.stride)
            total = max((steps - 1) * layer.stride + size - length, 0)
            margins[axis] = (total // 2, total - total // 2)
    padded = np.pad(source[0], [*margins, (0, 0)])
    # The stubs of numpy 1 know one axis only.
    every: NDArray[np.float32] = np.lib.stride_tricks.sliding_window_view(
        padded,
        window,
        axis=(0, 1),  # type: ignore[call-overload, unused-ignore]
    )
    return every[:: layer.stride, :: layer.stride]
