from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from helpers import person
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from shared import shared_dir
from tracking.scenes import HEIGHT, WIDTH, Sight, found_in, shaken, standing, to_pose

from pose_edge.poses import FloatArray, Keypoint, Pose, box_of
from pose_edge.tracking import Smoother

FPS = 30


def smoothed(poses: list[Pose], number: int = 1, fps: float = FPS) -> list[Pose]:
    smoother = Smoother()
    return [
        smoother.apply([replace(pose, id=number)], n / fps, WIDTH, HEIGHT)[0]
        for n, pose in enumerate(poses)
    ]


def standing_still(count: int = 60) -> list[Pose]:
    rng = np.random.default_rng(3)
    return [shaken(standing(0.5), rng) for _ in range(count)]


def steps(poses: list[Pose]) -> NDArray[np.float32]:
    return np.array([b.keypoints[:, :2] - a.keypoints[:, :2] for a, b in pairwise(poses)])


def test_a_person_at_rest_is_steady_and_in_place() -> None:
    raw = standing_still(120)
    calm = smoothed(raw)
    assert steps(calm).std() < 0.4 * steps(raw).std()
    middle = np.mean([pose.keypoints for pose in calm[30:]], axis=0)
    assert middle[:, :2] == pytest.approx(standing(0.5).keypoints[:, :2], abs=0.004)


@settings(deadline=None)
@given(hnp.arrays(np.float32, (6, 17, 3), elements=st.floats(0, 1, width=32)), st.floats(0.01, 0.4))
def test_scores_stay_and_boxes_fit(bodies: FloatArray, dt: float) -> None:
    smoother = Smoother()
    for n, keypoints in enumerate(bodies):
        given_pose = replace(to_pose(keypoints, 0.5), id=4)
        before = keypoints.copy()
        (pose,) = smoother.apply([given_pose], n * dt, WIDTH, HEIGHT)
        assert (keypoints == before).all()
        assert (pose.id, pose.score) == (4, 0.5)
        assert pose.keypoints.dtype == np.float32
        assert (pose.keypoints[:, 2] == keypoints[:, 2]).all()
        assert (pose.keypoints[:, :2] >= 0).all()
        assert (pose.keypoints[:, :2] <= 1 + 1e-6).all()
        weak = keypoints[:, 2] < 0.2
        assert (pose.keypoints[weak] == keypoints[weak]).all()
        assert pose.box == box_of(pose.keypoints, 0.2)


def test_far_and_near_persons_are_smoothed_alike() -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 0.01, (40, 17, 2)).astype(np.float32)

    def sequence(scale: float) -> NDArray[np.float32]:
        poses = []
        for shift in noise:
            keypoints = person(scale=scale)
            keypoints[:, :2] += shift * scale
            poses.append(to_pose(keypoints, 0.9))
        return np.array([p.keypoints[:, :2] - (0.5, 0.5) for p in smoothed(poses)])

    assert sequence(0.25) * 4 == pytest.approx(sequence(1.0), abs=1e-5)


def test_a_person_without_an_id_passes_unchanged() -> None:
    smoother = Smoother()
    for n, pose in enumerate(standing_still(5)):
        assert smoother.apply([pose], n / FPS, WIDTH, HEIGHT) == [pose]


def test_persons_do_not_mix_and_keep_their_order() -> None:
    rng = np.random.default_rng(6)
    left = [shaken(standing(0.25), rng) for _ in range(20)]
    right = [shaken(standing(0.75), rng) for _ in range(20)]
    smoother = Smoother()
    alone = smoothed(left)
    for n, (a, b) in enumerate(zip(left, right, strict=True)):
        pair = [replace(a, id=1), replace(b, id=2)]
        order = pair if n % 2 else pair[::-1]
        found = smoother.apply(order, n / FPS, WIDTH, HEIGHT)
        assert [pose.id for pose in found] == [pose.id for pose in order]
        first = next(pose for pose in found if pose.id == 1)
        assert (first.keypoints == alone[n].keypoints).all()


