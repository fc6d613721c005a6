"""People painted as grey rectangles, and fake models that find them, for the two-stage tests."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from helpers import STANDING

from pose_edge.frames import Frame, Image
from pose_edge.poses import FloatArray, Provenance, box_of
from pose_edge.runtimes import AnyArray
from pose_edge.zoo.registry import Tensor

WIDTH, HEIGHT = 640, 360
GREY_STEP = 20
"""Grey level of person 1; person n has n times this level, for n up to 12."""

Places = Mapping[int, tuple[float, float, float, float]]
"""x0, y0, x1, y1 of each person in pixels, by number; later people hide earlier ones."""


class FakeClock:
    """A clock that is advanced only by the fake models."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def painted(places: Places, time_s: float = 0.0, index: int = 0, *, live: bool = False) -> Frame:
    """Return a frame with people; `time_s` is both its time of exposure and its position."""
    image: Image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    for number, place in places.items():
        x0, y0, x1, y1 = (max(0, round(edge)) for edge in place)
        image[y0:y1, x0:x1] = number * GREY_STEP
    return Frame(image, "BGR", round(time_s * 1e9), index, time_s, live=live)


def keypoints_in(box: tuple[float, float, float, float], score: float = 0.8) -> FloatArray:
    """Return the keypoints of a person who fills a box, in the same unit as the box."""
    x0, y0, x1, y1 = box
    spots = np.array([STANDING[joint] for joint in sorted(STANDING)], dtype=np.float32)
    low, high = spots.min(axis=0), spots.max(axis=0)
    found = np.full((17, 3), score, dtype=np.float32)
    found[:, :2] = (spots - low) / (high - low) * (x1 - x0, y1 - y0) + (x0, y0)
    return found


def number_of(keypoints: FloatArray, frame: Frame) -> int:
    """Return the number of the painted person at the centre of a pose."""
    x0, y0, x1, y1 = box_of(keypoints, 0.2)
    column = min(WIDTH - 1, round((x0 + x1) / 2 * WIDTH))
    row = min(HEIGHT - 1, round((y0 + y1) / 2 * HEIGHT))
    return round(int(frame.image[row, column, 0]) / GREY_STEP)


class _Model:
    """A runtime that finds painted people; an inference advances the fake clock by its cost."""

    def __init__(self, output: Tensor, cost_s: float, clock: FakeClock | None) -> None:
        self.input = Tensor(shape=(1, 192, 192, 3), dtype="uint8")
        self.sizes = ((192, 192),)
        self.outputs = (output,)
        self.provenance = Provenance("painted", "cpu")
        self.passes = 0
        self.closed = False
        self._cost_ns = round(cost_s * 1e9)
        self._clock = clock

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        self.passes += 1
        if self._clock is not None:
            self._clock.now_ns += self._cost_ns
        return [self.answer(_people_in(np.ascontiguousarray(tensor[0, :, :, 0], dtype=np.uint8)))]

    def answer(self, people: dict[int, FloatArray]) -> FloatArray:
        raise NotImplementedError

    def describe(self) -> str:
        return "painted"

    def close(self) -> None:
        self.closed = True


def _people_in(grey: Image) -> dict[int, FloatArray]:
    """Return the keypoints of each person in a model's input, normalised, by their number."""
    # Resampling blurs a person's edges to other grey levels, which are not other people.
    core = np.ones((3, 3), np.uint8)
    flat = cv2.erode(grey, core) == cv2.dilate(grey, core)
    found = {}
    height, width = grey.shape
    for value in np.unique(grey[flat & (grey > 0)]).tolist():
        rows, columns = np.nonzero(flat & (grey == value))
        found[round(value / GREY_STEP)] = keypoints_in(
            (
                float(columns.min() - 1) / width,
                float(rows.min() - 1) / height,
                float(columns.max() + 2) / width,
                float(rows.max() + 2) / height,
            )
        )
    return found


class PaintedFinder(_Model):
    """Finds up to six people, like MultiPose, except those in `blind_to`."""

    def __init__(self, cost_s: float = 0.0, clock: FakeClock | None = None) -> None:
        super().__init__(Tensor(shape=(1, 6, 56), dtype="float32"), cost_s, clock)
        self.blind_to: set[int] = set()

    def answer(self, people: dict[int, FloatArray]) -> FloatArray:
        rows = np.zeros((1, 6, 56), dtype=np.float32)
        seen = [people[number] for number in sorted(people) if number not in self.blind_to]
        for row, keypoints in zip(rows[0], seen, strict=False):
            row[:51] = keypoints[:, [1, 0, 2]].reshape(-1)
            row[55] = 0.6
        return rows


class PaintedRefiner(_Model):
    """Finds the person nearest to the centre, like a single-person model."""

    def __init__(self, cost_s: float = 0.0, clock: FakeClock | None = None) -> None:
        super().__init__(Tensor(shape=(1, 1, 17, 3), dtype="float32"), cost_s, clock)

    def answer(self, people: dict[int, FloatArray]) -> FloatArray:
        def distance(keypoints: FloatArray) -> float:
            return float(np.linalg.norm(keypoints[:, :2].mean(axis=0) - 0.5))

        output = np.zeros((1, 1, 17, 3), dtype=np.float32)
        if people:
            nearest = min(people.values(), key=distance)
            output[0, 0] = nearest[:, [1, 0, 2]]
        return output
