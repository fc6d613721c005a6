"""The duration of a run's frames, and the share of frames that were processed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from helpers import make_frame, make_result, pose

from pose_edge.poses import Provenance
from pose_edge.tuning.pass_meter import KEPT, PassMeter
from pose_edge.tuning.trial import ANSWER_S, EDGETPU_S, MAX_MEASURE_S, WARM_UP_S, CandidateTrial

FRAME = make_frame()


class Fed:
    """A meter that is fed with made-up frames and times."""

    def __init__(self) -> None:
        self.now = 0.0
        self.meter = PassMeter(lambda: self.now)

    def send(
        self,
        indices: Iterable[int],
        *,
        interval_s: float = 0.1,
        busy_ms: float = 20.0,
        live: bool = True,
        model: str = "m",
        backend: str = "cpu",
        times: Iterable[float] = (),
        passed_over: int = 0,
    ) -> None:
        moments = iter(times)
        for index in indices:
            self.now += interval_s
            frame = replace(FRAME, index=index, live=live, time=next(moments, index / 10))
            result = make_result(frame)
            result.passed_over = passed_over
            result.provenance = Provenance(model, backend)
            result.stages_ms = {"wait": 5.0, "inference": busy_ms, "total": 5.0 + busy_ms}
            self.meter.send(result)


def test_a_camera_skips() -> None:
    fed = Fed()
    fed.send(range(0, 40, 2))
    passes = fed.meter.since(0.0)
    assert passes.followed == 0.5
    assert passes.offered_fps == pytest.approx(20.0)
    timing = passes.timing()
    assert (timing.median_ms, timing.p95_ms, timing.mean_ms) == pytest.approx((20.0, 20.0, 20.0))


def test_frames_that_needed_no_look_were_followed() -> None:
    fed = Fed()
    fed.send(range(0, 40, 4), passed_over=3)
    assert fed.meter.since(0.0).followed == 1.0
    fed = Fed()
    fed.send(range(0, 40, 4), passed_over=2)
    assert fed.meter.since(0.0).followed == 0.5


def test_a_video_is_played_too_slowly() -> None:
    fed = Fed()
    fed.send(range(20), interval_s=0.4, live=False)
    assert fed.meter.since(0.0).followed == pytest.approx(0.25)


def test_a_video_that_begins_again_and_one_with_a_pause() -> None:
    fed = Fed()
    times = [*(one / 10 for one in range(50)), *(one / 10 for one in range(50))]
    fed.send(range(100), live=False, times=times)
    assert fed.meter.since(0.0).followed == pytest.approx(0.99, abs=0.01)
    fed = Fed()
    fed.send(range(2), live=False, times=[0.0, 500.0])  # playing skips this pause
    assert fed.meter.since(0.0).followed == 1.0


def test_somebody_who_was_only_predicted() -> None:
    fed = Fed()
    fed.send(range(3))
    fed.meter.send(make_result(poses=[replace(pose(), predicted=True)]))
    assert fed.meter.since(0.0).complete == 0.75


def test_what_is_kept_is_bounded() -> None:
    fed = Fed()
    fed.send(range(2 * KEPT), interval_s=0.001)
    assert len(fed.meter.since(0.0).frames) == KEPT


def test_nothing_is_no_error() -> None:
    passes = PassMeter().since(0.0)
    assert (passes.followed, passes.complete, passes.mean_ms, passes.offered_fps) == (0, 0, 0, 0)


def test_a_trial_leaves_out_other_models_and_the_first_frames() -> None:
    fed = Fed()
    trial = CandidateTrial("new", fed.now)
    done = False
    for index in range(300):
        name = "old" if index < 20 else "new"
        slow = index < 24  # the new model's first frames
        fed.send([index], interval_s=0.05, model=name, busy_ms=500.0 if slow else 20.0)
        done = done or trial.look(fed.meter, fed.now)
        if done:
            break
    assert trial.timing is not None
    assert trial.timing.p95_ms == pytest.approx(20.0)
    assert fed.now < 20 * 0.05 + WARM_UP_S + 2.0


def test_a_trial_of_a_slow_model_ends() -> None:
    fed = Fed()
    trial = CandidateTrial("slow", 0.0)
    count = 0
    while not trial.look(fed.meter, fed.now):
        fed.send([count], interval_s=1.0, model="slow", busy_ms=1000.0)
        count += 1
    assert trial.timing is not None
    assert fed.now <= MAX_MEASURE_S + 3
    fed = Fed()
    trial = CandidateTrial("never", 0.0)
    assert not trial.look(fed.meter, 1.0)
    assert trial.look(fed.meter, ANSWER_S + 1)
    assert trial.timing is None


def test_a_trial_waits_for_the_edge_tpu_but_not_for_ever() -> None:
    for arrives_s, backend in ((5.0, "edgetpu"), (1e9, "cpu")):
        fed = Fed()
        trial = CandidateTrial("m", 0.0, backend="edgetpu")
        index = 0
        while not trial.look(fed.meter, fed.now):
            fed.send([index], backend="edgetpu" if fed.now >= arrives_s else "cpu")
            index += 1
        assert trial.timing is not None
        assert trial.timing.backend == backend
        assert fed.now < EDGETPU_S + 5