@pytest.mark.parametrize("why", ["away", "another id", "another size", "time runs back"])
def test_who_comes_anew_starts_anew(why: str) -> None:
    smoother = Smoother()
    for n in range(10):
        smoother.apply([replace(standing(0.3), id=1)], n / FPS, WIDTH, HEIGHT)
    pose = replace(standing(0.32), id=2 if why == "another id" else 1)
    now = {"away": 2.0, "time runs back": 0.1}.get(why, 10 / FPS)
    size = (640, 480) if why == "another size" else (WIDTH, HEIGHT)
    (found,) = smoother.apply([pose], now, *size)
    assert found.keypoints == pytest.approx(pose.keypoints, abs=1e-6)


def test_somebody_missed_for_a_moment_goes_on() -> None:
    smoother = Smoother()
    for n in range(10):
        smoother.apply([replace(standing(0.3), id=1)], n / FPS, WIDTH, HEIGHT)
    assert smoother.apply([], 10 / FPS, WIDTH, HEIGHT) == []
    pose = replace(standing(0.304), id=1)
    (found,) = smoother.apply([pose], 11 / FPS, WIDTH, HEIGHT)
    assert (found.keypoints[:, 0] < pose.keypoints[:, 0]).all()


def test_a_person_of_one_keypoint_is_no_trouble() -> None:
    lonely = person(0.05, scores={Keypoint.NOSE: 0.9})
    for pose in smoothed([to_pose(lonely, 0.3)] * 5 + [to_pose(person(0.05), 0.3)] * 5):
        assert np.isfinite(pose.keypoints).all()


# --- real videos ----------------------------------------------------------------------------------


