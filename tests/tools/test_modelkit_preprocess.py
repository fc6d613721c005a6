import numpy as np
import pytest
from modelkit.nodes import by_name, needed
from modelkit.preprocess import with_picture_input
from tiny_graphs import Builder


def network() -> Builder:
    made = Builder()
    made.convolution("first", made.picture(6, 8), (3, 3, 3, 4), stride=2)
    return made


def test_a_byte_means_what_it_meant_except_at_the_edge() -> None:
    pytest.importorskip("tensorflow", reason="running a graph needs TensorFlow")
    from modelkit.activations import watch

    made = network()
    picture = np.random.default_rng(0).integers(0, 256, (1, 6, 8, 3)).astype(np.uint8)
    expected = watch(made.nodes, made.values(), "picture", ["first/Relu6"])(
        (picture * np.float32(2 / 255) - 1).astype(np.float32)
    )["first/Relu6"]
    nodes, tensors = with_picture_input(made.nodes, made.values(), "picture", (6, 8), "input")
    nodes = needed(nodes, ["first/Relu6"])
    found = watch(nodes, tensors, "input", ["first/Relu6"])(picture)["first/Relu6"]
    np.testing.assert_allclose(found[:, :-1, :-1], expected[:, :-1, :-1], atol=1e-5)
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_the_first_convolution_reads_whole_numbers_from_minus_128_to_127() -> None:
    made = network()
    nodes, tensors = with_picture_input(made.nodes, made.values(), "picture", (6, 8), "input")
    known = by_name(nodes)
    assert known["input"]["attr"]["dtype"] == {"type": "DT_UINT8"}
    assert known["picture"]["op"] == "Sub"
    assert known["picture"]["input"] == ["input/float", "input/zero"]
    assert tensors["input/zero"] == 128
    np.testing.assert_allclose(
        tensors["first/weights"], made.values()["first/weights"] * np.float32(2 / 255)
    )


def test_an_old_placeholder_of_the_same_name_goes() -> None:
    made = Builder()
    scaled = made.add("scaled", "Relu", made.picture(6, 8, "input"))
    made.convolution("first", scaled, (3, 3, 3, 4))
    nodes, _ = with_picture_input(made.nodes, made.values(), "scaled", (6, 8), "input")
    assert [node["op"] for node in nodes if node["name"] == "input"] == ["Placeholder"]


def test_only_a_convolution_with_bias_can_take_the_rest() -> None:
    made = Builder()
    made.add("other", "Relu", made.picture(6, 8))
    with pytest.raises(ValueError, match="picture is read by"):
        with_picture_input(made.nodes, made.values(), "picture", (6, 8), "input")
    made = Builder()
    made.convolution("first", made.picture(6, 8), (3, 3, 3, 4), bias=False)
    with pytest.raises(ValueError, match="has no bias"):
        with_picture_input(made.nodes, made.values(), "picture", (6, 8), "input")
