"""The stand-in for libedgetpu, compared with plain TensorFlow Lite, does what tests rely on."""

from __future__ import annotations

import ctypes
import importlib
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from helpers import wait_until
from numpy.typing import NDArray
from shared import shared_dir
from stand_in_edgetpu import StandIn

from pose_edge.runtimes.litert import RUNTIME_MODULES
from pose_edge.zoo.registry import Zoo
from pose_edge.zoo.subgraphs import keep_sizes

Interpreter: TypeAlias = Any
"""The interpreter of either library; neither has type hints."""

LIGHTNING = "movenet-lightning-fp16"
"""A model with a single graph."""
USB = {"device": "usb"}
LOST = (
    "F driver/usb/usb_driver.cc:1148] HandleQueuedBulkIn transfer in failed. "
    "Not found: USB transfer error 5 [LibUsbDataInCallback]"
)
"""The message of libedgetpu 16 when its device is unplugged, from users' logs."""

NO_DEVICE = re.compile(r"Failed to load delegate from .*\n\Z")
"""The whole message of load_delegate without a device: the library gives no reason."""
TYPING_ERROR = re.compile(r"stand-in: no (such word|words)")

PROGRAM = """
import importlib, sys
runtime = importlib.import_module(sys.argv[1])
delegate = runtime.load_delegate(sys.argv[2], {"device": "usb"})
interpreter = runtime.Interpreter(model_path=sys.argv[3], experimental_delegates=[delegate])
interpreter.allocate_tensors()
for _ in range(int(sys.argv[4])):
    interpreter.invoke()
"""


def runtime() -> Any:  # noqa: ANN401 - of either library
    """Return the module of the installed runtime."""
    for name in RUNTIME_MODULES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    pytest.skip("no TensorFlow Lite runtime is installed")


def load(stand_in: StandIn | None, model: str | Path = LIGHTNING) -> Interpreter:
    """Load a model by name (with its first input size) or path, with or without the stand-in."""
    if isinstance(model, str):
        found = Zoo().find(model)
        assert found.entry is not None
        content = found.path.read_bytes()
        if found.entry.sizes:
            content = keep_sizes(content, found.entry.sizes[:1])
    else:
        content = model.read_bytes()
    delegates = [runtime().load_delegate(str(stand_in.library), USB)] if stand_in else None
    interpreter = runtime().Interpreter(
        model_content=content, experimental_delegates=delegates, num_threads=1
    )
    interpreter.allocate_tensors()
    return interpreter


def answer(interpreter: Interpreter, picture: NDArray[np.generic]) -> bytes:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture)
    interpreter.invoke()
    outputs = interpreter.get_output_details()
    return b"".join(interpreter.get_tensor(output["index"]).tobytes() for output in outputs)


def pictures(details: Mapping[str, Any], count: int = 3) -> list[NDArray[np.generic]]:
    random = np.random.default_rng(4)
    return [
        random.integers(0, 256, details["shape"]).astype(details["dtype"]) for _ in range(count)
    ]


@pytest.fixture
def steered(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Set this process's environment, from which the library is controlled."""
    for name, value in stand_in.environment.items():
        monkeypatch.setenv(name, value)
    return stand_in


class Programs:
    """Starts programs that use the stand-in and may crash in it."""

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self.started: list[subprocess.Popen[str]] = []

    def start(self, inferences: int = 3) -> subprocess.Popen[str]:
        arguments = [self.stand_in.library, Zoo().find(LIGHTNING).path, inferences]
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, runtime().__name__, *map(str, arguments)],
            env=self.stand_in.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(program)
        return program

    def finish(self, inferences: int = 3) -> tuple[int, str]:
        """Run a program to its end; return its status (negative: a signal) and its errors."""
        program = self.start(inferences)
        _, errors = program.communicate(timeout=60)
        return program.returncode, errors


@pytest.fixture
def programs(stand_in: StandIn) -> Iterator[Programs]:
    made = Programs(stand_in)
    yield made
    for program in made.started:
        program.kill()
        program.communicate(timeout=60)


# --- it accepts and takes part ------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [f"movenet-{size}-{kind}" for size in ("lightning", "thunder") for kind in ("int8", "fp16")],
)
def test_it_is_called_at_each_inference_and_the_answers_are_the_cpus(
    steered: StandIn, name: str
) -> None:
    with_it, without = load(steered, name), load(None, name)
    loads = ["load"] * len(without.get_signature_list())  # one for each graph
    assert [event.name for event in steered.events()] == ["create", "accept", *loads]
    answers = set()
    for number, picture in enumerate(pictures(without.get_input_details()[0]), 1):
        ours = answer(with_it, picture)
        assert ours == answer(without, picture)
        assert [event.detail for event in steered.events("answer")][-1:] == [str(number)]
        assert steered.count() == number
        answers.add(ours)
    assert len(answers) == 3, "each picture has an answer of its own"
    del with_it
    assert [event.detail for event in steered.events("destroy")] == ["3"]


