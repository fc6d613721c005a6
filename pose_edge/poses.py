"""Keypoints, poses, and the result for one frame.

Coordinates are normalised: x and y in 0...1 of the whole frame, x to the right, y down.
Left and right are the person's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pose_edge.frames import Frame, Lease

FloatArray = NDArray[np.float32]
"""Keypoints: float32 (17, 3) as x, y, score."""

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1, normalised."""


class Keypoint(IntEnum):
    """The 17 keypoints of the COCO data set, in its order."""

    NOSE = 0
    LEFT_EYE = 1
    RIGHT_EYE = 2
    LEFT_EAR = 3
    RIGHT_EAR = 4
    LEFT_SHOULDER = 5
    RIGHT_SHOULDER = 6
    LEFT_ELBOW = 7
    RIGHT_ELBOW = 8
    LEFT_WRIST = 9
    RIGHT_WRIST = 10
    LEFT_HIP = 11
    RIGHT_HIP = 12
    LEFT_KNEE = 13
    RIGHT_KNEE = 14
    LEFT_ANKLE = 15
    RIGHT_ANKLE = 16


KEYPOINT_COUNT: Final = len(Keypoint)

SKELETON: Final[tuple[tuple[Keypoint, Keypoint], ...]] = (
    (Keypoint.NOSE, Keypoint.LEFT_EYE),
    (Keypoint.NOSE, Keypoint.RIGHT_EYE),
    (Keypoint.LEFT_EYE, Keypoint.LEFT_EAR),
    (Keypoint.RIGHT_EYE, Keypoint.RIGHT_EAR),
    (Keypoint.LEFT_SHOULDER, Keypoint.LEFT_ELBOW),
    (Keypoint.LEFT_ELBOW, Keypoint.LEFT_WRIST),
    (Keypoint.RIGHT_SHOULDER, Keypoint.RIGHT_ELBOW),
    (Keypoint.RIGHT_ELBOW, Keypoint.RIGHT_WRIST),
    (Keypoint.LEFT_SHOULDER, Keypoint.RIGHT_SHOULDER),
    (Keypoint.LEFT_SHOULDER, Keypoint.LEFT_HIP),
    (Keypoint.RIGHT_SHOULDER, Keypoint.RIGHT_HIP),
    (Keypoint.LEFT_HIP, Keypoint.RIGHT_HIP),
    (Keypoint.LEFT_HIP, Keypoint.LEFT_KNEE),
    (Keypoint.LEFT_KNEE, Keypoint.LEFT_ANKLE),
    (Keypoint.RIGHT_HIP, Keypoint.RIGHT_KNEE),
    (Keypoint.RIGHT_KNEE, Keypoint.RIGHT_ANKLE),
)
"""The limbs that join two keypoints."""


class Point(NamedTuple):
    """One keypoint of a person.

    Attributes:
        x: 0...1 of the frame's width, to the right.
        y: 0...1 of the frame's height, downwards.
        score: How sure the model is of the keypoint, 0...1.
    """

    x: float
    y: float
    score: float


MIN_SPREAD: Final = 0.05
"""Part of the frame's width or height over which the keypoints of a newcomer extend, at least. With
a least count of 3 this takes a third to half of the ghosts away, and no accuracy."""


