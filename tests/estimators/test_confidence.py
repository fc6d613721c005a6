import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.estimators.confidence import probabilities

CALIBRATION = ((0.0, 0.1), (0.5, 0.9), (1.0, 1.0))


def test_between_the_points_it_is_linear() -> None:
    scores = np.array([0.0, 0.25, 0.5, 0.75, 1.0], dtype=np.float32)
    found = probabilities(scores, CALIBRATION)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0.1, 0.5, 0.9, 0.95, 1.0], rtol=1e-6)


@given(st.floats(0, 1, width=32), st.floats(0, 1, width=32))
def test_a_higher_score_is_never_less_probable(one: float, other: float) -> None:
    low, high = probabilities(np.array(sorted((one, other)), dtype=np.float32), CALIBRATION)
    assert low <= high
