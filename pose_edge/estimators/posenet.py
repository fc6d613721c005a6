"""PoseNet: decode heat maps into one person or several.

The algorithm is PersonLab (Papandreou et al. 2018, arXiv:1803.08225) as implemented in tfjs
(tensorflow/tfjs-models, posenet). A local maximum of a heat map is a root keypoint. From there the
skeleton is traversed along its edges; each step adds a displacement, then corrects the position
with the offsets of the cell it lands in. Positions in this module are (y, x) in pixels of the
model's input; one heat map cell is `stride` pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_edge.estimators.keypoint_model import SinglePersonDecoder
from pose_edge.estimators.keypoints import sanitize
from pose_edge.estimators.multi_person import MultiPersonDecoder
from pose_edge.poses import KEYPOINT_COUNT, FloatArray, Keypoint
from pose_edge.runtimes import AnyArray, InputSize, Runtime

EXPECTED: Final = "1xRxCx17, x34 and x64 or twice x32 (PoseNet)"
MIN_POSE_SCORE: Final = 0.25
"""Minimum score of a person: with several people the mean score of all their keypoints, with one
person that of the keypoints above the minimum keypoint score."""
CALIBRATION: Final = None

EDGES: Final[tuple[tuple[Keypoint, Keypoint], ...]] = (
    (Keypoint.NOSE, Keypoint.LEFT_EYE),
    (Keypoint.LEFT_EYE, Keypoint.LEFT_EAR),
    (Keypoint.NOSE, Keypoint.RIGHT_EYE),
    (Keypoint.RIGHT_EYE, Keypoint.RIGHT_EAR),
    (Keypoint.NOSE, Keypoint.LEFT_SHOULDER),
    (Keypoint.LEFT_SHOULDER, Keypoint.LEFT_ELBOW),
    (Keypoint.LEFT_ELBOW, Keypoint.LEFT_WRIST),
    (Keypoint.LEFT_SHOULDER, Keypoint.LEFT_HIP),
    (Keypoint.LEFT_HIP, Keypoint.LEFT_KNEE),
    (Keypoint.LEFT_KNEE, Keypoint.LEFT_ANKLE),
    (Keypoint.NOSE, Keypoint.RIGHT_SHOULDER),
    (Keypoint.RIGHT_SHOULDER, Keypoint.RIGHT_ELBOW),
    (Keypoint.RIGHT_ELBOW, Keypoint.RIGHT_WRIST),
    (Keypoint.RIGHT_SHOULDER, Keypoint.RIGHT_HIP),
    (Keypoint.RIGHT_HIP, Keypoint.RIGHT_KNEE),
    (Keypoint.RIGHT_KNEE, Keypoint.RIGHT_ANKLE),
)
"""Parent and child of each displacement, in the order of the model's channels."""

ROOT_SCORE: Final = 0.5
"""Minimum score of a cell that is the root of a person."""
ROOT_RADIUS: Final = 1
"""Radius in cells within which a root must be the best cell of its heat map."""
SAME_PLACE: Final = 20.0
"""Distance in pixels up to which the same keypoint of two people counts as one (non-maximum
suppression)."""
FAR: Final = np.float32(1e6)
"""Length in pixels from which offsets and displacements are invalid."""
REFINEMENTS: Final = 2
"""Number of corrections by offsets after each displacement."""
MAX_PEOPLE: Final = 5


@dataclass(frozen=True, slots=True)
class HeatMaps:
    """The outputs of the model for one picture.

    Attributes:
        scores: float32 (rows, columns, 17), 0...1.
        offsets: float32 (rows, columns, 34): 17 times y, then 17 times x, pixels.
        forward: float32 (rows, columns, 32): 16 times y, then 16 times x, parent to child, pixels.
        backward: The same from child to parent.
        stride: Distance between neighbouring cells, pixels of the input.
        origin: float32 (2,): position of the first cell, as (y, x) in pixels.
    """

    scores: FloatArray
    offsets: FloatArray
    forward: FloatArray
    backward: FloatArray
    stride: int
    origin: FloatArray

    def cell(self, place: FloatArray) -> tuple[int, int]:
        """Return the row and column of the cell nearest to a position (y, x) in pixels."""
        rows, columns = self.scores.shape[:2]
        nearest = np.rint(np.nan_to_num((place - self.origin) / self.stride))
        row, column = np.clip(nearest, 0, (rows - 1, columns - 1)).astype(int).tolist()
        return row, column

    def place(self, cell: tuple[int, int], keypoint: int) -> FloatArray:
        """Return the position of a keypoint that a cell predicts: (y, x), pixels."""
        y, x = self.offsets[(*cell, [keypoint, keypoint + KEYPOINT_COUNT])]
        offset = np.array([y, x], dtype=np.float32)
        return np.asarray(cell, dtype=np.float32) * self.stride + self.origin + offset


