from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from fake_sysfs import dev_of, make_sysfs, plug_usb_coral, sysfs_of
from helpers import FakeRuntime

from pose_edge.config.schema import Settings
from pose_edge.errors import ModelError, PoseEdgeError, UnavailableError
from pose_edge.offline.bench import models
from pose_edge.offline.bench.control import BenchControl
from pose_edge.offline.bench.models import bench_models, thread_counts
from pose_edge.runtimes import AnyArray
from pose_edge.zoo.registry import ModelFile, Zoo

NOBODY = np.zeros((1, 1, 17, 3), dtype=np.float32)
TWO = ["movenet-lightning-fp16", "movenet-thunder-fp16"]


class Loads:
    """Records each load of a model: its name, its threads and its runtime."""

    def __init__(self) -> None:
        self.made: list[tuple[str, int, FakeRuntime]] = []

    def load(self, model: ModelFile, settings: Settings) -> FakeRuntime:
        def answer(_tensor: AnyArray) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
            time.sleep(0.010 if "thunder" in model.name else 0.002)
            return NOBODY

        assert all(runtime.closed for _name, _threads, runtime in self.made), "one at a time"
        runtime = FakeRuntime([answer], sizes=[(64, 48), (64, 64)], dtype="uint8")
        self.made.append((model.name, settings.model.threads, runtime))
        return runtime


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    """Replace all models by fakes with runs of 2 ms, of 10 ms for Thunder."""
    found = Loads()
    monkeypatch.setattr(models, "load_runtime", found.load)
    return found


def go(
    names: list[str],
    *,
    threads: list[int] | None = None,
    runs: int = 3,
    settings: Settings | None = None,
    stop: threading.Event | None = None,
) -> models.ModelsReport:
    return bench_models(
        settings or Settings(),
        names,
        threads or [1],
        runs,
        control=BenchControl(stop or threading.Event()),
    )


def test_models_are_run_in_turns_with_each_number_of_threads(loads: Loads) -> None:
    report = go(TWO, threads=[1, 2], runs=12)
    turn = [(name, threads) for name in TWO for threads in (1, 2)]
    assert [(name, threads) for name, threads, _ in loads.made] == turn * 2, "ten runs, then two"
    assert [(one.name, one.threads) for one in report.timings] == turn
    warm_up = models.WARM_UP
    assert [len(runtime.seen) for *_, runtime in loads.made] == [10 + warm_up] * 4 + [
        2 + warm_up
    ] * 4
    assert [one.runs for one in report.timings] == [12] * 4
    assert report.complete


def test_the_stages_add_up(loads: Loads) -> None:
    (timing,) = go(TWO[1:]).timings
    stages = timing.stages_ms
    assert list(stages) == ["preprocess", "inference", "postprocess", "total"]
    assert stages["inference"].median >= 10
    parts = [stages[name] for name in ("preprocess", "inference", "postprocess")]
    assert all(part.median <= part.p95 <= part.worst for part in parts)
    assert stages["total"].worst <= sum(part.worst for part in parts) + 1e-6
    assert stages["total"].median >= stages["inference"].median
    assert timing.fps == pytest.approx(1000 / stages["total"].median)


def test_a_timing_says_what_the_model_is(loads: Loads) -> None:
    (timing,) = go(TWO[:1]).timings
    assert timing.runtime == "a fake"
    assert timing.sizes == ((64, 48), (64, 64))
    assert timing.input_type == "uint8"
    assert timing.ap["one"] > 0.4
    assert timing.file_bytes > 1_000_000
    assert timing.memory_mb is not None
    assert timing.cpu_ms is not None
    assert timing.process_mb > timing.memory_mb


def test_a_model_is_given_the_person(loads: Loads) -> None:
    go(TWO[:1], runs=1)
    (_name, _threads, runtime) = loads.made[0]
    seen = runtime.seen[-1][0]
    assert seen.shape == (64, 48, 3), "a person is high, not wide"
    assert seen[24:40, 16:32].std() > 10, "and in the middle of the crop"


