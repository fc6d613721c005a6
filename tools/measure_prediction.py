"""Measures how much pose prediction (`overlay.sync: live`) reduces the error of drawn joints.

    python tools/measure_prediction.py CLIP ...

A simulated camera plays each clip at `--fps`. Inference takes the newest frame and needs
`--inference` milliseconds. Each frame is shown at once, with the latest pose available by then,
which several rules move forward to the time of the frame. The joints are compared with those that a
reference model finds in that very frame. Everything runs on one thread in simulated time, so other
load on the machine does not matter.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from measure_poses import ELSEWHERE, REFERENCE, SURE, load_estimator
from numpy.typing import NDArray

from pose_edge.config.schema import Settings
from pose_edge.errors import EndOfStream
from pose_edge.estimators import Estimator
from pose_edge.frames import Frame
from pose_edge.poses import Pose
from pose_edge.sources import choose_source
from pose_edge.tracking import PoseTracker, move_forward
from pose_edge.tracking.prediction import MAX_AHEAD_S, MAX_INTERVAL_S

DRAWN: Final = 0.25
"""Score from which a keypoint is drawn."""
MOVED: Final = 0.02
"""Distance beyond which a joint counts as moving since the frame of its pose, as a fraction of the
body's longer side."""
DAMPING: Final = 0.7
"""Fraction of the predicted movement that a damped rule applies."""
LOW_PASS_HZ: Final = 4.0
"""Cut-off frequency of the smoothed velocity; the same as in the one-euro filter."""


@dataclass(frozen=True, slots=True)
class Found:
    """A frame that inference has processed.

    Attributes:
        time_s: Time of exposure, seconds.
        done_s: Time at which its pose is available, seconds.
        raw: The best pose as returned by the model, or None.
        drawn: The best pose after tracking and smoothing, or None.
        truth: The reference's best pose in the frame, or None.
    """

    time_s: float
    done_s: float
    raw: Pose | None
    drawn: Pose | None
    truth: Pose | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame that is shown.

    Attributes:
        size: Width and height, pixels.
        ahead_s: Time from the frame of the latest pose to this frame, seconds.
        history: The frames processed by then, the newest last.
        truth: The reference's best pose in this frame.
    """

    size: tuple[int, int]
    ahead_s: float
    history: Sequence[Found]
    truth: Pose


Points = NDArray[np.float64]
Rule = Callable[[Shown], Points]
"""Returns the positions at which joints are drawn, float64 (17, 2), normalised."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--model", default="movenet-lightning-int8")
    parser.add_argument("--reference", default=REFERENCE, metavar="MODEL")
    parser.add_argument("--inference", type=float, default=50.0, help="milliseconds")
    parser.add_argument("--fps", type=float, default=30.0, help="of the camera, at most the clip's")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        settings, followed = load_estimator(stack, options.model)
        _, reference = load_estimator(stack, options.reference)
        for path in options.clips:
            followed.reset()
            reference.reset()
            tracker = PoseTracker(settings, live=False)
            frames = _frames(path, options.fps)
            _report(
                path, list(_play(frames, followed, reference, tracker, options.inference / 1e3))
            )
    return 0


def _play(
    frames: Iterator[Frame],
    followed: Estimator,
    reference: Estimator,
    tracker: PoseTracker,
    inference_s: float,
) -> Iterator[Shown]:
    """Yield each shown frame with a person, together with the poses available by then."""
    done: list[Found] = []
    waiting: tuple[Frame, Pose | None] | None = None
    free_s = 0.0
    for frame in frames:
        truth = _best(reference, frame)
        for candidate in (waiting, (frame, truth)):
            if candidate is not None and free_s <= frame.time:
                free_s = max(free_s, candidate[0].time) + inference_s
                done.append(_process(*candidate, free_s, followed, tracker))
        taken = bool(done) and done[-1].time_s == frame.time
        waiting = None if taken else (_copy(frame), truth)
        history = [one for one in done if one.done_s <= frame.time + 1e-4]
        if truth is not None and history and history[-1].drawn is not None:
            ahead_s = frame.time - history[-1].time_s
            yield Shown((frame.width, frame.height), ahead_s, history[-30:], truth)


def _copy(frame: Frame) -> Frame:
    return replace(frame, image=frame.image.copy())


def _process(
    frame: Frame, truth: Pose | None, done_s: float, followed: Estimator, tracker: PoseTracker
) -> Found:
    poses = followed.estimate(frame).poses
    drawn = tracker.apply(poses, frame)
    return Found(
        frame.time,
        done_s,
        poses[0] if poses else None,
        drawn[0] if drawn else None,
        truth,
    )


def _best(estimator: Estimator, frame: Frame) -> Pose | None:
    poses = estimator.estimate(frame).poses
    return poses[0] if poses else None


def _frames(path: Path, fps: float) -> Iterator[Frame]:
    """Yield the frames of a clip, at most `fps` per second."""
    settings = Settings()
    source = choose_source(settings.source.model_copy(update={"name": str(path)}), settings.camera)
    source.open()
    due_s = 0.0
    try:
        while True:
            frame = source.read(1.0)
            if frame is not None and frame.time >= due_s - 1e-3:
                due_s = frame.time + 0.9 / fps
                yield frame
    except EndOfStream:
        return
    finally:
        source.close()


# --- rules ----------------------------------------------------------------------------------------


def _unmoved(shown: Shown) -> Points:
    return _points(_drawn(shown))


def _by_velocity(velocity: Callable[[Shown], Points], share: float = 1.0) -> Rule:
    """Return a rule that moves each joint by its velocity times `share`."""

    def rule(shown: Shown) -> Points:
        return _unmoved(shown) + share * min(shown.ahead_s, MAX_AHEAD_S) * velocity(shown)

    return rule


