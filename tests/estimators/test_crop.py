"""The place and shape of crops, and when a crop is kept."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from helpers import person
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pose_edge.estimators.crop import (
    BODY_RULE,
    BORDER,
    HIPS_RULE,
    LEAST_SIDE,
    MARGIN,
    SHAPE_SLACK,
    Crop,
    fit_crop,
    region_around,
    rule_for,
    settled_crop,
    size_of,
    square_around,
    square_around_hips,
    torso_visible,
    whole_frame,
)
from pose_edge.poses import FloatArray, Keypoint
from pose_edge.runtimes import InputSize

MIN_SCORE = float(np.float32(0.2))
"""float32 like the scores, so that comparisons do not depend on numpy's type promotion."""

WIDTHS = st.integers(16, 4000)
COORDINATES = st.floats(-0.5, 1.5, width=32)
SCORES = st.one_of(st.floats(0, 1, width=32), st.sampled_from([0.0, 0.19921875, 0.203125, 1.0]))
KEYPOINTS = st.builds(
    lambda xy, scores: np.column_stack([xy, scores]).astype(np.float32),
    hnp.arrays(np.float32, (17, 2), elements=COORDINATES),
    hnp.arrays(np.float32, 17, elements=SCORES),
)
PERSONS = st.builds(
    lambda x, y, scale, score: person(score, centre=(x, y), scale=scale),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.floats(0.05, 1.5),
    st.floats(0.25, 1.0),
)
ANYBODY = st.one_of(KEYPOINTS, PERSONS)
SEVERAL: list[InputSize] = [(192, 192), (224, 160), (160, 224), (288, 128), (128, 288)]
SETS_OF_SIZES = st.one_of(
    st.just(SEVERAL),
    st.sampled_from([[(192, 192)], [(256, 256)], [(96, 160)]]),
    st.lists(st.tuples(st.integers(1, 16), st.integers(1, 16)), min_size=1, max_size=5).map(
        lambda sizes: [(32 * height, 32 * width) for height, width in sizes]
    ),
)
EDGES = st.floats(1, 2000)
CROPS = st.builds(Crop, st.floats(-2000, 2000), st.floats(-2000, 2000), EDGES, EDGES)


def holds(crop: Crop, x: float, y: float) -> bool:
    across = crop.left - 0.01 <= x <= crop.left + crop.width + 0.01
    return across and crop.top - 0.01 <= y <= crop.top + crop.height + 0.01


# --- the region of a person -----------------------------------------------------------------------


def reference(keypoints: FloatArray, width: int, height: int) -> Crop:
    """Return the region, computed with arrays instead of plain numbers."""
    points = keypoints[:, :2].astype(np.float64) * (width, height)
    shoulders_and_hips = [5, 6, 11, 12]
    counting = keypoints[:, 2] >= MIN_SCORE
    counting[shoulders_and_hips] = True
    low, high = points[counting].min(axis=0), points[counting].max(axis=0)
    torso = points[shoulders_and_hips]
    reach = np.abs(torso - torso[2:].mean(axis=0)).max()
    side = np.maximum(MARGIN * (high - low), LEAST_SIDE * reach)
    middle, beyond = (low + high) / 2, BORDER * side
    low = np.maximum(middle - side / 2, -beyond)
    high = np.minimum(middle + side / 2, beyond + np.array((width, height)))
    if (high - low < 1).any():
        return whole_frame(width, height)
    return Crop(*low.tolist(), *(high - low).tolist())


@given(ANYBODY, WIDTHS, WIDTHS)
def test_the_region_of_a_person(keypoints: FloatArray, width: int, height: int) -> None:
    region = region_around(keypoints, width, height, MIN_SCORE)
    if not torso_visible(keypoints, MIN_SCORE):
        assert region == whole_frame(width, height)
        return
    expected = reference(keypoints, width, height)
    if expected == whole_frame(width, height) != region:
        return  # at the limit rounding errors decide
    found = (region.left, region.top, region.width, region.height)
    assert found == pytest.approx(
        (expected.left, expected.top, expected.width, expected.height), abs=1e-3
    )


