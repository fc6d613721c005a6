from typing import Any

import numpy as np
import pytest
from modelkit import rounding
from numpy.typing import NDArray


@pytest.fixture
def rows() -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(size=(5, 24)).astype(np.float32)


@pytest.fixture
def inputs() -> NDArray[np.float64]:
    """Return windows with correlated values, like those of pictures."""
    random = np.random.default_rng(2)
    together = random.normal(size=(400, 3)) @ random.normal(size=(3, 24))
    return np.asarray(together + 0.1 * random.normal(size=(400, 24)), np.float64)


def nearest(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    step = rounding.scales(rows)
    return np.asarray(np.rint(rows / step) * step, np.float64)


def test_the_largest_weight_is_on_the_last_level(rows: NDArray[np.float32]) -> None:
    levels = rows / rounding.scales(rows)
    np.testing.assert_allclose(np.abs(levels).max(axis=1), 127)


def test_a_row_of_zeros_stays() -> None:
    zeros = np.zeros((1, 4), np.float32)
    np.testing.assert_array_equal(rounding.round_rows(zeros, np.eye(4)), zeros)


def test_weights_are_on_the_grid_that_a_quantiser_finds_from_them(
    rows: NDArray[np.float32], inputs: NDArray[np.float64]
) -> None:
    found = rounding.round_rows(rows, np.cov(inputs.T))
    levels = found / rounding.scales(found)
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-3)
    np.testing.assert_allclose(rounding.scales(found), rounding.scales(rows), rtol=1e-6)


def test_the_output_is_nearer_than_with_the_nearest_weights(
    rows: NDArray[np.float32], inputs: NDArray[np.float64]
) -> None:
    covariance = np.cov(inputs.T)
    found = rounding.round_rows(rows, covariance)

    def error(weights: NDArray[Any]) -> float:
        off = weights.astype(np.float64) - rows
        return float(np.trace(off @ covariance @ off.T))

    assert error(found) < 0.3 * error(nearest(rows))


def test_inputs_that_have_nothing_to_do_with_each_other_get_the_nearest(
    rows: NDArray[np.float32],
) -> None:
    found = rounding.round_rows(rows, np.eye(24))
    np.testing.assert_allclose(found, nearest(rows), atol=1e-6)


def test_inputs_that_never_change_get_the_nearest(rows: NDArray[np.float32]) -> None:
    found = rounding.round_rows(rows, np.zeros((24, 24)))
    np.testing.assert_allclose(found, nearest(rows), atol=1e-6)


def test_the_bias_keeps_the_mean_output(
    rows: NDArray[np.float32], inputs: NDArray[np.float64]
) -> None:
    shifted = inputs + 3
    rounded = nearest(rows).astype(np.float32)
    change = rounding.bias_change(rows, rounded, shifted.mean(axis=0))
    np.testing.assert_allclose(
        (shifted @ rounded.T + change).mean(axis=0), (shifted @ rows.T).mean(axis=0), atol=1e-4
    )


def test_each_depthwise_row_has_its_own_mean() -> None:
    exact = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    change = rounding.bias_change(exact, exact + 1, np.array([[1.0, 2.0], [10.0, 20.0]]))
    assert change.tolist() == [-3, -30]
