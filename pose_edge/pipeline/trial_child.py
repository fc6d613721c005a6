"""The child process that tries a model file: loads it, and runs it on a picture of a person."""

from __future__ import annotations

import os
import pickle
import resource
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from pose_edge.config.schema import ModelSettings
from pose_edge.errors import PoseEdgeError
from pose_edge.estimators import load_estimator
from pose_edge.frames import Frame
from pose_edge.pipeline.trial import DAMAGED, ERRORS, TrialResult
from pose_edge.runtimes.litert import LiteRT
from pose_edge.runtimes.runtime import Runtime
from pose_edge.tracking.similarity import oks_matrix
from pose_edge.util import resources
from pose_edge.util.child_process import kill_with_parent, redirect_output
from pose_edge.util.text import one_line
from pose_edge.zoo.normalisation import RANGES
from pose_edge.zoo.registry import ModelFile

MEMORY: Final = 2 << 30
"""Most memory that the child may allocate, bytes: a damaged file may ask for more than there is."""
FOUND: Final = 0.5
"""Least similarity (OKS, 0...1) to the person in the picture at which a model has found them."""
PERSON: Final = (
    *((0.481, 0.154), (0.496, 0.141), (0.465, 0.143), (0.524, 0.156), (0.451, 0.162)),
    *((0.576, 0.261), (0.410, 0.257), (0.669, 0.352), (0.323, 0.348), (0.773, 0.423)),
    *((0.223, 0.410), (0.540, 0.516), (0.437, 0.514), (0.560, 0.691), (0.415, 0.682)),
    *((0.556, 0.864), (0.436, 0.863)),
)
"""x and y, 0...1, of the keypoints in the picture, as movenet-thunder-fp16 finds them."""


def main() -> None:
    """Read the job from the standard input; write its `TrialResult` to the standard output."""
    # Signals go to the whole process group: the parent handles them, and ends this process.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    model, settings, parent = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our parent
    kill_with_parent(parent)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answer:
        redirect_output(2)  # what libraries print must not get into the answer
        answer.write(try_here(model, settings).model_dump_json())


def try_here(model: ModelFile, settings: ModelSettings) -> TrialResult:
    """Load a model in this process and try it; see `pose_edge.pipeline.trial`."""
    try:
        runtime = LiteRT(model, threads=settings.threads)
        result = _judge(model, runtime, settings)
        for size in runtime.sizes:  # a run may use any of them, and must not crash
            runtime.run(np.zeros((1, *size, 3), dtype=runtime.input.dtype))
        return result
    except PoseEdgeError as error:
        kinds = (kind for kind, raised in ERRORS.items() if isinstance(error, raised))
        kind = next(kinds, "unavailable")
        return TrialResult(error=error.message, remedy=error.remedy, kind=kind)
    except (RuntimeError, ValueError, MemoryError) as error:  # raised by the runtime
        reason = one_line(error) or type(error).__name__
        return TrialResult(error=f"{model.path} cannot be run: {reason}", remedy=DAMAGED)


def _judge(model: ModelFile, runtime: Runtime, settings: ModelSettings) -> TrialResult:
    """Find the input range and the output units with which the model finds the person."""
    best = 0.0
    for group in _candidates(model, runtime, settings):
        for in_pixels in (False, True):
            tried = [replace(one, output_in_pixels=in_pixels) for one in group]
            marks = [_mark(one, runtime, settings) for one in tried]
            best = max(best, *(similarity for similarity, _ in marks))
            good = [
                (similarity * score, one)
                for (similarity, score), one in zip(marks, tried, strict=True)
                if similarity >= FOUND
            ]
            if good:
                _, right = max(good, key=lambda pair: pair[0])
                return TrialResult(
                    normalisation=right.normalisation, output_in_pixels=right.output_in_pixels
                )
    seen = f"in a picture with one person it does not find them (similarity {best:.2f} of 1)"
    if runtime.input.dtype == "float32" and settings.input_range == "auto":
        return TrialResult(
            error=f"what the float32 input of {model.path} wants is not known: {seen}, "
            f"whether it is given as {', '.join(RANGES)}",
            remedy="if it is a pose model nevertheless, set model.input_range",
        )
    return TrialResult(normalisation=model.normalisation, doubt=seen)


def _candidates(
    model: ModelFile, runtime: Runtime, settings: ModelSettings
) -> Iterator[list[ModelFile]]:
    """Yield groups of possible normalisations; a group is tried if none before it is right."""
    if runtime.input.dtype != "float32" or settings.input_range != "auto":
        yield [model]  # the estimator applies the setting
        return
    if model.normalisation is not None:
        yield [model]
    yield [replace(model, normalisation=one) for one in RANGES.values()]


def _mark(model: ModelFile, runtime: Runtime, settings: ModelSettings) -> tuple[float, float]:
    """Return the similarity (OKS) of a model's best pose to the person, and the pose's score."""
    path = resources.person_picture()
    image = np.asarray(cv2.imread(str(path)), dtype=np.uint8)
    asked = ModelSettings(max_people=1, input_range=settings.input_range)
    poses = load_estimator(model, runtime, asked).estimate(Frame(image, "BGR", 0, 0, 0.0)).poses
    if not poses:
        return 0.0, 0.0
    height, width = image.shape[:2]
    person = np.array([[(x, y, 1.0) for x, y in PERSON]], dtype=np.float32)
    found = poses[0].keypoints[np.newaxis]
    return float(oks_matrix(found, person, width, height)[0, 0]), poses[0].score