@given(ANYBODY, WIDTHS, WIDTHS)
def test_a_region_reaches_hardly_beyond_the_frame(
    keypoints: FloatArray, width: int, height: int
) -> None:
    region = region_around(keypoints, width, height, MIN_SCORE)
    assert min(region.width, region.height) >= 1
    for begin, length, limit in (
        (region.left, region.width, width),
        (region.top, region.height, height),
    ):
        # BORDER refers to the uncut side: only an overlap with the frame is certain.
        assert begin >= 0 or begin + length > 0
        assert begin + length <= limit or begin < limit


@pytest.mark.parametrize(
    "hidden",
    [
        (Keypoint.LEFT_SHOULDER, Keypoint.RIGHT_SHOULDER),
        (Keypoint.LEFT_HIP, Keypoint.RIGHT_HIP),
    ],
)
def test_without_a_torso_the_whole_frame_is_looked_at(hidden: tuple[Keypoint, Keypoint]) -> None:
    keypoints, whole = person(scale=0.3), whole_frame(640, 480)
    assert region_around(keypoints, 640, 480, MIN_SCORE) != whole
    keypoints[list(hidden), 2] = 0.2  # not visible: the score must be above the threshold
    assert not torso_visible(keypoints, MIN_SCORE)
    assert region_around(keypoints, 640, 480, MIN_SCORE) == whole
    keypoints[hidden[1], 2] = 0.21  # one visible hip or shoulder is enough
    assert torso_visible(keypoints, MIN_SCORE)
    assert region_around(keypoints, 640, 480, MIN_SCORE) != whole


@pytest.mark.parametrize(
    ("keypoint", "place"),
    [
        (Keypoint.LEFT_WRIST, (0.75, 0.42)),
        (Keypoint.RIGHT_WRIST, (0.25, 0.42)),
        (Keypoint.LEFT_ANKLE, (0.5, 0.78)),
        (Keypoint.LEFT_WRIST, (0.55, 0.22)),
    ],
)
def test_spread_arms_and_legs_have_room(keypoint: Keypoint, place: tuple[float, float]) -> None:
    """TensorFlow's sample for the Raspberry Pi ignores wrists, so it would fail this test."""
    x, y = place
    keypoints = person(scale=0.3, places={keypoint: place})
    region = region_around(keypoints, 1280, 720, MIN_SCORE)
    assert region != whole_frame(1280, 720)
    assert holds(region, x * 1280, y * 720)
    distances = [x * 1280 - region.left, y * 720 - region.top]
    distances += [region.width - distances[0], region.height - distances[1]]
    assert min(distances) > 20


def test_junk_does_not_stretch_the_region() -> None:
    unsure = {Keypoint.LEFT_WRIST: 0.19}
    plain = person(scale=0.3, scores=unsure)
    junk = person(scale=0.3, scores=unsure, places={Keypoint.LEFT_WRIST: (1, 1)})
    found = [region_around(one, 1280, 720, MIN_SCORE) for one in (plain, junk)]
    assert found[0] == found[1] != whole_frame(1280, 720)


def test_who_is_seen_from_the_side_has_room() -> None:
    thin = person(scale=0.5)
    thin[:, 0] = 0.5
    region = region_around(thin, 1280, 720, MIN_SCORE)
    torso = abs(float(thin[Keypoint.LEFT_SHOULDER, 1] - thin[Keypoint.LEFT_HIP, 1])) * 720
    assert region.width == pytest.approx(LEAST_SIDE * torso)
    assert region.left + region.width / 2 == pytest.approx(640)


def test_who_is_cut_off_by_the_edge_gets_some_black_beside_them() -> None:
    region = region_around(person(scale=1.0, centre=(0.5, 0.98)), 640, 480, MIN_SCORE)
    below = region.top + region.height - 480
    assert 0.05 * region.height < below < 0.2 * region.height


@pytest.mark.parametrize("centre", [(0.5, 0.5), (-2.0, 0.5), (0.5, 3.0)])
def test_a_person_shrunk_to_a_point_or_beside_the_picture_gives_the_whole_frame(
    centre: tuple[float, float],
) -> None:
    nowhere = person(scale=0.0 if centre == (0.5, 0.5) else 0.3, centre=centre)
    assert region_around(nowhere, 640, 480, MIN_SCORE) == whole_frame(640, 480)


