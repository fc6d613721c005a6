"""A real child process with a shipped model, and all that can happen to it."""

from __future__ import annotations

import gc
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from helpers import GENEROUS_S, wait_until

from pose_edge.config.schema import EDGETPU_LIBRARY
from pose_edge.errors import UnavailableError
from pose_edge.poses import Provenance
from pose_edge.runtimes import AnyArray, Runtime
from pose_edge.runtimes.child import (
    Child,
    ChildRuntime,
    start_child,
)
from pose_edge.runtimes.child_fault import ChildDied, ChildFault, ChildLate
from pose_edge.runtimes.child_main import FIRST_ANSWER, Job, Loaded
from pose_edge.runtimes.litert import LiteRT
from pose_edge.zoo.registry import ModelFile, Tensor, Zoo

LIGHTNING = "movenet-lightning-int8"
OWN_LOG = "pose_edge.runtimes.child"


def job(name: str = LIGHTNING) -> Job:
    return Job(Zoo().find(name), threads=1)


def picture(started: Child, seed: int = 0) -> AnyArray:
    tensor = started.loaded.input
    return np.random.default_rng(seed).integers(0, 256, tensor.shape).astype(tensor.dtype)


def state(process: int) -> str:
    """Return the kernel's letter for a process's state ("Z": zombie), or "" if it is gone."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return stat.rpartition(")")[2].split()[0]


def children() -> set[int]:
    """Return the PIDs of this process's children."""
    tasks = Path("/proc/self/task").iterdir()
    return {int(child) for task in tasks for child in (task / "children").read_text().split()}


def pid_of(child: Child) -> int:
    assert child.pid is not None
    return child.pid


def stop(child: Child) -> None:
    """Stop a child with SIGSTOP, which looks the same from outside as a library that stalls."""
    os.kill(pid_of(child), signal.SIGSTOP)
    wait_until(lambda: state(pid_of(child)) == "T", "the stop")


@pytest.fixture
def started() -> Iterator[Child]:
    """Yield a new child, which the test may damage."""
    ready = start_child(job())
    yield ready
    ready.kill()


@pytest.fixture(scope="module")
def other() -> Iterator[Child]:
    """Yield a child shared by the tests that leave it intact."""
    ready = start_child(job())
    yield ready
    ready.close()


# --- it answers -----------------------------------------------------------------------------------


def test_the_answers_are_those_of_this_process_to_the_bit(other: Child) -> None:
    here = LiteRT(Zoo().find(LIGHTNING), threads=1)
    assert (other.loaded.input, other.loaded.outputs) == (here.input, here.outputs)
    assert other.loaded.describe == here.describe()
    answers = set()
    for seed in range(5):
        tensor = picture(other, seed)
        theirs = other.run(tensor, GENEROUS_S)
        ours = here.run(tensor)
        assert [array.dtype for array in theirs] == [array.dtype for array in ours]
        for one, same in zip(theirs, ours, strict=True):
            assert one.tobytes() == same.tobytes()
        answers.add(theirs[0].tobytes())
    assert len(answers) == 5, "each picture has an answer of its own"


