"""The demo clip is refused where nobody could see it, and the message tells what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from pose_edge.config import schema
from pose_edge.config.outputs import CsvSettings, PosesSettings, RecordSettings, UdpSettings
from pose_edge.config.schema import (
    CameraSettings,
    DisplaySettings,
    RunSettings,
    Settings,
    SourceSettings,
)
from pose_edge.errors import DisplayError, SourceError
from pose_edge.live.audience import find_audience
from pose_edge.sources import any_camera

DEMO = SourceSettings(name="demo")


@pytest.fixture(autouse=True)
def no_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(_settings: CameraSettings) -> None:
        raise SourceError("no camera found")

    monkeypatch.setattr(any_camera, "find_candidates", find)


@pytest.fixture
def headless(tmp_path: Path) -> Settings:
    """Return settings of a machine without a screen."""
    return Settings(testing=schema.TestingSettings(sysfs=str(tmp_path)))


def changed(settings: Settings, **sections: object) -> Settings:
    return settings.model_copy(update=sections)


def test_a_demo_for_nobody_is_refused(headless: Settings, tmp_path: Path) -> None:
    with pytest.raises(DisplayError, match="no camera and no screen") as error:
        find_audience(headless, {}, tmp_path)
    assert error.value.exit_status == 3
    assert "--record OUT.mp4" in str(error.value)
    assert "DISPLAY" not in str(error.value)


def test_a_desktop_that_runs_is_named(headless: Settings, tmp_path: Path) -> None:
    (tmp_path / "X0").touch()
    with pytest.raises(DisplayError, match="`DISPLAY=:0 pose-edge run`"):
        find_audience(headless, {}, tmp_path)


@pytest.mark.parametrize(
    "sections",
    [
        {"source": DEMO},
        {"run": RunSettings(max_frames=3)},
        {"run": RunSettings(duration=3.0)},
        {"camera": CameraSettings(wait=True)},
    ],
)
def test_what_was_asked_for_is_done_but_not_in_silence(
    headless: Settings, tmp_path: Path, sections: dict[str, object]
) -> None:
    advice = find_audience(changed(headless, **sections), {}, tmp_path)
    assert advice is not None
    assert advice.startswith(
        "there is no screen and no other output: connect a screen, or use --rec"
    )


def test_a_camera_is_no_demo(
    headless: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(any_camera, "find_candidates", lambda _settings: {})
    assert "no other output" in (find_audience(headless, {}, tmp_path) or "")


@pytest.mark.parametrize(
    "sections",
    [
        {"display": DisplaySettings(kind="none")},
        {"display": DisplaySettings(kind="hdmi")},
        {"record": RecordSettings(path="x.mp4")},
        {"poses": PosesSettings(path="-")},
        {"csv": CsvSettings(path="-")},
        {"udp": UdpSettings(target="studio:9000")},
    ],
)
def test_who_has_another_output_needs_no_advice(
    headless: Settings, tmp_path: Path, sections: dict[str, object]
) -> None:
    assert find_audience(changed(headless, **sections), {}, tmp_path) is None


def test_a_desktop_is_a_screen(headless: Settings, tmp_path: Path) -> None:
    assert find_audience(headless, {"DISPLAY": ":1"}, tmp_path) is None