def test_a_model_with_several_graphs_is_counted_as_one(steered: StandIn) -> None:
    with_it, without = load(steered, "movenet-multipose-int8"), load(None, "movenet-multipose-int8")
    for number, signature in enumerate(without.get_signature_list(), 1):
        ours, theirs = (each.get_signature_runner(signature) for each in (with_it, without))
        (name, details), *_ = theirs.get_input_details().items()
        (picture,) = pictures(details, 1)
        expected = theirs(**{name: picture})
        for output, value in ours(**{name: picture}).items():
            assert value.tobytes() == expected[output].tobytes()
        assert steered.count() == number


def test_each_loaded_delegate_counts_for_itself(steered: StandIn) -> None:
    first, second = load(steered), load(steered)
    for interpreter in (first, first, second, first):
        interpreter.invoke()
    assert [event.detail for event in steered.events("answer")] == ["1", "2", "1", "3"]


def test_what_the_edge_tpu_compiler_made_is_left_alone(steered: StandIn) -> None:
    model = shared_dir("models", "movenet_single_pose_lightning_ptq_edgetpu.tflite")
    with pytest.raises(RuntimeError, match="unresolved custom op: edgetpu-custom-op"):
        load(steered, model)
    assert steered.count("answer") == 0


def test_a_graph_in_which_it_could_do_nothing_is_an_error(steered: StandIn) -> None:
    with pytest.raises(RuntimeError, match="stand-in: this graph has no RESHAPE"):
        load(steered, "posenet-mobilenet")


def test_its_version_reads_like_that_of_the_real_one(stand_in: StandIn) -> None:
    version = ctypes.CDLL(str(stand_in.library)).edgetpu_version
    version.restype = ctypes.c_char_p
    assert version() == b"BuildLabel(stand-in), RuntimeVersion(14)"


# --- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["", "usb", "usb:0", "usb:12", "pci", "pci:1", ":0"])
def test_devices_that_it_takes(steered: StandIn, device: str) -> None:
    runtime().load_delegate(str(steered.library), {"device": device})
    assert [event.detail for event in steered.events("create")] == [f"device={device}"]
    assert steered.count("accept") == 1


@pytest.mark.parametrize("device", ["usb0", "usb:", "usb:-1", ":", ":x", "pcie", "USB", "0", "tpu"])
def test_an_unknown_device_is_no_device_without_a_word(steered: StandIn, device: str) -> None:
    with pytest.raises(ValueError, match=NO_DEVICE):
        runtime().load_delegate(str(steered.library), {"device": device})
    assert steered.count("refuse") == 1
    assert steered.count("accept", "destroy") == 0


def test_no_options_and_others_are_accepted(steered: StandIn) -> None:
    runtime().load_delegate(str(steered.library))
    runtime().load_delegate(str(steered.library), {"Performance": "High", "device": "usb"})
    assert [event.detail for event in steered.events("create")] == [
        "",
        "Performance=High device=usb",
    ]
    assert steered.count("accept") == 2


# --- it behaves badly -----------------------------------------------------------------------------


def test_no_device(steered: StandIn) -> None:
    steered.tell("refuse")
    for _ in range(2):
        with pytest.raises(ValueError, match=NO_DEVICE):
            load(steered)
    assert [event.name for event in steered.events()] == ["create", "refuse"] * 2


def test_a_device_that_is_lost_absent_and_back(programs: Programs) -> None:
    programs.stand_in.tell("abort=3", "refuse", "accept")
    status, errors = programs.finish(5)
    assert status == -signal.SIGABRT
    assert LOST in errors.splitlines()
    assert programs.stand_in.told() == ["refuse", "accept"]
    status, errors = programs.finish(5)
    assert status == 1
    assert "ValueError: Failed to load delegate" in errors
    assert programs.stand_in.told() == ["accept"]
    assert programs.finish(5)[0] == 0
    names = [event.name for event in programs.stand_in.events()]
    assert names == [
        *("create", "accept", "load", "answer", "answer", "abort"),
        *("create", "refuse"),
        *("create", "accept", "load", *["answer"] * 5, "destroy"),
    ]


def test_what_the_only_line_says_strikes_every_time(programs: Programs) -> None:
    programs.stand_in.tell("abort=1")
    assert [programs.finish()[0] for _ in range(2)] == [-signal.SIGABRT] * 2
    assert programs.stand_in.count("abort") == 2


