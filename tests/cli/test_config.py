"""The commands `config check` and `config show`."""

from __future__ import annotations

from pathlib import Path

import pytest

from pose_edge.cli.dispatch import dispatch


@pytest.fixture(autouse=True)
def _no_signal_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pose_edge.cli.execute.interrupt_on_signals", lambda: None)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def check(config: Path, text: str) -> int:
    config.write_text(text)
    return dispatch(["config", "check", "--config", str(config), "--log-format", "text"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('web: {listen: "70000"}', "web.listen: '70000' is not allowed here"),
        ("record: {path: out.avi}", "record.path: 'out.avi' is not allowed here"),
        ("model: {name: movenet-lightening-fp16}", "did you mean movenet-lightning-fp16?"),
    ],
)
def test_check_refuses_what_run_refuses(
    config: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    assert check(config, text) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("name", ["auto", "movenet-lightning-google-int8", "own/x.tflite"])
def test_check_accepts_models_that_are_elsewhere(config: Path, name: str) -> None:
    assert check(config, f"model: {{name: {name}}}") == 0


def test_check_warns_of_a_folder_that_is_missing(
    config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert check(config, f"poses: {{path: {tmp_path}/no/out.jsonl}}") == 0
    assert f"there is no folder {tmp_path}/no yet" in capsys.readouterr().err


@pytest.mark.parametrize("more", [["--origin"], ["--set", "camera.fps=15"]])
def test_the_defaults_are_shown_alone(capsys: pytest.CaptureFixture[str], more: list[str]) -> None:
    assert dispatch(["config", "show", "--defaults", *more]) == 2
    assert "--defaults takes neither" in capsys.readouterr().err
