"""Keypoints, poses, and the result for one frame.

Coordinates are normalised: x and y are 0...1 of the whole frame, x to the right, y down.
Left and right are from the person's point of view.
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
"""Array of float32; for keypoints (17, 3) as x, y, score."""

Box = tuple[float, float, float, float]
"""Bounding box: x0, y0, x1, y1, normalised."""


class Keypoint(IntEnum):
    """The 17 keypoints of the COCO data set, in COCO's order."""

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
"""Pairs of keypoints that are joined by a line when a pose is drawn."""


class Point(NamedTuple):
    """One keypoint of a person.

    Attributes:
        x: 0...1 of the frame's width, to the right.
        y: 0...1 of the frame's height, downwards.
        score: The model's score for the keypoint, 0...1.
    """

    x: float
    y: float
    score: float


MIN_SPREAD: Final = 0.05
"""Minimum extent of a new person's keypoints, as a fraction of the frame's width or height.
Together with a minimum of 3 keypoints it removes a third to half of the false detections, without
loss of accuracy."""


@dataclass(frozen=True, slots=True)
class Pose:
    """One person.

    ``pose[Keypoint.NOSE]`` is one keypoint; `keypoints` is the array of all of them.

    Attributes:
        keypoints: float32 (17, 3) as x, y, score, all in 0...1. Keypoints that the model places
            outside the frame are clipped to its edge.
        score: The model's score for the person, 0...1.
        box: x0, y0, x1, y1 (0...1) around the keypoints that reach the minimum keypoint score.
        id: Number of the tracked person, from 1; None without tracking.
        confidence: float32 (17,), 0...1: probability that each keypoint is right, derived from its
            score by a calibration on annotated pictures; None for a model without a calibration.
        predicted: Whether the pose was extrapolated from the person's earlier motion because there
            was no time to run the model on them in this frame.
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
            IndexError: There is no keypoint with that number.
        """
        return Point(*self.keypoints[keypoint].tolist())

    def pixels(self, width: int, height: int) -> FloatArray:
        """Return the positions of the keypoints in a picture, in pixels.

        Args:
            width: Width of the picture, pixels.
            height: Height of the picture, pixels.

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
        shrink: Factor by which the next frame is expected to be downscaled per side for the model's
            input (frame pixels per input pixel); 1 if its full resolution may be needed.
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
        note: Why another backend was not used, e.g. "edgetpu lost 12:03"; else empty.
        finder: Name of the detection model (always on the CPU) of a two-stage estimator, which
            finds the people whose keypoints `model` then locates; empty if there is none.
    """

    model: str
    backend: str
    note: str = ""
    finder: str = ""

    @property
    def models(self) -> str:
        """The names of the models, as text for display."""
        return f"{self.finder} + {self.model}" if self.finder else self.model

    @property
    def place(self) -> str:
        """The backend and the note, as text for display, e.g. ``cpu (edgetpu lost 12:03)``."""
        return f"{self.backend} ({self.note})" if self.note else self.backend


@dataclass(slots=True)
class Result:
    """The poses of one frame, and the frame itself.

    Attributes:
        lease: Keeps the frame's memory from being reused until `release` is called.
        poses: The people, best first; empty when nobody was found.
        provenance: The model that found the poses, and the hardware that ran it.
        crop: See `Estimate.crop`.
        stages_ms: Durations in milliseconds: wait, preprocess, inference, postprocess and total.
            The total counts from the exposure or, for a file, from reading the frame.
        laps_ms: The same time, divided into the finer stages `telemetry.TO_POSES`, milliseconds.
        done_ns: End of the last of these stages on the monotonic clock, nanoseconds; None if
            nothing was timed.
        passed_over: Number of frames directly before this one on which the model was not run,
            because nobody was visible and nothing moved.
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
        """Return the result with a copy of its frame, so that the original can be released."""
        frame = self.frame
        return replace(self, lease=Lease(replace(frame, image=frame.image.copy())))

    def release(self) -> None:
        """Let the frame's memory be reused; the frame must not be read afterwards."""
        self.lease.release()


def box_of(keypoints: FloatArray, min_score: float) -> Box:
    """Return the box around the keypoints with at least a minimum score, clipped to the frame.

    Args:
        keypoints: float32 (17, 3) as x, y, score.
        min_score: Keypoints below this score are ignored, so that they do not stretch the box.

    Returns:
        x0, y0, x1, y1 in 0...1; all zero when no keypoint reaches the score.
    """
    return box_around([row for row in keypoints.tolist() if row[2] >= min_score])


def box_around(rows: Sequence[Sequence[float]]) -> Box:
    """Return the box around points, clipped to the frame.

    Args:
        rows: Points, each starting with x, y. Plain numbers, because NumPy is slower for so few.

    Returns:
        x0, y0, x1, y1 in 0...1; all zero without points.
    """
    if not rows:
        return (0.0, 0.0, 0.0, 0.0)
    across, down = [row[0] for row in rows], [row[1] for row in rows]
    return (_clip(min(across)), _clip(min(down)), _clip(max(across)), _clip(max(down)))


def _clip(value: float) -> float:
    return min(max(value, 0.0), 1.0)
