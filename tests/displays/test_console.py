from __future__ import annotations

from pathlib import Path

import pytest
from screens import bring_to_front

from pose_edge.displays.console import Console, own_terminal


def test_the_screen_belongs_to_the_terminal_of_the_program(tmp_path: Path) -> None:
    bring_to_front(tmp_path, "tty2")
    console = Console(tmp_path, "tty1")
    assert console.other_in_front() == "tty2"
    bring_to_front(tmp_path, "tty1")
    assert console.other_in_front() is None


def test_started_over_the_network_it_belongs_to_the_one_in_front(tmp_path: Path) -> None:
    bring_to_front(tmp_path, "tty3")
    console = Console(tmp_path, None)
    assert console.own == "tty3"
    assert console.other_in_front() is None
    bring_to_front(tmp_path, "tty1")
    assert console.other_in_front() == "tty1"


def test_where_there_are_no_terminals_none_is_in_front(tmp_path: Path) -> None:
    assert Console(tmp_path, None).other_in_front() is None


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (4 << 8 | 1, "tty1"),
        (4 << 8 | 63, "tty63"),
        (4 << 8 | 64, None),
        (136 << 8, None),
        (0, None),
    ],
)
def test_the_own_terminal(tmp_path: Path, device: int, expected: str | None) -> None:
    stat = tmp_path / "stat"
    stat.write_text(f"123 (a (strange) name) S 1 123 123 {device} 123 4194304 0")
    assert own_terminal(stat) == expected


def test_a_system_without_procfs_has_no_own_terminal(tmp_path: Path) -> None:
    assert own_terminal(tmp_path / "nothing") is None
    (tmp_path / "short").write_text("1 (x) S")
    assert own_terminal(tmp_path / "short") is None
