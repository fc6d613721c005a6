from __future__ import annotations

from pathlib import Path

import pytest

from pose_edge.config.load import load_config
from pose_edge.config.schema import CameraSettings, Settings, SourceSettings
from pose_edge.service.configuration import (
    digest,
    holds_secret,
    is_edited,
    service_config,
    service_settings,
)


def test_it_reads_as_it_was_meant(tmp_path: Path) -> None:
    settings = Settings(camera=CameraSettings(fps=15.0))
    path = tmp_path / "config.yaml"
    path.write_text(service_config(settings))
    assert load_config(path, {}) == service_settings(settings)


def test_a_service_waits_for_its_camera_and_its_page_has_a_token() -> None:
    assert Settings().camera.wait is False
    settings = service_settings(Settings())
    assert settings.camera.wait is True
    changed = {
        (name, key)
        for name, section in settings
        for key, value in section
        if value != getattr(getattr(Settings(), name), key)
    }
    assert changed == {("camera", "wait"), ("web", "token_file")}
    assert "\n  wait: true " in service_config(Settings())


@pytest.mark.parametrize(
    ("present", "installed", "edited"),
    [
        (None, "", False),
        ("wanted", "", False),
        ("older", digest("older"), False),
        ("mine", digest("older"), True),
        ("mine", "", True),
        ("", digest("older"), True),
    ],
)
def test_what_becomes_of_the_file(present: str | None, installed: str, edited: bool) -> None:
    assert is_edited(present, "wanted", installed) is edited


def test_the_default_holds_no_secret() -> None:
    assert not holds_secret(service_config(Settings()))


@pytest.mark.parametrize(
    "name",
    [
        "rtsp://me:s3cret@camera/x",
        "rtsp://me:a s3cret@camera/x",
        "http://camera/x?token=1",
        "http://camera/0123456789abcdef/x",
    ],
)
def test_an_address_may_hold_one(name: str) -> None:
    assert holds_secret(service_config(Settings(source=SourceSettings(name=name))))
