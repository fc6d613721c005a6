"""Poses for the tracking tests: synthetic ones, and ones found by the real model in real videos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
from helpers import person
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from pose_edge.config.schema import EdgeTpuSettings, ModelSettings, Settings
from pose_edge.errors import EndOfStream
from pose_edge.frames import Frame
from pose_edge.pipeline.loading import load_model
from pose_edge.poses import Box, FloatArray, Keypoint, Pose, box_of
from pose_edge.sources.video import Video

WIDTH, HEIGHT = 1280, 720
MIN_SCORE = 0.2

BODIES = hnp.arrays(np.float32, (17, 3), elements=st.floats(0, 1, width=32))
"""Hypothesis strategy for arbitrary keypoints, (17, 3) in 0...1."""

Sight = tuple[float, int, int, list[Pose]]
"""Time in seconds, width and height of a frame in pixels, and the poses in it."""


def standing(x: float, *, y: float = 0.5, scale: float = 0.8, score: float = 0.8) -> Pose:
    """Return the pose of a standing person with the hips at x, y (normalised)."""
    return to_pose(person(score, centre=(x, y), scale=scale), score)


def to_pose(keypoints: FloatArray, score: float) -> Pose:
    return Pose(keypoints, score, box_of(keypoints, MIN_SCORE))


def shaken(pose: Pose, rng: np.random.Generator, by: float = 0.004) -> Pose:
    """Return a pose with Gaussian noise of standard deviation `by` on every keypoint."""
    keypoints = pose.keypoints.copy()
    keypoints[:, :2] += rng.normal(0.0, by, (17, 2)).astype(np.float32)
    return to_pose(keypoints, pose.score)


def mirrored(pose: Pose) -> Pose:
    """Return the pose of a person's mirror image."""
    names = [keypoint.name for keypoint in Keypoint]
    other = [
        names.index(name.replace("LEFT", "SIDE").replace("RIGHT", "LEFT").replace("SIDE", "RIGHT"))
        for name in names
    ]
    keypoints = pose.keypoints[other].copy()
    keypoints[:, 0] = 1.0 - keypoints[:, 0]
    return replace(pose, keypoints=keypoints, box=box_of(keypoints, MIN_SCORE))


def found_in(
    path: Path,
    parts: Sequence[Box] = ((0.0, 0.0, 1.0, 1.0),),
    *,
    first: int = 0,
    count: int = 10_000,
    step: int = 1,
) -> list[Sight]:
    """Return the poses that MoveNet Lightning finds in a video.

    Args:
        path: The video.
        parts: Region around each person, normalised; the model finds only one person in each.
        first: Index of the first frame.
        count: Number of frames of the video from `first` on.
        step: Use only every `step`-th frame.
    """
    settings = Settings(model=ModelSettings(threads=1), edgetpu=EdgeTpuSettings(mode="off"))
    finders = [load_model(settings, ExitStack()) for _ in parts]
    sights: list[Sight] = []

    def look(frame: Frame) -> None:
        poses = []
        for finder, (x0, y0, x1, y1) in zip(finders, parts, strict=True):
            left, right = round(x0 * frame.width), round(x1 * frame.width)
            top, bottom = round(y0 * frame.height), round(y1 * frame.height)
            image = np.ascontiguousarray(frame.image[top:bottom, left:right])
            for pose in finder.estimate(replace(frame, image=image)).poses:
                keypoints = pose.keypoints.copy()
                keypoints[:, 0] = (keypoints[:, 0] * (right - left) + left) / frame.width
                keypoints[:, 1] = (keypoints[:, 1] * (bottom - top) + top) / frame.height
                poses.append(to_pose(keypoints, pose.score))
        sights.append((frame.time, frame.width, frame.height, poses))

    each_frame(path, lambda f: look(f) if (f.index - first) % step == 0 else None, first, count)
    return sights


def each_frame(path: Path, use: Callable[[Frame], None], first: int, count: int) -> None:
    video = Video(str(path))
    video.open()
    try:
        while True:
            frame = video.read(1.0)
            if frame is not None and frame.index >= first + count:
                return
            if frame is not None and frame.index >= first:
                use(frame)
    except EndOfStream:
        pass
    finally:
        video.close()


def middle(pose: Pose) -> NDArray[np.float32]:
    """Return the median x, y of the keypoints with a score of at least 0.3."""
    sure = pose.keypoints[pose.keypoints[:, 2] >= 0.3, :2]
    return np.asarray(np.median(sure, axis=0), dtype=np.float32)