def matches(runtime: Runtime) -> bool:
    """See `pose_edge.estimators.ModelFamily`; heat maps, offsets and displacements are needed."""
    shapes = [output.shape for output in runtime.outputs]
    maps = [shape for shape in shapes if len(shape) == 4 and shape[0] == 1 and shape[1] > 1]
    channels = sorted(shape[3] for shape in maps if shape[3] != 1)  # 1: a segmentation mask
    same = len({shape[1:3] for shape in maps}) == 1
    return same and channels in ([17, 34, 64], [17, 32, 32, 34])


def decoders(
    *,
    in_pixels: bool = False,  # noqa: ARG001 - PoseNet's are always in pixels
) -> tuple[SinglePersonDecoder, MultiPersonDecoder]:
    """See `pose_edge.estimators.ModelFamily`."""

    def single(outputs: Sequence[AnyArray], size: InputSize) -> FloatArray:
        return decode_single_person(outputs, *size)

    def several(outputs: Sequence[AnyArray], size: InputSize) -> list[tuple[FloatArray, float]]:
        return decode_multi_person(outputs, *size)

    return single, several


def read_outputs(outputs: Sequence[AnyArray], height: int, width: int) -> HeatMaps:
    """Identify the model's outputs by their numbers of channels.

    Args:
        outputs: float32 (1, rows, columns, channels): heat maps as logits (17 channels), offsets
            (34), and displacements forward and backward, either concatenated (64) or separate and
            in this order (32, 32).
        height: Height of the model's input, pixels.
        width: Width of the model's input, pixels.
    """
    arrays = [np.asarray(output, dtype=np.float32)[0] for output in outputs]
    # Invalid values become NaN, which passes through to `sanitize` without NumPy warnings.
    arrays = [
        array if array.shape[2] == KEYPOINT_COUNT else np.where(abs(array) < FAR, array, np.nan)
        for array in arrays
    ]
    by_channels = {array.shape[2]: array for array in arrays}
    if 64 in by_channels:
        forward, backward = np.split(by_channels[64], 2, axis=2)
    else:
        forward, backward = (array for array in arrays if array.shape[2] == 32)
    logits = np.nan_to_num(by_channels[17], nan=-80.0)
    rows, columns = logits.shape[:2]
    stride = _stride(max(height, width), max(rows, columns))
    scores = 1 / (1 + np.exp(-np.clip(logits, -80.0, 80.0)))
    origin = np.array([_first_cell(pixels, stride) for pixels in (height, width)], np.float32)
    return HeatMaps(
        np.asarray(scores, dtype=np.float32), by_channels[34], forward, backward, stride, origin
    )


