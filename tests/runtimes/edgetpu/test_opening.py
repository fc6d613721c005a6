"""An Edge TPU is opened while one requirement after another is missing; no process is started."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast

import numpy as np
import pytest
from fake_sysfs import dev_of, make_sysfs, plug_pci_coral, plug_usb_coral, sysfs_of
from helpers import FakeRuntime, no_threads_left, wait_until

from pose_edge.config.schema import EDGETPU_LIBRARY, Settings
from pose_edge.errors import UnavailableError
from pose_edge.poses import Provenance
from pose_edge.runtimes import AnyArray, InputSizeChanged, Runtime
from pose_edge.runtimes import child as child_module
from pose_edge.runtimes.child import Child, ChildRuntime
from pose_edge.runtimes.child_fault import ChildFault
from pose_edge.runtimes.child_main import Job, Loaded
from pose_edge.runtimes.edgetpu import child_supervisor, opening
from pose_edge.runtimes.edgetpu.child_supervisor import (
    ChildSupervisor,
    EdgeTpuAbsent,
    EdgeTpuUnavailable,
)
from pose_edge.runtimes.edgetpu.detection import Coral, find_corals
from pose_edge.runtimes.edgetpu.opening import Failover, load_edgetpu, open_failover, start_edgetpu
from pose_edge.zoo.registry import COMPILED_MARK, Tensor, Zoo

LISTED = "movenet-lightning-edgetpu"
CONTENT = b"\x1c\0\0\0TFL3"
LOADED = Loaded(
    Tensor(shape=(1, 64, 64, 3), dtype="uint8"),
    (Tensor(shape=(1, 1, 17, 3), dtype="float32"),),
    "the Edge TPU",
)
REFUSED = ChildFault("libedgetpu.so.1 opens no Edge TPU")


class FakeChild:
    """A child that answers with ones."""

    pid = 4711
    alive = True

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.closed = 0

    def run(self, tensor: AnyArray, timeout: float) -> list[AnyArray]:
        return [np.ones(LOADED.outputs[0].shape, np.float32)]

    def close(self) -> None:
        self.closed += 1


class Machine:
    """A made-up machine with everything that an Edge TPU needs; the tests remove single parts."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = make_sysfs(folder / "machine")
        self.zoo = Zoo(fetched=folder / "fetched")
        self.library = folder / "libedgetpu.so.1"
        self.library.touch()
        self.model = folder / "own_edgetpu.tflite"
        self.model.write_bytes(CONTENT + COMPILED_MARK)
        self.wishes: dict[str, Any] = {"library": str(self.library)}
        self.loaded = LOADED
        self.fault: BaseException | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.jobs: list[Job] = []
        self.children: list[FakeChild] = []
        monkeypatch.setattr(child_module, "start_child", self.start_child)
        monkeypatch.setattr(opening, "SETTLE_S", 0.0)

    def start_child(self, job: Job, wanted: Callable[[], bool] = lambda: True) -> Child:
        self.jobs.append(job)
        while not self.gate.wait(0.002):
            if not wanted():
                raise ChildFault("nobody wants it any more")
        if self.fault is not None:
            raise self.fault
        self.children.append(FakeChild(self.loaded))
        return cast(Child, self.children[-1])

    def settings(self) -> Settings:
        place = {"sysfs": str(sysfs_of(self.root)), "dev": str(dev_of(self.root))}
        return Settings.model_validate({"edgetpu": self.wishes, "testing": place})

    def start(self, model: str | None = None, twin: FakeRuntime | None = None) -> Child:
        name = str(self.model) if model is None else model
        return start_edgetpu(self.zoo, name, self.settings(), lambda: True, twin)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine with everything except a Coral."""
    return Machine(tmp_path, monkeypatch)


@pytest.fixture
def machine(bare: Machine) -> Machine:
    """Return a machine with a Coral that has not been used since it was plugged in."""
    plug_usb_coral(bare.root)
    return bare


def missing(machine: Machine, model: str | None = None, twin: FakeRuntime | None = None) -> str:
    """Check that a start fails; return the overlay's note and the reason as "note | reason"."""
    with pytest.raises(EdgeTpuUnavailable) as error:
        machine.start(model, twin)
    assert "\n" not in str(error.value)
    assert len(error.value.note) <= 25
    return f"{error.value.note} | {error.value}"


