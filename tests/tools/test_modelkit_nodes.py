import numpy as np
import pytest
from modelkit import nodes

GRAPH = [
    nodes.constant("c", np.array([1, 2], np.int32)),
    nodes.operation("a", "Relu", ["c"]),
    nodes.operation("b", "Split", ["a:1", "^c"], T=nodes.INT, num=None),
    nodes.operation("unused", "Relu", ["a"]),
]


def test_nodes_have_the_form_of_a_node_def() -> None:
    assert GRAPH[0] == {
        "name": "c",
        "op": "Const",
        "input": [],
        "attr": {"dtype": {"type": "DT_INT32"}},
    }
    assert GRAPH[1]["attr"] == {"T": {"type": "DT_FLOAT"}}
    assert GRAPH[2]["attr"] == {"T": {"type": "DT_INT32"}}


def test_constants_of_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="float64"):
        nodes.constant("c", np.array(1.0))


def test_strings_are_base64() -> None:
    node = nodes.operation("a", "Conv2D", [], padding=nodes.text("SAME"))
    assert node["attr"]["padding"] == {"s": "U0FNRQ=="}
    assert nodes.text_of(node, "padding") == "SAME"


@pytest.mark.parametrize("source", ["a", "a:1", "^a"])
def test_producer_is_the_node_of_an_output_or_control(source: str) -> None:
    assert nodes.producer(source) == "a"


def test_replaced_puts_nodes_in_the_place_of_one() -> None:
    new = [nodes.operation("x", "Relu", ["c"]), nodes.operation("a", "Relu", ["x"])]
    assert [node["name"] for node in nodes.replaced(GRAPH, "a", new)] == [
        "c",
        "x",
        "a",
        "b",
        "unused",
    ]
    with pytest.raises(ValueError, match="no node z"):
        nodes.replaced(GRAPH, "z", new)


def test_only_what_an_output_needs_is_kept() -> None:
    assert [node["name"] for node in nodes.needed(GRAPH, ["b:0"])] == ["c", "a", "b"]
    with pytest.raises(ValueError, match="no node z"):
        nodes.needed(GRAPH, ["z"])
