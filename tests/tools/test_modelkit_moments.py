from dataclasses import replace

import numpy as np
import pytest
from modelkit.moments import moments
from modelkit.network import Layer, layers
from numpy.typing import NDArray
from tiny_graphs import small_network


def layer(*, depthwise: bool, stride: int, padding: str) -> Layer:
    convolution, filtering = layers(small_network().nodes)[:2]
    return replace(filtering if depthwise else convolution, stride=stride, padding=padding)


def windows(
    source: NDArray[np.float32], size: int, stride: int, before: int, after: int
) -> NDArray[np.float32]:
    """Return all windows (windows, row, column, channel), cut out one by one."""
    padded = np.pad(source[0], [(before, after), (before, after), (0, 0)])
    last = padded.shape[0] - size
    found = [
        padded[row : row + size, column : column + size]
        for row in range(0, last + 1, stride)
        for column in range(0, last + 1, stride)
    ]
    return np.array(found)


# With padding SAME, an even size and stride 2, TensorFlow pads one more behind than before.
CASES = [(1, "SAME", 1, 1), (2, "SAME", 0, 1), (1, "VALID", 0, 0), (2, "VALID", 0, 0)]


@pytest.mark.parametrize(("stride", "padding", "before", "after"), CASES)
def test_a_convolution_sees_whole_windows(
    stride: int, padding: str, before: int, after: int
) -> None:
    source = np.random.default_rng(0).normal(1, 1, (1, 6, 6, 2)).astype(np.float32)
    seen = moments(layer(depthwise=False, stride=stride, padding=padding), source, (3, 3))
    expected = windows(source, 3, stride, before, after).reshape(seen.count, -1)
    np.testing.assert_allclose(seen.mean[0], expected.mean(axis=0), rtol=1e-5)
    covariance = np.cov(expected.T, bias=True)
    np.testing.assert_allclose(seen.covariance[0], covariance, atol=1e-5)


@pytest.mark.parametrize(("stride", "padding", "before", "after"), CASES)
def test_a_depthwise_one_sees_a_channel_at_a_time(
    stride: int, padding: str, before: int, after: int
) -> None:
    source = np.random.default_rng(0).normal(1, 1, (1, 6, 6, 2)).astype(np.float32)
    seen = moments(layer(depthwise=True, stride=stride, padding=padding), source, (3, 3))
    every = windows(source, 3, stride, before, after)
    for channel in range(2):
        expected = every[..., channel].reshape(seen.count, -1)
        np.testing.assert_allclose(seen.mean[channel], expected.mean(axis=0), rtol=1e-5)
        covariance = np.cov(expected.T, bias=True)
        np.testing.assert_allclose(seen.covariance[channel], covariance, atol=1e-5)


def test_pictures_add_up() -> None:
    random = np.random.default_rng(0)
    one, other = random.normal(size=(2, 1, 1, 4, 2)).astype(np.float32)
    point = layer(depthwise=False, stride=1, padding="VALID")
    both = moments(point, one, (1, 1)) + moments(point, other, (1, 1))
    together = moments(point, np.concatenate([one, other], axis=2), (1, 1))
    assert both.count == together.count == 8
    np.testing.assert_allclose(both.covariance, together.covariance, atol=1e-6)
