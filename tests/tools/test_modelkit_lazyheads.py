import os

import numpy as np
import pytest
from modelkit.lazyheads import LazyHead, read_lazily
from modelkit.nodes import INT, needed
from tiny_graphs import Builder, gather_at

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Three corners, where the window reaches into the padding, and the middle.
ROWS = np.array([0, 4, 2, 0], np.int32)
COLUMNS = np.array([0, 6, 3, 6], np.int32)
CELLS = np.stack([0 * ROWS, ROWS, COLUMNS], axis=1)


def head(*, by_pair: bool = False) -> Builder:
    """Return a head of 6 channels on a map of 5x7 cells, which `read` gathers at four cells."""
    made = Builder()
    features = made.convolution("features", made.picture(5, 7), (3, 3, 3, 8))
    filtered = made.convolution("head/depthwise", features, (3, 3, 8, 1), activation="", bias=False)
    hidden = made.convolution("head/hidden", filtered, (1, 1, 8, 16), activation="Relu")
    final = made.convolution("head/final", hidden, (1, 1, 16, 6), activation="")
    if by_pair:
        shape = made.constant("pairs", np.array([5, 7, 3, 2], np.int32))
        reshaped = made.add("reshaped", "Reshape", final, shape, Tshape=INT)
        cells = np.stack([ROWS, COLUMNS, [2, 0, 1, 2]], axis=1)
        gather_at(made, "read", reshaped, cells.tolist())
    else:
        gather_at(made, "read", final, CELLS.tolist())
    made.constant("rows", ROWS)
    made.constant("columns", COLUMNS)
    return made


@pytest.mark.parametrize("pick", [(), (2, 0, 1, 2)], ids=["whole", "by pair"])
def test_the_answers_stay_the_same(pick: tuple[int, ...]) -> None:
    pytest.importorskip("tensorflow", reason="running a graph needs TensorFlow")
    from modelkit.activations import watch

    made = head(by_pair=bool(pick))
    picture = np.random.default_rng(5).uniform(-1, 1, (1, 5, 7, 3)).astype(np.float32)
    before = watch(made.nodes, made.values(), "picture", ["read"])(picture)["read"]
    nodes, tensors = read_lazily(
        made.nodes, made.values(), [LazyHead("read", "rows", "columns", pick)]
    )
    after = watch(nodes, tensors, "picture", ["read"])(picture)["read"]
    assert before.shape == ((4, 2) if pick else (4, 6))
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_the_dense_head_is_needed_no_more() -> None:
    made = head()
    nodes, _ = read_lazily(made.nodes, made.values(), [LazyHead("read", "rows", "columns")])
    operations = [node["op"] for node in needed(nodes, ["read"])]
    assert operations.count("Conv2D") == 1
    assert "DepthwiseConv2dNative" not in operations


def test_other_heads_are_refused() -> None:
    made = Builder()
    end = made.convolution("a", made.picture(5, 7), (1, 1, 3, 4), activation="")
    gather_at(made, "read", end, [[0, 0, 0]])
    with pytest.raises(ValueError, match="the head that read reads has a Placeholder for a Relu"):
        read_lazily(made.nodes, made.values(), [LazyHead("read", "rows", "columns")])
