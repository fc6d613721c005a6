import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelkit import golden
from numpy.typing import NDArray

NAMES = ("nose", "left_eye", "right_eye")


@pytest.fixture
def case() -> golden.Case:
    points = np.array([[0.1, 0.2], [0.3, 0.4], [-1, -1]], np.float32)
    return golden.Case(Path("t.jpg"), NAMES, points, np.array([0.9, 0.5, 0.3], np.float32))


TOLERANCE = 0.001


def answer(*rows: tuple[float, float, float]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(1, -1, 3)


def test_the_answer_is_y_x_and_unsure_keypoints_do_not_count(case: golden.Case) -> None:
    result = golden.compare(case, answer((0.2, 0.1, 0.8), (0.4, 0.3005, 0.5), (0, 0, 0)))
    assert result.within(TOLERANCE)
    assert not result.within(result.distance / 2)
    assert (result.compared, result.keypoint) == (2, "left_eye")
    assert result.distance == pytest.approx(0.0005, abs=1e-6)
    assert result.score == pytest.approx(0.1, abs=1e-6)


def test_swapped_axes_disagree(case: golden.Case) -> None:
    assert not golden.compare(case, answer((0.1, 0.2, 0.9), (0.3, 0.4, 0.5), (0, 0, 0))).within(
        TOLERANCE
    )


def test_an_ignored_keypoint_may_be_anywhere(case: golden.Case) -> None:
    wrong = answer((0.2, 0.1, 0.9), (0.9, 0.9, 0.5), (0, 0, 0))
    assert not golden.compare(case, wrong).within(TOLERANCE)
    assert golden.compare(case, wrong, ["left_eye"]).within(TOLERANCE)


def test_not_a_number_disagrees(case: golden.Case) -> None:
    nan = float("nan")
    assert not golden.compare(case, answer((nan, 0.1, 0.9), (0.4, 0.3, 0.5), (0, 0, 0))).within(
        TOLERANCE
    )


def test_nothing_compared_is_no_agreement(case: golden.Case) -> None:
    result = golden.compare(case, answer((0.2, 0.1, 0.9), (0.4, 0.3, 0.5), (0, 0, 0)), NAMES)
    assert (result.compared, result.within(1)) == (0, False)


def test_pictures_become_rgb_and_are_stretched(tmp_path: Path) -> None:
    picture = np.zeros((4, 8, 3), np.uint8)
    picture[:, :4] = (255, 0, 0)  # OpenCV writes BGR: the left half is blue
    cv2.imwrite(str(tmp_path / "t.png"), picture)
    square = golden.load_input(tmp_path / "t.png", 16)
    assert (square.shape, square.dtype.name) == ((16, 16, 3), "uint8")
    assert square[8, 2].tolist() == [0, 0, 255]
    assert square[8, 13].tolist() == [0, 0, 0]
    with pytest.raises(golden.GoldenError, match="cannot read"):
        golden.load_input(tmp_path / "gone.png", 16)


def test_cases_are_found_by_model_and_picture(tmp_path: Path) -> None:
    record = {
        "model": "m",
        "image": "t.jpg",
        "keypoints": [[[0.5, 0.5]], [[0.1, 0.2]]],
        "scores": [[0.7], [0.6]],
    }
    data = {"keypoint_names": ["nose"], "cases": [{**record, "image": "s.jpg"}, record]}
    (tmp_path / "golden.json").write_text(json.dumps(data))
    cases = golden.load_cases(tmp_path, "m", "t.jpg")
    assert len(cases) == 2
    assert cases[1].points == pytest.approx(np.array([[0.1, 0.2]]))
    assert (cases[0].image, cases[0].names) == (tmp_path / "t.jpg", ("nose",))
    with pytest.raises(golden.GoldenError, match=r"no case for n on t\.jpg"):
        golden.load_cases(tmp_path, "n", "t.jpg")


def test_the_person_that_is_most_like_the_golden_one_is_compared(case: golden.Case) -> None:
    other = answer((0.8, 0.9, 0.9), (0.8, 0.9, 0.9), (0, 0, 0))
    right = answer((0.2, 0.1, 0.9), (0.4, 0.3, 0.5), (0, 0, 0))
    assert golden.compare(case, np.concatenate([other, right])).within(TOLERANCE)
    assert not golden.compare(case, other).within(TOLERANCE)


def test_persons_of_both_kinds_of_models() -> None:
    single = np.zeros((1, 1, 17, 3), np.float32)
    several = np.arange(6 * 56, dtype=np.float32).reshape(1, 6, 56)
    assert golden.poses(single).shape == (1, 17, 3)
    found = golden.poses(several)
    assert found.shape == (6, 17, 3)
    assert found[1, 0].tolist() == [56, 57, 58]


@given(
    edge=st.sampled_from([192, 256]),
    size=st.tuples(*[st.sampled_from(range(96, 353, 32))] * 2),
    low=st.tuples(*[st.floats(0, 0.9)] * 2),
    spread=st.tuples(*[st.floats(0, 0.9)] * 2),
)
def test_a_window_shows_the_people_and_leads_back_to_the_square(
    edge: int, size: tuple[int, int], low: tuple[float, float], spread: tuple[float, float]
) -> None:
    points = np.array([low, np.minimum(np.add(low, spread), 1)], np.float32)
    case = golden.Case(Path(), NAMES[:2], points, np.ones(2, np.float32))
    window = golden.window([case], edge, size)
    if window is None:
        # No window fits if the keypoints nearly fill a side that is shorter than the square's.
        extent = (points.max(axis=0) - points.min(axis=0))[::-1] * edge
        near_edge = (points.min(axis=0) * edge < 16).any() | (points.max(axis=0) * edge > edge - 16)
        small = np.array(size) < edge
        assert (small & (extent + 2 * 16 + 32 > size)).any() or (small.any() and near_edge.any())
        return
    assert window.top % 32 == window.left % 32 == 0
    column, row = np.indices((edge, edge))[::-1]
    square = np.stack([row, column, 0 * row + 1], axis=-1).astype(np.uint8)
    part = window.cut(square)
    assert part.shape == (1, *size, 3)
    for x, y in points:
        inside = ((y * edge - window.top) / size[0], (x * edge - window.left) / size[1], 0.5)
        assert 0 <= inside[0] <= 1
        assert 0 <= inside[1] <= 1
        back = window.outwards(np.array([[inside]], np.float32))[0, 0]
        np.testing.assert_allclose(back, (y, x, 0.5), atol=1e-5)
    # The first pixel is the window's corner; outside the square the window is black.
    assert part[0, 0, 0].tolist() == [window.top, window.left, 1]
    assert part[0, edge:, :].sum() == part[0, :, edge:].sum() == 0
