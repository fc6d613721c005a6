from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
from clips import demo_frames
from helpers import FakeRuntime, make_frame, noise, person
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from pose_edge.config.schema import ModelSettings, Settings
from pose_edge.estimators import load_estimator
from pose_edge.estimators.multi_person import MultiPersonEstimator
from pose_edge.estimators.posenet import (
    EDGES,
    MAX_PEOPLE,
    SAME_PLACE,
    HeatMaps,
    decode_multi_person,
    decode_single_person,
    matches,
    read_outputs,
)
from pose_edge.estimators.single_person import SinglePersonEstimator
from pose_edge.poses import SKELETON, FloatArray, Keypoint
from pose_edge.runtimes import AnyArray, load_runtime
from pose_edge.zoo.registry import ModelFile, Tensor, Zoo

MODEL = "posenet-mobilenet"
SIZE, CELLS, STRIDE = 257, 17, 16.0
SURE, NOTHING = 4.0, -8.0
"""Logits of a cell with a keypoint, and of a cell without one."""

Outputs = list[FloatArray]
Doubles = NDArray[np.float64]


def maps_of(
    *persons: FloatArray,
    logits: Sequence[float] | None = None,
    cells: int = CELLS,
    stride: float = STRIDE,
    joined: bool = False,
) -> Outputs:
    """Return the outputs of a perfect PoseNet for some persons.

    Args:
        persons: float32 (17, 3) as x, y, score; x and y in 0...1 of the input; keypoints with
            score 0 are not in the heat maps.
        logits: Logit of each person's keypoints; SURE if not given.
        cells: Number of rows, and of columns, of the maps.
        stride: Distance between cells in pixels.
        joined: Whether both displacements come as one output of 64 channels.
    """
    size = (cells - 1) * stride + 1
    heat = np.full((cells, cells, 17), NOTHING, dtype=np.float32)
    offsets = np.zeros((cells, cells, 34), dtype=np.float32)
    forward = np.zeros((cells, cells, 32), dtype=np.float32)
    backward = np.zeros((cells, cells, 32), dtype=np.float32)
    rows, columns = np.indices((cells, cells)) * stride
    # Pixels as y, x; the centres of pixels have integer coordinates.
    places = [p[:, [1, 0]].astype(np.float64) * size - 0.5 for p in persons]
    far = np.stack([_distance(p, rows, columns) for p in places])
    for keypoint in range(17):
        nearest = far[:, :, :, keypoint].argmin(axis=0)  # each cell points to the nearest person
        place = np.stack([p[keypoint] for p in places])[nearest]
        offsets[:, :, keypoint] = place[:, :, 0] - rows
        offsets[:, :, keypoint + 17] = place[:, :, 1] - columns
    for edge, (parent, child) in enumerate(EDGES):
        for displacements, start, end in ((forward, parent, child), (backward, child, parent)):
            nearest = far[:, :, :, start].argmin(axis=0)
            step = np.stack([p[end] - p[start] for p in places])[nearest]
            displacements[:, :, edge], displacements[:, :, edge + 16] = step[:, :, 0], step[:, :, 1]
    for index, (keypoints, place) in enumerate(zip(persons, places, strict=True)):
        for keypoint in range(17):
            if keypoints[keypoint, 2] > 0:
                row, column = np.rint(place[keypoint] / stride).astype(int).clip(0, cells - 1)
                sure = SURE if logits is None else logits[index]
                heat[row, column, keypoint] = max(heat[row, column, keypoint], sure)
    together = [np.concatenate([forward, backward], axis=2)] if joined else [forward, backward]
    return [array[np.newaxis] for array in (heat, offsets, *together)]


def _distance(places: Doubles, rows: Doubles, columns: Doubles) -> Doubles:
    y = rows[:, :, np.newaxis] - places[:, 0]
    x = columns[:, :, np.newaxis] - places[:, 1]
    return np.asarray(np.hypot(y, x), dtype=np.float64)


def probability(logit: float) -> float:
    return 1 / (1 + float(np.exp(-logit)))


one = partial(decode_single_person, height=SIZE, width=SIZE)
several = partial(decode_multi_person, height=SIZE, width=SIZE)

ALONE = person(1.0, centre=(0.5, 0.5))
LEFT, RIGHT = (person(1.0, centre=(x, 0.5), scale=0.9) for x in (0.25, 0.75))
PLACES = st.tuples(st.floats(0.3, 0.7), st.floats(0.45, 0.6))


