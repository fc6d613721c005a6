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


class FakeKeeper:
    """Has an Edge TPU whenever the test says so."""

    def __init__(self) -> None:
        self.ready: Any = None
        self.note = ""
        self.asked: list[AnyArray] = []
        self.closed = 0

    def plug(self) -> None:
        self.ready = SimpleNamespace(loaded=SimpleNamespace(describe="the Edge TPU"))
        self.note = ""

    def pull(self, note: str) -> None:
        self.ready, self.note = None, note

    def run(self, tensor: AnyArray) -> list[AnyArray] | None:
        self.asked.append(tensor)
        return [np.full((1, 1, 17, 3), 7, np.float32)] if self.ready else None

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def keeper() -> FakeKeeper:
    return FakeKeeper()


@pytest.fixture
def cpu() -> FakeRuntime:
    runtime = FakeRuntime([np.full((1, 1, 17, 3), 3, np.float32)])
    runtime.provenance = Provenance("movenet-x-int8", "cpu")
    return runtime


@pytest.fixture
def failover(cpu: FakeRuntime, keeper: FakeKeeper) -> Failover:
    return make(cpu, keeper)


def make(cpu: FakeRuntime, keeper: FakeKeeper) -> Failover:
    return Failover(cpu, cast(ChildSupervisor, keeper), EDGETPU.model)


def test_the_cpu_answers_whenever_the_edge_tpu_does_not(
    failover: Failover, cpu: FakeRuntime, keeper: FakeKeeper
) -> None:
    found = []
    for number in range(12):
        if number % 3 == 0:
            keeper.pull(f"edgetpu lost 12:{number:02}")
        elif number % 3 == 2:
            keeper.plug()
        (answer,) = failover.run(TENSOR)
        found.append((answer.flat[0].item(), failover.provenance.place, failover.provenance.model))
    expected: list[tuple[float, str, str]] = []
    for number in range(0, 12, 3):
        place = f"cpu (edgetpu lost 12:{number:02})"
        expected += [(3, place, "movenet-x-int8")] * 2 + [(7, "edgetpu", "movenet-x-edgetpu")]
    assert found == expected
    assert len(keeper.asked) == 12, "each picture is shown to the Edge TPU first"
    assert len(cpu.seen) == 8, "and to the CPU only when need be"
    assert all(tensor is TENSOR for tensor in keeper.asked)


def test_before_the_first_answer_it_says_what_is_to_give_it(
    cpu: FakeRuntime, keeper: FakeKeeper
) -> None:
    assert make(cpu, keeper).provenance == Provenance("movenet-x-int8", "cpu")
    keeper.plug()
    assert make(cpu, keeper).provenance == EDGETPU


def test_a_change_shows_with_the_answer_and_not_before(
    failover: Failover, keeper: FakeKeeper
) -> None:
    """A result must never carry the name of what answers the next one."""
    keeper.plug()
    failover.run(TENSOR)
    keeper.pull("edgetpu lost 12:03")
    assert failover.provenance == EDGETPU
    failover.run(TENSOR)
    keeper.plug()
    assert failover.provenance.place == "cpu (edgetpu lost 12:03)"


def test_it_is_as_the_cpus_model_and_says_what_runs_it_now(
    failover: Failover, cpu: FakeRuntime, keeper: FakeKeeper
) -> None:
    runtime: Runtime = failover
    assert (runtime.input, runtime.outputs, runtime.sizes) == (cpu.input, cpu.outputs, cpu.sizes)
    runtime.choose_size((64, 64))
    assert runtime.describe() == "a fake"
    keeper.plug()
    assert runtime.describe() == "the Edge TPU"


def test_both_are_closed(failover: Failover, cpu: FakeRuntime, keeper: FakeKeeper) -> None:
    failover.close()
    assert keeper.closed == 1
    assert cpu.closed
