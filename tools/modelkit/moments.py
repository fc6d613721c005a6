"""First and second moments of the input windows of a convolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .network import Layer


@dataclass(frozen=True)
class Moments:
    """Moments of the windows x of one layer, summed over pictures.

    A convolution has one group. A depthwise convolution has a group for each channel, because each
    output channel reads the window of its own input channel.

    Attributes:
        count: Number of windows.
        first: float64 [groups, values], sum of x.
        second: float64 [groups, values, values], sum of x times its transpose.
    """

    count: int
    first: NDArray[np.float64]
    second: NDArray[np.float64]

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of both sets of windows together."""
        return Moments(
            self.count + other.count, self.first + other.first, self.second + other.second
        )

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean of x, float64 [groups, values]."""
        return self.first / self.count

    @property
    def covariance(self) -> NDArray[np.float64]:
        """The covariance of x, float64 [groups, values, values]."""
        mean = self.mean
        return self.second / self.count - mean[:, :, np.newaxis] * mean[:, np.newaxis, :]


def moments(layer: Layer, source: NDArray[np.float32], window: tuple[int, int]) -> Moments:
    """Compute the moments of a layer's windows in one picture.

    Args:
        layer: The layer.
        source: float32 [1, height, width, channels], the layer's input.
        window: Height and width of the layer's kernel.

    Returns:
        The moments. The values of a window are in the order of `Layer.matrix`: row, column and
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
        # For the few thousand products of one picture, float32 is exact enough and twice as fast;
        # pictures are summed in float64.
        np.matmul(values.transpose(0, 2, 1), values).astype(np.float64),
    )


def _windows(
    layer: Layer, source: NDArray[np.float32], window: tuple[int, int]
) -> NDArray[np.float32]:
    """Return the windows of a map, [rows, columns, channels, height, width].

    The padding is TensorFlow's.
    """
    margins = [(0, 0), (0, 0)]
    if layer.padding == "SAME":
        for axis, size in enumerate(window):
            length = source.shape[1 + axis]
            steps = -(-length // layer.stride)
            total = max((steps - 1) * layer.stride + size - length, 0)
            margins[axis] = (total // 2, total - total // 2)
    padded = np.pad(source[0], [*margins, (0, 0)])
    # The type stubs of numpy 1 allow only one axis.
    every: NDArray[np.float32] = np.lib.stride_tricks.sliding_window_view(
        padded,
        window,
        axis=(0, 1),  # type: ignore[call-overload, unused-ignore]
    )
    return every[:: layer.stride, :: layer.stride]
