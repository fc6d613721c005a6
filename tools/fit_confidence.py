"""Fits the calibration from a model's keypoint score to the probability that the keypoint is right.

    python tools/fit_confidence.py COCO.json [--model NAME ...]

The calibration of `pose_edge/estimators/confidence.py` is fitted to one half of the pictures (every
other id), for all given models together. The other half shows how reliable it is for each model.
COCO.json lies beside a folder of the same name with the pictures. Do not use pictures that a model
was calibrated with.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.config.schema import EdgeTpuSettings, ModelSettings, Settings
from pose_edge.estimators.confidence import Calibration, probabilities
from pose_edge.frames import Frame
from pose_edge.offline.coco import Truth, load_truth
from pose_edge.pipeline.loading import load_model
from pose_edge.poses import Pose
from pose_edge.sources.picture_file import read_picture
from pose_edge.tracking import SIGMAS

MODELS: Final = ("movenet-lightning-int8", "movenet-thunder-balanced-int8", "movenet-thunder-int8")
KNOTS: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
"""Knots of the piecewise linear calibration: scores, 0...1."""
RIGHT: Final = 0.5
"""Similarity from which a keypoint is right: its term in the OKS of its pose, 0...1."""
BINS: Final = 10
"""Number of bins of the probability in the reliability figures."""

Scores = NDArray[np.float64]
Rights = NDArray[np.bool_]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("truth", type=Path, metavar="COCO.json")
    parser.add_argument("--model", nargs="+", default=MODELS, metavar="NAME")
    options = parser.parse_args(arguments)
    truth = load_truth(options.truth)
    samples = {name: _samples(truth, name) for name in options.model}
    fitted = [scores_and_rights[0] for scores_and_rights in samples.values()]
    calibration = fit(*(np.concatenate(part) for part in zip(*fitted, strict=True)))
    print("calibration:", ", ".join(f"({score:g}, {right:.3f})" for score, right in calibration))
    for name, (_, (scores, rights)) in samples.items():
        error = reliability(scores, rights, calibration)
        print(f"{name}: {len(scores)} other keypoints, calibration error {error:.3f}")
        for low, count, said, true in bins(scores, rights, calibration):
            print(f"  from {low:.1f}: {count:5} keypoints, said {said:.3f}, right {true:.3f}")
    return 0


def fit(scores: Scores, rights: Rights) -> Calibration:
    """Fit a piecewise linear function with knots at `KNOTS` by least squares.

    The fitted values are then clipped to 0...1 and made non-decreasing.

    Args:
        scores: float64 (n,), 0...1.
        rights: bool (n,), whether each keypoint is right.

    Returns:
        Pairs of score and probability, one for each knot.
    """
    weights = np.stack([np.interp(scores, KNOTS, unit) for unit in np.eye(len(KNOTS))], axis=1)
    values, *_ = np.linalg.lstsq(weights, rights.astype(np.float64), rcond=None)
    rising = np.maximum.accumulate(np.clip(values, 0.0, 1.0))
    return tuple(zip(KNOTS, rising.round(3).tolist(), strict=True))


def bins(
    scores: Scores, rights: Rights, calibration: Calibration
) -> Iterator[tuple[float, int, float, float]]:
    """Divide keypoints into `BINS` bins by probability, and yield a tuple for each non-empty bin.

    Yields:
        The bin's lowest probability, the number of keypoints in it, their mean predicted
        probability, and the fraction of them that is right.
    """
    said = probabilities(scores.astype(np.float32), calibration)
    places = np.minimum((said * BINS).astype(int), BINS - 1)
    for place in np.unique(places):
        here = places == place
        yield (
            float(place / BINS),
            int(here.sum()),
            float(said[here].mean()),
            float(rights[here].mean()),
        )


def reliability(scores: Scores, rights: Rights, calibration: Calibration) -> float:
    """Return the expected calibration error, 0...1: the mean over keypoints of their bin's error.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger: "On Calibration of Modern Neural Networks",
    ICML 2017.
    """
    found = bins(scores, rights, calibration)
    return sum(count * abs(said - true) for _, count, said, true in found) / len(scores)


def _samples(truth: Truth, name: str) -> list[tuple[Scores, Rights]]:
    """Return the scores and rights of the pictures to fit, and those of the other pictures."""
    settings = Settings(
        model=ModelSettings(name=name, threads=1), edgetpu=EdgeTpuSettings(mode="off")
    )
    people: dict[int, list[dict[str, Any]]] = {}
    for person in truth.data["annotations"]:
        if person["num_keypoints"] > 0:
            people.setdefault(person["image_id"], []).append(person)
    halves: tuple[list[tuple[float, float]], ...] = ([], [])
    with ExitStack() as stack:
        estimator = load_model(settings, stack)
        for number, (image_id, image) in enumerate(truth.images.items()):
            picture = read_picture(truth.path.with_suffix("") / image["file_name"])
            estimator.reset()
            for pose in estimator.estimate(Frame(picture, "BGR", 0, 0, 0.0)).poses:
                size = (picture.shape[1], picture.shape[0])
                halves[number % 2].extend(_keypoints(pose, size, people.get(image_id, [])))
    return [(table[:, 0], table[:, 1] > 0.5) for table in map(np.array, halves)]


def _keypoints(
    pose: Pose, size: tuple[int, int], people: Sequence[dict[str, Any]]
) -> Iterator[tuple[float, float]]:
    """Yield the score, and 1.0 if right or 0.0 if not, of each annotated keypoint of a pose.

    The annotations are those of the person with the highest OKS.
    """
    points = pose.pixels(*size)
    best: tuple[float, NDArray[np.float64], NDArray[np.bool_]] | None = None
    for person in people:
        known = np.asarray(person["keypoints"], dtype=np.float64).reshape(-1, 3)
        squares = ((points - known[:, :2]) ** 2).sum(axis=1)
        variances = (2.0 * np.asarray(SIGMAS)) ** 2
        near = np.exp(-squares / (2.0 * max(1.0, person["area"]) * variances))
        annotated = known[:, 2] > 0
        likeness = float(near[annotated].mean())
        if best is None or likeness > best[0]:
            best = likeness, near, annotated
    if best is not None:
        _, near, annotated = best
        for score, part in zip(pose.keypoints[annotated, 2], near[annotated], strict=True):
            yield float(score), float(part >= RIGHT)


if __name__ == "__main__":
    sys.exit(main())