def _raw_velocity(shown: Shown) -> Points:
    """Return the velocity between the last two raw poses, float64 (17, 2), 1/s."""
    return _velocities(shown, lambda one: one.raw)[-1]


def _smooth_velocity(shown: Shown) -> Points:
    """Return the low-pass filtered velocity, as in the one-euro filter, float64 (17, 2), 1/s."""
    smooth = np.zeros((17, 2))
    intervals_s = np.diff([one.time_s for one in shown.history])
    velocities = _velocities(shown, lambda one: one.raw)
    for velocity, interval_s in zip(velocities, intervals_s, strict=False):
        smooth += (velocity - smooth) / (1.0 + 1.0 / (2.0 * np.pi * LOW_PASS_HZ * interval_s))
    return smooth


def _confident_velocity(shown: Shown) -> Points:
    """Return the low-pass filtered velocity of joints with a high score, and 0 for others."""
    sure = _drawn(shown).keypoints[:, 2] >= 0.4
    return _smooth_velocity(shown) * sure[:, np.newaxis]


def _body_velocity(shown: Shown) -> Points:
    """Return the median velocity of the sure joints, repeated for each joint."""
    sure = _drawn(shown).keypoints[:, 2] >= SURE
    velocity = _velocities(shown, lambda one: one.drawn)[-1]
    return np.tile(np.median(velocity[sure], axis=0) if sure.any() else np.zeros(2), (17, 1))


def _used(shown: Shown) -> Points:
    """Return the joints as `overlay.sync: live` draws them."""
    now, before = _drawn(shown), shown.history[-2].drawn if len(shown.history) > 1 else None
    if before is None or before.id != now.id:
        return _points(now)
    interval_s = shown.history[-1].time_s - shown.history[-2].time_s
    return _points(
        move_forward(
            now,
            before,
            interval_s=interval_s,
            ahead_s=shown.ahead_s,
            size=shown.size,
            min_score=DRAWN,
        )
    )


RULES: Final[dict[str, Rule]] = {
    "unmoved": _unmoved,
    "velocity of raw keypoints": _by_velocity(_raw_velocity),
    "smoothed velocity": _by_velocity(_smooth_velocity),
    "smoothed velocity, damped": _by_velocity(_smooth_velocity, DAMPING),
    "the same, of sure joints": _by_velocity(_confident_velocity, DAMPING),
    "velocity of the whole body": _by_velocity(_body_velocity),
    "overlay.sync: live": _used,
}


def _drawn(shown: Shown) -> Pose:
    pose = shown.history[-1].drawn
    assert pose is not None
    return pose


def _points(pose: Pose) -> Points:
    return pose.keypoints[:, :2].astype(np.float64)


def _velocities(shown: Shown, pose_of: Callable[[Found], Pose | None]) -> list[Points]:
    """Return the velocities between consecutive poses, 1/s; 0 where a joint was not seen."""
    velocities: list[Points] = []
    for before, now in zip(shown.history, shown.history[1:], strict=False):
        one, other = pose_of(before), pose_of(now)
        interval_s = now.time_s - before.time_s
        velocity = np.zeros((17, 2))
        if one is not None and other is not None and interval_s <= MAX_INTERVAL_S:
            seen = np.minimum(one.keypoints[:, 2], other.keypoints[:, 2]) >= 0.2
            velocity[seen] = (_points(other) - _points(one))[seen] / interval_s
        velocities.append(velocity)
    return velocities or [np.zeros((17, 2))]


# --- report ---------------------------------------------------------------------------------------


def _report(path: Path, shown: Sequence[Shown]) -> None:
    errors: dict[str, list[NDArray[np.float64]]] = {name: [] for name in RULES}
    moving: dict[str, list[NDArray[np.float64]]] = {name: [] for name in RULES}
    ages = [one.ahead_s for one in shown]
    for one in shown:
        pose = _drawn(one)
        sure = (one.truth.keypoints[:, 2] >= SURE) & (pose.keypoints[:, 2] >= DRAWN)
        if not sure.any() or np.median(_off(_unmoved(one), one)[sure]) > ELSEWHERE:
            continue
        before = one.history[-1].truth
        moved = sure & (_off(_points(before), one) > MOVED) if before is not None else sure & False
        for name, rule in RULES.items():
            off = _off(rule(one), one)
            errors[name].append(off[sure])
            moving[name].append(off[moved])
    print(
        f"{path.name}: {len(shown)} frames shown, poses {1e3 * np.median(ages):.0f} ms old "
        f"(at most {1e3 * max(ages):.0f} ms); distance of joints in % of the body"
    )
    for name in RULES:
        everything, some = np.concatenate(errors[name]), np.concatenate(moving[name])
        print(
            f"  {name:27}  median {100 * np.median(everything):.2f}, mean "
            f"{100 * everything.mean():.2f}, nine in ten {100 * np.percentile(everything, 90):.2f}"
            f"; {len(some)} moving joints: median {100 * np.median(some):.2f}, mean "
            f"{100 * some.mean():.2f}",
            flush=True,
        )


def _off(points: Points, shown: Shown) -> NDArray[np.float64]:
    """Return the distance of joints from the true ones, as fractions of the body's longer side."""
    x0, y0, x1, y1 = shown.truth.box
    body = max(1.0, (x1 - x0) * shown.size[0], (y1 - y0) * shown.size[1])
    apart = np.linalg.norm((points - _points(shown.truth)) * shown.size, axis=1)
    return np.asarray(apart / body, np.float64)


if __name__ == "__main__":
    sys.exit(main())
