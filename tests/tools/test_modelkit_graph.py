import base64
import os
from typing import Any

import numpy as np
import pytest
from modelkit.topology import unfuse, with_uint8_input

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf = pytest.importorskip("tensorflow", reason="converting needs TensorFlow")
interpret = pytest.importorskip("modelkit.interpret", reason="running a model needs LiteRT")
graph = pytest.importorskip("modelkit.graph")
tflite = pytest.importorskip("modelkit.tflite")

pytestmark = pytest.mark.filterwarnings("default")  # TensorFlow's own code triggers warnings

FLOAT = {"type": "DT_FLOAT"}
NODES: list[dict[str, Any]] = [
    {
        "name": "input",
        "op": "Placeholder",
        "attr": {
            "dtype": {"type": "DT_INT32"},
            "shape": {"shape": {"dim": [{"size": size} for size in ("1", "4", "4", "1")]}},
        },
    },
    {
        "name": "cast",
        "op": "Cast",
        "input": ["input"],
        "attr": {"SrcT": {"type": "DT_INT32"}, "DstT": FLOAT},
    },
    {"name": "w", "op": "Const", "attr": {"dtype": FLOAT}},
    {"name": "b", "op": "Const", "attr": {"dtype": FLOAT}},
    {
        "name": "conv",
        "op": "_FusedConv2D",
        "input": ["cast", "w", "b"],
        "attr": {
            "T": FLOAT,
            "strides": {"list": {"i": ["1", "1", "1", "1"]}},
            "padding": {"s": base64.b64encode(b"VALID").decode()},
            "num_args": {"i": "1"},
            "fused_ops": {
                "list": {"s": [base64.b64encode(op).decode() for op in (b"BiasAdd", b"Relu6")]}
            },
        },
    },
    {"name": "Identity", "op": "Identity", "input": ["conv"], "attr": {"T": FLOAT}},
    {"name": "unused", "op": "Identity", "input": ["cast"], "attr": {"T": FLOAT}},
]
WEIGHTS = {
    "w": np.array([[0.5, 0], [0, -0.25]], np.float32).reshape(2, 2, 1, 1),
    "b": np.array([1.5], np.float32),
}


def converted() -> bytes:
    nodes = with_uint8_input(unfuse(NODES), "input")
    function = graph.to_function(
        graph.to_graph_def(nodes, WEIGHTS), "input:0", {"output_0": "Identity:0"}
    )
    model: bytes = tflite.convert_fp16(function)
    return model


def test_a_graph_becomes_a_model_that_computes_the_same() -> None:
    model = converted()
    assert interpret.signature(model) == (((1, 4, 4, 1), "uint8"), ((1, 3, 3, 1), "float32"))
    picture = np.arange(0, 32, 2, dtype=np.uint8).reshape(1, 4, 4, 1)
    plain = picture[0, :, :, 0].astype(np.float32)
    expected = np.clip(0.5 * plain[:-1, :-1] - 0.25 * plain[1:, 1:] + 1.5, 0, 6)
    np.testing.assert_allclose(interpret.run(model, picture)[0, :, :, 0], expected, atol=1e-6)


def test_converting_twice_gives_the_same_bytes() -> None:
    assert converted() == converted()


def test_constants_need_a_weight_of_their_type() -> None:
    with pytest.raises(ValueError, match="no weight for constant b"):
        graph.to_graph_def(unfuse(NODES), {"w": WEIGHTS["w"]})
    with pytest.raises(ValueError, match=r"constant b: .* another type"):
        graph.to_graph_def(unfuse(NODES), {**WEIGHTS, "b": np.array([1], np.int32)})
