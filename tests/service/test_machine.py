from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pose_edge.service import Machine, ServiceError


def silent(line: str) -> None:
    del line


def test_a_command_that_fails_shows_its_end() -> None:
    code = "import sys; [print('line', n) for n in range(50)]; sys.exit('the reason')"
    with pytest.raises(ServiceError) as raised:
        Machine(silent).run(sys.executable, "-c", code)
    lines = str(raised.value).splitlines()
    assert lines[0].endswith("failed:")
    assert lines[-1] == "the reason"
    assert len(lines) < 20


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(ServiceError, match="No such file"):
        Machine(silent).run("/no/such/command")


def test_removing_is_exact(tmp_path: Path) -> None:
    machine = Machine(silent)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").touch()
    (tmp_path / "link").symlink_to("kept")
    assert machine.remove(tmp_path / "link")
    assert (tmp_path / "kept/file").exists(), "the link goes, not what it leads to"
    machine.remove_if_empty(tmp_path / "kept")
    assert (tmp_path / "kept/file").exists()
    assert machine.remove(tmp_path / "kept")
    assert not machine.remove(tmp_path / "kept")


def test_writing_tells_whether_it_is_new(tmp_path: Path) -> None:
    machine = Machine(silent)
    assert machine.write(tmp_path / "a/b", "text")
    assert not machine.write(tmp_path / "a/b", "text")
    assert machine.write(tmp_path / "a/b", "other")


def test_steps_stop_where_one_fails() -> None:
    done: list[str] = []
    said: list[str] = []

    def full() -> None:
        raise OSError(28, "No space left on device", "/opt/x")

    steps = [
        ("first", lambda: done.append("first")),
        ("second", full),
        ("third", lambda: done.append("third")),
    ]
    with pytest.raises(ServiceError) as raised:
        Machine(said.append).run_steps(steps)
    assert done == ["first"]
    assert said == ["1/3  first", "2/3  second"]
    first, second = str(raised.value).splitlines()
    assert first == "step 2, second: [Errno 28] No space left on device: '/opt/x'"
    assert second.startswith("done before that: 1;")
