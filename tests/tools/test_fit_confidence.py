import fit_confidence
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.estimators.confidence import probabilities


def test_the_fit_finds_the_probabilities_that_made_the_samples() -> None:
    rng = np.random.default_rng(0)
    true = ((0.0, 0.1), (0.1, 0.2), (0.2, 0.5), (0.3, 0.7), (0.4, 0.9), (0.5, 0.95), (0.7, 1.0))
    scores = rng.random(40_000)
    rights = rng.random(40_000) < probabilities(scores.astype(np.float32), true)
    fitted = fit_confidence.fit(scores, rights)
    at = np.linspace(0, 0.7, 50, dtype=np.float32)
    assert np.abs(probabilities(at, fitted) - probabilities(at, true)).max() < 0.05
    assert fit_confidence.reliability(scores, rights, fitted) < 0.02


def test_scores_taken_for_probabilities_have_an_error() -> None:
    scores = np.full(100, 0.3)
    rights = np.arange(100) < 75
    assert fit_confidence.reliability(scores, rights, ((0.0, 0.0), (1.0, 1.0))) == pytest.approx(
        0.45, abs=1e-6
    )


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_the_fit_rises_within_0_and_1(samples: list[tuple[float, bool]]) -> None:
    scores, rights = (np.array(part) for part in zip(*samples, strict=True))
    values = [right for _, right in fit_confidence.fit(scores, rights)]
    assert values == sorted(values)
    assert values[0] >= 0.0
    assert values[-1] <= 1.0
