from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
from screens import add_output

from pose_edge.config.schema import DisplaySettings
from pose_edge.displays.choice import Choice, choices, connected_output, no_screen_reason, outputs

AUTO = DisplaySettings()


def kinds(found: list[Choice]) -> list[str]:
    return [choice.desktops[0] if choice.output is None else "hdmi" for choice in found]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ["hdmi"]),
        ({"DISPLAY": ":0"}, ["x11", "hdmi"]),
        ({"WAYLAND_DISPLAY": "wayland-0"}, ["wayland", "hdmi"]),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, ["wayland", "x11", "hdmi"]),
        ({"DISPLAY": "", "WAYLAND_DISPLAY": ""}, ["hdmi"]),
    ],
)
def test_wayland_comes_before_x_and_x_before_a_screen_of_its_own(
    tmp_path: Path, environment: Mapping[str, str], expected: list[str]
) -> None:
    add_output(tmp_path, "card1-HDMI-A-1", "connected")
    assert kinds(choices(AUTO, environment, tmp_path)) == expected


def test_every_choice_says_why(tmp_path: Path) -> None:
    add_output(tmp_path, "card1-HDMI-A-1", "connected")
    found = choices(AUTO, {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, tmp_path)
    assert [choice.reason for choice in found] == [
        "the desktop WAYLAND_DISPLAY=wayland-0",
        "the desktop DISPLAY=:0",
        "the screen connected to HDMI-A-1",
    ]


def test_the_card_is_that_of_the_connected_screen(tmp_path: Path) -> None:
    """On a Pi the first DRM card may have no outputs, and card numbers change between boots."""
    add_output(tmp_path, "card0-HDMI-A-1", "disconnected")
    add_output(tmp_path, "card1-HDMI-A-1", "disconnected")
    add_output(tmp_path, "card1-HDMI-A-2", "connected")
    (tmp_path / "class" / "drm" / "renderD128").mkdir()
    (choice,) = choices(AUTO, {}, tmp_path)
    assert choice.output is not None
    assert (choice.output.card, choice.output.name) == (1, "HDMI-A-2")


def test_an_output_need_not_be_called_hdmi(tmp_path: Path) -> None:
    add_output(tmp_path, "card12-Virtual-1", "connected")
    output = connected_output(tmp_path)
    assert output is not None
    assert (output.card, output.name) == (12, "Virtual-1")


def test_outputs_come_in_the_kernels_order(tmp_path: Path) -> None:
    for name, number in (("card1-DSI-1", 45), ("card1-HDMI-A-2", 41), ("card1-HDMI-A-1", 33)):
        add_output(tmp_path, name, "connected", number=number)
    add_output(tmp_path, "card0-DP-1", "connected", number=90)
    names = [output.name for output in outputs(tmp_path)]
    assert names == ["DP-1", "HDMI-A-1", "HDMI-A-2", "DSI-1"]


def test_an_output_can_be_asked_for_by_name(tmp_path: Path) -> None:
    add_output(tmp_path, "card1-HDMI-A-1", "connected")
    second = add_output(tmp_path, "card1-HDMI-A-2", "connected")
    settings = DisplaySettings(kind="hdmi", output="HDMI-A-2")
    (choice,) = choices(settings, {}, tmp_path)
    assert choice.output is not None
    assert choice.output.name == "HDMI-A-2"
    assert choice.reason == "the setting display.output: HDMI-A-2"
    (second / "status").write_text("disconnected\n")
    assert choices(settings, {}, tmp_path) == []
    assert "HDMI-A-2" in no_screen_reason(settings)


def test_nothing_at_all_says_what_was_looked_for(tmp_path: Path) -> None:
    add_output(tmp_path, "card0-HDMI-A-1", "disconnected")
    add_output(tmp_path, "card0-HDMI-A-2", "unknown")
    assert choices(AUTO, {}, tmp_path) == []
    assert choices(AUTO, {}, tmp_path / "no-such-sysfs") == []
    assert "DISPLAY" in no_screen_reason(AUTO)
    assert "/sys/class/drm" in no_screen_reason(AUTO)
    assert "no status in /sys/class/drm" in no_screen_reason(DisplaySettings(kind="hdmi"))


@pytest.mark.parametrize("kind", ["window", "hdmi", "none"])
def test_what_was_asked_for_is_what_is_chosen(
    tmp_path: Path, kind: Literal["window", "hdmi", "none"]
) -> None:
    add_output(tmp_path, "card1-HDMI-A-1", "connected")
    found = choices(DisplaySettings(kind=kind), {"DISPLAY": ":0"}, tmp_path)
    assert kinds(found) == {"window": ["x11"], "hdmi": ["hdmi"], "none": []}[kind]
    assert all(choice.reason == f"the setting display.kind: {kind}" for choice in found)


def test_a_window_without_a_desktop_is_tried_so_that_its_error_is_shown(tmp_path: Path) -> None:
    (choice,) = choices(DisplaySettings(kind="window"), {}, tmp_path)
    assert choice.desktops == ("x11",)


def test_an_output_notices_that_the_screen_is_unplugged(tmp_path: Path) -> None:
    folder = add_output(tmp_path, "card1-HDMI-A-1", "connected")
    output = connected_output(tmp_path)
    assert output is not None
    assert output.connected()
    (folder / "status").write_text("disconnected\n")
    assert not output.connected()
    (folder / "status").unlink()
    assert not output.connected()