# --- one person -----------------------------------------------------------------------------------


@given(PLACES, st.floats(0.3, 1.0))
def test_a_known_person_is_where_they_are(centre: tuple[float, float], scale: float) -> None:
    who = person(1.0, centre=centre, scale=scale)
    keypoints = one(maps_of(who))
    assert keypoints.dtype == np.float32
    assert keypoints[:, :2] == pytest.approx(who[:, :2], abs=1e-5)
    assert keypoints[:, 2] == pytest.approx(np.full(17, probability(SURE)), abs=1e-6)


def test_the_surest_cell_wins() -> None:
    keypoints = one(maps_of(LEFT, RIGHT, logits=[1.0, 3.0]))
    assert keypoints[:, :2] == pytest.approx(RIGHT[:, :2], abs=1e-5)
    assert keypoints[:, 2] == pytest.approx(np.full(17, probability(3.0)), abs=1e-6)


def test_two_people_are_not_mixed_into_one() -> None:
    outputs = maps_of(LEFT, RIGHT, logits=[2.0, 3.0])
    heat = outputs[0][0, :, :, Keypoint.NOSE]
    heat[:, : CELLS // 2][heat[:, : CELLS // 2] > 0] = 5.0  # the surest nose is LEFT's
    assert one(outputs)[:, :2] == pytest.approx(RIGHT[:, :2], abs=1e-5)


def test_somebody_too_faint_for_a_root_is_worth_a_closer_look() -> None:
    keypoints = one(maps_of(ALONE, logits=[-1.0]))
    assert keypoints[:, :2] == pytest.approx(ALONE[:, :2], abs=1e-5)
    assert keypoints[:, 2].max() < 0.5


@pytest.mark.parametrize(
    ("pixels", "cells", "stride", "first"),
    [(257, 17, 16, 0), (256, 16, 16, 15), (225, 15, 16, 0), (224, 14, 16, 15), (256, 8, 32, 31)],
)
def test_where_the_first_cell_looks(pixels: int, cells: int, stride: int, first: int) -> None:
    outputs = [np.zeros((1, cells, cells, n), dtype=np.float32) for n in (17, 34, 32, 32)]
    maps = read_outputs(outputs, pixels, pixels)
    assert maps.stride == stride
    assert maps.place((0, 0), 0).tolist() == [first, first]
    assert maps.cell(np.array([first, first + stride], dtype=np.float32)) == (0, 1)


def test_heat_maps_are_logits() -> None:
    outputs = maps_of(ALONE, logits=[0.0])
    assert one(outputs)[:, 2] == pytest.approx(np.full(17, 0.5))


def test_an_empty_picture_has_low_scores() -> None:
    outputs = maps_of(ALONE)
    outputs[0][:] = NOTHING
    assert one(outputs)[:, 2].max() < 0.001
    assert several(outputs) == []


@pytest.mark.parametrize(
    ("size", "cells", "stride"), [(257, 17, 16), (257, 9, 32), (257, 33, 8), (353, 23, 16)]
)
def test_the_stride_is_read_from_the_shape(size: int, cells: int, stride: float) -> None:
    outputs = maps_of(ALONE, cells=cells, stride=stride)
    assert read_outputs(outputs, size, size).stride == stride
    keypoints = decode_single_person(outputs, size, size)
    assert keypoints[:, :2] == pytest.approx(ALONE[:, :2], abs=1e-5)
    ((walked, _),) = decode_multi_person(outputs, size, size)
    assert walked[:, :2] == pytest.approx(ALONE[:, :2], abs=1e-5)


def test_an_input_that_is_not_square() -> None:
    """353 x 481 pixels give 23 x 31 cells; x counts along the width."""
    heat = np.full((1, 23, 31, 17), NOTHING, dtype=np.float32)
    heat[0, 11, 25] = SURE
    outputs = [
        heat,
        np.zeros((1, 23, 31, 34), dtype=np.float32),
        np.zeros((1, 23, 31, 64), dtype=np.float32),
    ]
    keypoints = decode_single_person(outputs, 353, 481)
    assert keypoints[0, :2] == pytest.approx([(25 * 16 + 0.5) / 481, (11 * 16 + 0.5) / 353])


# --- several --------------------------------------------------------------------------------------


@hypothesis_settings(deadline=None)
@given(PLACES, st.floats(0.4, 1.0), st.integers(0, 16))
def test_the_whole_body_is_walked_from_any_keypoint(
    centre: tuple[float, float], scale: float, root: int
) -> None:
    who = person(1.0, centre=centre, scale=scale)
    outputs = maps_of(who)
    heat = outputs[0][0]
    heat[:, :, root] += 2 * (heat[:, :, root] > NOTHING)
    persons = several(outputs)
    assert len(persons) == 1
    keypoints, score = persons[0]
    assert keypoints[:, :2] == pytest.approx(who[:, :2], abs=1e-4)
    mean = (16 * probability(SURE) + probability(SURE + 2)) / 17
    assert score == pytest.approx(mean, abs=1e-4)
    assert keypoints[:, 2].mean() == pytest.approx(mean, abs=1e-4)


def test_two_persons_are_told_apart() -> None:
    persons = several(maps_of(LEFT, RIGHT, logits=[2.0, 4.0]))
    assert len(persons) == 2
    for (keypoints, score), who, logit in zip(persons, (RIGHT, LEFT), (4.0, 2.0), strict=True):
        assert keypoints[:, :2] == pytest.approx(who[:, :2], abs=1e-4)
        assert score == pytest.approx(probability(logit), abs=1e-4)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7])
