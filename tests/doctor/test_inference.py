from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata

import pytest
from doctor_contexts import MadeUp, by_subject, sound

from pose_edge.doctor import inference
from pose_edge.doctor.report import Finding
from pose_edge.errors import ModelError, UnavailableError


def look(findings: Iterator[Finding]) -> dict[str, Finding]:
    return by_subject(sound(findings))


def test_the_model_runs_and_finds_somebody(made_up: MadeUp) -> None:
    found = look(inference.examine(made_up.context()))
    assert found["runtime"].verdict == "ok"
    assert " ms, movenet-lightning-int8 by " in found["model"].text
    assert found["answer"].verdict == "ok"


def test_it_is_not_run_when_that_is_not_wanted(made_up: MadeUp) -> None:
    found = look(inference.examine(made_up.context(use_models=False)))
    assert found.keys() == {"runtime", "model"}
    assert found["model"].verdict == "skipped"


def test_too_slow(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "SLOW_MS", 0.0)
    found = look(inference.examine(made_up.context()))
    assert found["model"].verdict == "warning"


def test_a_model_that_finds_nobody(made_up: MadeUp) -> None:
    context = made_up.context(settings={"model": {"min_pose_score": 1.0}})
    assert look(inference.examine(context))["answer"].verdict == "warning"


def test_the_older_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _name: "2.14.0")
    found = inference._runtime("tflite_runtime")
    assert found.verdict == "warning"
    assert "tflite-runtime 2.14.0" in found.text


def test_without_a_runtime(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    from pose_edge.runtimes import litert

    monkeypatch.setattr(litert, "RUNTIME_MODULES", ("no_such_runtime.interpreter",))
    with pytest.raises(UnavailableError, match="pip install ai-edge-litert"):
        list(inference.examine(made_up.context()))


def test_a_model_that_is_none(made_up: MadeUp) -> None:
    context = made_up.context(settings={"model": {"name": str(made_up.put("x.tflite", "x" * 99))}})
    with pytest.raises(ModelError):
        list(inference.examine(context))
