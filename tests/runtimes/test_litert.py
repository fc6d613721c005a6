from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose_edge.config.schema import ModelSettings, Settings
from pose_edge.errors import ModelError, UnavailableError
from pose_edge.runtimes import load_runtime
from pose_edge.runtimes.litert import RUNTIME_MODULES, LiteRT, import_runtime
from pose_edge.zoo.registry import ModelFile, Zoo

LIGHTNING = "movenet-lightning-fp16"


@pytest.fixture(scope="module")
def model() -> ModelFile:
    return Zoo().find(LIGHTNING)


@pytest.fixture(autouse=True)
def _some_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Create the file that the tests with a fake interpreter name."""
    monkeypatch.chdir(tmp_path)
    Path("x.tflite").touch()


class FakeInterpreter:
    """The used part of an interpreter, for a model that doubles its input."""

    made: list[FakeInterpreter]
    fail: Exception | None = None
    inputs = 1
    dtype: Any = np.uint8

    def __init__(self, *, model_content: bytes, num_threads: int) -> None:
        self.num_threads = num_threads
        self.runs = 0
        self._value: NDArray[np.generic] = np.zeros(1)
        type(self).made.append(self)

    def get_signature_list(self) -> dict[str, Any]:
        return {}

    def allocate_tensors(self) -> None:
        if self.fail is not None:
            raise self.fail

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"index": 3, "shape": np.array([1, 2]), "dtype": self.dtype}] * self.inputs

    def get_output_details(self) -> list[dict[str, Any]]:
        return [{"index": 7, "shape": np.array([1, 2]), "dtype": np.float32}]

    def set_tensor(self, index: int, value: NDArray[np.generic]) -> None:
        assert index == 3
        self._value = value

    def invoke(self) -> None:
        self.runs += 1

    def get_tensor(self, index: int) -> NDArray[np.generic]:
        assert index == 7
        return self._value.astype(np.float32) * 2


@pytest.fixture
def interpreter() -> Iterator[type[FakeInterpreter]]:
    FakeInterpreter.made = []
    kept = FakeInterpreter.fail, FakeInterpreter.inputs, FakeInterpreter.dtype
    yield FakeInterpreter
    FakeInterpreter.fail, FakeInterpreter.inputs, FakeInterpreter.dtype = kept


def install(
    monkeypatch: pytest.MonkeyPatch, *, litert: type | None = None, tflite: type | None = None
) -> None:
    """Make exactly these runtimes importable; those that are None are not."""
    for name, interpreter in zip(RUNTIME_MODULES, (litert, tflite), strict=True):
        package = name.partition(".")[0]
        if interpreter is None:
            monkeypatch.setitem(sys.modules, package, None)
            monkeypatch.setitem(sys.modules, name, None)
        else:
            module = ModuleType(name)
            module.Interpreter = interpreter  # type: ignore[attr-defined]
            monkeypatch.setitem(sys.modules, package, ModuleType(package))
            monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize(
    ("wanted", "cores", "started"), [(4, 2, 2), (4, 1, 1), (1, 8, 1), (4, 8, 4), (64, 3, 3)]
)
def test_no_more_threads_than_usable_cores(
    monkeypatch: pytest.MonkeyPatch,
    interpreter: type[FakeInterpreter],
    wanted: int,
    cores: int,
    started: int,
) -> None:
    install(monkeypatch, litert=interpreter)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)))
    runtime = LiteRT(ModelFile("x", Path("x.tflite")), threads=wanted)
    assert runtime.threads == started
    assert interpreter.made[0].num_threads == started
    plural = "" if started == 1 else "s"
    assert runtime.describe() == f"ai_edge_litert, {started} CPU thread{plural}"


def test_litert_comes_first(
    monkeypatch: pytest.MonkeyPatch, interpreter: type[FakeInterpreter]
) -> None:
    class Other(interpreter):  # type: ignore[misc, valid-type]
        pass

    install(monkeypatch, litert=interpreter, tflite=Other)
    assert (
        LiteRT(ModelFile("x", Path("x.tflite")), threads=1).describe().startswith("ai_edge_litert")
    )
    assert type(interpreter.made[0]) is interpreter


def test_tflite_runtime_is_used_where_litert_is_missing(
    monkeypatch: pytest.MonkeyPatch, interpreter: type[FakeInterpreter]
) -> None:
    install(monkeypatch, tflite=interpreter)
    runtime = LiteRT(ModelFile("x", Path("x.tflite")), threads=1)
    assert runtime.describe() == "tflite_runtime, 1 CPU thread"


def test_tflite_runtime_is_used_where_litert_is_broken(
    monkeypatch: pytest.MonkeyPatch, interpreter: type[FakeInterpreter]
) -> None:
    install(monkeypatch, litert=interpreter, tflite=interpreter)
    real = importlib.import_module

    def broken(name: str, package: str | None = None) -> ModuleType:
        if name.startswith("ai_edge_litert"):
            raise ImportError("libstdc++.so.6: version `GLIBCXX_3.4.32' not found")
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", broken)
    runtime = LiteRT(ModelFile("x", Path("x.tflite")), threads=1)
    assert runtime.describe() == "tflite_runtime, 1 CPU thread"


def test_no_runtime_at_all_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    with pytest.raises(UnavailableError) as error:
        LiteRT(ModelFile("x", Path("x.tflite")), threads=1)
    message = str(error.value)
    assert "pip install ai-edge-litert" in message
    assert "ai_edge_litert: " in message
    assert "tflite_runtime: " in message
    assert error.value.exit_status == 3
    assert not isinstance(error.value, ModelError)


def test_the_model_is_warmed_up_and_run(
    monkeypatch: pytest.MonkeyPatch, interpreter: type[FakeInterpreter]
) -> None:
    install(monkeypatch, litert=interpreter)
    runtime = LiteRT(ModelFile("x", Path("x.tflite")), threads=1)
    assert interpreter.made[0].runs == 1
    assert str(runtime.input) == "uint8 1x2"
    assert [str(output) for output in runtime.outputs] == ["float32 1x2"]
    (answer,) = runtime.run(np.array([[1, 2]], dtype=np.uint8))
    assert np.asarray(answer).tolist() == [[2, 4]]


@pytest.mark.parametrize("error", [ValueError("Mmap of '41' failed.\nat x"), RuntimeError("op\nX")])
def test_what_the_runtime_refuses_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, interpreter: type[FakeInterpreter], error: Exception
) -> None:
    install(monkeypatch, litert=interpreter)
    interpreter.fail = error
    with pytest.raises(ModelError) as refused:
        LiteRT(ModelFile("x", Path("x.tflite")), threads=1)
    assert "ai_edge_litert cannot load x.tflite: " in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_model_with_two_inputs_or_strange_types_is_refused(
    monkeypatch: pytest.MonkeyPatch, interpreter: type[FakeInterpreter]
) -> None:
    install(monkeypatch, litert=interpreter)
    interpreter.inputs = 2
    with pytest.raises(ModelError, match="2 inputs"):
        LiteRT(ModelFile("x", Path("x.tflite")), threads=1)
    interpreter.inputs, interpreter.dtype = 1, np.complex64
    with pytest.raises(ModelError, match="complex64"):
        LiteRT(ModelFile("x", Path("x.tflite")), threads=1)


@pytest.mark.parametrize("size", [8, 100, 5000, 1_000_000, -1])
def test_a_users_file_that_was_cut_off_is_refused_and_does_not_crash(
    tmp_path: Path, model: ModelFile, size: int
) -> None:
    path = tmp_path / "own.tflite"
    path.write_bytes(model.path.read_bytes()[:size])
    with pytest.raises(ModelError, match="cannot load"):
        LiteRT(Zoo().find(str(path)), threads=1)


def test_the_real_model(model: ModelFile) -> None:
    runtime = load_runtime(model, Settings(model=ModelSettings(threads=1)))
    assert model.entry is not None
    assert runtime.input == model.entry.input
    assert runtime.outputs == (model.entry.output,)
    assert runtime.provenance.backend == "cpu"
    grey = np.full(runtime.input.shape, 128, dtype=runtime.input.dtype)
    (first,) = runtime.run(grey)
    kept = first.copy()
    (second,) = runtime.run(grey)
    assert (kept == second).all()
    runtime.run(np.zeros_like(grey))
    assert (first == kept).all(), "an answer is not overwritten by the next"


def test_other_threads_go_on_while_the_model_runs(model: ModelFile) -> None:
    runtime = load_runtime(model, Settings(model=ModelSettings(threads=1)))
    tensor = np.zeros(runtime.input.shape, dtype=runtime.input.dtype)
    ended = threading.Event()

    def work() -> None:
        for _ in range(20):
            runtime.run(tensor)
        ended.set()

    thread = threading.Thread(target=work)
    thread.start()
    turns = 0
    while not ended.is_set():
        turns += 1
        time.sleep(0)
    thread.join()
    assert turns > 20


def test_the_libraries_chatter_does_not_reach_the_terminal() -> None:
    program = (
        "from pose_edge.runtimes import load_runtime\n"
        "from pose_edge.config.schema import Settings\n"
        "from pose_edge.zoo.registry import Zoo\n"
        f"load_runtime(Zoo().find({LIGHTNING!r}), Settings())\n"
        "import os; os.write(2, b'still here')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert (done.stdout, done.stderr) == ("", "still here")


LOADS = f"""
import logging, sys, threading
from pose_edge import logs
from pose_edge.config.schema import Settings
from pose_edge.runtimes import load_runtime
from pose_edge.zoo.registry import Zoo