# --- starting a child -----------------------------------------------------------------------------


def test_a_child_gets_model_library_and_device(machine: Machine) -> None:
    machine.wishes["device"] = "usb:0"
    child = machine.start(twin=FakeRuntime())
    assert child.loaded is LOADED
    (job,) = machine.jobs
    assert job.model.path == machine.model
    assert (job.library, job.device) == (str(machine.library), "usb:0")
    assert job.threads == Settings().model.threads
    assert machine.children[0].closed == 0


def test_the_usual_library_keeps_its_name(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's pycoral loads the library by this name; with a path pycoral would not be used."""
    del machine.wishes["library"]
    monkeypatch.setattr(opening, "find_library", lambda name: Path("/usr/lib", name))
    machine.start()
    assert machine.jobs[0].library == EDGETPU_LIBRARY


@pytest.mark.parametrize(("speed", "warned"), [(480, True), (5000, False)])
def test_usb_2_is_warned_of(
    bare: Machine, caplog: pytest.LogCaptureFixture, speed: int, warned: bool
) -> None:
    plug_usb_coral(bare.root, speed=speed)
    bare.start()
    assert ["three times slower" in line for line in caplog.messages] == [True] * warned


# --- what can be missing --------------------------------------------------------------------------


def test_no_device(bare: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    bare.library.unlink()
    bare.model.unlink()
    monkeypatch.setattr(opening, "find_library", lambda _name: pytest.fail("looked for a library"))
    with pytest.raises(EdgeTpuAbsent) as error:
        bare.start()
    assert str(error.value) == "none is plugged in"
    assert error.value.note == "edgetpu unplugged"
    assert bare.jobs == []


@pytest.mark.parametrize("device", ["pci", "usb:1", ":3"])
def test_no_device_of_the_kind_that_is_asked_for(machine: Machine, device: str) -> None:
    machine.wishes["device"] = device
    with pytest.raises(EdgeTpuAbsent, match=rf"none is plugged in \(edgetpu.device: {device}\)"):
        machine.start()


def test_no_permission(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_args: False)
    why = missing(machine)
    assert why.startswith("edgetpu not permitted | ")
    assert str(dev_of(machine.root) / "bus/usb/002") in why
    assert "udev" in why or "usermod" in why
    assert machine.jobs == []


def test_udev_may_take_a_moment_to_permit_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [False, True]
    monkeypatch.setattr(os, "access", lambda *_args: answers.pop(0))
    machine.start()
    assert answers == []


def test_one_of_two_that_is_permitted_will_do(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = plug_pci_coral(machine.root)
    monkeypatch.setattr(os, "access", lambda path, _mode: path == node)
    machine.start()


def test_a_model_that_was_not_fetched(machine: Machine) -> None:
    why = missing(machine, LISTED)
    assert why.startswith(f"edgetpu model missing | model {LISTED} is not here yet; ")
    assert f"`pose-edge models fetch {LISTED}`" in why


def test_an_own_model_that_is_not_there(machine: Machine) -> None:
    machine.model.unlink()
    why = missing(machine)
    assert why.startswith(f"edgetpu model missing | model file {machine.model} is missing")


def test_a_model_that_is_not_compiled(machine: Machine) -> None:
    machine.model.write_bytes(CONTENT)
    why = missing(machine)
    assert why.startswith(f"edgetpu model wrong | {machine.model} is not compiled for the Edge TPU")


@pytest.mark.parametrize("library", ["/nowhere/libedgetpu.so.1", "libedgetpu-of-nobody.so.7"])
def test_no_library(machine: Machine, library: str) -> None:
    machine.wishes["library"] = library
    why = missing(machine)
    assert why.startswith(f"edgetpu library missing | the library {library} is not installed; ")
    assert "docs/coral.md" in why
    assert "pose-edge doctor" in why
    assert machine.jobs == []


OTHER_OUTPUT = Tensor(shape=(1, 6, 56), dtype="float32")


@pytest.mark.parametrize(
    "loaded",
    [
        Loaded(Tensor(shape=(1, 64, 64, 1), dtype="uint8"), LOADED.outputs, ""),
        Loaded(Tensor(shape=(64, 64, 3), dtype="uint8"), LOADED.outputs, ""),
        Loaded(LOADED.input, (OTHER_OUTPUT,), ""),
        Loaded(LOADED.input, (*LOADED.outputs, OTHER_OUTPUT), ""),
        Loaded(LOADED.input, (), ""),
        Loaded(Tensor(shape=LOADED.input.shape, dtype="int8"), LOADED.outputs, ""),
        Loaded(LOADED.input, (Tensor(shape=(1, 1, 17, 3), dtype="uint8"),), ""),
    ],
)
def test_two_models_that_do_not_go_together(machine: Machine, loaded: Loaded) -> None:
    machine.loaded = loaded
    why = missing(machine, twin=FakeRuntime())
    assert why.startswith(f"edgetpu model wrong | {machine.model} (input {loaded.input}, outputs ")
    assert (
        "does not go together with fake-model (input uint8 1x64x64x3, outputs float32 1x1x" in why
    )
    assert machine.children[0].closed == 1


def test_the_twin_may_have_inputs_of_other_sizes(machine: Machine) -> None:
    twin = FakeRuntime(sizes=[(48, 32), (32, 48)])
    assert machine.start(twin=twin).loaded == LOADED


def test_what_the_child_says_is_handed_on(machine: Machine) -> None:
    machine.fault = REFUSED
    with pytest.raises(ChildFault) as error:
        machine.start()
    assert error.value is REFUSED


# --- modes ----------------------------------------------------------------------------------------

Mode = Literal["auto", "on"]


class Opened:
    """A failover runtime on a made-up machine, and its reports."""

    def __init__(self, machine: Machine, mode: Mode, *, wait: bool = False) -> None:
        machine.wishes["mode"] = mode
        self.reports: list[str | None] = []
        self.cpu = FakeRuntime([np.zeros((1, 1, 17, 3), np.float32)])
        self.runtime = open_failover(
            self.cpu,
            str(machine.model),
            machine.settings(),
            Zoo(),
            report=self.reports.append,
            wait=wait,
        )

    def backend(self) -> str:
        self.runtime.run(np.zeros(self.cpu.input.shape, np.uint8))
        return self.runtime.provenance.backend


def test_on_waits_until_it_is_ready(machine: Machine) -> None:
    before = set(threading.enumerate())
    machine.gate.clear()
    threading.Timer(0.05, machine.gate.set).start()
    opened = Opened(machine, "on")
    assert opened.runtime.provenance.backend == "edgetpu"
    assert opened.runtime.provenance.model == "own_edgetpu"
    assert opened.runtime.describe() == "the Edge TPU"
    assert opened.backend() == "edgetpu"
    opened.runtime.close()
    assert machine.children[0].closed >= 1
    wait_until(lambda: no_threads_left(before))


@pytest.mark.parametrize(
    ("take_away", "says"),
    [
        ("device", "none is plugged in"),
        ("library", "is not installed"),
        ("model", "is missing"),
        ("start", "opens no Edge TPU"),
    ],
)
def test_on_is_an_error_when_anything_is_missing(bare: Machine, take_away: str, says: str) -> None:
    before = set(threading.enumerate())
    if take_away != "device":
        plug_usb_coral(bare.root)
    if take_away in ("library", "model"):
        getattr(bare, take_away).unlink()
    bare.fault = REFUSED if take_away == "start" else None
    with pytest.raises(UnavailableError) as error:
        Opened(bare, "on")
    first, second = str(error.value).splitlines()
    assert first.startswith("no Edge TPU: ")
    assert says in first
    assert "pose-edge doctor" in second
    assert "--edgetpu auto" in second
    assert error.value.exit_status == 3
    assert no_threads_left(before)


def test_auto_begins_on_the_cpu_at_once(machine: Machine) -> None:
    machine.gate.clear()
    opened = Opened(machine, "auto")
    assert opened.runtime.provenance.backend == "fake"
    assert opened.backend() == "fake"
    machine.gate.set()
    wait_until(lambda: opened.backend() == "edgetpu")
    opened.runtime.close()


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_who_wants_it_from_the_first_frame_can_wait(machine: Machine, mode: Mode) -> None:
    machine.gate.clear()
    threading.Timer(0.05, machine.gate.set).start()
    opened = Opened(machine, mode, wait=True)
    assert opened.backend() == "edgetpu"
    opened.runtime.close()


def test_auto_goes_on_without_one(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    machine.model.unlink()
    with caplog.at_level(logging.INFO):
        opened = Opened(machine, "auto", wait=True)
        assert opened.backend() == "fake"
        assert opened.runtime.provenance.note.startswith("edgetpu model missing ")
        opened.runtime.close()
    (line,) = [line for line in caplog.messages if "Edge TPU" in line]
    assert f"model file {machine.model} is missing" in line
    assert opened.reports[0] is not None


def test_auto_says_nothing_where_there_is_none(
    bare: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        opened = Opened(bare, "auto", wait=True)
        assert opened.backend() == "fake"
        assert opened.runtime.provenance.note == ""
        opened.runtime.close()
    assert opened.reports == []
    assert caplog.messages == []


def test_the_lists_of_models_are_not_read_anew_for_each_look(
    bare: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading them every second would disturb the picture on a small machine without a Coral."""
    made: list[Zoo] = []
    looks: list[str] = []

    def make() -> Zoo:
        made.append(bare.zoo)
        return bare.zoo

    def find(device: str, *, sysfs: Path, dev: Path) -> list[Coral]:
        looks.append(device)
        return find_corals(device, sysfs=sysfs, dev=dev)

    monkeypatch.setattr(opening, "Zoo", make)
    monkeypatch.setattr(opening, "find_corals", find)
    monkeypatch.setattr(child_supervisor, "CHECK_S", 0.002)
    opened = Opened(bare, "auto")
    wait_until(lambda: len(looks) > 5)
    opened.runtime.close()
    assert made == []


def test_a_model_that_is_fetched_meanwhile_is_used(machine: Machine) -> None:
    content = machine.model.read_bytes()
    machine.model.unlink()
    opened = Opened(machine, "auto", wait=True)
    assert opened.backend() == "fake"
    machine.model.write_bytes(content)
    wait_until(lambda: opened.backend() == "edgetpu")
    assert opened.reports[-1] is None
    opened.runtime.close()


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_an_interrupted_wait_leaves_nothing_running(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    def interrupt(_self: object, _timeout: float, _stop: object) -> None:
        raise KeyboardInterrupt

    before = set(threading.enumerate())
    monkeypatch.setattr(ChildSupervisor, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Opened(machine, mode, wait=True)
    assert no_threads_left(before)
    assert all(child.closed for child in machine.children)


def test_a_compiled_model_alone_is_for_measuring(machine: Machine) -> None:
    file = machine.zoo.find(str(machine.model))
    runtime = load_edgetpu(file, machine.settings())
    assert isinstance(runtime, ChildRuntime)
    assert runtime.provenance.model == "own_edgetpu"
    assert runtime.provenance.backend == "edgetpu"
    runtime.close()
    assert machine.children[0].closed == 1
    machine.library.unlink()
    with pytest.raises(UnavailableError, match="is not installed"):
        load_edgetpu(file, machine.settings())


# --- which backend answers ------------------------------------------------------------------------

EDGETPU = Provenance("movenet-x-edgetpu", "edgetpu")
TENSOR: AnyArray = np.zeros((1, 64, 64, 3), np.uint8)


class FakeSupervisor:
    """A supervisor whose Edge TPU the test plugs in and pulls out."""

    def __init__(self) -> None:
        self.child: Any = None
        self.note = ""
        self.asked: list[AnyArray] = []
        self.closed = 0

    def plug(self) -> None:
        self.child = SimpleNamespace(loaded=LOADED)
        self.note = ""

    def pull(self, note: str) -> None:
        self.child, self.note = None, note

    def run(self, tensor: AnyArray) -> list[AnyArray] | None:
        self.asked.append(tensor)
        fits = self.child is not None and self.child.loaded.input.shape == tensor.shape
        return [np.full((1, 1, 17, 3), 7, np.float32)] if fits else None

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def supervisor() -> FakeSupervisor:
    return FakeSupervisor()


@pytest.fixture
def cpu() -> FakeRuntime:
    runtime = FakeRuntime([np.full((1, 1, 17, 3), 3, np.float32)])
    runtime.provenance = Provenance("movenet-x-int8", "cpu")
    return runtime


@pytest.fixture
def failover(cpu: FakeRuntime, supervisor: FakeSupervisor) -> Failover:
    return make(cpu, supervisor)


def make(cpu: FakeRuntime, supervisor: FakeSupervisor) -> Failover:
    return Failover(cpu, cast(ChildSupervisor, supervisor), EDGETPU.model)


def test_the_cpu_answers_whenever_the_edge_tpu_does_not(
    failover: Failover, cpu: FakeRuntime, supervisor: FakeSupervisor
) -> None:
    found = []
    for number in range(12):
        if number % 3 == 0:
            supervisor.pull(f"edgetpu lost 12:{number:02}")
        elif number % 3 == 2:
            supervisor.plug()
        (answer,) = failover.run(TENSOR)
        found.append((answer.flat[0].item(), failover.provenance.place, failover.provenance.model))
    expected: list[tuple[float, str, str]] = []
    for number in range(0, 12, 3):
        place = f"cpu (edgetpu lost 12:{number:02})"
        expected += [(3, place, "movenet-x-int8")] * 2 + [(7, "edgetpu", "movenet-x-edgetpu")]
    assert found == expected
    assert len(supervisor.asked) == 12, "each picture is shown to the Edge TPU first"
    assert len(cpu.seen) == 8, "and to the CPU only when need be"
    assert all(tensor is TENSOR for tensor in supervisor.asked)


def test_before_the_first_answer_it_says_what_is_to_give_it(
    cpu: FakeRuntime, supervisor: FakeSupervisor
) -> None:
    assert make(cpu, supervisor).provenance == Provenance("movenet-x-int8", "cpu")
    supervisor.plug()
    assert make(cpu, supervisor).provenance == EDGETPU


def test_a_change_shows_with_the_answer_and_not_before(
    failover: Failover, supervisor: FakeSupervisor
) -> None:
    """A result must name the backend that answered it, not the one that is next."""
    supervisor.plug()
    failover.run(TENSOR)
    supervisor.pull("edgetpu lost 12:03")
    assert failover.provenance == EDGETPU
    failover.run(TENSOR)
    supervisor.plug()
    assert failover.provenance.place == "cpu (edgetpu lost 12:03)"


def test_it_is_as_the_cpus_model_and_says_what_runs_it_now(
    failover: Failover, cpu: FakeRuntime, supervisor: FakeSupervisor
) -> None:
    runtime: Runtime = failover
    assert (runtime.input, runtime.outputs, runtime.sizes) == (cpu.input, cpu.outputs, cpu.sizes)
    assert runtime.describe() == "a fake"
    supervisor.plug()
    assert runtime.describe() == "the Edge TPU"


WIDE: AnyArray = np.zeros((1, 48, 80, 3), np.uint8)


def test_the_sizes_are_those_of_what_is_to_answer(supervisor: FakeSupervisor) -> None:
    failover = make(FakeRuntime(sizes=[(80, 48), (48, 80)]), supervisor)
    before = failover.sizes
    supervisor.plug()
    after = failover.sizes
    assert (before, after) == (((80, 48), (48, 80)), ((64, 64),))


def test_a_picture_for_the_cpu_is_answered_by_it_although_the_edge_tpu_has_come(
    supervisor: FakeSupervisor,
) -> None:
    cpu = FakeRuntime([np.full((1, 1, 17, 3), 3, np.float32)], sizes=[(80, 48), (48, 80)])
    failover = make(cpu, supervisor)
    supervisor.plug()
    (answer,) = failover.run(WIDE)
    assert answer.flat[0] == 3
    assert failover.provenance == cpu.provenance


def test_a_picture_for_the_edge_tpu_alone_must_be_made_anew_when_that_fails(
    supervisor: FakeSupervisor,
) -> None:
    cpu = FakeRuntime([np.full((1, 1, 17, 3), 3, np.float32)], sizes=[(80, 48), (48, 80)])
    supervisor.plug()
    failover = make(cpu, supervisor)
    supervisor.pull("edgetpu lost 12:03")
    with pytest.raises(InputSizeChanged):
        failover.run(TENSOR)
    assert failover.sizes == ((80, 48), (48, 80))
    failover.run(WIDE)
    assert failover.provenance.place == "fake (edgetpu lost 12:03)"


def test_both_are_closed(failover: Failover, cpu: FakeRuntime, supervisor: FakeSupervisor) -> None:
    failover.close()
    assert supervisor.closed == 1
    assert cpu.closed
