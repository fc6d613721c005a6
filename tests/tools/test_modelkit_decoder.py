import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelkit import catalogue, decoder, fetch
from modelkit.weights import decode_weights
from numpy.typing import NDArray

SQUARES = [(catalogue.LIGHTNING, 192), (catalogue.THUNDER, 256)]


def assert_published(found: NDArray[np.float32], published: NDArray[np.float32]) -> None:
    """Assert that the published values are the computed ones as float16, ties either way."""
    steps = np.spacing(np.asarray(published, np.float16)).astype(np.float64)
    assert np.all(np.abs(found.astype(np.float64) - published) <= steps / 2 + 1e-9)


@pytest.mark.parametrize(
    ("edge", "published"),
    [
        (192, [0.02798462, 0.02853394, 0.02909851, 0.02967834, 0.03025818, 0.03085327]),
        (256, [0.02125549, 0.02157593, 0.02189636, 0.02223206, 0.02256775, 0.02290344]),
    ],
)
def test_centre_weights_of_a_square_are_the_published_ones(
    edge: int, published: list[float]
) -> None:
    found = decoder.centre_weights(edge // 4, edge // 4)
    assert found.shape == (edge // 4, edge // 4, 1)
    assert_published(found[0, :6, 0], np.array(published, np.float32))
    np.testing.assert_allclose(found[edge // 8, edge // 8, 0], 1 / 1.8)


@pytest.mark.parametrize(("edge", "published"), [(192, 0.02082825), (256, 0.015625)])
def test_the_cell_of_a_square_is_the_published_one(edge: int, published: float) -> None:
    found = decoder.cell_size(edge // 4, edge // 4)
    assert_published(found, np.full((1, 1, 1, 2), published, np.float32))


@pytest.mark.parametrize(("edge", "published"), [(192, [12, 24, 48]), (256, [16, 32, 64])])
def test_the_levels_of_a_square_are_the_published_ones(edge: int, published: list[int]) -> None:
    found = [decoder.level_size(edge, edge, stride).tolist() for stride in (16, 8, 4)]
    assert found == [[cells, cells] for cells in published]


@pytest.mark.parametrize(("source", "edge"), SQUARES, ids=["Lightning", "Thunder"])
def test_every_constant_of_a_square_is_the_published_one(
    source: catalogue.Source, edge: int
) -> None:
    folder = fetch.default_cache() / catalogue.PACKAGE.lstrip("@").replace("/", "-")
    topology, weights = (folder / path for path, _ in (source.topology, source.weights))
    if not (topology.is_file() and weights.is_file()):
        pytest.skip("the published weights are not in the cache of convert_models.py")
    groups = json.loads(topology.read_text())["weightsManifest"]
    published = decode_weights(groups, {Path(weights).name: weights.read_bytes()})
    for name, found in decoder.constants((edge, edge)).items():
        assert (found.shape, found.dtype) == (published[name].shape, published[name].dtype)
        if found.dtype == np.float32:
            assert_published(np.asarray(found, np.float32), published[name])
        else:
            np.testing.assert_array_equal(found, published[name])


@given(rows=st.integers(1, 80), columns=st.integers(1, 80), data=st.data())
def test_a_cell_is_found_again_by_its_number(rows: int, columns: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, rows * columns - 1))
    length = int(decoder.row_length(columns))
    row, column = number // length, number - number // length * length
    assert decoder.row_numbers(rows, columns)[row, column, 0] == row
    assert decoder.column_numbers(rows, columns)[row, column, 0] == column
    weights = decoder.centre_weights(rows, columns)[..., 0]
    distance = ((row - rows / 2) ** 2 + (column - columns / 2) ** 2) ** 0.5
    assert weights[row, column] == pytest.approx(1 / (distance + decoder.SOFTENING), rel=1e-6)
    # Exchanging rows and columns transposes the weights.
    np.testing.assert_array_equal(weights, decoder.centre_weights(columns, rows)[..., 0].T)
    end = decoder.cell_size(rows, columns).reshape(2) * (rows, columns)
    np.testing.assert_allclose(end, 1, rtol=1e-6)


def test_the_constants_of_another_size_take_the_place_of_the_published_ones() -> None:
    published = {name: np.zeros(1, np.float32) for name in decoder.constants((192, 192))}
    kept = np.ones(3, np.float32)
    found = decoder.resize({**published, "weights": kept}, (288, 128))
    assert found["weights"] is kept
    assert found["StatefulPartitionedCall/strided_slice_3"].shape == (72, 32, 1)
    assert found["StatefulPartitionedCall/mul/y"] == 32
    np.testing.assert_allclose(
        found["StatefulPartitionedCall/Reshape_13"].reshape(2), [1 / 72, 1 / 32]
    )


@pytest.mark.parametrize("size", [(208, 160), (160, 176)])
def test_a_size_that_the_pyramid_cannot_have_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="must be multiples of 32"):
        decoder.constants(size)


def test_a_graph_with_another_decoder_is_refused() -> None:
    with pytest.raises(ValueError, match="the graph has no constant"):
        decoder.resize({}, (192, 192))
