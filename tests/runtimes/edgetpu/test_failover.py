from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from helpers import FakeRuntime

from pose_edge.poses import Provenance
from pose_edge.runtimes import AnyArray, Runtime
from pose_edge.runtimes.edgetpu.child_supervisor import ChildSupervisor
from pose_edge.runtimes.edgetpu.failover import Failover

EDGETPU = Provenance("movenet-x-edgetpu", "edgetpu")
TENSOR: AnyArray = np.zeros((1, 64, 64, 3), np.uint8)


class FakeSupervisor:
    """Has an Edge TPU whenever the test says so."""

    def __init__(self) -> None:
        self.child: Any = None
        self.note = ""
        self.asked: list[AnyArray] = []
        self.closed = 0

    def plug(self) -> None:
        self.child = SimpleNamespace(loaded=SimpleNamespace(describe="the Edge TPU"))
        self.note = ""

    def pull(self, note: str) -> None:
        self.child, self.note = None, note

    def run(self, tensor: AnyArray) -> list[AnyArray] | None:
        self.asked.append(tensor)
        return [np.full((1, 1, 17, 3), 7, np.float32)] if self.child else None

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
    """A result must never carry the name of what answers the next one."""
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
    runtime.choose_size((64, 64))
    assert runtime.describe() == "a fake"
    supervisor.plug()
    assert runtime.describe() == "the Edge TPU"


def test_both_are_closed(failover: Failover, cpu: FakeRuntime, supervisor: FakeSupervisor) -> None:
    failover.close()
    assert supervisor.closed == 1
    assert cpu.closed
