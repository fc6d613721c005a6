from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from fake_sysfs import dev_of, make_sysfs, sysfs_of
from helpers import make_frame, no_threads_left

from pose_edge.config.schema import EdgeTpuSettings, Settings
from pose_edge.errors import ModelError, UnavailableError, UsageError
from pose_edge.pipeline.loading import FINDER, find_pair, load_model
from pose_edge.zoo.registry import COMPILED_MARK, Zoo

Mode = Literal["auto", "on", "off"]

CONTENT = b"\x1c\0\0\0TFL3"
WITH_TWIN = [
    (name, f"movenet-{size}-int8", f"movenet-{size}-edgetpu")
    for size in ("lightning", "thunder")
    for name in (f"movenet-{size}", f"movenet-{size}-int8", f"movenet-{size}-edgetpu")
]
WITHOUT_TWIN = [
    "movenet-lightning-fp16",
    "movenet-thunder-fp16",
    "movenet-multipose-int8",
    "posenet-mobilenet",
]


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    """Return a zoo of the shipped models with nothing fetched; a user's model is beside it."""
    (tmp_path / "own.tflite").write_bytes(CONTENT)
    (tmp_path / "own_edgetpu.tflite").write_bytes(CONTENT + COMPILED_MARK)
    return Zoo(fetched=tmp_path / "fetched")


def pair(
    zoo: Zoo, name: str | Path, mode: Mode, model: Path | str | None = None
) -> tuple[str, str | None]:
    wishes = EdgeTpuSettings(mode=mode, model=None if model is None else str(model))
    cpu, edgetpu = find_pair(zoo, str(name), wishes)
    return cpu.name, edgetpu


def refused(
    kind: type[Exception], zoo: Zoo, name: str | Path, mode: Mode, model: Path | None = None
) -> str:
    with pytest.raises(kind) as error:
        pair(zoo, name, mode, model)
    assert type(error.value) is kind
    assert "\n" not in str(error.value)
    return str(error.value)


# --- which model a name means ---------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "on"])
@pytest.mark.parametrize(("name", "cpu", "edgetpu"), WITH_TWIN)
def test_any_name_of_a_pair_means_both(
    zoo: Zoo, name: str, cpu: str, edgetpu: str, mode: Mode
) -> None:
    assert pair(zoo, name, mode) == (cpu, edgetpu)


@pytest.mark.parametrize(("name", "cpu", "edgetpu"), WITH_TWIN)
def test_off_means_the_cpus_alone(
    zoo: Zoo, tmp_path: Path, name: str, cpu: str, edgetpu: str
) -> None:
    if name != edgetpu:
        assert pair(zoo, name, "off") == (cpu, None)
        assert pair(zoo, name, "off", tmp_path / "own_edgetpu.tflite") == (cpu, None)


@pytest.mark.parametrize("name", WITHOUT_TWIN)
def test_a_model_without_a_twin_stays_on_the_cpu(zoo: Zoo, name: str) -> None:
    assert pair(zoo, name, "auto") == pair(zoo, name, "off") == (name, None)
    why = refused(UnavailableError, zoo, name, "on")
    assert f"no Edge TPU model goes with {name}" in why
    assert "movenet-lightning, movenet-thunder" in why
    assert "edgetpu.model" in why


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_an_own_compiled_file_takes_the_place_of_the_listed_one(
    zoo: Zoo, tmp_path: Path, mode: Mode
) -> None:
    own, compiled = tmp_path / "own.tflite", tmp_path / "own_edgetpu.tflite"
    for name, cpu in [(str(own), "own"), ("movenet-lightning", "movenet-lightning-int8")]:
        assert pair(zoo, name, mode, compiled) == (cpu, str(compiled))
    assert pair(zoo, own, "auto") == pair(zoo, own, "off") == ("own", None)
    refused(UnavailableError, zoo, own, "on")


def test_an_own_file_of_a_listed_name_is_another_model(zoo: Zoo, tmp_path: Path) -> None:
    own = tmp_path / "movenet-lightning-int8.tflite"
    own.write_bytes(CONTENT)
    assert pair(zoo, own, "auto") == ("movenet-lightning-int8", None)
    refused(UnavailableError, zoo, own, "on")


