"""Pictures that tests draw on."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

GREEN = (0, 128, 0)

SIZES = st.tuples(st.integers(1, 300), st.integers(1, 300))
"""Hypothesis strategy for the size of a small picture."""

EXTREME = st.one_of(
    st.floats(-2, 3, width=32),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -1e30, 3e38]),
)
"""Hypothesis strategy for coordinates, some of them far outside or not finite."""


def ground(width: int, height: int) -> Picture:
    """Return a green picture."""
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = GREEN
    return canvas


def framed(width: int, height: int) -> tuple[Picture, Picture]:
    """Return a canvas that is a part (view) of a larger picture, and the larger picture."""
    whole = np.full((height + 8, width + 8, 3), 77, np.uint8)
    return whole[4:-4, 4:-4], whole


def untouched_outside(whole: Picture) -> bool:
    """Return whether nothing was drawn outside of the canvas of `framed`."""
    inside = np.zeros(whole.shape[:2], bool)
    inside[4:-4, 4:-4] = True
    return bool((whole[~inside] == 77).all())