def test_a_crash_when_the_model_is_loaded(programs: Programs) -> None:
    programs.stand_in.tell("crash")
    assert programs.finish()[0] == -signal.SIGSEGV
    assert [event.name for event in programs.stand_in.events()] == ["create", "accept", "crash"]


def test_a_stall_lasts_until_the_process_is_killed(programs: Programs) -> None:
    programs.stand_in.tell("stall=2", "accept")
    program = programs.start(3)
    wait_until(lambda: programs.stand_in.count("stall") == 1, "the stall")
    (stall,) = programs.stand_in.events("stall")
    assert (stall.process, stall.detail) == (program.pid, "2")
    programs.stand_in.tell("accept")
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(0.3)
    program.kill()
    assert program.wait(60) == -signal.SIGKILL
    assert [event.detail for event in programs.stand_in.events("answer")] == ["1"]


def test_an_error_of_one_inference(steered: StandIn) -> None:
    steered.tell("fail=2", "accept")
    interpreter = load(steered)
    interpreter.invoke()
    with pytest.raises(RuntimeError, match="stand-in: told to fail at inference 2"):
        interpreter.invoke()
    interpreter.invoke()
    inferences = [(event.name, event.detail) for event in steered.events("answer", "fail")]
    assert inferences == [("answer", "1"), ("fail", "2"), ("answer", "3")]


def test_it_can_be_told_otherwise_while_it_runs(steered: StandIn) -> None:
    interpreter = load(steered)
    for _ in range(3):
        interpreter.invoke()
    steered.tell("fail=1")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="told to fail"):
            interpreter.invoke()
    steered.tell("accept fail=7")
    interpreter.invoke()
    with pytest.raises(RuntimeError, match="told to fail at inference 7"):
        interpreter.invoke()
    assert [event.detail for event in steered.events("answer")] == ["1", "2", "3", "6"]


# --- it is slow -----------------------------------------------------------------------------------


@contextmanager
def other_thread() -> Iterator[list[int]]:
    """Run a thread that records the time whenever it gets to run."""
    times: list[int] = []
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            times.append(time.monotonic_ns())
            time.sleep(0.001)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        wait_until(lambda: len(times) > 0)
        yield times
    finally:
        ended.set()
        thread.join()


def test_a_slow_open_holds_up_all_threads(steered: StandIn) -> None:
    steered.tell("refuse create_ms=150", "accept create_ms=150")
    with other_thread() as times:
        with pytest.raises(ValueError, match="Failed to load delegate"):
            load(steered)
        load(steered)
    events = steered.events("create", "refuse", "accept")
    assert [event.name for event in events] == ["create", "refuse", "create", "accept"]
    for begin, end in zip(events[::2], events[1::2], strict=True):
        assert end.time_ns - begin.time_ns >= 150_000_000
        assert not [moment for moment in times if begin.time_ns < moment < end.time_ns]


def test_a_slow_answer_holds_up_only_its_own_thread(steered: StandIn) -> None:
    steered.tell("accept slow_ms=150")
    interpreter = load(steered)
    with other_thread() as times:
        before = time.monotonic_ns()
        interpreter.invoke()
        after = time.monotonic_ns()
    assert after - before >= 150_000_000
    assert [moment for moment in times if before < moment < after]


# --- how it is steered ----------------------------------------------------------------------------


def test_the_variable_holds_as_long_as_there_is_no_file(
    steered: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_EDGETPU_BEHAVIOUR", "fail=1")
    interpreter = load(steered)
    interpreter.invoke()
    steered.file.unlink()
    with pytest.raises(RuntimeError, match="told to fail"):
        interpreter.invoke()
    monkeypatch.delenv("STAND_IN_EDGETPU_FILE")
    with pytest.raises(RuntimeError, match="told to fail"):
        interpreter.invoke()
    monkeypatch.delenv("STAND_IN_EDGETPU_BEHAVIOUR")
    interpreter.invoke()


@pytest.mark.parametrize(
    "line", ["", "acept", "stall", "stall=", "stall=0", "stall=-1", "stall=2x", "accept Abort=3"]
)
def test_a_typing_error_never_passes(steered: StandIn, line: str) -> None:
    interpreter = load(steered)
    steered.tell(line)
    with pytest.raises(RuntimeError, match=TYPING_ERROR):
        interpreter.invoke()
    with pytest.raises(ValueError, match=TYPING_ERROR):
        load(steered)
    assert steered.count("fail", "refuse") == 2
    assert steered.told() == [line]
