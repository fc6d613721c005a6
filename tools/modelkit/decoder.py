"""Lets the decoder of MoveNet for one person read a picture of any height and width.

The network is convolutional throughout and takes any size; what decodes its answer (a CenterNet,
Zhou et al., "Objects as Points", 2019) is published with the size of its square folded into
constants. Each function here computes one of them for a map of any number of cells. The published
ones are these, rounded to float16 (a test compares them); here they are not rounded.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .nodes import Tensors

STRIDE = 4
"""Pixels of the picture for one cell of the map that is decoded."""

MULTIPLE = 32
"""The coarsest map has a cell for so many pixels: heights and widths are multiples of it."""

SOFTENING = 1.8
"""Cells added to a distance that divides a score, so that nothing is divided by zero."""

_CALL = "StatefulPartitionedCall"
_BODY = f"{_CALL}/center_net_mobile_net_v2fpn_feature_extractor/model_1"


def centre_weights(rows: int, columns: int) -> NDArray[np.float32]:
    """Returns what the centre score of each cell is multiplied by, [rows, columns, 1].

    It favours the person nearest to the middle: 1 / (distance from the middle + softening).
    """
    y = np.arange(rows)[:, np.newaxis] - rows / 2
    x = np.arange(columns)[np.newaxis] - columns / 2
    return (1 / (np.hypot(y, x) + SOFTENING))[..., np.newaxis].astype(np.float32)


def row_numbers(rows: int, columns: int) -> NDArray[np.float32]:
    """Returns the row of each cell, [rows, columns, 1]."""
    return np.tile(np.arange(rows, dtype=np.float32)[:, np.newaxis, np.newaxis], (1, columns, 1))


def column_numbers(rows: int, columns: int) -> NDArray[np.float32]:
    """Returns the column of each cell, [rows, columns, 1]."""
    return np.tile(np.arange(columns, dtype=np.float32)[:, np.newaxis], (rows, 1, 1))


def row_length(columns: int) -> NDArray[np.int32]:
    """Returns what the number of a cell is divided by for its row; the rest is its column."""
    return np.array(columns, np.int32)


def cell_size(rows: int, columns: int) -> NDArray[np.float32]:
    """Returns height and width of a cell as parts of the picture, [1, 1, 1, 2]."""
    return np.array([[[[1 / rows, 1 / columns]]]], np.float32)


def level_size(height: int, width: int, stride: int) -> NDArray[np.int32]:
    """Returns rows and columns of the pyramid's level with so many pixels to a cell, [2]."""
    return np.array([height // stride, width // stride], np.int32)


def constants(size: tuple[int, int]) -> dict[str, NDArray[np.float32] | NDArray[np.int32]]:
    """Returns every constant of the published graph that depends on the size of the picture.

    Args:
        size: Height and width of the picture in pixels.

    Raises:
        ValueError: The levels of the feature pyramid would not fit on each other.
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
    """Returns the values of a graph's constants for pictures of another size.

    Args:
        tensors: Values of the constants, as published.
        size: Height and width of the picture in pixels, multiples of `MULTIPLE`.

    Raises:
        ValueError: The size is none, or the graph is not the one this was written for.
    """
    new: Mapping[str, NDArray[np.float32] | NDArray[np.int32]] = constants(size)
    if missing := sorted(set(new) - set(tensors)):
        raise ValueError(f"the graph has no constant {missing[0]}")
    return {**tensors, **new}
