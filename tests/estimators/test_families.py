from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from helpers import FakeRuntime
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.config.schema import ModelSettings
from pose_edge.errors import ModelError
from pose_edge.estimators import ModelFamily, load_estimator, movenet, multipose, posenet
from pose_edge.estimators.multi_person import MultiPersonEstimator
from pose_edge.estimators.single_person import SinglePersonEstimator
from pose_edge.runtimes import INPUT_TYPES
from pose_edge.zoo.registry import ModelFile, Tensor

MODEL = ModelFile("own", Path("folder/own.tflite"))

MOVENET = [(1, 1, 17, 3)]
MULTIPOSE = [(1, 6, 56)]
POSENET = [(1, 17, 17, 17), (1, 17, 17, 34), (1, 17, 17, 32), (1, 17, 17, 32)]
POSENET_257 = [(1, 9, 9, 17), (1, 9, 9, 34), (1, 9, 9, 64), (1, 9, 9, 1)]
FAMILIES: tuple[ModelFamily, ...] = (movenet, multipose, posenet)
SQUARE, WIDE, TALL = (1, 192, 192, 3), (1, 192, 320, 3), (1, 320, 192, 3)


def runtime(
    outputs: Sequence[tuple[int, ...]],
    shape: tuple[int, ...] = SQUARE,
    dtype: str = "uint8",
    output_dtype: str = "float32",
) -> FakeRuntime:
    tensors = [Tensor.model_validate({"shape": o, "dtype": output_dtype}) for o in outputs]
    fake = FakeRuntime()
    fake.input = Tensor.model_validate({"shape": shape, "dtype": dtype})
    fake.outputs = tuple(tensors)
    return fake


@pytest.mark.parametrize("dtype", INPUT_TYPES)
@pytest.mark.parametrize(
    ("outputs", "shape", "family"),
    [
        (MOVENET, SQUARE, movenet),
        (MOVENET, WIDE, movenet),
        (MULTIPOSE, SQUARE, multipose),
        (MULTIPOSE, WIDE, multipose),
        (MULTIPOSE, TALL, multipose),
        (POSENET, SQUARE, posenet),
        (POSENET, WIDE, posenet),
        (POSENET_257, (1, 257, 257, 3), posenet),
        (POSENET_257[::-1], (1, 257, 257, 3), posenet),
    ],
)
def test_every_family_is_recognised(
    outputs: list[tuple[int, ...]], shape: tuple[int, ...], family: ModelFamily, dtype: str
) -> None:
    fake = runtime(outputs, shape, dtype)
    assert [one for one in FAMILIES if one.matches(fake)] == [family]
    load_estimator(MODEL, fake, ModelSettings())


@pytest.mark.parametrize(
    ("outputs", "shape", "dtype", "output_dtype"),
    [
        (MOVENET, (1, 192, 192, 1), "uint8", "float32"),
        (MOVENET, (1, 3, 192, 192), "uint8", "float32"),
        (MOVENET, (2, 192, 192, 3), "uint8", "float32"),
        (MOVENET, (192, 192, 3), "uint8", "float32"),
        (MOVENET, (1, 1, 1, 3), "uint8", "float32"),
        (MOVENET, (), "uint8", "float32"),
        (MOVENET, SQUARE, "uint8", "uint8"),
        (MOVENET, SQUARE, "uint8", "int8"),
        (MOVENET * 2, SQUARE, "uint8", "float32"),
        ([(1, 1, 17, 2)], SQUARE, "uint8", "float32"),
        ([(1, 1, 33, 3)], SQUARE, "uint8", "float32"),
        ([(1, 17, 3)], SQUARE, "uint8", "float32"),
        ([(1, 7, 56)], SQUARE, "uint8", "float32"),
        ([(1, 6, 51)], SQUARE, "uint8", "float32"),
        (MULTIPOSE, (1, 1, 1, 3), "uint8", "float32"),
        (MULTIPOSE, SQUARE, "uint8", "uint8"),
        (POSENET[:2], SQUARE, "uint8", "float32"),
        (POSENET, SQUARE, "uint8", "uint8"),
        ([(1, 1001)], (1, 224, 224, 3), "uint8", "float32"),
        ([], SQUARE, "uint8", "float32"),
    ],
)
def test_everything_else_is_refused_with_expected_and_found_in_one_line(
    outputs: list[tuple[int, ...]], shape: tuple[int, ...], dtype: str, output_dtype: str
) -> None:
    fake = runtime(outputs, shape, dtype, output_dtype)
    with pytest.raises(ModelError) as error:
        load_estimator(MODEL, fake, ModelSettings())
    message = str(error.value)
    assert "\n" not in message
    assert "folder/own.tflite" in message
    expected, _, found = message.partition("; found ")
    for word in ("expected one input", "MoveNet", "MultiPose", "PoseNet"):
        assert word in expected
    assert str(fake.input) in found
    for output in fake.outputs:
        assert str(output) in found
    if not outputs:
        assert "outputs none" in found
    assert error.value.exit_status == 3


SHAPES = st.lists(st.sampled_from([0, 1, 2, 3, 6, 17, 32, 34, 56, 64]), max_size=5).map(tuple)


@given(
    st.lists(st.one_of(SHAPES, st.sampled_from(MOVENET + MULTIPOSE + POSENET)), max_size=5),
    st.one_of(SHAPES, st.sampled_from([SQUARE, WIDE])),
    st.sampled_from(["uint8", "int8", "int32", "float32"]),
)
def test_any_file_is_read_or_refused_never_a_crash(
    outputs: list[tuple[int, ...]], shape: tuple[int, ...], dtype: str
) -> None:
    fake = runtime(outputs, shape, dtype)
    estimator = None
    with suppress(ModelError):
        estimator = load_estimator(MODEL, fake, ModelSettings())
    if estimator is not None:
        assert len(shape) == 4
        assert shape[3] == 3


@pytest.mark.parametrize(
    ("outputs", "people", "kind"),
    [
        (MOVENET, 6, SinglePersonEstimator),
        (MULTIPOSE, 6, MultiPersonEstimator),
        (MULTIPOSE, 1, MultiPersonEstimator),
        (POSENET, 6, MultiPersonEstimator),
        (POSENET, 1, SinglePersonEstimator),
    ],
)
def test_each_family_has_its_estimator(
    outputs: list[tuple[int, ...]], people: int, kind: type
) -> None:
    estimator = load_estimator(MODEL, runtime(outputs), ModelSettings(max_people=people))
    assert type(estimator) is kind


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_has_a_score_below_which_there_is_no_person(family: ModelFamily) -> None:
    assert 0 < family.MIN_POSE_SCORE < 1