def test_as_many_as_there_are_up_to_the_limit(count: int) -> None:
    everybody = [
        person(1.0, centre=(0.1 + 0.8 * n / max(count - 1, 1), 0.5), scale=0.4)
        for n in range(count)
    ]
    persons = several(maps_of(*everybody))
    assert len(persons) == min(count, MAX_PEOPLE)
    hips = [float(keypoints[11, 0]) for keypoints, _ in persons]
    assert all(abs(a - b) > 0.05 for a, b in itertools.combinations(hips, 2))


def test_one_person_who_is_seen_twice_is_not_doubled() -> None:
    """Peaks two cells beside the true ones do not give a second person.

    Their offsets and displacements lead to the same body.
    """
    outputs = maps_of(ALONE)
    heat = outputs[0][0]
    for keypoint in range(17):
        row, column = np.argwhere(heat[:, :, keypoint] > NOTHING)[0]
        heat[row, max(column - 2, 0), keypoint] = SURE - 1
        heat[min(row + 2, CELLS - 1), column, keypoint] = SURE - 2
    persons = several(outputs)
    assert len(persons) == 1
    assert persons[0][0][:, :2] == pytest.approx(ALONE[:, :2], abs=1e-4)


def test_a_wrong_second_walk_over_the_same_body_scores_low() -> None:
    """A false peak that leads to a known person's keypoints gets no score for them."""
    outputs = maps_of(ALONE)
    outputs[0][0, 1, 1, Keypoint.LEFT_WRIST] = SURE - 1
    outputs[1][0, 1, 1, [Keypoint.LEFT_WRIST, Keypoint.LEFT_WRIST + 17]] = 0
    (_, first), *others = several(outputs)
    assert first == pytest.approx(probability(SURE), abs=1e-4)
    for _, score in others:
        assert score < 0.1


def test_hidden_keypoints_are_placed_but_not_sure() -> None:
    hidden = ALONE.copy()
    hidden[[Keypoint.LEFT_ANKLE, Keypoint.RIGHT_WRIST], 2] = 0
    ((keypoints, score),) = several(maps_of(hidden))
    assert keypoints[:, :2] == pytest.approx(ALONE[:, :2], abs=1e-4)
    assert keypoints[[Keypoint.LEFT_ANKLE, Keypoint.RIGHT_WRIST], 2].max() < 0.001
    assert score == pytest.approx(15 / 17 * probability(SURE), abs=1e-3)


def test_a_weak_cell_is_no_root() -> None:
    assert several(maps_of(ALONE, logits=[-0.01])) == []
    assert len(several(maps_of(ALONE, logits=[0.01]))) == 1


def test_persons_nearer_than_the_same_place_are_one() -> None:
    near, apart = (
        person(1.0, centre=(0.5 + shift / SIZE, 0.5)) for shift in (SAME_PLACE - 4, SAME_PLACE + 14)
    )
    assert len(several(maps_of(ALONE, near, logits=[4.0, 3.0]))) == 1
    assert len(several(maps_of(ALONE, apart, logits=[4.0, 3.0]))) == 2


def test_the_edges_reach_every_keypoint_from_the_nose() -> None:
    known = {Keypoint.NOSE}
    for parent, child in EDGES:
        assert parent in known, "parents come before their children"
        assert child not in known
        known.add(child)
    assert known == set(Keypoint)
    limbs = {frozenset(pair) for pair in SKELETON}
    assert sum(frozenset(pair) in limbs for pair in EDGES) == 14


