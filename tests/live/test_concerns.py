from __future__ import annotations

import pytest

from pose_edge.config.diff import Change
from pose_edge.config.schema import Settings
from pose_edge.live.concerns import KEYS, SECTIONS, Concern, concerns


def test_every_section_concerns_something() -> None:
    assert set(SECTIONS) == {name for name, _ in Settings()}
    assert all(SECTIONS.values())


def test_every_key_is_a_setting() -> None:
    assert set(KEYS) <= {f"{name}.{key}" for name, section in Settings() for key, _ in section}


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("camera.width", {Concern.SOURCE}),
        ("camera.mirror", {Concern.PICTURE}),
        ("camera.wait", set()),
        ("model.min_keypoint_score", {Concern.MODEL, Concern.FOLLOWING}),
        ("storage.segment", {Concern.RECORDING, Concern.POSES}),
    ],
)
def test_some_keys_concern_something_else_than_their_section(key: str, parts: set[Concern]) -> None:
    assert concerns([Change(key, 1, 2)]) == parts


def test_changes_concern_all_that_each_of_them_does() -> None:
    changes = [Change("overlay.crop", False, True), Change("source.name", "demo", "auto")]
    assert concerns(changes) == {Concern.SOURCE, Concern.PICTURE}
