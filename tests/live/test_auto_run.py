"""`model.name: auto` in a real run with stand-ins for the models, one of which is too slow."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from helpers import GENEROUS_S, FakeEstimator, pose, wait_until

from pose_edge.config.schema import Settings
from pose_edge.frames import Frame
from pose_edge.live import auto_model as auto_model_module
from pose_edge.live import reconfigure as reconfigure_module
from pose_edge.live import run as run_module
from pose_edge.live.signals import Signals
from pose_edge.poses import Estimate, Provenance
from pose_edge.telemetry import Stopwatch

LIGHT, HEAVY = "movenet-lightning-int8", "movenet-thunder-int8"
SLOW_S = 0.3


class StandInModel(FakeEstimator):
    """An estimator that sleeps if it stands in for the heavy model."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.runtime.provenance = Provenance(name, "cpu")

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        if self.provenance.model == HEAVY:
            time.sleep(SLOW_S)
        if stopwatch is not None:
            stopwatch.lap("inference")
        return Estimate([pose()])


def test_a_run_tries_the_slow_model_and_settles_on_the_fast_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    accuracy = {LIGHT: 0.53, HEAVY: 0.63}
    monkeypatch.setattr(auto_model_module, "candidates", lambda _zoo, _people: accuracy)
    loaded: list[StandInModel] = []

    def load(settings: Settings, stack: ExitStack, **_named: object) -> StandInModel:
        loaded.append(StandInModel(settings.model.name))
        stack.callback(loaded[-1].close)
        return loaded[-1]

    for module in (run_module, reconfigure_module):
        monkeypatch.setattr(module, "load_model_or_replay", load)
    settings = Settings.model_validate(
        {
            "source": {"name": "demo", "loop": True},
            "model": {"name": "auto"},
            "display": {"kind": "none"},
            "poses": {"path": str(tmp_path / "p.jsonl")},
        }
    )
    signals = Signals()
    run = threading.Thread(target=run_module.run, args=(settings, signals, lambda: settings))
    run.start()
    kept = tmp_path / "pose-edge" / "auto.json"
    wait_until(kept.exists, "the choice")
    wait_until(lambda: len(loaded) == 3, "the chosen model")
    wait_until(lambda: loaded[1].runtime.closed, "the end of the slow model")
    signals.stop.set()
    run.join(GENEROUS_S)
    assert not run.is_alive()
    assert json.loads(kept.read_text())["model"] == LIGHT
    assert [one.provenance.model for one in loaded] == [LIGHT, HEAVY, LIGHT]
    assert all(one.runtime.closed for one in loaded), "each is closed once it is replaced"
    lines = (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()
    answered = [json.loads(line)["model"] for line in lines]
    assert answered[0] == LIGHT
    assert HEAVY in answered
