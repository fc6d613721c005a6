from __future__ import annotations

import pytest
from pydantic import ValidationError

from pose_edge.config.load import render_config
from pose_edge.config.schema import OverlaySettings, Settings

SECTIONS = {name: type(section) for name, section in Settings()}
KEYS = [(name, key) for name, section in SECTIONS.items() for key in section.model_fields]


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_every_setting_says_in_one_line_what_it_is(section: str, key: str) -> None:
    info = SECTIONS[section].model_fields[key]
    assert info.description
    assert "\n" not in info.description
    assert len(info.description) <= 80
    assert not info.is_required()


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_says_what_it_is(section: str) -> None:
    assert (SECTIONS[section].__doc__ or "").count("\n") == 0
    assert SECTIONS[section].__doc__


def test_the_defaults_are_valid() -> None:
    assert Settings.model_validate(Settings().model_dump()) == Settings()


def test_settings_cannot_change() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.model.threads = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("source", "name", ""),
        ("source", "loop", 1),
        ("source", "pace", "true"),
        ("camera", "width", 63),
        ("camera", "width", 640.0),
        ("camera", "width", True),
        ("camera", "fps", 0),
        ("camera", "fps", 241),
        ("camera", "fps", float("nan")),
        ("camera", "rotation", 45),
        ("camera", "rotation", "90"),
        ("camera", "timeout", 0.4),
        ("model", "threads", 0),
        ("model", "threads", 65),
        ("model", "min_pose_score", 1.1),
        ("model", "min_keypoints", 18),
        ("model", "min_pose_score", float("nan")),
        ("model", "min_keypoint_score", -0.1),
        ("edgetpu", "mode", "maybe"),
        ("edgetpu", "mode", False),
        ("edgetpu", "device", "usb1"),
        ("edgetpu", "device", "usb:"),
        ("edgetpu", "device", "usb:-1"),
        ("edgetpu", "device", "pcie"),
        ("edgetpu", "device", "usb\n"),
        ("edgetpu", "library", ""),
        ("edgetpu", "model", ""),
        ("edgetpu", "timeout", 0.04),
        ("edgetpu", "timeout", 61),
        ("edgetpu", "max_backoff", 0),
        ("edgetpu", "max_backoff", float("nan")),
        ("display", "kind", "tv"),
        ("display", "mode", "1280"),
        ("display", "mode", "1280x720@60Hz"),
        ("display", "rotation", 45),
        ("record", "path", ""),
        ("record", "quality", 52),
        ("record", "preset", "placebo"),
        ("run", "max_frames", 0),
        ("run", "duration", 0),
        ("run", "duration", float("inf")),
        ("mqtt", "url", "mqtt://[::1"),
        ("mqtt", "url", "mqtt://::1]:1883"),
        ("mqtt", "url", "mqtt://me:a[b@broker"),
        ("mqtt", "url", "mqtt://[broker]"),
        ("log", "level", "loud"),
        ("log", "volume", 3),
    ],
)
def test_what_is_refused(section: str, key: str, value: object) -> None:
    with pytest.raises(ValidationError) as error:
        Settings.model_validate({section: {key: value}})
    assert error.value.errors()[0]["loc"][:2] == (section, key)


def test_whole_numbers_are_numbers() -> None:
    assert Settings.model_validate({"camera": {"fps": 25}}).camera.fps == 25.0
    assert "fps: 25.0" in render_config(Settings.model_validate({"camera": {"fps": 25}}))


@pytest.mark.parametrize("device", ["", "usb", "pci", ":0", ":12", "usb:0", "pci:999"])
def test_devices_that_the_edge_tpu_library_knows(device: str) -> None:
    assert Settings.model_validate({"edgetpu": {"device": device}}).edgetpu.device == device


@pytest.mark.parametrize(
    ("value", "meaning"),
    [(True, "short"), (False, "off"), ("true", "short"), ("off", "off"), ("full", "full")],
)
def test_the_read_out_may_be_given_as_the_switch_that_it_was(value: object, meaning: str) -> None:
    assert OverlaySettings.model_validate({"readout": value}).readout == meaning