def test_a_model_for_the_edge_tpu_is_no_model_for_the_cpu(zoo: Zoo, tmp_path: Path) -> None:
    compiled = tmp_path / "own_edgetpu.tflite"
    for mode in ("auto", "on"):
        why = refused(ModelError, zoo, compiled, mode)
        assert str(compiled) in why
        assert "edgetpu.model" in why
    assert "edgetpu is off" in refused(UsageError, zoo, compiled, "off")


def test_off_and_a_model_for_the_edge_tpu_contradict_each_other(zoo: Zoo) -> None:
    """Even if the model is not here yet: fetching it would not help."""
    why = refused(UsageError, zoo, "movenet-thunder-edgetpu", "off")
    assert "edgetpu is off" in why
    assert "--model movenet-thunder-int8" in why
    assert UsageError.exit_status == 2


@pytest.mark.parametrize("mode", ["auto", "on", "off"])
def test_a_name_of_nothing(zoo: Zoo, mode: Mode) -> None:
    assert "did you mean movenet-lightning" in refused(ModelError, zoo, "movenet-lightnin", mode)
    assert "is missing" in refused(ModelError, zoo, "./gone.tflite", mode)


# --- loading it -----------------------------------------------------------------------------------


def settings(root: Path, mode: Mode, name: str = "movenet-lightning") -> Settings:
    machine = make_sysfs(root / "machine")
    return Settings.model_validate(
        {
            "model": {"name": name, "threads": 1},
            "edgetpu": {"mode": mode},
            "testing": {"sysfs": str(sysfs_of(machine)), "dev": str(dev_of(machine))},
        }
    )


@pytest.mark.parametrize("wait", [False, True])
@pytest.mark.parametrize("mode", ["auto", "off"])
def test_without_an_edge_tpu_the_cpu_does_it(tmp_path: Path, mode: Mode, wait: bool) -> None:
    before = set(threading.enumerate())
    reports: list[str | None] = []
    with ExitStack() as stack:
        estimator = load_model(settings(tmp_path, mode), stack, report=reports.append, wait=wait)
        estimate = estimator.estimate(make_frame(np.zeros((48, 64, 3), np.uint8)))
        assert estimate.poses == []
        assert estimator.runtime is not None
        provenance = estimator.runtime.provenance
        assert (provenance.model, provenance.place) == ("movenet-lightning-int8", "cpu")
    assert reports == []
    assert no_threads_left(before)


@pytest.mark.parametrize(
    ("name", "models"),
    [
        ("movenet-lightning-int8", f"{FINDER} + movenet-lightning-int8"),
        (FINDER, FINDER),
        ("posenet-mobilenet", "posenet-mobilenet"),
    ],
)
def test_for_several_people_a_model_for_one_gets_a_finder(
    tmp_path: Path, name: str, models: str
) -> None:
    wanted = settings(tmp_path, "off", name)
    several = wanted.model.model_copy(update={"people": "several"})
    with ExitStack() as stack:
        estimator = load_model(wanted.model_copy(update={"model": several}), stack)
        assert estimator.provenance.models == models


def test_on_without_an_edge_tpu_is_an_error(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with ExitStack() as stack, pytest.raises(UnavailableError, match="none is plugged in") as error:
        load_model(settings(tmp_path, "on"), stack)
    assert error.value.exit_status == 3
    assert no_threads_left(before)


def test_what_fails_later_leaves_nothing_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_named: object) -> None:
        raise ModelError("nothing that can be read")

    before = set(threading.enumerate())
    monkeypatch.setattr("pose_edge.pipeline.loading.load_estimator", fail)
    with pytest.raises(ModelError), ExitStack() as stack:
        load_model(settings(tmp_path, "auto"), stack)
    assert no_threads_left(before)


PROGRAM = """
import sys
from contextlib import ExitStack
from pose_edge.pipeline.loading import load_model
from pose_edge.config.schema import Settings

with ExitStack() as stack:
    load_model(Settings.model_validate({"edgetpu": {"mode": "off"}}), stack)
names = ("edgetpu", "pycoral", "multiprocessing")
print(*(name for name in sys.modules if any(part in name for part in names)))
"""


def test_off_imports_nothing_of_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == []
