from __future__ import annotations

import numpy as np
import pytest
from helpers import make_frame, make_result, noise, person

from pose_edge.config.schema import OverlaySettings
from pose_edge.overlay import Renderer
from pose_edge.overlay.palette import SKY_BLUE, person_colour
from pose_edge.overlay.trails import MAX_GAP_S, MOST_STEPS, Trails, trail_capsules
from pose_edge.poses import Keypoint, Pose

PLACE = (0, 0, 1280, 720)


def waving(x: float, number: int | None = 1) -> Pose:
    """Return a person with only the left wrist visible."""
    keypoints = person(0.0)
    keypoints[Keypoint.LEFT_WRIST] = x, 0.5, 0.9
    return Pose(keypoints, 0.9, (0, 0, 1, 1), number)


def test_a_trail_is_as_long_as_its_seconds_and_thinner_toward_the_past() -> None:
    trails = Trails()
    for step in range(60):
        found = trails.add([waving(0.1 + step * 0.01)], step / 30, 1.0, 0.3)
    capsules = trail_capsules(found, PLACE, mirror=False, colour_by="side")
    xs = capsules.ends[:, [0, 2]] / 1280
    assert xs.min() == pytest.approx(0.1 + 29 * 0.01, abs=0.021)
    assert xs.max() == pytest.approx(0.1 + 59 * 0.01, abs=0.001)
    lines = capsules.ends[:, 0] != capsules.ends[:, 2]
    assert (np.diff(capsules.radii[lines]) >= 0).all()
    assert {tuple(colour) for colour in capsules.colours.tolist()} == {SKY_BLUE}
    own = trail_capsules(found, PLACE, mirror=True, colour_by="person")
    assert {tuple(colour) for colour in own.colours.tolist()} == {person_colour(1)}
    assert 1 - own.ends[:, 0].min() / 1280 == pytest.approx(xs.max(), abs=0.001)


def test_a_long_trail_has_no_more_steps_than_a_short_one() -> None:
    trails = Trails()
    for step in range(1200):
        found = trails.add([waving(0.5)], step / 120, 10.0, 0.3)
    assert len(found[0].points) <= MOST_STEPS + 2


def test_a_trail_breaks_off_where_nothing_was_seen() -> None:
    trails = Trails()
    times = [0.0, 0.1, 0.1 + MAX_GAP_S + 0.1, 0.8]
    for step, time_s in enumerate(times):
        found = trails.add([waving(0.1 + 0.2 * step)], time_s, 5.0, 0.3)
    capsules = trail_capsules(found, PLACE, mirror=False, colour_by="side")
    assert not (np.abs(capsules.ends[:, 0] - capsules.ends[:, 2]) > 300).any()
    lines = capsules.ends[capsules.ends[:, 0] != capsules.ends[:, 2]]
    assert len(lines) == 2


def test_who_has_no_number_or_is_gone_leaves_no_trail() -> None:
    trails = Trails()
    for step in range(5):
        assert trails.add([waving(0.5, None)], step / 10, 1.0, 0.3) == []
    for step in range(5):
        trails.add([waving(0.5, 3)], 1 + step / 10, 1.0, 0.3)
    assert len(trails.add([], 1.5, 1.0, 0.3)) == 1, "it fades out"
    assert trails.add([], 3.0, 1.0, 0.3) == []
    trails.add([waving(0.5, 3)], 3.1, 1.0, 0.3)
    assert trails.add([waving(0.5, 3)], 0.0, 1.0, 0.3) == [], "a clip that begins again"


def test_trails_are_drawn_where_the_settings_want_them() -> None:
    for seconds, drawn in ((0.0, False), (2.0, True)):
        overlay = OverlaySettings(trails=seconds, skeleton=False, readout="off")
        painter = Renderer(overlay, mirror=False)
        for step in range(3):
            frame = make_frame(noise(64, 48), moment=0.1 + step / 10)
            scene = painter.scene(make_result(frame, [waving(0.2 + 0.2 * step)]))
        assert bool(len(scene.overlay((640, 480), (0, 0, 640, 480)).capsules)) is drawn
