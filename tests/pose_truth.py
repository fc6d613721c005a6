"""Finds the poses of each model in each frame of a video, and compares pose lines with them.

The keypoints of a line prove which model found them and in which frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby, pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from clips import demo_frames, write_clip
from command import Command
from helpers import slowness
from numpy.typing import NDArray
from pose_lines import strict

from pose_edge.zoo.registry import Zoo
from pose_edge.zoo.subgraphs import keep_sizes

CPU_MODEL = "movenet-lightning-int8"
EDGETPU_MODEL = "movenet-lightning-fp16-edgetpu"
MODELS = {"cpu": CPU_MODEL, "edgetpu": EDGETPU_MODEL}
"""Model of each backend; two different models, so that their answers differ."""

SQUARE = (192, 192)
"""Height and width of the Edge TPU's input, which is also one of the sizes of the CPU's model."""

CLIP = range(64, 154)
"""Indexes of the used frames of the demo clip, in which a person moves."""

SIZE = (640, 360)
"""Width and height to which the frames are reduced, to save work on a busy machine."""

SAME = 1e-4
"""Difference below which keypoints are of the same model and frame; pose lines are rounded."""

EXACT = (
    *("--set", "model.second_look=false", "--set", "tracking.enabled=false"),
    *("--set", "model.min_keypoint_score=1", "--set", "model.min_pose_score=0"),
    *("--set", "model.min_keypoints=0"),
)
"""Options with which each frame takes one inference that depends only on the frame and the model:
no keypoint is good enough to choose a crop, and none is too bad to be written."""

PICTURE_S = 1.0
"""Longest allowed gap between pose lines at a change of backend on a quiet machine, seconds. The
program's own limit is half of it."""

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A pose line.

    Attributes:
        arrived: Time of arrival by the clock of `time.monotonic`, seconds.
        record: Content of the line.
    """

    arrived: float
    record: Mapping[str, Any]

    @property
    def seq(self) -> int:
        return int(self.record["seq"])

    @property
    def backend(self) -> str:
        return str(self.record["backend"])

    @property
    def model(self) -> str:
        return str(self.record["model"])

    @property
    def points(self) -> Points:
        """The keypoints of the only person; an `EXACT` run has one in every frame."""
        (pose,) = self.record["poses"]
        return np.array(pose["keypoints"])


@dataclass(frozen=True)
class Truth:
    """The clip, and the poses that each model finds in it.

    Attributes:
        clip: The video.
        points: Keypoints in each frame, by backend.
        square: Keypoints in each frame by the CPU's model with a square input, which it uses for a
            frame that was already cropped for the Edge TPU when the CPU took over.
    """

    clip: Path
    points: Mapping[str, Sequence[Points]]
    square: Sequence[Points]

    @classmethod
    def find(cls, folder: Path) -> Truth:
        """Write the clip to a folder, and run each model on it on the CPU."""
        frames = [
            np.asarray(cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA), np.uint8)
            for frame in demo_frames(CLIP)
        ]
        clip = write_clip(folder / "clip.mp4", frames)
        command = Command(folder)
        square = folder / "square.tflite"
        square.write_bytes(keep_sizes(Zoo().find(CPU_MODEL).path.read_bytes(), [SQUARE]))
        models: dict[str, str | Path] = {
            "cpu": CPU_MODEL,
            "edgetpu": "movenet-lightning-fp16",
            "square": square,
        }
        points = {}
        for backend, model in models.items():
            done = command(
                *("run", "--source", clip, "--set", "source.pace=false", "--display", "none"),
                *("--edgetpu", "off", "--model", model, "--poses", "-", *EXACT),
            )
            assert done.status == 0, done.stderr
            points[backend] = [Line(0.0, strict(line)).points for line in done.stdout.splitlines()]
            assert len(points[backend]) == len(CLIP)
        every = [one for found in points.values() for one in found]
        assert all(not same(one, other) for one, other in combinations(every, 2))
        return cls(clip, points, points.pop("square"))

    def agrees(self, line: Line) -> bool:
        """Return whether a line has the pose of its model in its frame of the looped clip."""
        number = line.seq % len(CLIP)
        answers = [self.points[line.backend][number]]
        if line.backend == "cpu":
            answers.append(self.square[number])
        return any(same(line.points, answer) for answer in answers)


def same(one: Points, other: Points) -> bool:
    """Return whether two sets of keypoints are of the same model and frame."""
    return bool(np.abs(one - other).max() < SAME)


def check(lines: Sequence[Line], truth: Truth | None) -> None:
    """Check that no line is missing, repeated or wrong.

    Args:
        lines: All lines of a run.
        truth: For an `EXACT` run, the poses that the lines must have; None not to compare poses.
    """
    assert [line.seq for line in lines] == list(range(len(lines)))
    assert [line.model for line in lines] == [MODELS[line.backend] for line in lines]
    if truth is not None:
        false = [line.seq for line in lines if not truth.agrees(line)]
        assert not false, f"lines with poses of another frame or model: {false}"


def stretches(lines: Iterable[Line]) -> list[tuple[str, int]]:
    """Return the sequence of backends, each with its number of consecutive lines."""
    return [(backend, len(list(some))) for backend, some in groupby(lines, lambda it: it.backend)]


def gaps_at_changes(lines: Sequence[Line]) -> list[float]:
    """Return the longest interval between lines near each change of backend, seconds."""
    gaps = [after.arrived - before.arrived for before, after in pairwise(lines)]
    changes = [n for n, pair in enumerate(pairwise(lines)) if len({it.backend for it in pair}) > 1]
    return [max(gaps[max(0, n - 1) : n + 3]) for n in changes]


def goes_on(lines: Sequence[Line]) -> bool:
    """Return whether all gaps at changes of backend are within the limit for the present load."""
    return max(gaps_at_changes(lines)) < PICTURE_S * slowness()
