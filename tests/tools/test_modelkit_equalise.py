import numpy as np
import pytest
from modelkit import equalise
from modelkit.network import layers
from numpy.typing import NDArray
from tiny_graphs import Builder, small_network


def test_channels_come_to_the_range_of_the_largest() -> None:
    largest = np.array([1, 2, 4], np.float32)
    np.testing.assert_allclose(equalise.factors(largest, None, 1), [4, 2, 1])
    np.testing.assert_allclose(equalise.factors(largest, None, 0.5), [2, 2**0.5, 1])


def test_nothing_is_pushed_into_the_ceiling_nor_made_smaller() -> None:
    factor = equalise.factors(np.array([1, 5.9, 6], np.float32), equalise.CEILING, 1)
    np.testing.assert_allclose(factor, [6 / equalise.HEADROOM, 1, 1])


def test_a_silent_channel_gets_the_largest_factor() -> None:
    factor = equalise.factors(np.array([0, 6], np.float32), None, 1)
    assert factor.tolist() == [equalise.LARGEST_FACTOR, 1]


def test_sums_and_resizes_tie_their_maps_and_the_answer_is_left_alone() -> None:
    made = small_network()
    found = equalise.groups(made.nodes, layers(made.nodes))
    assert found == [
        ["a/Relu6"],
        ["b/Relu6"],
        ["c/BiasAdd", "e/BiasAdd", "joined", "resized"],
        ["d/Relu6"],
        ["f/Relu"],
    ]


def test_a_sum_with_something_else_bars_its_map() -> None:
    made = Builder()
    end = made.convolution("a", made.picture(4, 4), (1, 1, 3, 4))
    other = made.constant("other", np.ones(4, np.float32))
    made.convolution("b", made.add("sum", "AddV2", end, other), (1, 1, 4, 4))
    found = equalise.groups(made.nodes, layers(made.nodes))
    assert found == [["b/Relu6"]]


def test_the_network_computes_the_same_with_more_even_channels() -> None:
    pytest.importorskip("tensorflow", reason="running a graph needs TensorFlow")
    from modelkit.activations import watch

    made = small_network()
    every = layers(made.nodes)
    maps = [name for members in equalise.groups(made.nodes, every) for name in members]
    picture = np.random.default_rng(3).uniform(-1, 1, (1, 12, 16, 3)).astype(np.float32)
    before = watch(made.nodes, made.values(), "picture", [*maps, "answer"])(picture)
    largest = {name: np.abs(before[name]).max(axis=(0, 1, 2)) for name in maps}
    values = equalise.equalise(made.nodes, made.values(), every, largest)
    after = watch(made.nodes, values, "picture", [*maps, "answer"])(picture)
    np.testing.assert_allclose(after["answer"], before["answer"], atol=1e-5)

    def unevenness(name: str, seen: dict[str, NDArray[np.float32]]) -> float:
        peaks = np.abs(seen[name]).max(axis=(0, 1, 2))
        audible = peaks[peaks > 0]
        return float((peaks.max() / audible).mean())

    assert any(
        not np.array_equal(values[layer.weights], made.tensors[layer.weights]) for layer in every
    )
    for name in ("a/Relu6", "d/Relu6", "f/Relu"):
        assert unevenness(name, after) < unevenness(name, before)