def in_pixels(sights: list[Sight]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return times (n,) and keypoints (n, 17, 3) in pixels of the only person in a video."""
    times = np.array([time for time, *_ in sights])
    keypoints = np.array(
        [poses[0].keypoints * (width, height, 1) for _, width, height, poses in sights]
    )
    return times, keypoints.astype(np.float64)


def smooth_sights(sights: list[Sight]) -> list[Sight]:
    smoother = Smoother()
    return [
        (time, w, h, smoother.apply([replace(poses[0], id=1)], time, w, h))
        for time, w, h, poses in sights
    ]


def zero_phase(
    times: NDArray[np.float64], x: NDArray[np.float64], seconds: float
) -> NDArray[np.float64]:
    """Return a signal (n, ...) low-passed by a centred Gaussian, which adds no delay."""
    weights = np.exp(-0.5 * ((times[:, np.newaxis] - times) / seconds) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(np.tensordot(weights, x, axes=1))


def reduction(sights: list[Sight], joints: list[Keypoint]) -> float:
    """Return the fraction by which smoothing reduces the jitter of joints at rest.

    At rest means slower than 0.05 body sizes per second, measured on the signal from `zero_phase`.
    Jitter is the standard deviation of the steps from frame to frame.
    """
    times, raw = in_pixels(sights)
    _, calm = in_pixels(smooth_sights(sights))
    interval = float(np.median(np.diff(times)))
    course = zero_phase(times, raw[:, joints, :2], max(0.15, 1.5 * interval))
    size = np.median(np.ptp(raw[:, :, :2], axis=1).sum(axis=1) / 2)
    speed = np.linalg.norm(np.gradient(course, times, axis=0), axis=2) / size
    resting = (speed < 0.05) & (raw[:, joints, 2] >= 0.3)
    both = resting[1:] & resting[:-1]
    assert both.sum() > 50
    before, after = (np.diff(x[:, joints, :2], axis=0)[both].std() for x in (raw, calm))
    return float(1 - after / before)


def lag(times: NDArray[np.float64], truth: NDArray[np.float64], late: NDArray[np.float64]) -> float:
    """Return the delay in seconds of a signal (n, 2) behind another one.

    The delay maximises the cross-correlation. Delays by fractions of a frame come from shifting the
    phases of the signal's spectrum; the mirror image is appended to avoid a jump at the ends.
    """
    interval = float(np.median(np.diff(times)))
    truth, late = truth - truth.mean(axis=0), late - late.mean(axis=0)
    spectrum = np.fft.rfft(np.concatenate([truth, truth[::-1]]), axis=0)
    rates = np.fft.rfftfreq(2 * len(truth), interval)[:, np.newaxis]
    inner = slice(8, -8)
    delays = np.arange(-0.03, 0.15, 0.001)
    alike = []
    for delay in delays:
        turned = spectrum * np.exp(-2j * np.pi * rates * delay)
        shifted = np.fft.irfft(turned, 2 * len(truth), axis=0)[: len(truth)][inner]
        alike.append((shifted * late[inner]).sum() / np.linalg.norm(shifted))
    return float(delays[int(np.argmax(alike))])


@pytest.fixture(scope="module")
def waving() -> list[Sight]:
    return found_in(shared_dir("data", "videos", "pkd_wave.mp4"), first=80, count=180)


def test_a_waving_hand_lags_less_than_a_frame(waving: list[Sight]) -> None:
    times, raw = in_pixels(waving)
    _, calm = in_pixels(smooth_sights(waving))
    wrist = raw[:, Keypoint.RIGHT_WRIST, :2]
    late = calm[:, Keypoint.RIGHT_WRIST, :2]
    assert wrist[:, 0].std() > 10  # the hand does wave
    assert 0 < lag(times, wrist, late) < 0.030
    assert 0 < lag(times, zero_phase(times, wrist, 0.025), late) < 0.033


def test_lag_is_measured_right(waving: list[Sight]) -> None:
    times, raw = in_pixels(waving)
    wrist = raw[:, Keypoint.RIGHT_WRIST, :2]
    assert lag(times, wrist, wrist) == pytest.approx(0, abs=0.001)
    assert lag(times[1:], wrist[1:], wrist[:-1]) == pytest.approx(1 / 30, abs=0.002)


@pytest.mark.parametrize(
    "joints",
    [
        [Keypoint.LEFT_SHOULDER, Keypoint.RIGHT_SHOULDER],
        [Keypoint.LEFT_ELBOW],
        [Keypoint.NOSE, Keypoint.LEFT_EAR, Keypoint.RIGHT_EAR],
    ],
    ids=["shoulders", "the arm that rests", "head"],
)
def test_jitter_at_rest_falls_by_60_percent_while_the_hand_waves(
    waving: list[Sight], joints: list[Keypoint]
) -> None:
    assert reduction(waving, joints) > 0.6


def test_jitter_of_standing_feet_falls_by_half_at_five_frames_a_second() -> None:
    """Average over shifted views: the 72 pictures of a single view give 0.53 to 0.60 by chance."""
    path = shared_dir("data", "videos", "tfjs_pose_squats.mp4")
    views = [
        (0.0, 0.0, 1.0, 1.0),
        (0.02, 0.0, 1.0, 1.0),
        (0.0, 0.0, 0.98, 1.0),
        (0.0, 0.02, 1.0, 1.0),
    ]
    feet = [Keypoint.LEFT_ANKLE, Keypoint.RIGHT_ANKLE]
    assert np.mean([reduction(found_in(path, [view]), feet) for view in views]) > 0.5


def test_jitter_falls_by_60_percent_at_sixty_frames_a_second() -> None:
    sights = found_in(shared_dir("data", "videos", "p2s_multi_cam01.mp4"), count=70)
    feet = [Keypoint.LEFT_ANKLE, Keypoint.RIGHT_ANKLE]
    assert reduction(sights, [*feet, Keypoint.LEFT_HIP, Keypoint.RIGHT_HIP]) > 0.6
