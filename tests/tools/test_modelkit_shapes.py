import os

import numpy as np
import pytest
from modelkit.nodes import FLOAT, INT, by_name, needed
from tiny_graphs import Builder

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytest.importorskip("tensorflow", reason="running a graph needs TensorFlow")
activations = pytest.importorskip("modelkit.activations")
shapes = pytest.importorskip("modelkit.shapes")


def slicing(made: Builder, name: str, source: str, masks: dict[str, int], count: int) -> str:
    """Add a StridedSlice with `count` entries, each 0:0:1."""
    parts = [
        made.constant(f"{name}/{part}", np.full(count, part == "strides", np.int32))
        for part in ("begin", "end", "strides")
    ]
    attrs = {f"{kind}_mask": {"i": str(mask)} for kind, mask in masks.items()}
    return made.add(name, "StridedSlice", source, *parts, Index=INT, **attrs)


def sized_by_its_picture() -> Builder:
    """Return a graph that adds an axis to its picture and multiplies it by the picture's height."""
    made = Builder()
    byte = {"type": "DT_UINT8"}
    dimensions = {"dim": [{"size": str(size)} for size in (1, 4, 6, 3)]}
    made.add("input", "Placeholder", T=None, dtype=byte, shape={"shape": dimensions})
    made.add("float", "Cast", "input", T=None, SrcT=byte, DstT=FLOAT)
    made.add("shape", "Shape", "float", out_type=INT)
    made.constant("one", np.array(1, np.int32))
    made.constant("axis", np.array(0, np.int32))
    made.add(
        "height", "GatherV2", "shape", "one", "axis", T=None, Tparams=INT, Tindices=INT, Taxis=INT
    )
    made.add("factor", "Cast", "height", T=None, SrcT=INT, DstT=FLOAT)
    wide = slicing(made, "wide", "float", {"begin": 3, "end": 3, "new_axis": 4}, 3)
    made.add("answer", "Mul", wide, "factor")
    return made


def test_the_graph_of_one_size_computes_the_same_without_looking_at_it() -> None:
    made = sized_by_its_picture()
    picture = np.random.default_rng(0).integers(0, 256, (1, 4, 6, 3)).astype(np.uint8)
    before = activations.watch(made.nodes, made.values(), "input", ["answer"])(picture)
    nodes, tensors = shapes.fold_shapes(made.nodes, made.values(), "input", (4, 6))
    nodes, tensors = shapes.reshape_new_axes(needed(nodes, ["answer"]), tensors, "input", (4, 6))
    nodes = needed(nodes, ["answer"])
    after = activations.watch(nodes, tensors, "input", ["answer"])(picture)
    assert after["answer"].shape == (1, 4, 1, 6, 3)
    np.testing.assert_array_equal(after["answer"], before["answer"])
    assert {node["op"] for node in nodes} == {"Placeholder", "Const", "Cast", "Reshape", "Mul"}
    assert by_name(nodes)["factor"]["op"] == "Const"
    assert tensors["factor"] == 4


def test_a_slice_that_leaves_something_out_is_refused() -> None:
    made = sized_by_its_picture()
    slicing(made, "part", "float", {"begin": 1, "end": 1, "new_axis": 4}, 3)
    with pytest.raises(ValueError, match="part does not only add axes"):
        shapes.reshape_new_axes(made.nodes, made.values(), "input", (4, 6))