def test_time_in_which_the_program_was_stopped_does_not_count(
    started: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-Z and fg the time limit seems to have passed before an answer could come."""

    class Stopped:
        """A socket whose first receive times out."""

        def __init__(self) -> None:
            self.waits = 0

        def __getattr__(self, name: str) -> object:
            return getattr(channel, name)

        def recv(self, size: int) -> bytes:
            self.waits += 1
            if self.waits == 1:
                raise TimeoutError
            return channel.recv(size)

    channel = started._channel
    stopped = Stopped()
    monkeypatch.setattr(started, "_channel", stopped)
    assert started.run(picture(started), GENEROUS_S)
    assert stopped.waits >= 2


def test_a_picture_of_another_type_is_converted(other: Child) -> None:
    """The CPU's model may take int32 where the Edge TPU's takes uint8."""
    tensor = picture(other)
    expected = other.run(tensor, GENEROUS_S)[0].copy()
    for dtype in (np.int32, np.float32):
        assert (other.run(tensor.astype(dtype), GENEROUS_S)[0] == expected).all()


def test_a_late_answer_can_be_asked_for_again(other: Child) -> None:
    expected = other.run(picture(other, 1), GENEROUS_S)[0].copy()
    other.run(picture(other, 2), GENEROUS_S)
    stop(other)
    with pytest.raises(ChildLate, match=r"no answer within 0.05 s"):
        other.run(picture(other, 1), 0.05)
    with pytest.raises(ChildLate):
        other.answer(0.05)
    os.kill(pid_of(other), signal.SIGCONT)
    assert (other.answer(GENEROUS_S)[0] == expected).all()
    again = other.run(picture(other, 2), GENEROUS_S)[0]
    assert (again != expected).any(), "it goes on as before"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_that_are_meant_for_the_program_do_not_end_it(
    other: Child, number: signal.Signals
) -> None:
    os.kill(pid_of(other), number)
    assert len(other.run(picture(other), GENEROUS_S)) == 1
    assert other.alive


# --- it fails -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (40, "signal 40")])
def test_killed_while_nobody_asks(started: Child, number: int, name: str) -> None:
    os.kill(pid_of(started), number)
    wait_until(lambda: not started.alive, "the death")
    with pytest.raises(ChildDied):
        started.run(picture(started), GENEROUS_S)
    fault = started.cause_of_death()
    assert f"its process was ended by {name}" in str(fault)
    assert fault.crashed


def test_killed_while_it_works(started: Child) -> None:
    stop(started)
    with pytest.raises(ChildLate):
        started.run(picture(started), 0.001)
    killer = threading.Timer(0.05, os.kill, (pid_of(started), signal.SIGKILL))
    killer.start()
    with pytest.raises(ChildDied):
        started.answer(GENEROUS_S)
    assert "its process was ended by SIGKILL" in str(started.cause_of_death())
    killer.join()


def test_a_stalled_one_is_late_and_can_be_ended(started: Child) -> None:
    stop(started)
    with pytest.raises(ChildLate):
        started.run(picture(started), 0.05)
    started.kill()
    assert state(pid_of(started)) == ""
    assert not started.alive
    for _ in range(2):
        started.close()
        with pytest.raises(ChildDied):
            started.run(picture(started), 0.05)
        assert "SIGKILL" in str(started.cause_of_death())


def test_a_closed_one_ends_by_itself(started: Child) -> None:
    """An orderly end lets the library release its device."""
    started.close()
    assert state(pid_of(started)) == ""
    with pytest.raises(ChildDied):
        started.run(picture(started), 0.05)
    fault = started.cause_of_death()
    assert "its process ended with status 0" in str(fault)
    assert not fault.crashed


@pytest.mark.usefixtures("other")
def test_what_cannot_be_loaded_is_said_in_its_own_words(tmp_path: Path) -> None:
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(Zoo().find(LIGHTNING).path.read_bytes()[:100_000])
    before = children()
    with pytest.raises(ChildFault, match=r"cannot load .*/cut\.tflite: ") as fault:
        start_child(Job(ModelFile("cut", cut), 1))
    assert "\n" not in str(fault.value)
    assert not fault.value.crashed
    assert children() <= before


@pytest.mark.usefixtures("other")
def test_loading_ends_when_it_is_not_wanted_any_more() -> None:
    before = children()
    asked = []

    def wanted() -> bool:
        asked.append(True)
        return False

    with pytest.raises(ChildFault):
        start_child(job("movenet-thunder-fp16"), wanted)
    assert asked
    assert children() <= before


def test_loading_may_not_take_for_ever() -> None:
    child = Child(job(), name="model")
    try:
        stop(child)
        with pytest.raises(ChildFault, match=r"the model is not loaded within 0.2 s"):
            child.load(0.2)
    finally:
        child.kill()


# --- output of the child --------------------------------------------------------------------------

PYCORAL = '''
"""Stands for Google's: prints, and does what its device tells it."""
import os
from ai_edge_litert.interpreter import Interpreter

def make_interpreter(path, device=None):
    print("hello from Python", flush=True)
    os.write(1, b"hello from C\\n")
    os.write(2, b"F driver/usb/usb_driver.cc:1148] transfer in failed\\n")
    if device == "usb:13":
        os.abort()
    return Interpreter(path, num_threads=1)
'''


@pytest.fixture
def pycoral(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Create a fake of Google's pycoral that children can import."""
    utils = tmp_path / "pycoral" / "utils"
    utils.mkdir(parents=True)
    (utils / "__init__.py").touch()
    (utils.parent / "__init__.py").touch()
    (utils / "edgetpu.py").write_text(PYCORAL)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("pycoral")
def test_all_that_it_writes_is_in_the_log_and_nothing_elsewhere(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG, logger="pose_edge"):
        ready = start_child(Job(Zoo().find(LIGHTNING), 1, EDGETPU_LIBRARY, "usb"))
        ready.close()
    assert ready.loaded.describe.endswith("through pycoral")
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    for text in ("hello from Python", "hello from C", "F driver/usb/usb_driver.cc:1148] transfer"):
        assert [level for level, line in lines if line.startswith(f"edgetpu: {text}")] == ["DEBUG"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("pycoral", "other")
def test_a_library_that_aborts_leaves_its_last_words() -> None:
    before = children()
    with pytest.raises(ChildFault) as fault:
        start_child(Job(Zoo().find(LIGHTNING), 1, EDGETPU_LIBRARY, "usb:13"))
    message = str(fault.value)
    assert message.startswith("its process was ended by SIGABRT (")
    assert "F driver/usb/usb_driver.cc:1148] transfer in failed" in message
    assert fault.value.crashed
    assert children() <= before


def test_a_record_of_its_log_is_one_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "pycoral").mkdir()
    (tmp_path / "pycoral" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    library = tmp_path / "libedgetpu.so.1"
    for level, expected in (("INFO", ["INFO"]), ("WARNING", [])):
        caplog.clear()
        with (
            caplog.at_level(level, logger="pose_edge"),
            pytest.raises(ChildFault, match=f"{library} cannot be loaded: "),
        ):
            start_child(Job(Zoo().find(LIGHTNING), 1, str(library)))
        found = [record for record in caplog.records if "not Google's" in record.getMessage()]
        assert [record.levelname for record in found] == expected
        assert all(record.name == OWN_LOG for record in found)


# --- end of the child -----------------------------------------------------------------------------

PARENT = f"""
import time
from pose_edge.runtimes.child import start_child
from pose_edge.runtimes.child_main import Job
from pose_edge.zoo.registry import Zoo

child = start_child(Job(Zoo().find({LIGHTNING!r}), 1))
print(child.pid, flush=True)
time.sleep(1000)
"""


def test_it_dies_with_its_parent_even_stalled(tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, signal.SIGSTOP)
        wait_until(lambda: state(child) == "T", "the stop")
        parent.kill()
        wait_until(lambda: state(child) in ("", "Z"), "the child's death")
    finally:
        parent.kill()
        parent.communicate()


def test_a_program_that_forgets_it_can_end_nevertheless(tmp_path: Path) -> None:
    """The child ignores SIGTERM, so Python must not wait for it at exit."""
    program = tmp_path / "parent.py"
    program.write_text(PARENT.replace("time.sleep(1000)", ""))
    done = subprocess.run(
        [sys.executable, program], stdout=subprocess.PIPE, text=True, timeout=120, check=True
    )
    wait_until(lambda: state(int(done.stdout)) in ("", "Z"), "the child's death")


def test_starts_leave_nothing_behind() -> None:
    start_child(job()).close()  # imported modules stay in memory

    def count() -> tuple[int, int, int, int]:
        maps = Path("/proc/self/maps").read_text()
        return (
            len(list(Path("/proc/self/fd").iterdir())),
            threading.active_count(),
            len(children()),
            maps.count("memfd:pose-edge") + maps.count("/dev/shm/"),
        )

    gc.collect()  # also what errors in other tests refer to
    before = count()
    for killed in (True, True, True, False):
        ready = start_child(job())
        ready.run(picture(ready), GENEROUS_S)
        if killed:
            os.kill(pid_of(ready), signal.SIGKILL)
            with pytest.raises(ChildFault):
                ready.run(picture(ready), GENEROUS_S)
        ready.close()
        del ready
    assert count() == before


# --- as a runtime ---------------------------------------------------------------------------------

LOADED = Loaded(
    Tensor(shape=(1, 8, 6, 3), dtype="uint8"),
    (Tensor(shape=(1, 1, 17, 3), dtype="float32"),),
    "a fake library",
)


class FakeChild:
    """A child with a fixed answer or fault."""

    pid = 4711
    loaded = LOADED

    def __init__(self, answer: list[AnyArray] | ChildFault) -> None:
        self.answer = answer
        self.asked: list[tuple[AnyArray, float]] = []
        self.closed = 0

    def run(self, tensor: AnyArray, timeout: float) -> list[AnyArray]:
        self.asked.append((tensor, timeout))
        if isinstance(self.answer, ChildFault):
            raise self.answer
        return self.answer

    def close(self) -> None:
        self.closed += 1


def alone(child: Any) -> ChildRuntime:  # noqa: ANN401 - a fake
    return ChildRuntime(cast(Child, child), Provenance("a-model", "edgetpu"), timeout=2.5)


def test_it_asks_the_child_and_nobody_else() -> None:
    answer: list[AnyArray] = [np.ones((1, 1, 17, 3), np.float32)]
    child = FakeChild(answer)
    runtime: Runtime = alone(child)
    assert (runtime.input, runtime.outputs) == (LOADED.input, LOADED.outputs)
    assert runtime.sizes == ((8, 6),)
    assert runtime.provenance == Provenance("a-model", "edgetpu")
    assert runtime.describe() == "a fake library, in process 4711"
    tensor = np.zeros(LOADED.input.shape, np.uint8)
    assert runtime.run(tensor) is answer
    ((seen, timeout),) = child.asked
    assert seen is tensor
    assert timeout == 2.5
    runtime.close()
    assert child.closed == 1


@pytest.mark.parametrize(
    "fault", [ChildFault("its process was ended by SIGABRT"), ChildLate("no answer within 2.5 s")]
)
def test_a_failure_is_an_error_that_names_the_model(fault: ChildFault) -> None:
    runtime = alone(FakeChild(fault))
    with pytest.raises(UnavailableError) as error:
        runtime.run(np.zeros(LOADED.input.shape, np.uint8))
    assert str(error.value) == f"a-model: {fault}"
    assert error.value.exit_status == 3


WRONG_ANSWERS = """
import os, socket, sys
channel = socket.socket(fileno=0)
channel.recv(1 << 16)
channel.send(bytes.fromhex(sys.argv[1]))
channel.recv(1)
channel.recv(100)
channel.send(b"wrong")
channel.recv(1)
"""

GOOD = FIRST_ANSWER.dump_json(
    Loaded(
        Tensor(shape=(1, 4, 4, 3), dtype="uint8"),
        (Tensor(shape=(1, 1, 17, 3), dtype="float32"),),
        "a test",
    )
)


def answering(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    """Make each child send these bytes first, and invalid answers afterwards."""
    real = subprocess.Popen

    def start(command: Sequence[str], **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401
        return real((command[0], "-c", WRONG_ANSWERS, answer.hex()), **options)

    monkeypatch.setattr(subprocess, "Popen", start)


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense",
        b"{}",
        pickle.dumps("text"),
        GOOD.replace(b"[1,4,4,3]", b"[1,-4,4,3]"),
        GOOD.replace(b"[1,4,4,3]", b"[1,4000000000,4000000000,4000000000]"),
        GOOD.replace(b"float32", b"complex64"),
    ],
)
def test_a_wrong_first_answer_is_the_childs_failure(
    monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    answering(monkeypatch, answer)
    with pytest.raises(ChildFault, match="wrong answer"):
        start_child(job())


def test_a_wrong_answer_is_the_childs_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, GOOD)
    child = start_child(job())
    try:
        with pytest.raises(ChildFault, match="wrong answer"):
            child.run(np.zeros((1, 4, 4, 3), dtype=np.uint8), GENEROUS_S)
    finally:
        child.kill()
