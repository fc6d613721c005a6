"""Adapts the decoder of single-person MoveNet to pictures of any height and width.

The network is fully convolutional and takes any size. But the published decoder of its output (a
CenterNet, Zhou et al., "Objects as Points", 2019) has the size of its square input folded into
constants. Each function here computes one of these constants for a map of any size. The published
constants are the same, rounded to float16 (a test compares them).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .nodes import Tensors

STRIDE = 4
"""Stride of the decoded map: pixels of the picture per cell."""

MULTIPLE = 32
"""Stride of the coarsest map, pixels per cell; heights and widths must be multiples of it."""

SOFTENING = 1.8
"""Cells added to a distance before a score is divided by it, which avoids a division by zero."""

_CALL = "StatefulPartitionedCall"
_BODY = f"{_CALL}/center_net_mobile_net_v2fpn_feature_extractor/model_1"


def centre_weights(rows: int, columns: int) -> NDArray[np.float32]:
    """Return the weight of the centre score of each cell, float32 [rows, columns, 1].

    The weight 1 / (distance from the middle + `SOFTENING`) favours the person nearest to the
    middle.
    """
    y = np.arange(rows)[:, np.newaxis] - rows / 2
    x = np.arange(columns)[np.newaxis] - columns / 2
    return (1 / (np.hypot(y, x) + SOFTENING))[..., np.newaxis].astype(np.float32)


def row_numbers(rows: int, columns: int) -> NDArray[np.float32]:
    """Return the row of each cell, float32 [rows, columns, 1]."""
    return np.tile(np.arange(rows, dtype=np.float32)[:, np.newaxis, np.newaxis], (1, columns, 1))


def column_numbers(rows: int, columns: int) -> NDArray[np.float32]:
    """Return the column of each cell, float32 [rows, columns, 1]."""
    return np.tile(np.arange(columns, dtype=np.float32)[:, np.newaxis], (rows, 1, 1))


def row_length(columns: int) -> NDArray[np.int32]:
    """Return the divisor that splits a cell's flat index into row and column (the remainder)."""
    return np.array(columns, np.int32)


def cell_size(rows: int, columns: int) -> NDArray[np.float32]:
    """Return height and width of a cell as fractions of the picture, float32 [1, 1, 1, 2]."""
    return np.array([[[[1 / rows, 1 / columns]]]], np.float32)


def level_size(height: int, width: int, stride: int) -> NDArray[np.int32]:
    """Return rows and columns of the feature pyramid's level with this stride, int32 [2]."""
    return np.array([height // stride, width // stride], np.int32)


def constants(size: tuple[int, int]) -> dict[str, NDArray[np.float32] | NDArray[np.int32]]:
    """Return the size-dependent constants of the published graph, by name.

    Args:
        size: Height and width of the picture in pixels.

    Raises:
        ValueError: Height or width is not a multiple of `MULTIPLE`, so that the levels of the
            feature pyramid would not fit each other.
    """
    height, width = size
    if height % MULTIPLE or width % MULTIPLE:
        raise ValueError(f"{height}x{width}: height and width must be multiples of {MULTIPLE}")
    rows, columns = height // STRIDE, width // STRIDE
    found: dict[str, NDArray[np.float32] | NDArray[np.int32]] = {
        f"ConstantFolding/{_CALL}/truediv_2_recip": centre_weights(rows, columns),
        f"{_CALL}/strided_slice_3": row_numbers(rows, columns),
        f"{_CALL}/strided_slice_4": column_numbers(rows, columns),
        f"{_CALL}/add_5/y": np.array(SOFTENING, np.float32),
        f"{_CALL}/Reshape_13": cell_size(rows, columns),
    }
    for name in ("floordiv/y", "mul/y", "floordiv_1/y", "mul_1/y"):
        found[f"{_CALL}/{name}"] = row_length(columns)
    for name, stride in (("", 16), ("_1", 8), ("_2", 4)):
        found[f"{_BODY}/up_sampling2d{name}/mul"] = level_size(height, width, stride)
    return found


def resize(tensors: Tensors, size: tuple[int, int]) -> Tensors:
    """Return the values of a graph's constants for pictures of another size.

    Args:
        tensors: Values of the constants, as published.
        size: Height and width of the picture in pixels, multiples of `MULTIPLE`.

    Raises:
        ValueError: The size is not allowed, or the graph lacks one of the constants.
    """
    new: Mapping[str, NDArray[np.float32] | NDArray[np.int32]] = constants(size)
    if missing := sorted(set(new) - set(tensors)):
        raise ValueError(f"the graph has no constant {missing[0]}")
    return {**tensors, **new}