def _stride(pixels: int, cells: int) -> int:
    """Return the pixels from cell to cell: a power of 2 (257 pixels have 17 cells, 256 have 16)."""
    stride = 1
    while -(-pixels // stride) > cells:
        stride *= 2
    return stride


def _first_cell(pixels: int, stride: int) -> int:
    """Return the position of the first cell along an axis, in pixels.

    Each stride-2 convolution with a 3x3 filter is centred first on pixel 0 if the number of pixels
    is odd, and on pixel 1 if it is even: TensorFlow then pads at the end only.
    """
    first, step = 0, 1
    while step < stride:
        first += 0 if pixels % 2 else step
        pixels, step = -(-pixels // 2), 2 * step
    return first


def decode_single_person(outputs: Sequence[AnyArray], height: int, width: int) -> FloatArray:
    """Find the best person; arguments as for `read_outputs`.

    Taking the best cell of each heat map independently would mix keypoints of several people.

    Returns:
        float32 (17, 3) as x, y, score; x and y in 0...1 of the input. If no cell reaches
        `ROOT_SCORE`, the best cell is the root, so that a small person gets a refinement pass.
    """
    maps = read_outputs(outputs, height, width)
    if people := _find_people(maps):
        return _normalised(max(people, key=lambda person: person[1])[0], height, width)
    row, column, keypoint = np.unravel_index(maps.scores.argmax(), maps.scores.shape)
    body = _walk(maps, (int(row), int(column)), int(keypoint))
    return _normalised(body, height, width)


def decode_multi_person(
    outputs: Sequence[AnyArray], height: int, width: int
) -> list[tuple[FloatArray, float]]:
    """Find several people, each from the best remaining root; arguments as for `read_outputs`.

    Returns:
        For each person the keypoints, float32 (17, 3) as x, y, score, with x and y in 0...1 of the
        input, and the person's score. That score is the mean of the keypoint scores; a keypoint
        that coincides with that of an earlier person counts as 0.
    """
    people = _find_people(read_outputs(outputs, height, width))
    return [(_normalised(keypoints, height, width), score) for keypoints, score in people]


def _find_people(maps: HeatMaps) -> list[tuple[FloatArray, float]]:
    """Return people: keypoints, float32 (17, 3) as y, x (pixels) and score, and their score."""
    people: list[tuple[FloatArray, float]] = []
    for cell, keypoint in _roots(maps):
        if len(people) == MAX_PEOPLE:
            break
        place = maps.place(cell, keypoint)
        if _taken(place, keypoint, people):
            continue
        keypoints = _walk(maps, cell, keypoint)
        own = [
            score
            for part, (y, x, score) in enumerate(keypoints.tolist())
            if not _taken(np.array([y, x], dtype=np.float32), part, people)
        ]
        people.append((keypoints, sum(own) / KEYPOINT_COUNT))
    return people


def _normalised(keypoints: FloatArray, height: int, width: int) -> FloatArray:
    """Convert keypoints from y, x in pixels of the input to x, y in 0...1, and sanitise them."""
    result = keypoints[:, [1, 0, 2]]
    result[:, 0] = (result[:, 0] + 0.5) / width
    result[:, 1] = (result[:, 1] + 0.5) / height
    return sanitize(result)


def _roots(maps: HeatMaps) -> list[tuple[tuple[int, int], int]]:
    """Return cell and keypoint of all local maxima above `ROOT_SCORE`, best first."""
    size = 2 * ROOT_RADIUS + 1
    highest = cv2.dilate(maps.scores, np.ones((size, size), dtype=np.uint8))
    rows, columns, keypoints = np.nonzero((maps.scores == highest) & (maps.scores >= ROOT_SCORE))
    order = np.argsort(-maps.scores[rows, columns, keypoints], kind="stable")
    return [((int(rows[i]), int(columns[i])), int(keypoints[i])) for i in order]


def _taken(place: FloatArray, keypoint: int, people: Sequence[tuple[FloatArray, float]]) -> bool:
    """Return whether one of the people has this keypoint within `SAME_PLACE` of a position."""
    return any(float(np.hypot(*(other[keypoint, :2] - place))) <= SAME_PLACE for other, _ in people)


def _walk(maps: HeatMaps, cell: tuple[int, int], root: int) -> FloatArray:
    """Find all keypoints from a root: first its ancestors in the skeleton, then their children."""
    keypoints: NDArray[np.float32] = np.zeros((KEYPOINT_COUNT, 3), dtype=np.float32)
    keypoints[root] = (*maps.place(cell, root), maps.scores[(*cell, root)])
    known = {root}
    steps = [(child, parent, maps.backward, n) for n, (parent, child) in enumerate(EDGES)][::-1]
    steps += [(parent, child, maps.forward, n) for n, (parent, child) in enumerate(EDGES)]
    for start, end, displacements, edge in steps:
        if start in known and end not in known:
            keypoints[end] = _step(maps, keypoints[start, :2], end, displacements, edge)
            known.add(end)
    return keypoints


def _step(
    maps: HeatMaps, start: FloatArray, end: int, displacements: FloatArray, edge: int
) -> FloatArray:
    """Follow an edge from a keypoint to its neighbour; return the neighbour as y, x, score."""
    place = start + displacements[(*maps.cell(start), [edge, edge + len(EDGES)])]
    for _ in range(REFINEMENTS):
        place = maps.place(maps.cell(place), end)
    score = maps.scores[(*maps.cell(place), end)]
    return np.array([*place, score], dtype=np.float32)
