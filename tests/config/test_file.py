from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from pose_edge.config import file
from pose_edge.config.file import MAX_BYTES, find_config, read_config
from pose_edge.errors import ConfigError, UsageError
from pose_edge.util import resources

TOO_LONG = "/" + "x" * 300
"""A path that cannot be accessed, not even by root: its name is too long."""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of the machine's configuration file, which does not exist yet."""
    path = tmp_path / "etc" / "config.yaml"
    path.parent.mkdir()
    monkeypatch.setattr(file, "MACHINE_FILE", path)
    return path


def test_the_users_file_comes_before_the_machines_and_the_one_that_ships(
    tmp_path: Path, machine: Path
) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    own = tmp_path / "pose-edge" / "config.yaml"
    assert find_config(None, environment) == resources.default_config()
    machine.touch()
    assert find_config(None, environment) == machine
    own.parent.mkdir()
    own.touch()
    assert find_config(None, environment) == own
    named = tmp_path / "other.yaml"
    named.touch()
    assert find_config(str(named), environment) == named


@pytest.mark.parametrize("name", ["", "gone.yaml", "a/b/c.yaml", TOO_LONG])
def test_a_named_file_must_be_there(name: str) -> None:
    with pytest.raises(UsageError, match="--config: no file"):
        find_config(name, {})


def test_a_user_without_a_home_has_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(self: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    assert find_config(None, {}) == resources.default_config()


def test_a_folder_that_cannot_be_searched_is_passed_over_with_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert find_config(None, {"XDG_CONFIG_HOME": TOO_LONG}) == resources.default_config()
    assert "continuing without it" in caplog.text


def test_a_file_of_the_service_that_others_may_not_read_is_passed_over_with_a_word(
    machine: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    machine.touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with caplog.at_level(logging.WARNING):
        assert find_config(None, {"XDG_CONFIG_HOME": "/nowhere"}) == resources.default_config()
    assert "cannot be read by this user" in caplog.text


def test_what_is_there_but_no_file_is_not_passed_over(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    own = tmp_path / "pose-edge" / "config.yaml"
    own.mkdir(parents=True)
    with pytest.raises(ConfigError, match="is a folder"):
        read_config(find_config(None, environment))
    own.rmdir()
    own.symlink_to("gone.yaml")
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_config(find_config(None, environment))
    own.unlink()
    own.symlink_to(own)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(find_config(None, environment))
    own.unlink()
    os.mkfifo(own)
    with pytest.raises(ConfigError, match="not a regular file"):
        read_config(find_config(None, environment))


def test_what_is_no_text_of_a_reasonable_size(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes("log:\nsource: {name: caméra}".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"config.yaml:2: is not UTF-8 text: byte 0xE9"):
        read_config(path)
    path.write_bytes(b"#" * MAX_BYTES)
    assert len(read_config(path)) == MAX_BYTES
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="more than 100000 bytes"):
        read_config(path)
    with pytest.raises(ConfigError, match="not a regular file"):
        read_config(Path("/dev/zero"))


def test_the_mark_of_windows_editors_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xef\xbb\xbflog:")
    assert read_config(path) == "log:"
