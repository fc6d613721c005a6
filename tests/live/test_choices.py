from __future__ import annotations

from pathlib import Path

import pytest

from pose_edge.config.schema import Settings
from pose_edge.errors import SourceError, UnavailableError
from pose_edge.live.choices import with_camera, with_next_model
from pose_edge.sources import cameras, csi
from pose_edge.sources.cameras import CameraNode
from pose_edge.zoo.registry import Zoo


def test_the_models_that_ship_come_one_after_the_other() -> None:
    settings, names = Settings(), []
    for _ in range(len(Zoo().entries)):
        settings, _ = with_next_model(settings)
        names.append(settings.model.name)
    assert sorted(names) == sorted(Zoo().entries)
    assert names[-1] == Settings().model.name


@pytest.mark.parametrize("name", ["movenet-lightning", "walk.tflite"])
def test_after_another_name_comes_a_model_that_ships(name: str) -> None:
    settings, words = with_next_model(Settings.model_validate({"model": {"name": name}}))
    assert settings.model.name in Zoo().entries
    assert words == f"model: {settings.model.name}"


def test_cameras_have_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [CameraNode(Path("/dev/video2"), "HD Webcam", "uvcvideo")]
    monkeypatch.setattr(csi, "find_picameras", lambda: {0: "imx708"})
    monkeypatch.setattr(cameras, "find_cameras", lambda: nodes)
    settings, words = with_camera(Settings(), 1)
    assert (settings.source.name, words) == ("picamera:0", "camera 1: imx708")
    settings, words = with_camera(Settings(), 2)
    assert (settings.source.name, words) == ("/dev/video2", "camera 2: HD Webcam")
    with pytest.raises(SourceError, match="there is no camera 3: 2 are connected"):
        with_camera(Settings(), 3)

    def none() -> dict[int, str]:
        raise SourceError("picamera2 is not installed")

    monkeypatch.setattr(csi, "find_picameras", none)
    with pytest.raises(SourceError, match="there is no camera 2: 1 is connected"):
        with_camera(Settings(), 2)


def test_a_replay_has_no_model_and_ends_with_a_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csi, "find_picameras", lambda: {0: "imx708"})
    monkeypatch.setattr(cameras, "find_cameras", list)
    replay = Settings.model_validate({"source": {"name": "walk.mp4", "poses": "walk.jsonl"}})
    with pytest.raises(UnavailableError, match="no model runs"):
        with_next_model(replay)
    assert with_camera(replay, 1)[0].source.poses is None
