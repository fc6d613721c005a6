from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from helpers import noise
from tracking.scenes import HEIGHT, WIDTH, shaken, standing

from pose_edge.config.schema import Settings
from pose_edge.frames import Frame
from pose_edge.poses import Pose
from pose_edge.tracking import PoseTracker

PICTURE = np.broadcast_to(np.uint8(0), (HEIGHT, WIDTH, 3))
RATE = 30.0


def frame(
    index: int,
    *,
    captured_s: float | None = None,
    time: float | None = None,
    file: str | None = None,
) -> Frame:
    captured = index / RATE if captured_s is None else captured_s
    position = index / RATE if time is None else time
    return Frame(PICTURE, "BGR", round(captured * 1e9), index, position, file)


def following(
    *, live: bool, mode: Literal["auto", "on", "off"] = "auto", **tracking: object
) -> PoseTracker:
    settings = Settings.model_validate({"smoothing": {"mode": mode}, "tracking": tracking})
    return PoseTracker(settings, live=live)


def jittery(count: int = 40) -> list[Pose]:
    rng = np.random.default_rng(7)
    still = standing(0.5)
    return [shaken(still, rng) for _ in range(count)]


def jitter(poses: list[Pose]) -> float:
    points = np.stack([pose.keypoints[:, :2] for pose in poses[10:]])
    return float(np.abs(np.diff(points, axis=0)).mean())


@pytest.mark.parametrize(
    ("mode", "live", "smooth"),
    [
        ("auto", True, True),
        ("auto", False, False),
        ("on", True, True),
        ("on", False, True),
        ("off", True, False),
        ("off", False, False),
    ],
)
def test_when_it_is_smooth(mode: Literal["auto", "on", "off"], live: bool, smooth: bool) -> None:
    raw = jittery()
    follow = following(live=live, mode=mode)
    seen = [follow.apply([pose], frame(index))[0] for index, pose in enumerate(raw)]
    assert {pose.id for pose in seen} == {1}
    if smooth:
        assert jitter(seen) < 0.4 * jitter(raw)
    else:
        for given_, found in zip(raw, seen, strict=True):
            assert (found.keypoints == given_.keypoints).all()
            assert found.box == given_.box


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("mode", ["auto", "on", "off"])
def test_pictures_are_untouched(mode: Literal["auto", "on", "off"], live: bool) -> None:
    follow = following(live=live, mode=mode)
    for index, pose in enumerate(jittery(5)):
        unsure = replace(standing(0.2, score=0.31), score=0.31)
        given_ = [unsure, pose, pose]  # neither duplicates nor the order are changed
        found = follow.apply(given_, frame(index, file=f"{index}.jpg"))
        assert found == given_
        assert all(pose.id is None for pose in found)
        assert found is not given_


@pytest.mark.parametrize("mode", ["auto", "on", "off"])
def test_without_tracking_nothing_is_changed(mode: Literal["auto", "on", "off"]) -> None:
    follow = following(live=True, mode=mode, enabled=False)
    for index, pose in enumerate(jittery(5)):
        (found,) = follow.apply([pose], frame(index))
        assert found is pose
        assert found.id is None


def test_nobody_stays_nobody() -> None:
    """No skeleton is left on an empty picture."""
    follow = following(live=True)
    for index in range(5):
        assert len(follow.apply([standing(0.5)], frame(index))) == 1
    assert follow.apply([], frame(5)) == []


def test_a_live_source_goes_by_the_monotonic_clock() -> None:
    """The wall clock is set back by an hour, as on a Pi after boot; the person keeps the id."""
    follow = following(live=True)
    for index in range(20):
        wall = 1.7e9 + index / RATE - (3600 if index >= 10 else 0)
        (pose,) = follow.apply([standing(0.5)], frame(index, time=wall))
        assert pose.id == 1


def test_a_file_goes_by_its_own_time() -> None:
    """Only the time of a frame in the file counts, however long processing took."""
    follow = following(live=False)
    for index in range(5):
        (pose,) = follow.apply([standing(0.5)], frame(index, captured_s=index * 60.0))
        assert pose.id == 1
    (pose,) = follow.apply([standing(0.5)], frame(5, captured_s=300.01, time=90.0))
    assert pose.id == 2, "90 s later in the file it is somebody else"


def test_a_file_that_starts_again_has_new_people() -> None:
    follow = following(live=False)
    ids = [follow.apply([standing(0.5)], frame(index))[0].id for index in (0, 1, 2, 0, 1)]
    assert ids == [1, 1, 1, 2, 2]


@pytest.mark.parametrize(("max_age", "expected"), [(0.5, 2), (2.0, 1)])
def test_the_settings_reach_the_tracker(max_age: float, expected: int) -> None:
    follow = following(live=True, max_age=max_age)
    follow.apply([standing(0.5)], frame(0))
    follow.apply([], frame(1))
    (pose,) = follow.apply([standing(0.5)], frame(30))
    assert pose.id == expected


def test_the_settings_reach_the_smoother() -> None:
    def moved(beta: float) -> float:
        settings = Settings.model_validate({"smoothing": {"mode": "on", "beta": beta}})
        follow = PoseTracker(settings, live=False)
        for index in range(30):
            (pose,) = follow.apply([standing(0.2 + index * 0.01)], frame(index))
        return float(pose.keypoints[11, 0])

    assert moved(0.0) < moved(8.0), "with a lower beta a moving joint lags more"


def test_another_frame_size_in_between() -> None:
    """A camera comes back with another size: poses are not smoothed across this change."""
    follow = following(live=True)
    for index in range(10):
        follow.apply([standing(0.3)], frame(index))
    small = Frame(noise(320, 240), "BGR", round(10 / RATE * 1e9), 10, 10 / RATE)
    (pose,) = follow.apply([standing(0.32)], small)
    assert pose.keypoints == pytest.approx(standing(0.32).keypoints, abs=1e-6)
