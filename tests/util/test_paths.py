from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

import pose_edge
from pose_edge.errors import UsageError
from pose_edge.util.paths import (
    absolute,
    exists,
    is_dir,
    is_file,
    mount_point,
    resolved,
    unambiguous,
    user_path,
)


def test_the_nearest_mount_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "usb/videos").mkdir(parents=True)
    (tmp_path / "link").symlink_to("usb/videos")
    mounted = {str(tmp_path / "usb"), "/"}
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) in mounted)
    assert mount_point(tmp_path / "link") == tmp_path / "usb"
    assert mount_point(tmp_path) == Path("/")


@pytest.mark.parametrize("path", ["/" + "x" * 300, "/dev/null/x", "/x\0y", "gone"])
def test_what_cannot_be_looked_at_is_not_there(path: str) -> None:
    assert not exists(Path(path))
    assert not is_file(Path(path))
    assert not is_dir(Path(path))


def test_only_a_tilde_at_the_start_is_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert user_path("~/x") == Path("/home/me/x")
    for name in ("./~/x", ".//~/x", "a/~", "/~", "./-", "~nobody-of-this-name/x"):
        path = user_path(name)
        assert path == Path(name)
        assert user_path(unambiguous(path)) == path


def test_a_circle_of_links_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert not exists(tmp_path / "a")
    assert resolved(tmp_path / "a").parent == tmp_path


def test_a_current_folder_that_was_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert absolute(tmp_path) == tmp_path
    for function in (absolute, resolved):
        with pytest.raises(UsageError, match="the current folder has been removed"):
            function(Path("x"))


def test_no_file_asks_pathlib_whether_a_path_is_there() -> None:
    """Before Python 3.14 pathlib's methods raise an error where searching is not permitted."""
    package = Path(pose_edge.__file__).parent
    found = [
        f"{path.relative_to(package)}:{node.lineno}: use {node.func.attr} of pose_edge.util.paths"
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("exists", "is_file", "is_dir")
        and not (node.args or node.keywords)
    ]
    assert not [one for one in found if not one.startswith("util/paths.py")]
