from __future__ import annotations

from pathlib import Path

from doctor_contexts import MadeUp, by_subject, sound

from pose_edge.config.schema import Settings
from pose_edge.doctor.configuration import changes, examine

ADDRESS = "rtsp://me:s3cret@cam/x"


def test_the_defaults(made_up: MadeUp) -> None:
    found = by_subject(sound(examine(made_up.context())))
    assert found["file"].text.endswith("config.yaml (the one that ships)")
    assert found["settings"].text == "all at their defaults"
    assert found.keys() == {"file", "settings"}


def test_what_is_changed_and_from_where(made_up: MadeUp) -> None:
    context = made_up.context(
        settings={"camera": {"fps": 15.0}, "source": {"name": ADDRESS}},
        environment={"POSE_EDGE_CAMERA__FPS": "15", "HOME": "/root"},
    )
    found = by_subject(sound(examine(context)))
    assert found["settings"].text == "source.name = rtsp://***@cam/x, camera.fps = 15.0"
    assert found["environment"].text == "overrides the file: POSE_EDGE_CAMERA__FPS"


def test_faults(made_up: MadeUp) -> None:
    context = made_up.context(faults=(f"a.yaml:3: source.name: {ADDRESS!r}", "a.yaml:4: b"))
    findings = sound(examine(context))
    faults = [one.text for one in findings if one.verdict == "fault"]
    assert faults == ["a.yaml:3: source.name: 'rtsp://***@cam/x'", "a.yaml:4: b"]


def test_a_password_that_everybody_can_read(made_up: MadeUp, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"source:\n  name: {ADDRESS}\n")
    for mode, seen in ((0o644, True), (0o640, False)):
        file.chmod(mode)
        context = made_up.context(settings={"source": {"name": ADDRESS}}, file=file)
        found = by_subject(sound(examine(context)))
        assert ("password" in found) is seen
        assert "s3cret" not in str(found)


def test_changes_are_by_key() -> None:
    settings = Settings.model_validate({"model": {"threads": 2}, "testing": {"dev": "/x"}})
    assert changes(settings) == {"model.threads": 2}