logs.start("info", "text")
model = Zoo().find({LIGHTNING!r})
load_runtime(model, Settings())
done = threading.Event()
count = 0

def warn():
    global count
    while not done.is_set():
        logging.getLogger("pose_edge.test").warning("warning number %d", count)
        count += 1
        done.wait(0.001)

def load():
    for _ in range(10):
        load_runtime(model, Settings())

speaker = threading.Thread(target=warn)
speaker.start()
loaders = [threading.Thread(target=load) for _ in range(int(sys.argv[1]))]
for loader in loaders:
    loader.start()
for loader in loaders:
    loader.join()
done.set()
speaker.join()
print(count)
"""


@pytest.mark.parametrize("at_once", [1, 2])
def test_what_other_threads_log_while_models_are_loaded_is_neither_lost_nor_changed(
    at_once: int,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADS, str(at_once)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = done.stderr.splitlines()
    numbers = [int(line.rpartition("warning number ")[2]) for line in found]
    assert numbers == list(range(int(done.stdout)))
    assert all("WARNING" in line.upper() for line in found)
    assert len(numbers) > 20, "there is something to lose"


# --- several signatures ---------------------------------------------------------------------------


class FakeRunner:
    """One graph of a file: adds `number` to the maximum of its input."""

    def __init__(self, shape: tuple[int, ...], number: int) -> None:
        self.shape, self.number = shape, number
        self.calls: list[NDArray[np.generic]] = []
        self.fail: Exception | None = None
        self.inputs: tuple[str, ...] = ("picture",)

    def get_input_details(self) -> dict[str, dict[str, Any]]:
        return {
            name: {"index": 0, "shape": np.array(self.shape), "dtype": np.uint8}
            for name in self.inputs
        }

    def get_output_details(self) -> dict[str, dict[str, Any]]:
        # Two outputs that are not ordered by name.
        return {
            "people": {"index": 9, "shape": np.array([1, 6, 56]), "dtype": np.float32},
            "answer": {"index": 5, "shape": np.array([1]), "dtype": np.float32},
        }

    def __call__(self, **tensors: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
        if self.fail is not None:
            raise self.fail
        (tensor,) = (tensors[name] for name in self.inputs)
        assert tensor.shape == self.shape
        assert tensor.dtype == np.uint8
        self.calls.append(tensor)
        people = np.full((1, 6, 56), float(tensor.max()) + self.number, dtype=np.float32)
        return {"answer": np.zeros(1, dtype=np.float32), "people": people}


@pytest.fixture
def runners(
    monkeypatch: pytest.MonkeyPatch, interpreter: type[FakeInterpreter]
) -> dict[str, FakeRunner]:
    """Install a runtime whose model has three graphs; return these by name."""
    graphs = {
        "square": FakeRunner((1, 8, 8, 3), 100),
        "wide": FakeRunner((1, 6, 10, 3), 200),
        "tall": FakeRunner((1, 10, 6, 3), 300),
    }

    class Several(interpreter):  # type: ignore[misc, valid-type]
        def get_signature_list(self) -> dict[str, Any]:
            return {name: {"inputs": list(graph.inputs)} for name, graph in graphs.items()}

        def get_signature_runner(self, name: str) -> FakeRunner:
            return graphs[name]

    install(monkeypatch, litert=Several)
    return graphs


def test_a_file_with_several_signatures_starts_with_the_first(
    runners: dict[str, FakeRunner],
) -> None:
    runtime = LiteRT(ModelFile("x", Path("x.tflite")), threads=1)
    assert runtime.sizes == ((8, 8), (6, 10), (10, 6))
    assert runtime.input.shape == (1, 8, 8, 3)
    assert [output.shape for output in runtime.outputs] == [(1, 6, 56), (1,)]
    assert [len(graph.calls) for graph in runners.values()] == [1, 0, 0], "warmed up, once"
    people, other = runtime.run(np.full((1, 8, 8, 3), 7, dtype=np.uint8))
    assert people.shape == (1, 6, 56)
    assert (people == 107).all()
    assert other.shape == (1,)


def test_another_size_is_another_graph_and_one_run_a_picture(
    runners: dict[str, FakeRunner],
) -> None:
    runtime = LiteRT(ModelFile("x", Path("x.tflite")), threads=1)
    for graph in runners.values():
        graph.calls.clear()
    for size, number in (((6, 10), 200), ((10, 6), 300), ((8, 8), 100), ((6, 10), 200)):
        (people, _) = runtime.run(np.full((1, *size, 3), 7, dtype=np.uint8))
        assert (people == number + 7).all()
    assert [len(graph.calls) for graph in runners.values()] == [1, 2, 1]


def test_a_size_that_the_model_does_not_have_is_an_error(runners: dict[str, FakeRunner]) -> None:
    runtime = LiteRT(ModelFile("x", Path("x.tflite")), threads=1)
    with pytest.raises(KeyError):
        runtime.run(np.zeros((1, 7, 7, 3), dtype=np.uint8))


def test_one_signature_among_several_with_two_inputs_is_refused(
    runners: dict[str, FakeRunner],
) -> None:
    runners["tall"].inputs = ("picture", "state")
    with pytest.raises(ModelError, match="2 inputs"):
        LiteRT(ModelFile("x", Path("x.tflite")), threads=1)


def test_what_fails_only_when_it_runs_is_said_in_one_line(runners: dict[str, FakeRunner]) -> None:
    runners["square"].fail = RuntimeError("Encountered unresolved custom op:\nedgetpu-custom-op")
    with pytest.raises(ModelError) as refused:
        LiteRT(ModelFile("x", Path("x.tflite")), threads=1)
    assert "ai_edge_litert cannot load x.tflite: Encountered unresolved custom op" in str(
        refused.value
    )
    assert "\n" not in str(refused.value)


def test_the_real_model_with_several_sizes() -> None:
    zoo = Zoo()
    listed = [entry for entry in zoo.entries.values() if entry.sizes]
    if not listed:
        pytest.skip("no model that ships has several input sizes")
    for entry in listed:
        runtime = load_runtime(zoo.find(entry.name), Settings(model=ModelSettings(threads=2)))
        assert runtime.sizes == entry.sizes
        assert (runtime.input, runtime.outputs) == (entry.input, (entry.output,))
        grey = {size: np.full((1, *size, 3), 128, dtype=np.uint8) for size in runtime.sizes}
        first = {}
        for size in runtime.sizes:
            (answer,) = runtime.run(grey[size])
            assert answer.shape == entry.output.shape
            first[size] = answer.copy()
        for size in reversed(runtime.sizes):
            (answer,) = runtime.run(grey[size])
            assert (answer == first[size]).all(), "the sizes do not disturb each other"


@pytest.mark.parametrize(
    ("tflite", "numpy", "clash"),
    [
        ("2.14.0", "2.5.0", True),
        ("2.14.0.post1", "2.0.0rc1", True),
        ("2.5.0", "2.1.3", True),
        ("2.14.0", "1.26.4", False),
        ("2.17.1", "2.5.0", False),
    ],
)
def test_tflite_runtime_beside_numpy_2_is_said(
    monkeypatch: pytest.MonkeyPatch,
    interpreter: type[FakeInterpreter],
    tflite: str,
    numpy: str,
    clash: bool,
) -> None:
    install(monkeypatch, tflite=interpreter)
    monkeypatch.setattr("importlib.metadata.version", lambda _name: tflite)
    monkeypatch.setattr(np, "__version__", numpy)
    if not clash:
        assert import_runtime() == ("tflite_runtime", interpreter)
        return
    says = f"tflite-runtime {tflite} needs numpy below 2, and numpy is {numpy}"
    with pytest.raises(UnavailableError, match=re.escape(says)):
        import_runtime()


def test_a_file_that_is_written_over_does_not_matter(tmp_path: Path, model: ModelFile) -> None:
    path = tmp_path / "own.tflite"
    path.write_bytes(model.path.read_bytes())
    runtime = LiteRT(Zoo().find(str(path)), threads=1)
    grey = np.full(runtime.input.shape, 128, dtype=runtime.input.dtype)
    before = runtime.run(grey)[0].copy()
    path.write_bytes(b"")  # with a mapped file the next access would raise SIGBUS
    assert (runtime.run(grey)[0] == before).all()
