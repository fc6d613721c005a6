import os
from collections.abc import Iterator

import numpy as np
import pytest
from modelkit.network import layers
from modelkit.nodes import Tensors, needed
from modelkit.preprocess import with_picture_input
from modelkit.topology import Node
from numpy.typing import NDArray
from tiny_graphs import small_network

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytest.importorskip("tensorflow", reason="converting needs TensorFlow")
pytest.importorskip("ai_edge_quantizer", reason="quantising needs the AI Edge Quantizer")
adapt = pytest.importorskip("modelkit.adapt")
byteinput = pytest.importorskip("modelkit.byteinput")
graph = pytest.importorskip("modelkit.graph")
interpret = pytest.importorskip("modelkit.interpret")
quantise = pytest.importorskip("modelkit.quantise")
signatures = pytest.importorskip("modelkit.signatures")
tflite = pytest.importorskip("modelkit.tflite")

# Both libraries' own code triggers warnings.
pytestmark = pytest.mark.filterwarnings("default")

SCOPE, KEPT, LOGITS = r"^(?!answer)", r"head/", r"head/"


def pictures() -> Iterator[NDArray[np.uint8]]:
    """Yield smooth pictures: as in real ones, neighbouring pixels are alike."""
    random = np.random.default_rng(7)
    for _ in range(6):
        coarse = random.integers(0, 256, (1, 4, 4, 3))
        yield np.repeat(np.repeat(coarse, 3, axis=1), 4, axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def network() -> tuple[list[Node], Tensors]:
    made = small_network()
    nodes, tensors = with_picture_input(made.nodes, made.values(), "picture", (12, 16), "input")
    return needed(nodes, ["answer"]), tensors


def converted(nodes: list[Node], tensors: Tensors) -> bytes:
    function = graph.to_function(
        graph.to_graph_def(nodes, tensors), "input:0", {"output_0": "answer:0"}
    )
    model: bytes = tflite.convert_fp32(function)
    return model


def quantised(model: bytes) -> bytes:
    ranges = quantise.measure_ranges(model, pictures(), "picture", reach=1)
    result: bytes = quantise.quantise(model, ranges, SCOPE, KEPT)
    return result


def error(model: bytes, reference: bytes) -> float:
    every = [
        np.square(interpret.run(model, picture) - interpret.run(reference, picture)).mean()
        for picture in pictures()
    ]
    return float(np.mean(every) ** 0.5)


@pytest.fixture(scope="module")
def reference(network: tuple[list[Node], Tensors]) -> bytes:
    return converted(*network)


@pytest.fixture(scope="module")
def plain(reference: bytes) -> bytes:
    return quantised(reference)


def test_all_but_the_kept_convolutions_are_int8_and_near(reference: bytes, plain: bytes) -> None:
    assert quantise.int8_convolutions(reference) == 0
    assert quantise.int8_convolutions(plain) == 6
    assert interpret.signature(plain) == interpret.signature(reference)
    assert 0 < error(plain, reference) < 0.02


def test_adapted_weights_come_nearer(
    network: tuple[list[Node], Tensors], reference: bytes, plain: bytes
) -> None:
    nodes, tensors = network
    chosen = [layer for layer in layers(nodes) if not layer.name.startswith("head")]
    changed = adapt.adapt(nodes, tensors, "input", pictures, chosen)
    assert set(changed) == {
        f"{name}/{kind}"
        for name in ("a", "b", "c", "d", "e", "f", "head")
        for kind in ("weights", "bias")
    }
    adapted = converted(nodes, {**tensors, **changed})
    assert error(quantised(adapted), reference) < 0.8 * error(plain, reference)
    # Float layers are not rounded: they only absorb the factors of the layer before.
    ratio = changed["head/weights"] / tensors["head/weights"]
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[..., :1], ratio.shape), rtol=1e-5)


def test_the_input_goes_straight_to_int8_with_the_same_answers(plain: bytes) -> None:
    short = byteinput.shorten_input(plain)
    for picture in pictures():
        np.testing.assert_array_equal(interpret.run(short, picture), interpret.run(plain, picture))
    assert len(short) < len(plain)
    with pytest.raises(ValueError, match="the model begins with QUANTIZE"):
        byteinput.shorten_input(short)


