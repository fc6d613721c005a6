"""Compares a model's answer with another implementation's answer on the same picture.

The golden data is a folder with `golden.json` and its pictures. A case names its picture and model.
For each person it has `keypoints`, 17 pairs [x, y] in 0...1 of the picture, or [-1, -1] where the
score is at most 0.3, and 17 `scores`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

MIN_SCORE = 0.3
"""Score above which a golden keypoint is compared."""

CELL = 32
"""Stride of the coarsest map, pixels. A picture shifted by whole cells gives shifted maps."""

SURROUNDINGS = 2
"""Factor on the tolerance where a window shows people with other surroundings than in the golden
square, because the surroundings affect the network's answer."""

ROOM = 16
"""Smallest margin around the people in a window, pixels."""


class GoldenError(Exception):
    """The golden data lacks a case or a picture."""


@dataclass(frozen=True)
class Case:
    """One picture and one person that is expected in it.

    Attributes:
        image: Path of the picture.
        names: Names of the 17 keypoints.
        points: float32 [17, 2], x and y in 0...1 of the picture.
        scores: float32 [17].
    """

    image: Path
    names: tuple[str, ...]
    points: NDArray[np.float32]
    scores: NDArray[np.float32]


@dataclass(frozen=True)
class Agreement:
    """The difference between an answer and a golden one.

    Attributes:
        compared: Number of compared keypoints.
        distance: Largest difference in x or y, in 0...1 of the picture.
        keypoint: Name of the keypoint with this difference.
        score: Largest difference in score among the compared keypoints; for information only.
    """

    compared: int
    distance: float
    keypoint: str
    score: float

    def within(self, tolerance: float) -> bool:
        """Return whether any keypoints were compared and all are within the tolerance."""
        return self.compared > 0 and self.distance <= tolerance


def load_cases(folder: Path, model: str, image: str) -> list[Case]:
    """Read the people that `model` is expected to find in `image`.

    Args:
        folder: Folder of the golden data.
        model: The golden data's name of the model.
        image: File name of the picture.

    Raises:
        GoldenError: There is no case for this model and picture.
    """
    data = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    cases = [
        Case(
            folder / image,
            tuple(data["keypoint_names"]),
            np.array(keypoints, np.float32),
            np.array(scores, np.float32),
        )
        for case in data["cases"]
        if case["model"] == model and case["image"] == image
        for keypoints, scores in zip(case["keypoints"], case["scores"], strict=True)
    ]
    if not cases:
        raise GoldenError(f"{folder / 'golden.json'} has no case for {model} on {image}")
    return cases


def load_input(path: Path, edge: int) -> NDArray[np.uint8]:
    """Read a picture as the golden models were given it: RGB, stretched to a square.

    Returns:
        uint8 [edge, edge, 3].

    Raises:
        GoldenError: The picture cannot be read.
    """
    bgr = cv2.imread(str(path))
    if bgr is None:
        raise GoldenError(f"cannot read {path}")
    square = cv2.resize(bgr, (edge, edge), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.cvtColor(square, cv2.COLOR_BGR2RGB), np.uint8)


@dataclass(frozen=True)
class Window:
    """The part of the golden models' square input that a graph of another size is given.

    The graph sees the same pixels around the people, so it must find the same keypoints.

    Attributes:
        edge: Edge of the square, pixels.
        top: First row of the window in the square.
        left: First column of the window in the square.
        height: Height of the window, pixels; black where it extends beyond the square.
        width: Width of the window, pixels; black where it extends beyond the square.
    """

    edge: int
    top: int
    left: int
    height: int
    width: int

    def cut(self, square: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the window's part of the square picture, uint8 [1, height, width, 3]."""
        part = square[self.top : self.top + self.height, self.left : self.left + self.width]
        missing = [(0, self.height - part.shape[0]), (0, self.width - part.shape[1]), (0, 0)]
        return np.pad(part, missing)[np.newaxis]

    def outwards(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert keypoints (y, x, score), [people, 17, 3], from the window to the square.

        Coordinates are normalised, to the window before and to the square afterwards.
        """
        scale = (self.height / self.edge, self.width / self.edge, 1)
        start = (self.top / self.edge, self.left / self.edge, 0)
        return (found * scale + start).astype(np.float32)


def window(cases: Sequence[Case], edge: int, size: tuple[int, int]) -> Window | None:
    """Choose the window of a given size that centres all people of a picture.

    Args:
        cases: The people.
        edge: Edge of the golden models' square, pixels.
        size: Height and width of the window, pixels.

    Returns:
        The window, aligned with the cells of the coarsest map; None if the people with a margin of
        `ROOM` do not fit.
    """
    points = np.concatenate([case.points[case.scores > MIN_SCORE] for case in cases])
    starts = []
    for values, length in ((points[:, 1] * edge, size[0]), (points[:, 0] * edge, size[1])):
        low, high = float(values.min()), float(values.max())
        cells = round((low + high - length) / 2 / CELL)
        start = CELL * min(max(cells, 0), max(edge - length, 0) // CELL)
        if length < edge and not start + ROOM <= low <= high <= start + length - ROOM:
            return None
        starts.append(start)
    return Window(edge, starts[0], starts[1], *size)


def poses(answer: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the keypoints of the people in a model's output, [people, 17, 3] as y, x, score.

    Args:
        answer: float32 [1, 1, 17, 3] of MoveNet, or [1, 6, 56] of MultiPose, whose last five
            values are a box and its score.
    """
    values = answer[..., :51] if answer.ndim == 3 else answer
    return values.reshape(-1, 17, 3)


def compare(case: Case, found: NDArray[np.float32], ignore: Collection[str] = ()) -> Agreement:
    """Compare the sure keypoints of a golden person with the nearest person found.

    Args:
        case: The expected person.
        found: float32 [people, 17, 3] as y, x, score.
        ignore: Names of keypoints to leave out.
    """
    counted = (case.scores > MIN_SCORE) & ~np.isin(case.names, list(ignore))
    if not counted.any():
        return Agreement(0, float("inf"), "", float("inf"))
    every = np.abs(found[:, :, 1::-1] - case.points).max(axis=2)[:, counted]
    person = int(np.nan_to_num(np.median(every, axis=1), nan=np.inf).argmin())
    # max() propagates NaN, which is within no tolerance.
    distances = every[person]
    scores = np.abs(found[person, :, 2] - case.scores)[counted]
    names = np.array(case.names)[counted]
    worst = int(distances.argmax())
    return Agreement(len(distances), float(distances.max()), str(names[worst]), float(scores.max()))
