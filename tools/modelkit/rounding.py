"""Weights on an 8 bit grid, chosen so that the output of the layer changes least.

Rounding each weight to the nearest step is best for the weights, not for what they compute: errors
of weights whose inputs go together add up, or can be made to cancel. For inputs x with the
covariance C the variance of the error of an output is e C e', where e is the row of weight errors
(its mean is left to the bias, see `bias_change`). Minimising that over whole steps is the problem
of AdaRound (Nagel et al., "Up or Down?", 2020) and GPTQ (Frantar et al., 2022), solved here by
coordinate descent, which for the few hundred to few thousand values of a window needs neither
gradients nor the inverse of a matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVELS = 127
"""Steps on each side of zero; the quantiser uses -127...127, so that zero is one."""

SWEEPS = 8
DAMPING = 0.05
"""Part of the mean diagonal of C that is added to it, so that little seen inputs stay near."""


def scales(rows: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Returns the step of each row, [rows, 1]: its largest value is on the last level."""
    largest = np.abs(rows).max(axis=1, keepdims=True).astype(np.float64)
    return np.asarray(np.where(largest > 0, largest, 1) / LEVELS, np.float64)


def round_rows(
    rows: NDArray[np.float32], covariance: NDArray[np.float64], sweeps: int = SWEEPS
) -> NDArray[np.float32]:
    """Rounds the rows of a weight matrix.

    The largest weight of each row keeps its level, so whoever finds the step from the largest
    weight finds the step used here.

    Args:
        rows: float32 [out, values].
        covariance: float64 [values, values], of the windows that they see.
        sweeps: How often each column is looked at, at most.

    Returns:
        float32 [out, values], each row on its grid.
    """
    step = scales(rows)
    exact = rows / step
    levels = np.rint(exact)
    damping = DAMPING * np.diagonal(covariance).mean()
    target = covariance + damping * np.eye(len(covariance))
    diagonal = np.diagonal(target)
    if damping <= 0:
        return np.asarray(levels * step, np.float32)
    fixed = np.zeros(rows.shape, bool)
    np.put_along_axis(fixed, np.abs(rows).argmax(axis=1)[:, np.newaxis], values=True, axis=1)
    pull = (levels - exact) @ target
    for _ in range(sweeps):
        changed = False
        for column, weight in enumerate(diagonal):
            # The best real value of this one level, the others being as they are.
            best = np.rint(levels[:, column] - pull[:, column] / weight)
            best = np.where(fixed[:, column], levels[:, column], np.clip(best, -LEVELS, LEVELS))
            change = best - levels[:, column]
            touched = np.flatnonzero(change)
            if touched.size:
                changed = True
                levels[touched, column] = best[touched]
                pull[touched] += change[touched, np.newaxis] * target[column]
        if not changed:
            break
    return np.asarray(levels * step, np.float32)


def bias_change(
    exact: NDArray[np.float32], rounded: NDArray[np.float32], mean: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Returns what the bias must change so that the mean output stays, [out].

    Args:
        exact: float32 [out, values], the weights before rounding.
        rounded: The same after it.
        mean: float64 [values] or [out, values], the mean of the windows.
    """
    error = rounded.astype(np.float64) - exact
    return np.asarray(-(error * mean).sum(axis=1), np.float32)