# --- outputs in any form --------------------------------------------------------------------------


def test_the_order_of_the_outputs_does_not_matter() -> None:
    heat, offsets, forward, backward = maps_of(LEFT, RIGHT, logits=[2.0, 4.0])
    expected = several([heat, offsets, forward, backward])
    for order in itertools.permutations(range(4)):
        outputs = [(heat, offsets, forward, backward)[i] for i in order]
        if order.index(2) > order.index(3):
            continue  # of the two of equal shape, forward comes first
        for (found, score), (true, true_score) in zip(several(outputs), expected, strict=True):
            assert (found == true).all()
            assert score == true_score


def test_displacements_in_one_output_or_two() -> None:
    apart = maps_of(LEFT, RIGHT, logits=[2.0, 4.0])
    together = maps_of(LEFT, RIGHT, logits=[2.0, 4.0], joined=True)
    segments = np.zeros((1, CELLS, CELLS, 1), dtype=np.float32)
    for outputs in (together, together[::-1], [segments, *together]):
        for (found, score), (true, true_score) in zip(
            several(outputs), several(apart), strict=True
        ):
            assert (found == true).all()
            assert score == true_score


def shape(channels: int, rows: int = 9, columns: int = 9, batch: int = 1) -> tuple[int, ...]:
    return (batch, rows, columns, channels)


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([shape(17), shape(34), shape(32), shape(32)], True),
        ([shape(32), shape(34), shape(32), shape(17)], True),
        ([shape(17), shape(34), shape(64)], True),
        ([shape(17), shape(34), shape(64), shape(1)], True),
        ([shape(64), shape(1), shape(17), shape(34)], True),
        ([shape(17, 23, 31), shape(34, 23, 31), shape(64, 23, 31)], True),
        ([], False),
        ([shape(17)], False),
        ([shape(17), shape(34)], False),
        ([shape(17), shape(34), shape(32)], False),
        ([shape(17), shape(34), shape(32), shape(32), shape(32)], False),
        ([shape(17), shape(34), shape(64), shape(64)], False),
        ([shape(17), shape(34), shape(64), shape(2)], False),
        ([shape(17), shape(34), shape(64, 17, 17)], False),
        ([shape(17), shape(34), shape(64, 9, 8)], False),
        ([shape(17, batch=2), shape(34, batch=2), shape(64, batch=2)], False),
        ([shape(17, 1, 1), shape(34, 1, 1), shape(64, 1, 1)], False),
        ([(9, 9, 17), (9, 9, 34), (9, 9, 64)], False),
        ([(1, 1, 17, 3)], False),
        ([(1, 6, 56)], False),
    ],
)
def test_the_layout(shapes: list[tuple[int, ...]], expected: bool) -> None:
    runtime = FakeRuntime()
    runtime.outputs = tuple(Tensor(shape=shape, dtype="float32") for shape in shapes)
    assert matches(runtime) is expected


# --- invalid numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("output", [0, 1, 2, 3])
def test_what_is_no_number_does_not_travel_on(bad: float, output: int) -> None:
    outputs = maps_of(ALONE)
    outputs[output][:] = bad
    found = [one(outputs), *(keypoints for keypoints, _ in several(outputs))]
    for keypoints in found:
        assert np.isfinite(keypoints).all()
        assert keypoints[:, 2].min() >= 0
        assert keypoints[:, 2].max() <= 1


def test_a_score_that_is_no_number_is_nobody() -> None:
    outputs = maps_of(ALONE)
    outputs[0][:] = np.nan
    assert several(outputs) == []
    assert one(outputs)[:, 2].max() < 1e-6


def test_one_bad_cell_does_not_spoil_the_others() -> None:
    outputs = maps_of(ALONE)
    outputs[0][0, 0, 0] = np.nan
    outputs[1][0, 0, 0] = np.nan
    outputs[2][0, 0, 0] = np.nan
    assert one(outputs)[:, :2] == pytest.approx(ALONE[:, :2], abs=1e-5)
    assert several(outputs)[0][0][:, :2] == pytest.approx(ALONE[:, :2], abs=1e-4)


