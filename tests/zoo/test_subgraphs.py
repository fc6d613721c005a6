from __future__ import annotations

import itertools

import numpy as np
import pytest

from pose_edge.util import resources
from pose_edge.zoo.registry import Zoo
from pose_edge.zoo.subgraphs import keep_sizes

Interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter
NAME = "movenet-multipose-int8"
SIZES = list(Zoo().entries[NAME].sizes)
CONTENT = (resources.models_dir() / f"{NAME}.tflite").read_bytes()


def keys(sizes: list[tuple[int, int]]) -> list[str]:
    return [f"h{height}_w{width}" for height, width in sizes]


@pytest.mark.parametrize("sizes", [SIZES[:1], SIZES[1:2], SIZES[2:], SIZES[::2]], ids=str)
def test_the_graphs_that_stay_answer_as_before(sizes: list[tuple[int, int]]) -> None:
    whole = Interpreter(model_content=CONTENT, num_threads=1)
    part = Interpreter(model_content=keep_sizes(CONTENT, sizes), num_threads=1)
    assert list(part.get_signature_list()) == keys(sizes)
    for key, size in zip(keys(sizes), sizes, strict=True):
        picture = np.random.default_rng(0).integers(0, 256, (1, *size, 3)).astype(np.uint8)
        (expected,) = whole.get_signature_runner(key)(input=picture).values()
        (found,) = part.get_signature_runner(key)(input=picture).values()
        np.testing.assert_array_equal(found, expected)


def test_all_sizes_change_nothing() -> None:
    for sizes in itertools.islice(itertools.permutations(SIZES), 3):
        assert keep_sizes(CONTENT, sizes) is CONTENT


def test_a_size_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="the file has no graph h32_w64"):
        keep_sizes(CONTENT, [SIZES[0], (32, 64)])