# --- the square around the hips -------------------------------------------------------------------


def hips_reference(keypoints: FloatArray, width: int, height: int) -> Crop:
    """Return the square by the rules of tfjs, joint by joint in plain Python."""
    points = [(float(x) * width, float(y) * height, float(s)) for x, y, s in keypoints]
    shoulders, hips = points[5:7], points[11:13]
    cx = (hips[0][0] + hips[1][0]) / 2
    cy = (hips[0][1] + hips[1][1]) / 2
    torso_x = max(abs(x - cx) for x, _, _ in shoulders + hips)
    torso_y = max(abs(y - cy) for _, y, _ in shoulders + hips)
    body_x = max(abs(x - cx) for x, _, s in points if s >= MIN_SCORE)
    body_y = max(abs(y - cy) for _, y, s in points if s >= MIN_SCORE)
    half = max(1.9 * torso_x, 1.9 * torso_y, 1.2 * body_x, 1.2 * body_y)
    half = min(half, max(cx, width - cx, cy, height - cy))
    if half > max(width, height) / 2 or half < 1:
        return whole_frame(width, height)
    return Crop.square(cx - half, cy - half, 2 * half)


@given(ANYBODY, WIDTHS, WIDTHS)
def test_the_formula_of_the_square(keypoints: FloatArray, width: int, height: int) -> None:
    region = square_around_hips(keypoints, width, height, MIN_SCORE)
    whole = whole_frame(width, height)
    if not torso_visible(keypoints, MIN_SCORE):
        assert region == whole
        return
    expected = hips_reference(keypoints, width, height)
    if (region == whole) != (expected == whole):
        return  # at the limit rounding errors decide
    assert (region.left, region.top, region.size) == pytest.approx(
        (expected.left, expected.top, expected.size), rel=1e-6, abs=1e-3
    )


@given(ANYBODY, WIDTHS, WIDTHS)
def test_the_square_holds_every_keypoint_that_counts(
    keypoints: FloatArray, width: int, height: int
) -> None:
    crop = fit_crop(square_around_hips(keypoints, width, height, MIN_SCORE), [(192, 192)])
    for x, y, score in keypoints.tolist():
        if score >= MIN_SCORE and 0 <= x <= 1 and 0 <= y <= 1:
            assert holds(crop, x * width, y * height)


def test_who_fills_the_picture_gets_no_square() -> None:
    whole = whole_frame(640, 640)
    assert square_around_hips(person(scale=1.6), 640, 640, MIN_SCORE) == whole
    assert square_around_hips(person(scale=0.0), 640, 640, MIN_SCORE) == whole


def test_square_inputs_have_the_rule_of_their_own() -> None:
    assert rule_for([(192, 192)]) == rule_for([(192, 192), (256, 256)]) == HIPS_RULE
    assert rule_for([(192, 192), (224, 160)]) == rule_for([(96, 160)]) == BODY_RULE


# --- the shape ------------------------------------------------------------------------------------


def test_of_shapes_that_show_a_frame_as_large_the_one_with_less_padding_is_taken() -> None:
    wide, wider = (224, 288), (192, 320)  # one input pixel spans 2.222 or 2.224 pixels of the frame
    for sizes in ([wide, wider], [wider, wide]):
        assert size_of(fit_crop(whole_frame(640, 427), sizes), sizes) == wider


@given(CROPS, SETS_OF_SIZES, st.one_of(st.none(), CROPS))
def test_a_crop_is_the_smallest_of_its_shape_around_the_region(
    region: Crop, sizes: list[InputSize], held: Crop | None
) -> None:
    crop = fit_crop(region, sizes, held)
    size = size_of(crop, sizes)
    assert size is not None
    assert crop.width / crop.height == pytest.approx(size[1] / size[0])
    assert crop.centre == pytest.approx(region.centre, abs=1e-6)
    wider, higher = crop.width / region.width, crop.height / region.height
    assert min(wider, higher) == pytest.approx(1)


