"""Rounds weights to an 8-bit grid so that the output of the layer changes least.

Rounding each weight to the nearest step minimises the errors of the weights, not of the output:
errors of weights with correlated inputs add up, but can be chosen to cancel. For inputs x with the
covariance C, the variance of an output's error is e C e', where e is the row of weight errors. (The
mean of the error is corrected in the bias, see `bias_change`.) Minimising this over integer steps
is the problem of AdaRound (Nagel et al., "Up or Down?", 2020) and GPTQ (Frantar et al., 2022). Here
it is solved by coordinate descent. For the few hundred to few thousand values of a window, that
needs neither gradients nor a matrix inverse.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVELS = 127
"""Number of steps on each side of zero: the quantiser uses -127...127, which is symmetric."""

SWEEPS = 8
"""Largest number of passes of the coordinate descent over all columns."""
DAMPING = 0.05
"""Fraction of C's mean diagonal that is added to the diagonal. It keeps weights of inputs with
little variance near their exact values."""


def scales(rows: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the step of each row, float64 [rows, 1]: its largest weight divided by `LEVELS`."""
    largest = np.abs(rows).max(axis=1, keepdims=True).astype(np.float64)
    return np.asarray(np.where(largest > 0, largest, 1) / LEVELS, np.float64)


def round_rows(
    rows: NDArray[np.float32], covariance: NDArray[np.float64], sweeps: int = SWEEPS
) -> NDArray[np.float32]:
    """Round the rows of a weight matrix.

    The largest weight of each row keeps its level, so that the quantiser, which derives the step
    from the largest weight, finds the step used here.

    Args:
        rows: float32 [out, values], the weights.
        covariance: float64 [values, values], covariance of the input windows.
        sweeps: Largest number of passes over all columns.

    Returns:
        float32 [out, values], the weights rounded to multiples of each row's step.
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
            # The best value of this level while all other levels are fixed.
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
    """Return the change of the bias that keeps the mean output unchanged, float32 [out].

    Args:
        exact: float32 [out, values], the weights before rounding.
        rounded: float32 [out, values], the weights after rounding.
        mean: float64 [values] or [out, values], the mean of the windows.
    """
    error = rounded.astype(np.float64) - exact
    return np.asarray(-(error * mean).sum(axis=1), np.float32)
