from __future__ import annotations

import grp

import pytest
from doctor_contexts import MadeUp, by_subject, sound

from pose_edge.doctor import groups
from pose_edge.doctor.report import Finding
from pose_edge.util import device_access


@pytest.fixture(autouse=True)
def pi(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as user pi, who cannot open any device, on a machine without the group plugdev."""
    monkeypatch.setattr(groups, "current_user", lambda: "pi")
    monkeypatch.setattr(groups, "can_open", lambda _node: False)
    monkeypatch.setattr(groups, "how_to_join", lambda group: f"join {group}")
    existing = [grp.struct_group((name, "x", 1, [])) for name in groups.GROUPS if name != "plugdev"]
    monkeypatch.setattr(grp, "getgrall", lambda: existing)


def look(
    made_up: MadeUp, monkeypatch: pytest.MonkeyPatch, members_of: str = "pi"
) -> dict[str, Finding]:
    monkeypatch.setattr(groups, "current_groups", lambda: set(members_of.split()))
    return by_subject(sound(groups.examine(made_up.context())))


def test_a_missing_group_matters_where_a_device_stays_closed(
    made_up: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = made_up.put("dev/video0")
    found = look(made_up, monkeypatch, "pi render")
    assert found.keys() == {"user", "video"}
    assert found["user"].text == "pi; groups: pi, render"
    assert found["video"].verdict == "warning"
    assert str(node) in found["video"].text
    assert found["video"].remedy == "join video"
    assert look(made_up, monkeypatch, "pi video").keys() == {"user"}
    monkeypatch.setattr(groups, "can_open", lambda _node: True)
    assert look(made_up, monkeypatch).keys() == {"user"}, "opened by the desktop"


def test_a_group_that_does_not_exist_helps_nobody(
    made_up: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up.put("dev/apex_0")
    assert look(made_up, monkeypatch).keys() == {"user"}


def test_root(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up.put("dev/video0")
    monkeypatch.setattr(groups, "current_user", lambda: "root")
    assert look(made_up, monkeypatch).keys() == {"user"}


def test_this_user(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "current_user", device_access.current_user)
    (first, *_) = sound(groups.examine(made_up.context()))
    assert first.subject == "user"
    assert device_access.current_groups()