@given(CROPS, SETS_OF_SIZES)
def test_no_other_size_shows_the_region_larger(region: Crop, sizes: list[InputSize]) -> None:
    crop = fit_crop(region, sizes)
    size = size_of(crop, sizes)
    assert size is not None
    shrunk_by = crop.width / size[1]
    assert all(shrunk_by <= region.shaped(one).width / one[1] + 1e-6 for one in sizes)


@given(CROPS, SETS_OF_SIZES)
def test_a_crop_that_fits_is_left_as_it_is(region: Crop, sizes: list[InputSize]) -> None:
    crop = fit_crop(region, sizes)
    again = fit_crop(crop, sizes, crop)
    assert size_of(again, sizes) == size_of(crop, sizes)
    assert (again.left, again.top) == pytest.approx((crop.left, crop.top), abs=1e-6)
    assert (again.width, again.height) == pytest.approx((crop.width, crop.height))


@given(CROPS, CROPS, SETS_OF_SIZES)
def test_another_shape_must_be_clearly_better(
    region: Crop, before: Crop, sizes: list[InputSize]
) -> None:
    held = fit_crop(before, sizes)
    crop = fit_crop(region, sizes, held)
    kept, chosen = size_of(held, sizes), size_of(crop, sizes)
    assert kept is not None
    assert chosen is not None
    gain = (region.shaped(kept).width / kept[1]) / (region.shaped(chosen).width / chosen[1])
    assert kept == chosen or gain > SHAPE_SLACK - 1e-9


@given(ANYBODY, WIDTHS, WIDTHS, SETS_OF_SIZES)
def test_a_crop_holds_every_keypoint_that_counts(
    keypoints: FloatArray, width: int, height: int, sizes: list[InputSize]
) -> None:
    crop = fit_crop(region_around(keypoints, width, height, MIN_SCORE), sizes)
    for x, y, score in keypoints.tolist():
        if score >= MIN_SCORE and 0 <= x <= 1 and 0 <= y <= 1:
            assert holds(crop, x * width, y * height)


@pytest.mark.parametrize(
    ("frame", "size"),
    [
        ((1280, 720), (128, 288)),
        ((640, 480), (160, 224)),
        ((500, 500), (192, 192)),
        ((480, 640), (224, 160)),
        ((720, 1280), (288, 128)),
    ],
)
def test_a_whole_frame_takes_the_size_that_suits_it(
    frame: tuple[int, int], size: InputSize
) -> None:
    crop = fit_crop(whole_frame(*frame), SEVERAL)
    assert size_of(crop, SEVERAL) == size
    assert crop.centre == pytest.approx((frame[0] / 2, frame[1] / 2))


@given(WIDTHS, WIDTHS)
def test_a_square_input_gets_the_frame_in_a_square(width: int, height: int) -> None:
    crop = fit_crop(whole_frame(width, height), [(192, 192)])
    edge = max(width, height)
    assert crop == Crop.square((width - edge) / 2, (height - edge) / 2, edge)


def test_of_two_sizes_of_one_shape_the_larger_is_taken() -> None:
    sizes: list[InputSize] = [(192, 192), (256, 256), (128, 64)]
    crop = fit_crop(whole_frame(100, 100), sizes)
    assert size_of(crop, sizes) == (256, 256)
    assert size_of(Crop(0, 0, 3, 2), sizes) is None


def test_a_shaped_crop_is_the_smallest_around_it() -> None:
    assert Crop(10.0, 20.0, 100.0, 100.0).shaped((1, 2)) == Crop(-40.0, 20.0, 200.0, 100.0)
    assert Crop(10.0, 20.0, 100.0, 100.0).shaped((2, 1)) == Crop(10.0, -30.0, 100.0, 200.0)
    assert Crop(10.0, 20.0, 200.0, 100.0).shaped((96, 192)) == Crop(10.0, 20.0, 200.0, 100.0)


# --- from frame to frame --------------------------------------------------------------------------


def followed(bodies: list[FloatArray], width: int, height: int) -> list[Crop]:
    """Return, for each frame, the crop with which a person is followed."""
    held = fit_crop(region_around(bodies[0], width, height, MIN_SCORE), SEVERAL)
    crops = [held]
    for body in bodies[1:]:
        wanted = fit_crop(region_around(body, width, height, MIN_SCORE), SEVERAL, held)
        held = settled_crop(held, wanted)
        crops.append(held)
    return crops


