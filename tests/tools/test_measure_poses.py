import measure_poses
import numpy as np
import pytest
from helpers import make_frame, noise, person, pose
from measure_poses import Both, jitter_of

from pose_edge.poses import Keypoint
from pose_edge.util import resources

FRAME = make_frame(noise(100, 100))


def test_a_model_that_follows_is_compared_with_the_reference(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clip, model = str(resources.demo_clip()), "movenet-lightning-int8"
    assert measure_poses.main(["video", clip, "--reference", model, "--count", "2"]) == 0
    written = capsys.readouterr().out
    assert "of 2 frames in which the reference finds somebody, found in 2 (0 times" in written


def test_only_joints_that_the_reference_leaves_at_rest_jitter() -> None:
    places = {Keypoint.LEFT_WRIST: (0.7, 0.2)}
    before = Both(pose(person()), pose(person()))
    now = Both(pose(person(places=places)), pose(person(centre=(0.5, 0.53), places=places)))
    (moved,) = jitter_of(before, now, FRAME)
    assert len(moved) == len(Keypoint) - 1
    assert now.truth is not None
    top, bottom = now.truth.box[1], now.truth.box[3]
    np.testing.assert_allclose(moved, 0.03 / (bottom - top), rtol=1e-4)


def test_nobody_jitters_without_a_pose_before_and_now() -> None:
    whole = Both(pose(), pose())
    assert jitter_of(Both(None, None), whole, FRAME) == []
    assert jitter_of(whole, Both(pose(), None), FRAME) == []
