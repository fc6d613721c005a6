"""Compares a model's answer with what another implementation answered on the same picture.

The data is one folder: `golden.json` and its pictures. A case names its picture and model and has
`keypoints` [[17 x [x, y]]] in 0...1 of the picture, [-1, -1] where the score is 0.3 or less, and
`scores` [[17]].
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

CELL = 32
"""Pixels of a cell of the coarsest map: pictures that move by whole cells only move the maps."""

SURROUNDINGS = 2
"""How many times as far apart answers may be where the people have other surroundings: a network
looks at these, too."""

ROOM = 16
"""Pixels around the people that a part of a picture must show."""


class GoldenError(Exception):
    """The golden data lacks what is asked of it."""


@dataclass(frozen=True)
class Case:
    """One picture and one of the people that are expected on it.

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
    """How far an answer is from a golden one.

    Attributes:
        compared: How many keypoints were compared.
        distance: Largest difference in x or y, in 0...1 of the picture.
        keypoint: The keypoint that has it.
        score: Largest difference in score among the compared keypoints; not judged.
    """

    compared: int
    distance: float
    keypoint: str
    score: float

    def within(self, tolerance: float) -> bool:
        """Whether something was compared and all of it is within the tolerance."""
        return self.compared > 0 and self.distance <= tolerance


def load_cases(folder: Path, model: str, image: str) -> list[Case]:
    """Reads the people that `model` finds on `image` from the golden data in `folder`.

    Raises:
        GoldenError: There are none.
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
    """Reads a picture as the golden models were given it: RGB, stretched, no padding.

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
    """The part of the golden models' square that a graph of another size is given.

    So the graph sees the same pixels around the people, and must find the same keypoints.

    Attributes:
        edge: Edge of the square in pixels.
        top: Its first row.
        left: Its first column.
        height: Rows; what is beyond the square is black.
        width: Columns.
    """

    edge: int
    top: int
    left: int
    height: int
    width: int

    def cut(self, square: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns the window's part of a picture, uint8 [1, height, width, 3]."""
        part = square[self.top : self.top + self.height, self.left : self.left + self.width]
        missing = [(0, self.height - part.shape[0]), (0, self.width - part.shape[1]), (0, 0)]
        return np.pad(part, missing)[np.newaxis]

    def outwards(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns keypoints [people, 17, 3] of the window in parts of the square."""
        scale = (self.height / self.edge, self.width / self.edge, 1)
        start = (self.top / self.edge, self.left / self.edge, 0)
        return (found * scale + start).astype(np.float32)


def window(cases: Sequence[Case], edge: int, size: tuple[int, int]) -> Window | None:
    """Chooses the window of a size that has all people of a picture in its middle.

    Args:
        cases: The people.
        edge: Edge of the golden models' square in pixels.
        size: Height and width of the window.

    Returns:
        The window, whose corner is on a cell of the coarsest map; None when it has no room for all
        of them with `ROOM` around.
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
    """Returns the people of an answer, [people, 17, 3] as y, x, score.

    Args:
        answer: float32 [1, 1, 17, 3] of MoveNet, or [1, 6, 56] of MultiPose, whose last five
            values are a box and its score.
    """
    values = answer[..., :51] if answer.ndim == 3 else answer
    return values.reshape(-1, 17, 3)


def compare(case: Case, found: NDArray[np.float32], ignore: Collection[str] = ()) -> Agreement:
    """Compares the keypoints that the golden answer is sure of with the person most like it.

    Args:
        case: What is expected.
        found: float32 [people, 17, 3] as y, x, score.
        ignore: Names of keypoints to leave out.
    """
    counted = (case.scores > MIN_SCORE) & ~np.isin(case.names, list(ignore))
    if not counted.any():
        return Agreement(0, float("inf"), "", float("inf"))
    every = np.abs(found[:, :, 1::-1] - case.points).max(axis=2)[:, counted]
    person = int(np.nan_to_num(np.median(every, axis=1), nan=np.inf).argmin())
    # max() of numpy passes NaN on, and NaN is within no tolerance.
    distances = every[person]
    scores = np.abs(found[person, :, 2] - case.scores)[counted]
    names = np.array(case.names)[counted]
    worst = int(distances.argmax())
    return Agreement(len(distances), float(distances.max()), str(names[worst]), float(scores.max()))
