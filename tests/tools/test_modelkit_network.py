import numpy as np
from modelkit import network
from modelkit.nodes import by_name
from tiny_graphs import Builder, small_network


def test_layers_are_convolutions_with_bias_and_activation() -> None:
    found = network.layers(small_network().nodes)
    assert [(layer.name, layer.source, layer.depthwise) for layer in found] == [
        ("a/Relu6", "picture", False),
        ("b/Relu6", "a/Relu6", True),
        ("c/BiasAdd", "b/Relu6", False),
        ("d/Relu6", "c/BiasAdd", False),
        ("e/BiasAdd", "d/Relu6", False),
        ("f/Relu", "resized", False),
        ("head/BiasAdd", "f/Relu", False),
    ]
    first, *_, last = found
    assert (first.weights, first.bias) == ("a/weights", "a/bias")
    assert (first.activation, first.stride, first.padding) == ("Relu6", 2, "SAME")
    # The sigmoid decodes the output, so it does not count as the layer's activation.
    assert last.activation == ""


def test_a_convolution_without_bias_gets_zeros_and_keeps_its_name() -> None:
    made = Builder()
    end = made.convolution("a", made.picture(4, 4), (1, 1, 3, 5), activation="", bias=False)
    depthwise = made.convolution("b", end, (3, 3, 5, 1), bias=False)
    nodes, tensors = network.with_biases(made.nodes, made.values())
    known = by_name(nodes)
    assert known[end]["op"] == "BiasAdd"
    assert known[depthwise]["input"] == ["b/convolution"]
    for layer in network.layers(nodes):
        np.testing.assert_array_equal(tensors[layer.bias], np.zeros(5, np.float32))
    assert network.with_biases(nodes, tensors)[0] == nodes


def test_matrix_and_kernel_undo_each_other() -> None:
    random = np.random.default_rng(0)
    convolution, depthwise = network.layers(small_network().nodes)[:2]
    for layer, shape in ((convolution, (3, 3, 4, 5)), (depthwise, (3, 3, 5, 1))):
        weights = random.normal(size=shape).astype(np.float32)
        matrix = layer.matrix(weights)
        assert len(matrix) == 5
        np.testing.assert_array_equal(matrix[2], weights.take(2, layer.out_axis).ravel())
        np.testing.assert_array_equal(layer.kernel(matrix, weights), weights)
