from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest

from pose_edge.util.device_access import Obstacle, current_groups, current_user, find_obstacle

GROUP, USER_GROUP = 46, 1000


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Make this process run as alice, who may open nothing; return the list of her groups."""
    groups = [USER_GROUP]
    entry = pwd.struct_passwd(("alice", "x", 1000, USER_GROUP, "", "/home/alice", "/bin/sh"))
    plugdev = grp.struct_group(("plugdev", "x", GROUP, []))
    monkeypatch.setattr(os, "access", lambda *_args, **_more: False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getgrouplist", lambda _user, _group: groups)
    monkeypatch.setattr(pwd, "getpwuid", lambda _number: entry)
    monkeypatch.setattr(pwd, "getpwnam", lambda _name: entry)
    monkeypatch.setattr(grp, "getgrgid", {GROUP: plugdev}.__getitem__)
    monkeypatch.setattr(grp, "getgrnam", {"plugdev": plugdev}.__getitem__)
    return groups


def make_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, group: int) -> Path:
    """Create a file that appears to belong to a group, which needs no privileges."""
    node = tmp_path / "004"
    node.touch(mode)
    node.chmod(mode)
    real = node.stat()
    values = list(real)
    values[5] = group
    monkeypatch.setattr(Path, "stat", lambda _self, **_more: os.stat_result(values))
    return node


def test_nothing_is_in_the_way(tmp_path: Path) -> None:
    node = tmp_path / "004"
    node.touch()
    assert find_obstacle(node) is None


def test_a_node_that_is_not_there(tmp_path: Path) -> None:
    obstacle = find_obstacle(tmp_path / "004")
    assert obstacle is not None
    assert obstacle.text == f"{tmp_path}/004 is not there"
    assert "container" in obstacle.remedy


def test_a_folder_that_may_not_be_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    obstacle = find_obstacle(tmp_path / "004")
    assert obstacle is not None
    assert obstacle.text == f"{tmp_path}/004: Permission denied"


@pytest.mark.parametrize(
    ("mode", "group"),
    [
        (0o664, 0),  # udev's default without a rule
        (0o644, GROUP),  # the group may only read
        (0o600, GROUP),
    ],
)
def test_without_a_rule_the_udev_rule_is_the_remedy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    somebody: list[int],
    mode: int,
    group: int,
) -> None:
    obstacle = find_obstacle(make_node(tmp_path, monkeypatch, mode, group))
    assert obstacle is not None
    assert obstacle.text == f"alice may not open {tmp_path}/004"
    assert "60-pose-edge-coral.rules /etc/udev/rules.d/" in obstacle.remedy
    assert "udevadm trigger" in obstacle.remedy


@pytest.mark.parametrize(("mode", "group"), [(0o660, 0), (0o600, GROUP)])
def test_the_group_of_such_devices_is_the_remedy_where_it_is_known(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    somebody: list[int],
    mode: int,
    group: int,
) -> None:
    node = make_node(tmp_path, monkeypatch, mode, group)
    obstacle = find_obstacle(node, group="video")
    assert obstacle is not None
    assert obstacle.remedy == "`sudo usermod -aG video alice`, then log in again"


def test_with_a_rule_the_group_is_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, somebody: list[int]
) -> None:
    obstacle = find_obstacle(make_node(tmp_path, monkeypatch, 0o664, GROUP))
    assert obstacle == Obstacle(
        f"alice may not open {tmp_path}/004",
        "`sudo usermod -aG plugdev alice`, then log in again",
    )
    assert str(obstacle) == f"{obstacle.text}: {obstacle.remedy}"


def test_who_has_joined_the_group_must_log_in_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, somebody: list[int]
) -> None:
    somebody.append(GROUP)
    obstacle = find_obstacle(make_node(tmp_path, monkeypatch, 0o664, GROUP))
    assert obstacle is not None
    assert obstacle.remedy == (
        "alice has joined group plugdev since the login; log in again, or restart the service"
    )


def test_users_and_groups_without_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, somebody: list[int]
) -> None:
    def nobody(_key: object) -> pwd.struct_passwd:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.setattr(pwd, "getpwnam", nobody)
    obstacle = find_obstacle(make_node(tmp_path, monkeypatch, 0o660, 4711))
    assert current_user() == "1000"
    assert obstacle is not None
    assert obstacle.remedy == "`sudo usermod -aG 4711 1000`, then log in again"


def test_groups_with_and_without_a_name(
    monkeypatch: pytest.MonkeyPatch, somebody: list[int]
) -> None:
    monkeypatch.setattr(os, "getgroups", lambda: [GROUP, 4711])
    monkeypatch.setattr(os, "getegid", lambda: GROUP)
    assert current_groups() == {"plugdev", "4711"}
