import base64
import copy
from typing import Any

import pytest
from modelkit.topology import unfuse, with_uint8_input

FLOAT = {"type": "DT_FLOAT"}


def fused(op: str, *ops: str) -> dict[str, Any]:
    names = [base64.b64encode(name.encode()).decode() for name in ops]
    return {
        "name": "conv/Relu6",
        "op": op,
        "input": ["x", "w", "b"],
        "attr": {
            "T": FLOAT,
            "strides": {"list": {"i": ["1", "2", "2", "1"]}},
            "data_format": {"s": "TkhXQw=="},
            "num_args": {"i": "1"},
            "epsilon": {"f": 0},
            "fused_ops": {"list": {"s": names}},
        },
    }


@pytest.mark.parametrize(
    ("op", "plain"),
    [("_FusedConv2D", "Conv2D"), ("FusedDepthwiseConv2dNative", "DepthwiseConv2dNative")],
)
def test_a_fused_convolution_becomes_a_chain_that_ends_in_its_name(op: str, plain: str) -> None:
    nodes = unfuse([fused(op, "BiasAdd", "Relu6")])
    assert [(node["name"], node["op"], node["input"]) for node in nodes] == [
        (f"conv/Relu6/{plain}", plain, ["x", "w"]),
        ("conv/Relu6/BiasAdd", "BiasAdd", [f"conv/Relu6/{plain}", "b"]),
        ("conv/Relu6", "Relu6", ["conv/Relu6/BiasAdd"]),
    ]
    assert set(nodes[0]["attr"]) == {"T", "strides", "data_format"}
    assert set(nodes[1]["attr"]) == {"T", "data_format"}
    assert nodes[2]["attr"] == {"T": FLOAT}


def test_without_an_activation_the_bias_takes_the_name() -> None:
    nodes = unfuse([fused("_FusedConv2D", "BiasAdd")])
    assert [node["name"] for node in nodes] == ["conv/Relu6/Conv2D", "conv/Relu6"]


def test_other_nodes_pass_and_the_input_is_not_changed() -> None:
    plain = {"name": "x", "op": "Placeholder", "attr": {}}
    nodes = [plain, fused("_FusedConv2D", "BiasAdd", "Relu")]
    before = copy.deepcopy(nodes)
    assert unfuse(nodes)[0] is plain
    assert nodes == before


@pytest.mark.parametrize("ops", [("FusedBatchNorm", "Relu"), ("BiasAdd", "Elu"), ()])
def test_unknown_fusions_are_refused(ops: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="conv/Relu6: cannot take apart"):
        unfuse([fused("_FusedConv2D", *ops)])


def picture_graph(reader: str) -> list[dict[str, Any]]:
    return [
        {"name": "input", "op": "Placeholder", "attr": {"dtype": {"type": "DT_INT32"}}},
        {
            "name": "first",
            "op": reader,
            "input": ["input"],
            "attr": {"SrcT": {"type": "DT_INT32"}, "DstT": FLOAT},
        },
        {"name": "other", "op": "Cast", "input": ["first"], "attr": {"SrcT": FLOAT}},
    ]


def test_the_placeholder_and_its_cast_become_uint8() -> None:
    nodes = picture_graph("Cast")
    placeholder, cast, other = with_uint8_input(nodes, "input")
    assert placeholder["attr"] == {"dtype": {"type": "DT_UINT8"}}
    assert cast["attr"] == {"SrcT": {"type": "DT_UINT8"}, "DstT": FLOAT}
    assert other is nodes[2]
    assert nodes == picture_graph("Cast")


def test_a_graph_that_computes_in_integers_is_refused() -> None:
    with pytest.raises(ValueError, match=r"first \(Mul\) reads input without a Cast"):
        with_uint8_input(picture_graph("Mul"), "input")


def test_a_missing_placeholder_is_named() -> None:
    with pytest.raises(ValueError, match="no placeholder image"):
        with_uint8_input(picture_graph("Cast"), "image")