def test_an_input_of_another_range_is_refused(reference: bytes) -> None:
    ranges = quantise.measure_ranges(reference, pictures(), "picture") | {"picture": (-100, 100)}
    with pytest.raises(ValueError, match="range of its map must be -128 to 127"):
        byteinput.shorten_input(quantise.quantise(reference, ranges, SCOPE, KEPT))


def test_weights_have_no_range_of_their_own_and_logits_keep_their_peak(reference: bytes) -> None:
    ranges = quantise.measure_ranges(reference, pictures(), "picture", logits=LOGITS)
    assert ranges["picture"] == (-128, 127)
    assert not any("weights" in name and "BiasAdd" not in name for name in ranges)
    (logits,) = [ends for name, ends in ranges.items() if "head" in name]
    assert logits[0] == quantise.LOWEST_LOGIT
    usual = quantise.measure_ranges(reference, pictures(), "picture", reach=1)
    assert logits[1] == next(ends[1] for name, ends in usual.items() if "head" in name)


def test_a_common_range_reaches_from_the_means_to_the_extremes() -> None:
    pairs = [(-1.0, 2.0), (-3.0, 6.0)]
    assert quantise.common_range(pairs, 0) == (-2, 4)
    assert quantise.common_range(pairs, 0.5) == (-2.5, 5)
    assert quantise.common_range(pairs, 1) == (-3, 6)


def test_outputs_get_their_order_and_names(network: tuple[list[Node], Tensors]) -> None:
    nodes, tensors = network
    outputs = {"zebra": "f/Relu:0", "ape": "answer:0"}
    function = graph.to_function(graph.to_graph_def(nodes, tensors), "input:0", outputs)
    model = tflite.convert_fp32(function)
    for order in (["zebra", "ape"], ["ape", "zebra"]):
        ordered = signatures.order_outputs(model, order)
        assert interpret.outputs(ordered) == order
        picture = next(pictures())
        channels = {"zebra": 4, "ape": 2}[order[0]]
        assert interpret.run(ordered, picture).shape[-1] == channels
    with pytest.raises(ValueError, match="the model has the outputs"):
        signatures.order_outputs(model, ["ape"])


def test_several_sizes_share_their_weights() -> None:
    models = {}
    for size in ((12, 16), (16, 12)):
        made = small_network(*size)
        nodes, tensors = with_picture_input(made.nodes, made.values(), "picture", size, "input")
        models[size] = converted(needed(nodes, ["answer"]), tensors)
    merged = signatures.merge(models)
    weights = sum(layer.nbytes for layer in small_network().tensors.values())
    assert len(merged) < sum(map(len, models.values())) - weights
    for size, model in models.items():
        picture = np.random.default_rng(0).integers(0, 256, (1, *size, 3)).astype(np.uint8)
        found = interpret.run(merged, picture)
        np.testing.assert_array_equal(found, interpret.run(model, picture))
    with pytest.raises(ValueError, match="no graph for"):
        interpret.run(merged, np.zeros((1, 16, 16, 3), np.uint8))
    # Readers that do not know signatures get the first graph.
    assert interpret.signature(merged)[0].shape == (1, 12, 16, 3)
    assert signatures.merge(models) == merged


def test_one_size_keeps_its_signature(plain: bytes) -> None:
    only = signatures.merge({(12, 16): plain})
    assert len(only) < len(plain)
    for picture in pictures():
        np.testing.assert_array_equal(interpret.run(only, picture), interpret.run(plain, picture))
    assert signatures.merge({(12, 16): only}) == only


def test_a_union_holds_what_either_range_holds() -> None:
    one, other = {"a": (-1.0, 2.0), "b": (0.0, 6.0)}, {"a": (-0.5, 3.0), "b": (-4.0, 1.0)}
    assert quantise.union(one, other) == {"a": (-1.0, 3.0), "b": (-4.0, 6.0)}
