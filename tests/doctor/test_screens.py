from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from doctor_contexts import MadeUp, by_subject, sound

from pose_edge.doctor.report import Finding
from pose_edge.doctor.screens import MESA, examine


def connect(
    made_up: MadeUp, name: str = "card1-HDMI-A-1", status: str = "connected", modes: str = ""
) -> None:
    made_up.put(f"sys/class/drm/{name}/status", f"{status}\n")
    made_up.put(f"sys/class/drm/{name}/modes", modes)
    driver = made_up.root / "sys/bus/platform/drivers/vc4-drm"
    driver.mkdir(parents=True, exist_ok=True)
    link = made_up.root / f"sys/class/drm/{name}/device/device/driver"
    link.parent.mkdir(parents=True)
    link.symlink_to(driver)


def look(made_up: MadeUp, *, mesa: bool = True, **more: Any) -> dict[str, Finding]:  # noqa: ANN401
    found = examine(made_up.context(**more), lambda name: Path(name) if mesa else None)
    return by_subject(sound(found))


def test_a_screen_without_a_desktop(made_up: MadeUp) -> None:
    connect(made_up, modes="1920x1080\n1920x1080\n1280x720\n")
    connect(made_up, "card1-HDMI-A-2", "disconnected")
    found = look(made_up)
    assert found["HDMI-A-1"].text == "connected (card1, vc4-drm), 1920x1080 and 1 other size"
    assert found["HDMI-A-2"].text == "disconnected (card1, vc4-drm)"
    assert {one.verdict for one in found.values()} == {"ok"}
    assert "KMSDRM" in found["SDL"].text


@pytest.mark.parametrize(
    ("kind", "desktop", "verdict"),
    [
        ("auto", "", "warning"),
        ("hdmi", "", "fault"),
        ("none", "", "ok"),
        ("auto", ":0", "ok"),
        ("hdmi", ":0", "fault"),
    ],
)
def test_no_screen(made_up: MadeUp, kind: str, desktop: str, verdict: str) -> None:
    found = look(
        made_up, settings={"display": {"kind": kind}}, environment={"DISPLAY": desktop}, mesa=False
    )
    assert found["screen"].verdict == verdict
    assert found["Mesa"].verdict == "skipped"


@pytest.mark.parametrize(
    ("kind", "desktop", "verdict"),
    [("auto", "", "warning"), ("hdmi", "", "fault"), ("auto", ":0", "ok"), ("hdmi", ":0", "fault")],
)
def test_a_screen_at_another_output_than_the_one_that_is_set(
    made_up: MadeUp, kind: str, desktop: str, verdict: str
) -> None:
    connect(made_up)
    connect(made_up, "card1-HDMI-A-2", "disconnected")
    display = {"kind": kind, "output": "HDMI-A-2"}
    found = look(
        made_up, settings={"display": display}, environment={"DISPLAY": desktop}, mesa=False
    )
    assert found["screen"].verdict == verdict
    assert "no screen is connected to HDMI-A-2 (display.output)" in found["screen"].text
    assert found["Mesa"].verdict == "skipped"
    if verdict != "ok":
        assert found["screen"].remedy.startswith("one is connected to HDMI-A-1")
    used = look(made_up, settings={"display": {**display, "output": "HDMI-A-1"}})
    assert "screen" not in used


def test_an_output_that_this_machine_has_not(made_up: MadeUp) -> None:
    connect(made_up, status="disconnected")
    found = look(made_up, settings={"display": {"kind": "hdmi", "output": "DP-7"}})["screen"]
    assert found.verdict == "fault"
    assert found.remedy.startswith("this machine has HDMI-A-1: ")


@pytest.mark.parametrize("kind", ["none", "window"])
def test_a_screen_that_is_not_wanted(made_up: MadeUp, kind: str) -> None:
    connect(made_up)
    found = look(made_up, settings={"display": {"kind": kind, "output": "HDMI-A-2"}}, mesa=False)
    assert "screen" not in found
    assert found["Mesa"].verdict == "skipped"
    assert found["desktop"].verdict == ("fault" if kind == "window" else "ok")


def test_only_the_card_of_the_screen_counts(made_up: MadeUp) -> None:
    connect(made_up)
    made_up.process(700, "labwc", made_up.put("dev/dri/card0"))
    found = look(made_up)
    assert "card0" not in found


def test_mesa_is_needed_where_there_is_no_desktop(made_up: MadeUp) -> None:
    connect(made_up)
    mesa = look(made_up, mesa=False)["Mesa"]
    assert mesa.verdict == "fault"
    assert all(package in mesa.remedy for package in MESA.values())
    found = look(made_up, mesa=False, environment={"WAYLAND_DISPLAY": "wayland-0"})
    assert found["Mesa"].verdict == "skipped"


def test_a_card_that_another_holds(made_up: MadeUp) -> None:
    connect(made_up)
    card = made_up.put("dev/dri/card1")
    made_up.put("dev/dri/renderD128")
    assert "card1" not in look(made_up)
    made_up.process(700, "labwc", card)
    found = look(made_up)["card1"]
    assert found.verdict == "warning"
    assert "labwc (process 700)" in found.text


def test_a_card_that_may_not_be_opened(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(made_up)
    made_up.put("dev/dri/card1")
    monkeypatch.setattr(os, "access", lambda *_args: False)
    assert look(made_up)["card1"].verdict == "fault"


def test_without_sdl(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sdl2", None)
    assert look(made_up)["SDL"].verdict == "fault"
    found = look(made_up, settings={"display": {"kind": "none"}})
    assert found["SDL"].verdict == "skipped"