FRAMES = st.tuples(st.integers(200, 4000), st.integers(200, 4000))
SEEDS = st.integers(0, 2**32 - 1)


@given(PERSONS, st.floats(0.3, 3.0), FRAMES, SEEDS)
def test_who_breathes_changes_the_shape_once_at_most(
    body: FloatArray, breadth: float, frame: tuple[int, int], seed: int
) -> None:
    random = np.random.default_rng(seed)
    middle = body[:, :2].mean(axis=0)
    bodies = []
    for _ in range(30):
        breath = body.copy()
        stretch = random.uniform(0.95, 1.05, 2) * (breadth, 1)
        breath[:, :2] = (body[:, :2] - middle) * stretch + middle
        bodies.append(breath)
    shapes = [size_of(crop, SEVERAL) for crop in followed(bodies, *frame)]
    assert sum(one != two for one, two in itertools.pairwise(shapes)) <= 1


@given(PERSONS, FRAMES, SEEDS)
def test_a_still_person_is_seen_through_one_crop(
    body: FloatArray, frame: tuple[int, int], seed: int
) -> None:
    """The joints are jittered, like a model's answers for a still scene."""
    random = np.random.default_rng(seed)
    extent = np.ptp(body[:, :2], axis=0).min()
    bodies = [body]
    for _ in range(20):
        shaken = body.copy()
        shaken[:, :2] += random.uniform(-0.01, 0.01, (17, 2)) * extent
        bodies.append(shaken)
    assume(all(region_around(one, *frame, MIN_SCORE) != whole_frame(*frame) for one in bodies))
    assert len(set(followed(bodies, *frame))) == 1


@given(st.floats(0.1, 0.5), FRAMES, SEEDS)
def test_who_walks_stays_in_the_crop_although_it_lags_behind(
    scale: float, frame: tuple[int, int], seed: int
) -> None:
    random = np.random.default_rng(seed)
    places = 0.5 + np.cumsum(random.uniform(-0.02, 0.02, (30, 2)), axis=0).clip(-0.15, 0.15)
    bodies = [person(scale=scale, centre=(x, y)) for x, y in places.tolist()]
    for body, crop in zip(bodies, followed(bodies, *frame), strict=True):
        for x, y, _ in body.tolist():
            assert holds(crop, x * frame[0], y * frame[1])


PARTS = st.floats(-0.06, 0.06)


@given(st.floats(1, 2000), st.floats(1, 2000), PARTS, PARTS, PARTS)
def test_a_crop_of_any_shape_rests_while_little_changes(
    width: float, height: float, across: float, down: float, growth: float
) -> None:
    held = Crop(100.0, 50.0, width, height)
    x, y = held.centre
    wide, high = width * (1 + growth), height * (1 + growth)
    wanted = Crop(x + across * wide - wide / 2, y + down * high - high / 2, wide, high)
    assert settled_crop(held, wanted) == held


@pytest.mark.parametrize(
    "wanted",
    [
        Crop(16, 0, 200, 100),
        Crop(0, 9, 200, 100),
        Crop(0, 0, 220, 100),
        Crop(0, 0, 200, 110),
        Crop(8, 4, 180, 90),
    ],
)
def test_a_crop_that_is_off_is_replaced_at_once(wanted: Crop) -> None:
    assert settled_crop(Crop(0, 0, 200, 100), wanted) == wanted


# --- plain geometry -------------------------------------------------------------------------------


def test_the_square_around_a_box() -> None:
    assert square_around((0.25, 0.25, 0.75, 0.5), 640, 480) == Crop.square(160, 20, 320)
    assert square_around((0.5, 0.5, 0.5, 0.5), 640, 480) == Crop.square(319.5, 239.5, 1)


def test_the_size_of_a_crop_is_that_of_a_square_with_its_area() -> None:
    assert Crop(5, 5, 400, 100).size == Crop.square(0, 0, 200).size == 200


def test_normalised() -> None:
    assert Crop.square(64, -48, 320).normalised(640, 480) == pytest.approx(
        (0.1, -0.1, 0.6, 272 / 480)
    )
