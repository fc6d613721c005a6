from __future__ import annotations

from pathlib import Path

import pytest

from pose_edge.displays.choice import choose, connected_output


def add_output(sysfs: Path, name: str, status: str) -> Path:
    folder = sysfs / "class" / "drm" / name
    folder.mkdir(parents=True)
    (folder / "status").write_text(status + "\n")
    return folder / "status"


@pytest.mark.parametrize("name", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_a_desktop_means_a_window(tmp_path: Path, name: str) -> None:
    add_output(tmp_path, "card1-HDMI-A-1", "connected")
    choice = choose("auto", {name: "desk-0"}, tmp_path)
    assert choice.kind == "window"
    assert choice.reason == f"the desktop {name}=desk-0"


def test_no_desktop_but_a_screen_means_hdmi(tmp_path: Path) -> None:
    add_output(tmp_path, "card0-HDMI-A-1", "disconnected")
    add_output(tmp_path, "card1-HDMI-A-1", "disconnected")
    add_output(tmp_path, "card1-HDMI-A-2", "connected")
    choice = choose("auto", {"DISPLAY": ""}, tmp_path)
    assert choice.kind == "hdmi"
    assert choice.output is not None
    assert (choice.output.card, choice.output.name) == (1, "HDMI-A-2")
    assert choice.reason == "the screen connected to HDMI-A-2"


def test_an_output_need_not_be_called_hdmi(tmp_path: Path) -> None:
    add_output(tmp_path, "card12-Virtual-1", "connected")
    output = connected_output(tmp_path)
    assert output is not None
    assert (output.card, output.name) == (12, "Virtual-1")


def test_neither_means_none_and_says_what_was_looked_for(tmp_path: Path) -> None:
    add_output(tmp_path, "card0-HDMI-A-1", "disconnected")
    add_output(tmp_path, "card0-HDMI-A-2", "unknown")
    choice = choose("auto", {}, tmp_path)
    assert choice.kind == "none"
    assert "DISPLAY" in choice.reason
    assert "/sys/class/drm" in choice.reason
    assert choose("auto", {}, tmp_path / "no-such-sysfs").kind == "none"


@pytest.mark.parametrize("kind", ["window", "hdmi", "none"])
def test_what_was_asked_for_is_what_is_chosen(tmp_path: Path, kind: str) -> None:
    status = add_output(tmp_path, "card1-HDMI-A-1", "connected")
    choice = choose(kind, {"DISPLAY": ":0"}, tmp_path)  # type: ignore[arg-type]
    assert choice.kind == kind
    if kind == "hdmi":
        assert choice.output is not None
        assert choice.output.status == status


def test_hdmi_without_a_screen_has_no_output(tmp_path: Path) -> None:
    assert choose("hdmi", {}, tmp_path).output is None


def test_an_output_notices_that_the_screen_is_unplugged(tmp_path: Path) -> None:
    status = add_output(tmp_path, "card1-HDMI-A-1", "connected")
    output = connected_output(tmp_path)
    assert output is not None
    assert output.connected()
    status.write_text("disconnected\n")
    assert not output.connected()
    status.unlink()
    assert not output.connected()