@dataclass(frozen=True, slots=True)
class Pose:
    """One person.

    ``pose[Keypoint.NOSE]`` is one keypoint, `keypoints` all of them as an array.

    Attributes:
        keypoints: float32 (17, 3) as x, y, score, all in 0...1; a joint that the model places
            beyond the edge of the frame lies on the edge.
        score: How sure the model is that this is a person, 0...1.
        box: x0, y0, x1, y1 of the keypoints that count, within 0...1.
        id: The tracked person's number, from 1, or None.
        confidence: float32 (17,), 0...1: how probable it is that each keypoint is right, from its
            score by measurements on pictures with known keypoints; None for a model that was not
            measured.
        predicted: Whether there was no time to look for the person in this frame, so that they are
            where they should be by their earlier motion.
    """

    keypoints: FloatArray
    score: float
    box: Box
    id: int | None = None
    confidence: FloatArray | None = None
    predicted: bool = False

    def __getitem__(self, keypoint: Keypoint | int) -> Point:
        """Return one keypoint, normalised.

        Raises:
            IndexError: There is no keypoint of that number.
        """
        return Point(*self.keypoints[keypoint].tolist())

    def pixels(self, width: int, height: int) -> FloatArray:
        """Return where the keypoints lie in a picture, in pixels.

        Args:
            width: Of the picture, pixels.
            height: Of the picture, pixels.

        Returns:
            float32 (17, 2) as x, y from the upper left corner, within 0...width and 0...height.
        """
        return self.keypoints[:, :2] * np.array((width, height), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an estimator found in one frame.

    Attributes:
        poses: The people, best first; empty when nobody was found.
        crop: The part of the frame that the model saw (x0, y0, x1, y1, normalised; it may reach
            outside the frame), or None when the model saw the whole frame.
        shrink: How many of the frame's pixels a pixel of the model's input will span in the next
            frame, along a side; 1 where the next frame may be wanted in all its pixels.
    """

    poses: list[Pose]
    crop: Box | None = None
    shrink: float = 1.0


@dataclass(frozen=True, slots=True)
class Provenance:
    """The model that found poses, and the hardware that ran it.

    Attributes:
        model: Name of the model.
        backend: Hardware that ran the model: "cpu" or "edgetpu".
        note: Why this backend was used instead of another, e.g. "edgetpu lost 12:03"; else empty.
        finder: Name of the model, always on the CPU, that found the people for a closer look by
            the first one; empty where there is none.
    """

    model: str
    backend: str
    note: str = ""
    finder: str = ""

    @property
    def models(self) -> str:
        """The names of the models, for people to read."""
        return f"{self.finder} + {self.model}" if self.finder else self.model

    @property
    def place(self) -> str:
        """The backend and the note, for people to read, e.g. ``cpu (edgetpu lost 12:03)``."""
        return f"{self.backend} ({self.note})" if self.note else self.backend


@dataclass(slots=True)
class Result:
    """The poses of one frame, and the frame itself.

    Attributes:
        lease: Keeps the frame's memory from being reused until `release` is called.
        poses: The people, best first; empty when nobody was found.
        provenance: The model that found the poses, and the hardware that ran it.
        crop: See `Estimate.crop`.
        stages_ms: Milliseconds of the stages wait, preprocess, inference, postprocess and total.
            The total counts from the exposure, or for a file from the reading of the frame.
        laps_ms: The same time in the stages of the telemetry, which are more.
        done_ns: When the last of them ended, on the monotonic clock; None without any.
        passed_over: Frames right before this one that were not looked at, because nobody was there
            and nothing moved.
    """

    lease: Lease
    poses: list[Pose]
    provenance: Provenance
    crop: Box | None = None
    stages_ms: dict[str, float] = field(default_factory=dict)
    laps_ms: dict[str, float] = field(default_factory=dict)
    done_ns: int | None = None
    passed_over: int = 0

    @property
    def frame(self) -> Frame:
        """The frame that the poses were computed from."""
        return self.lease.frame

    def copied(self) -> Result:
        """Return the result with a copy of its frame, so that the frame's memory is free again."""
        frame = self.frame
        return replace(self, lease=Lease(replace(frame, image=frame.image.copy())))

    def release(self) -> None:
        """Let the frame's memory be reused; the frame must not be read afterwards."""
        self.lease.release()


def box_of(keypoints: FloatArray, min_score: float) -> Box:
    """Return the box around the keypoints that count, clipped to the frame.

    Args:
        keypoints: float32 (17, 3) as x, y, score.
        min_score: Keypoints below this score do not count, so that they do not stretch the box.

    Returns:
        x0, y0, x1, y1 in 0...1; all zero when no keypoint counts.
    """
    return box_around([row for row in keypoints.tolist() if row[2] >= min_score])


def box_around(rows: Sequence[Sequence[float]]) -> Box:
    """Return the box around places, clipped to the frame.

    Args:
        rows: Some rows of keypoints, each x, y and more; plain numbers, for which NumPy's calls
            take longer.

    Returns:
        x0, y0, x1, y1 in 0...1; all zero without any.
    """
    if not rows:
        return (0.0, 0.0, 0.0, 0.0)
    across, down = [row[0] for row in rows], [row[1] for row in rows]
    return (_clip(min(across)), _clip(min(down)), _clip(max(across)), _clip(max(down)))


def _clip(value: float) -> float:
    return min(max(value, 0.0), 1.0)
