from __future__ import annotations

from doctor_contexts import MadeUp, by_subject, sound

from pose_edge.doctor.finding import Finding
from pose_edge.doctor.groups import User, current_user, examine


def look(made_up: MadeUp, user: User, *, closed: bool = True) -> dict[str, Finding]:
    findings = examine(
        made_up.context(),
        user=user,
        may_open=lambda _node: not closed,
        exists=lambda group: group != "plugdev",
    )
    return by_subject(sound(findings, "User"))


def pi(groups: str, joined: str = "") -> User:
    return User("pi", frozenset(groups.split()), frozenset((groups + " " + joined).split()))


def test_a_missing_group_matters_where_a_device_stays_closed(made_up: MadeUp) -> None:
    node = made_up.put("dev/video0")
    found = look(made_up, pi("pi render"))
    assert found.keys() == {"user", "video"}
    assert found["video"].verdict == "warning"
    assert str(node) in found["video"].text
    assert found["video"].remedy == "`sudo usermod -aG video pi`, then log in again"
    assert look(made_up, pi("pi video")).keys() == {"user"}
    assert look(made_up, pi("pi"), closed=False).keys() == {"user"}, "opened by the desktop"


def test_a_group_that_was_joined_meanwhile(made_up: MadeUp) -> None:
    made_up.put("dev/dri/renderD128")
    found = look(made_up, pi("pi", joined="render"))
    assert "log in again" in found["render"].remedy
    assert "usermod" not in found["render"].remedy


def test_a_group_that_does_not_exist_helps_nobody(made_up: MadeUp) -> None:
    made_up.put("dev/apex_0")
    assert look(made_up, pi("pi")).keys() == {"user"}


def test_root(made_up: MadeUp) -> None:
    made_up.put("dev/video0")
    assert look(made_up, User("root", frozenset(), frozenset())).keys() == {"user"}


def test_this_user() -> None:
    user = current_user()
    assert user.name
    assert user.groups
