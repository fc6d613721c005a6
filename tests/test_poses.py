from __future__ import annotations

import json

import numpy as np
import pytest
from helpers import make_result, person, pose
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from shared import shared_dir

from pose_edge.poses import KEYPOINT_COUNT, SKELETON, Keypoint, box_of

KEYPOINTS = hnp.arrays(
    np.float32,
    (17, 3),
    elements=st.floats(-1, 2, width=32),
)


def test_the_keypoints_are_those_of_coco() -> None:
    """COCO's own annotation files list these names, in this order."""
    annotations = json.loads(shared_dir("data", "coco", "single_person.json").read_text())
    (category,) = [c for c in annotations["categories"] if c["name"] == "person"]
    assert [keypoint.name.lower() for keypoint in Keypoint] == category["keypoints"]


def test_the_keypoints_are_numbered_from_nose_to_ankle() -> None:
    assert KEYPOINT_COUNT == 17
    assert [int(keypoint) for keypoint in Keypoint] == list(range(17))
    assert (Keypoint.NOSE, Keypoint.LEFT_SHOULDER, Keypoint.RIGHT_ANKLE) == (0, 5, 16)


def test_the_skeleton_joins_what_belongs_together() -> None:
    expected = "0-1 0-2 1-3 2-4 5-7 7-9 6-8 8-10 5-6 5-11 6-12 11-12 11-13 13-15 12-14 14-16"
    assert " ".join(f"{int(a)}-{int(b)}" for a, b in SKELETON) == expected
    for a, b in SKELETON:  # only shoulders and hips join left and right
        sides = {a.name.split("_")[0], b.name.split("_")[0]} & {"LEFT", "RIGHT"}
        joints = {a.name.split("_")[-1], b.name.split("_")[-1]}
        assert len(sides) == 1 or joints in ({"SHOULDER"}, {"HIP"})


@given(KEYPOINTS, st.floats(0.0625, 1, width=32))
def test_a_box_is_tight_around_what_counts_and_within_the_frame(
    keypoints: NDArray[np.float32], min_score: float
) -> None:
    x0, y0, x1, y1 = box_of(keypoints, min_score)
    assert 0 <= x0 <= x1 <= 1
    assert 0 <= y0 <= y1 <= 1
    counting = [(float(x), float(y)) for x, y, score in keypoints if score >= min_score]
    if counting:
        xs = [min(max(x, 0.0), 1.0) for x, _ in counting]
        ys = [min(max(y, 0.0), 1.0) for _, y in counting]
        assert (x0, y0, x1, y1) == (min(xs), min(ys), max(xs), max(ys))
    else:
        assert (x0, y0, x1, y1) == (0, 0, 0, 0)


def test_junk_does_not_stretch_the_box() -> None:
    keypoints = person(scores={Keypoint.LEFT_WRIST: 0.05}, places={Keypoint.LEFT_WRIST: (1, 1)})
    assert box_of(keypoints, 0.2) == pytest.approx((0.42, 0.19, 0.57, 0.8))


def test_a_result_gives_its_frame_back() -> None:
    result = make_result()
    assert result.frame is result.lease.frame
    result.release()
    result.release()
    with pytest.raises(RuntimeError, match="released"):
        _ = result.frame


def test_a_keypoint_of_a_pose_is_found_by_its_name() -> None:
    one = pose(person(0.75, scores={Keypoint.NOSE: 0.5}))
    x, y, score = nose = one[Keypoint.NOSE]
    assert nose == pytest.approx((0.5, 0.2, 0.5))
    assert (x, y, score) == (nose.x, nose.y, nose.score)
    assert [type(value) for value in nose] == [float] * 3
    assert one[16] == one[Keypoint.RIGHT_ANKLE]
    with pytest.raises(IndexError):
        _ = one[17]


def test_pixels_are_those_of_the_picture() -> None:
    one = pose(person(places={Keypoint.NOSE: (0.25, 0.5), Keypoint.LEFT_EYE: (1.0, 0.0)}))
    pixels = one.pixels(1280, 720)
    assert pixels.shape == (17, 2)
    assert pixels.dtype == np.float32
    assert pixels[Keypoint.NOSE].tolist() == [320, 360]
    assert pixels[Keypoint.LEFT_EYE].tolist() == [1280, 0]