def test_all_models_that_ship_are_the_default(loads: Loads, tmp_path: Path) -> None:
    sysfs = make_sysfs(tmp_path)
    report = go([], runs=1, settings=machine_at(sysfs))
    assert [one.name for one in report.timings] == list(Zoo().entries)
    assert report.left_out == ("Edge TPU models: no Coral is plugged in",)


def machine_at(root: Path, mode: str = "auto") -> Settings:
    testing = {"sysfs": str(sysfs_of(root)), "dev": str(dev_of(root))}
    return Settings.model_validate({"testing": testing, "edgetpu": {"mode": mode}})


def test_models_of_a_coral_that_are_not_here_are_left_out_with_a_word(
    loads: Loads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    root = make_sysfs(tmp_path / "machine")
    plug_usb_coral(root)
    report = go([], runs=1, settings=machine_at(root))
    assert report.left_out == tuple(
        f"{name}: `pose-edge models fetch {name}` gets it" for name in Zoo().twins
    )
    assert go([], runs=1, settings=machine_at(root, "off")).left_out == ()


def test_without_a_coral_that_must_be_there_nothing_is_measured(
    loads: Loads, tmp_path: Path
) -> None:
    with pytest.raises(UnavailableError, match="no Coral is plugged in"):
        go([], settings=machine_at(make_sysfs(tmp_path), "on"))
    assert loads.made == []


def test_a_coral_that_does_not_work_costs_only_its_own_models(
    loads: Loads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coral = ModelFile("for-a-coral", Path("none"), compiled=True)

    def load(model: ModelFile, settings: Settings) -> FakeRuntime:
        if model.compiled:
            raise UnavailableError("its library is not installed", remedy="install it")
        return loads.load(model, settings)

    monkeypatch.setattr(models, "load_runtime", load)
    monkeypatch.setattr(models, "_edgetpu_models", lambda _settings, _zoo: ([coral], []))
    report = go([], runs=1)
    assert report.left_out == ("for-a-coral: its library is not installed",)
    assert "for-a-coral" not in [one.name for one in report.timings]


def test_a_model_of_a_coral_has_no_threads(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    coral = ModelFile("for-a-coral", Path(__file__), compiled=True)
    monkeypatch.setattr(models, "_edgetpu_models", lambda _settings, _zoo: ([coral], []))
    report = go([], threads=[1, 2], runs=2)
    (timing,) = [one for one in report.timings if one.name == "for-a-coral"]
    assert (timing.threads, timing.runs) == (None, 2)
    assert (timing.cpu_ms, timing.memory_mb) == (None, None), "another process has them"


def test_an_unknown_model_is_refused_before_anything_is_measured(loads: Loads) -> None:
    with pytest.raises(ModelError, match="no model 'movenet-huge'"):
        go([TWO[0], "movenet-huge"])
    assert loads.made == []


def test_what_was_measured_before_the_end_counts(loads: Loads) -> None:
    stop = threading.Event()

    def load(model: ModelFile, settings: Settings) -> FakeRuntime:
        if "thunder" in model.name:
            stop.set()
        return loads.load(model, settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "load_runtime", load)
        report = go(TWO, stop=stop)
    assert [one.name for one in report.timings] == TWO[:1]
    assert not report.complete


def test_an_end_before_the_first_run_is_an_error(loads: Loads) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(PoseEdgeError, match="nothing was measured"):
        go(TWO, stop=stop)


def test_progress_ends_with_all_runs(loads: Loads) -> None:
    seen: list[tuple[int, int]] = []
    bench_models(
        Settings(),
        TWO,
        [1],
        11,
        BenchControl(progress=lambda done, total: seen.append((done, total))),
    )
    assert seen == [(10, 22), (20, 22), (21, 22), (22, 22)]


def test_few_cores_are_tried_one_by_one_and_many_in_steps() -> None:
    assert thread_counts(1) == [1]
    assert thread_counts(4) == [1, 2, 3, 4]
    assert thread_counts(6) == [1, 2, 3, 4, 6]
    assert all(one < other for one, other in itertools.pairwise(thread_counts(64)))
    assert thread_counts(64)[-1] == 64
