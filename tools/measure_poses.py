"""Measures what accuracy on single pictures does not show: jitter, ghosts, and moving people.

A ghost is a pose that is found where there is no person.

    python tools/measure_poses.py still  COCO.json     the same picture repeated
    python tools/measure_poses.py ghosts COCO.json     parts of pictures without people
    python tools/measure_poses.py video  CLIP ...      against a reference without tracking

COCO.json lies beside a folder of the same name with its pictures. Do not use pictures that a model
was calibrated with. Everything runs on one thread.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.config.schema import EdgeTpuSettings, ModelSettings, Settings, SmoothingSettings
from pose_edge.errors import EndOfStream
from pose_edge.estimators import Estimator
from pose_edge.frames import Frame, Image
from pose_edge.offline.coco import Truth, load_truth
from pose_edge.pipeline.loading import load_model
from pose_edge.poses import FloatArray, Pose
from pose_edge.sources import choose_source
from pose_edge.sources.picture_file import read_picture
from pose_edge.tracking import SIGMAS, PoseTracker

REFERENCE: Final = "movenet-thunder-fp16"
"""Default model whose poses are taken as the truth."""
REPEATS: Final = 16
"""Number of identical frames. At `FRAME_S` each they last less than the interval at which a
single-person model searches the whole frame."""
FRAME_S: Final = 1 / 30
"""Interval between identical frames, seconds."""
SURE: Final = 0.3
"""Score from which a keypoint counts in these measures."""
SETTLING: Final = 3
"""Number of frames after the first in which the crop of a newly found person may still move."""
JUMP: Final = 0.1
"""Distance beyond which a moved joint is said to jump, as a fraction of the body's longer side."""
AT_REST: Final = 0.01
"""Movement of a joint in the reference below which it is at rest, as a fraction of the body's
longer side."""
ELSEWHERE: Final = 0.5
"""Median joint error beyond which the pose is of another person, as a fraction of the body's longer
side."""
MIN_PART: Final = 100
"""Shortest allowed side of a part of a picture that is searched for ghosts, pixels."""
RIGHT_OKS: Final = 0.3
"""OKS from which a pose matches an annotated person."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("measure", choices=["still", "ghosts", "video"])
    parser.add_argument("inputs", nargs="+", type=Path)
    parser.add_argument("--model", default="movenet-lightning-int8")
    parser.add_argument("--reference", default=REFERENCE, metavar="MODEL")
    parser.add_argument("--count", type=int, help="only so many pictures, or frames of a clip")
    parser.add_argument("--turn", action="store_true", help="a clip lying on its side")
    parser.add_argument("--step", type=int, default=1, help="use only every N-th picture or frame")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        for path in options.inputs:
            if options.measure == "still":
                _still(load_truth(path), options, stack)
            elif options.measure == "ghosts":
                _ghosts(load_truth(path), options, stack)
            else:
                _video(path, options, stack)
    return 0


def load_estimator(
    stack: ExitStack, name: str, *, min_keypoints: int = 3
) -> tuple[Settings, Estimator]:
    """Load a model on one thread; return the settings that it was loaded with, and the model."""
    settings = Settings(
        model=ModelSettings(name=name, threads=1, min_keypoints=min_keypoints),
        edgetpu=EdgeTpuSettings(mode="off"),
        smoothing=SmoothingSettings(mode="on"),
    )
    return settings, load_model(settings, stack)


def _pictures(truth: Truth, options: argparse.Namespace) -> Iterator[tuple[int, Image]]:
    folder = truth.path.with_suffix("")
    for image in list(truth.images.values())[:: options.step][: options.count]:
        yield image["id"], read_picture(folder / image["file_name"])


# --- a still scene --------------------------------------------------------------------------------


def _still(truth: Truth, options: argparse.Namespace, stack: ExitStack) -> None:
    settings, estimator = load_estimator(stack, options.model)
    seen = settling = raw_jumps = smooth_jumps = blinks = new_ids = 0
    likeness: list[float] = []
    for image_id, picture in _pictures(truth, options):
        estimator.reset()
        tracker = PoseTracker(settings, live=False)
        raw: list[list[Pose]] = []
        smooth: list[list[Pose]] = []
        for index in range(REPEATS):
            frame = Frame(picture, "BGR", 0, index, index * FRAME_S)
            raw.append(estimator.estimate(frame).poses)
            smooth.append(tracker.apply(raw[-1], frame))
        if not any(raw):
            continue
        seen += 1
        size = (picture.shape[1], picture.shape[0])
        settling += _jumps(raw[: SETTLING + 1], size)
        raw_jumps += _jumps(raw[SETTLING:], size)
        smooth_jumps += _jumps(smooth[SETTLING:], size)
        blinks += len({len(poses) for poses in raw}) > 1
        new_ids += len({pose.id for poses in smooth for pose in poses}) > 1
        likeness += [_best_oks(truth, image_id, poses, size) for poses in raw]
    print(
        f"{truth.path.name}, {options.model}: of {seen} pictures with somebody, joints jump in "
        f"{settling} within {SETTLING} frames, later in {raw_jumps}, then after smoothing in "
        f"{smooth_jumps}; people blink in {blinks}, get a new id in {new_ids}; mean OKS "
        f"{np.mean(likeness):.4f}"
    )


def _jumps(frames: Sequence[Sequence[Pose]], size: tuple[int, int]) -> bool:
    """Return whether a sure joint of the best pose jumps between consecutive frames."""
    best = [poses[0] for poses in frames if poses]
    for before, after in itertools.pairwise(best):
        x0, y0, x1, y1 = before.box
        body = max((x1 - x0) * size[0], (y1 - y0) * size[1])
        sure = np.minimum(before.keypoints[:, 2], after.keypoints[:, 2]) >= SURE
        moved = np.linalg.norm(before.pixels(*size) - after.pixels(*size), axis=1)
        if (moved[sure] > JUMP * body).any():
            return True
    return False


# --- ghosts ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sighting:
    """The properties of a found pose to which thresholds can be applied.

    Attributes:
        count: Number of keypoints above the minimum score.
        spread: Extent of these keypoints as a fraction of the picture's width or height, whichever
            fraction is larger.
        score: The pose's score.
        right: Whether the pose matches an annotated person; False in a person-free part.
    """

    count: int
    spread: float
    score: float
    right: bool


def _ghosts(truth: Truth, options: argparse.Namespace, stack: ExitStack) -> None:
    settings, estimator = load_estimator(stack, options.model, min_keypoints=0)
    least = settings.model.min_keypoint_score
    people, ghosts, parts = [], [], 0
    for image_id, picture in _pictures(truth, options):
        size = (picture.shape[1], picture.shape[0])
        for pose in _search(estimator, picture):
            right = _best_oks(truth, image_id, [pose], size) >= RIGHT_OKS
            people.append(_sighting(pose, least, right=right))
        part = _without_people(truth, image_id, picture)
        if part is not None:
            parts += 1
            found = _search(estimator, part)
            ghosts += [_sighting(pose, least, right=False) for pose in found]
    print(f"{truth.path.name}, {options.model}: {parts} person-free parts")
    print("keypoints  spread  score  ghosts  people right  other poses in pictures with people")
    thresholds = [
        *((count, 0.0, 0.0) for count in (0, 2, 3, 4, 5, 6, 8)),
        *((3, spread, 0.0) for spread in (0.03, 0.05, 0.07, 0.1)),
        *((3, 0.05, score) for score in (0.33, 0.35, 0.4)),
    ]
    for least_one in thresholds:
        groups = (ghosts, [one for one in people if one.right], [o for o in people if not o.right])
        numbers = [_count(group, *least_one) for group in groups]
        print("{:9}  {:6.2f}  {:5.2f}  {:6}  {:12}  {:6}".format(*least_one, *numbers))


def _count(found: Iterable[Sighting], count: int, spread: float, score: float) -> int:
    """Return the number of poses that reach all three thresholds."""
    return sum(one.count >= count and one.spread >= spread and one.score >= score for one in found)


def _search(estimator: Estimator, picture: Image) -> list[Pose]:
    estimator.reset()
    return estimator.estimate(Frame(picture, "BGR", 0, 0, 0.0)).poses


def _sighting(pose: Pose, least: float, *, right: bool) -> Sighting:
    counting = pose.keypoints[pose.keypoints[:, 2] > least, :2]
    spread = float(np.ptp(counting, axis=0).max()) if len(counting) else 0.0
    return Sighting(len(counting), spread, pose.score, right)


def _without_people(truth: Truth, image_id: int, picture: Image) -> Image | None:
    """Return the largest of the four strips of a picture outside all annotated boxes.

    None if that strip is smaller than `MIN_PART`.
    """
    boxes = [a["bbox"] for a in truth.data["annotations"] if a["image_id"] == image_id]
    left = int(min(x for x, *_ in boxes))
    top = int(min(y for _, y, *_ in boxes))
    right = int(max(x + w for x, _, w, _ in boxes)) + 1
    bottom = int(max(y + h for _, y, _, h in boxes)) + 1
    sides = [picture[:, :left], picture[:, right:], picture[:top], picture[bottom:]]
    largest = max(sides, key=lambda side: side.shape[0] * side.shape[1])
    return np.ascontiguousarray(largest) if min(largest.shape[:2]) >= MIN_PART else None


def _best_oks(truth: Truth, image_id: int, poses: Sequence[Pose], size: tuple[int, int]) -> float:
    """Return the highest OKS of the best pose with an annotated person; 0 without either."""
    if not poses:
        return 0.0
    here = [a for a in truth.data["annotations"] if a["image_id"] == image_id]
    people = [person for person in here if person["num_keypoints"] > 0]
    return max((_oks(poses[0].pixels(*size), person) for person in people), default=0.0)


def _oks(points: FloatArray, person: dict[str, Any]) -> float:
    known = np.asarray(person["keypoints"], dtype=np.float64).reshape(-1, 3)
    squares = ((points - known[:, :2]) ** 2).sum(axis=1)
    variances = (2.0 * np.asarray(SIGMAS)) ** 2
    near = np.exp(-squares / (2.0 * max(1.0, person["area"]) * variances))
    return float(near[known[:, 2] > 0].mean())


# --- moving people --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Both:
    """The best poses in a frame by the reference and by the tracking model; None if not found."""

    truth: Pose | None
    found: Pose | None


def _video(path: Path, options: argparse.Namespace, stack: ExitStack) -> None:
    """Compare a tracking model with the reference, which searches each whole frame."""
    _, reference = load_estimator(stack, options.reference)
    _, followed = load_estimator(stack, options.model)
    errors: list[NDArray[np.float64]] = []
    jitter: list[NDArray[np.float64]] = []
    there = found = extra = elsewhere = blinks = crops = 0
    crop, before = None, Both(None, None)
    for frame in _frames(path, options):
        reference.reset()
        truths = reference.estimate(frame).poses
        estimate = followed.estimate(frame)
        now = Both(*(poses[0] if poses else None for poses in (truths, estimate.poses)))
        crops += estimate.crop != crop
        blinks += before.found is not None and now.found is None
        there += now.truth is not None
        extra += now.truth is None and now.found is not None
        if now.truth is not None and now.found is not None:
            found += 1
            off = _errors(now.found, now.truth, frame)
            elsewhere += bool(np.median(off) > ELSEWHERE)
            errors += [off] if np.median(off) <= ELSEWHERE else []
            jitter += jitter_of(before, now, frame)
        crop, before = estimate.crop, now
    joints = np.concatenate(errors) if errors else np.zeros(1)
    at_rest = np.concatenate(jitter) if jitter else np.zeros(1)
    print(
        f"{path.name}, {options.model}, step {options.step}: of {there} frames in which the "
        f"reference finds somebody, found in {found} ({elsewhere} times somebody else), and in "
        f"{extra} others; lost {blinks} times; joints off by {100 * np.median(joints):.2f} % of "
        f"the body (mean {100 * joints.mean():.2f} %), {100 * (joints > JUMP).mean():.1f} % by "
        f"more than {JUMP:.0%}; joints at rest jitter by {100 * np.median(at_rest):.2f} % "
        f"(nine in ten: {100 * np.percentile(at_rest, 90):.2f} %); new crops: {crops}",
        flush=True,
    )


def _errors(pose: Pose, truth: Pose, frame: Frame) -> NDArray[np.float64]:
    """Return the errors of the reference's sure joints, as fractions of the body's longer side."""
    return _apart(pose, truth, truth, frame)[truth.keypoints[:, 2] >= SURE]


def jitter_of(before: Both, now: Both, frame: Frame) -> list[NDArray[np.float64]]:
    """Return how far joints at rest move in the found pose between two frames.

    Returns:
        One array with a fraction of the body's longer side for each joint at rest; no array if a
        pose is missing.
    """
    if before.truth is None or before.found is None or now.truth is None or now.found is None:
        return []
    sure = np.minimum(before.truth.keypoints[:, 2], now.truth.keypoints[:, 2]) >= SURE
    at_rest = sure & (_apart(before.truth, now.truth, now.truth, frame) < AT_REST)
    return [_apart(before.found, now.found, now.truth, frame)[at_rest]]


def _apart(one: Pose, other: Pose, whole: Pose, frame: Frame) -> NDArray[np.float64]:
    """Return the distances of two poses' joints, as fractions of the longer side of `whole`."""
    size = (frame.width, frame.height)
    x0, y0, x1, y1 = whole.box
    body = max(1.0, (x1 - x0) * size[0], (y1 - y0) * size[1])
    apart = np.linalg.norm(one.pixels(*size) - other.pixels(*size), axis=1)
    return np.asarray(apart / body, dtype=np.float64)


def _frames(path: Path, options: argparse.Namespace) -> Iterator[Frame]:
    settings = Settings()
    source = choose_source(settings.source.model_copy(update={"name": str(path)}), settings.camera)
    source.open()
    try:
        while True:
            frame = source.read(1.0)
            if frame is None:
                continue
            if options.count is not None and frame.index >= options.count * options.step:
                return
            if frame.index % options.step == 0:
                turned = np.ascontiguousarray(np.rot90(frame.image)) if options.turn else None
                yield frame if turned is None else replace(frame, image=turned)
    except EndOfStream:
        return
    finally:
        source.close()


if __name__ == "__main__":
    sys.exit(main())
