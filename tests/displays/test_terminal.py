from __future__ import annotations

import os
import pty
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from helpers import GENEROUS_S
from hypothesis import given
from hypothesis import strategies as st
from screens import bring_to_front

from pose_edge.displays.terminal import Console, Keyboard, own_terminal, parse_keys


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


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        (b"", []),
        (b"s", ["s"]),
        (b"sIq", ["s", "i", "q"]),
        (b"\x1b", ["escape"]),
        (b"\x1b\x1b", ["escape", "escape"]),
        (b"\x1b[A", []),  # an arrow key
        (b"\x1b[[A\x1bOP\x1b[15~\x1b[1;5C", []),  # function keys, Ctrl with an arrow key
        (b"c\x1b[Bq", ["c", "q"]),
        (b"\x1bx", []),  # with Alt
        (b" 1?.\t\r\x7f\xff", ["space", "1", "?", "."]),
    ],
)
def test_keys_have_the_names_that_windows_give_them(typed: bytes, keys: list[str]) -> None:
    assert parse_keys(typed) == keys


@given(st.binary(max_size=64))
def test_whatever_a_terminal_sends_gives_names_of_keys(typed: bytes) -> None:
    names = parse_keys(typed)
    assert all(key in ("escape", "space") or key.isprintable() for key in names)
    assert all(key == key.lower() for key in names)


def test_without_a_terminal_no_key_comes(tmp_path: Path) -> None:
    for path in (tmp_path / "none", Path("/dev/null")):
        keyboard = Keyboard(path)
        assert keyboard.keys() == []
        keyboard.close()
        keyboard.close()


CHILD = textwrap.dedent("""
    import fcntl, sys, termios, time
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # as a login does
    from pose_edge.displays.terminal import Keyboard
    keyboard = Keyboard()
    print("ready", flush=True)
    keys = []
    while "q" not in keys:
        keys += keyboard.keys()
        time.sleep(0.01)
    keyboard.close()
    print("keys", *keys, flush=True)
    print("line", sys.stdin.readline().strip(), flush=True)
""")


def test_keys_come_from_the_controlling_terminal_and_it_is_given_back() -> None:
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        seen = b""

        def until(text: bytes) -> None:
            nonlocal seen
            deadline = time.monotonic() + GENEROUS_S
            while text not in seen:
                assert time.monotonic() < deadline, seen
                seen += os.read(ours, 1024)

        until(b"ready")
        os.write(ours, b"s\x1b[Aiq")
        until(b"keys s i q")
        assert b"siq" not in seen, "the keys were shown"
        os.write(ours, b"typed\n")
        until(b"line typed")
        assert child.wait(GENEROUS_S) == 0
    finally:
        child.kill()
        child.communicate()
        os.close(ours)