NUMBERS = st.one_of(
    st.floats(-30, 30, width=32),
    st.floats(width=32),
    st.sampled_from([np.nan, np.inf, -np.inf, 2.0**127, -(2.0**127)]),
)


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float32, (1, 3, 3, 17), elements=NUMBERS),
    hnp.arrays(np.float32, (1, 3, 3, 34), elements=NUMBERS),
    hnp.arrays(np.float32, (1, 3, 3, 64), elements=NUMBERS),
)
def test_whatever_a_model_answers_is_made_sane(
    heat: FloatArray, offsets: FloatArray, displacements: FloatArray
) -> None:
    outputs = [heat, offsets, displacements]
    found = decode_multi_person(outputs, 33, 33)
    assert len(found) <= MAX_PEOPLE
    for keypoints, score in [*found, (decode_single_person(outputs, 33, 33), 0.0)]:
        assert np.isfinite(keypoints).all()
        assert keypoints[:, 2].min() >= 0
        assert keypoints[:, 2].max() <= 1
        assert 0 <= score <= 1


def test_the_nearest_cell_of_a_place_outside_is_on_the_border() -> None:
    maps = HeatMaps(
        np.zeros((3, 4, 17), dtype=np.float32),
        np.zeros((3, 4, 34), dtype=np.float32),
        np.zeros((3, 4, 32), dtype=np.float32),
        np.zeros((3, 4, 32), dtype=np.float32),
        stride=16,
        origin=np.zeros(2, dtype=np.float32),
    )
    for place, cell in (
        ((0, 0), (0, 0)),
        ((7.9, 8.1), (0, 1)),
        ((-500, 500), (0, 3)),
        ((1e30, -1e30), (2, 0)),
        ((np.nan, np.inf), (0, 3)),
    ):
        assert maps.cell(np.array(place, dtype=np.float32)) == cell


# --- as an estimator ------------------------------------------------------------------------------

OUTPUTS = tuple(Tensor(shape=(1, 17, 17, n), dtype="float32") for n in (17, 34, 32, 32))


class Fixed(FakeRuntime):
    """A PoseNet whose outputs are always the same."""

    def __init__(self, outputs: Outputs) -> None:
        super().__init__(size=SIZE, outputs=OUTPUTS)
        self.given = outputs

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        assert tensor.shape == self.input.shape
        return list(self.given)


def test_one_person_or_several_as_the_settings_say() -> None:
    model = ModelFile("own", Zoo().folder / "own.tflite")
    frame = make_frame(noise(300, 300))
    runtime = Fixed(maps_of(LEFT, RIGHT, logits=[2.0, 4.0]))
    estimator = load_estimator(model, runtime, ModelSettings())
    assert isinstance(estimator, MultiPersonEstimator)
    poses = estimator.estimate(frame).poses
    assert [round(float(pose.keypoints[11, 0]), 2) for pose in poses] == [0.78, 0.28]
    estimator = load_estimator(model, runtime, ModelSettings(max_people=1, second_look=False))
    assert isinstance(estimator, SinglePersonEstimator)
    (pose,) = estimator.estimate(frame).poses
    assert pose.keypoints[:, :2] == pytest.approx(RIGHT[:, :2], abs=1e-4)


@pytest.fixture(scope="module")
def real() -> ModelFile:
    zoo = Zoo()
    if MODEL not in zoo.entries:
        pytest.skip(f"{MODEL} is not among the models that ship")
    return zoo.find(MODEL)


@pytest.mark.parametrize("people", [1, 6])
def test_the_walker_of_the_demo_clip(real: ModelFile, people: int) -> None:
    settings = ModelSettings(threads=2, max_people=people)
    estimator = load_estimator(real, load_runtime(real, Settings(model=settings)), settings)
    (image,) = demo_frames(range(120, 121))
    (pose,) = estimator.estimate(make_frame(image)).poses
    # By eye, in pixels of 1280x720; the woman is 270 pixels tall.
    seen = {
        Keypoint.NOSE: (580, 399),
        Keypoint.LEFT_SHOULDER: (615, 429),
        Keypoint.RIGHT_SHOULDER: (598, 434),
        Keypoint.LEFT_HIP: (598, 520),
        Keypoint.RIGHT_HIP: (595, 518),
        Keypoint.LEFT_KNEE: (560, 586),
        Keypoint.RIGHT_ANKLE: (671, 643),
    }
    pixels = pose.keypoints[:, :2] * (1280, 720)
    difference = [float(np.hypot(*(pixels[k] - place))) for k, place in seen.items()]
    assert float(np.median(difference)) < 50  # of 1280; a cell spans 80 pixels of the frame
    assert pose.keypoints[list(seen), 2].mean() > 0.5
