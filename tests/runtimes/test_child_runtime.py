from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from pose_edge.errors import UnavailableError
from pose_edge.poses import Provenance
from pose_edge.runtimes import AnyArray, Runtime
from pose_edge.runtimes.child import Child, ChildFault, ChildLate
from pose_edge.runtimes.child_main import Loaded
from pose_edge.runtimes.child_runtime import ChildRuntime
from pose_edge.zoo.registry import Tensor

LOADED = Loaded(
    Tensor(shape=(1, 8, 6, 3), dtype="uint8"),
    (Tensor(shape=(1, 1, 17, 3), dtype="float32"),),
    "a fake library",
)


class FakeChild:
    """Answers with what it is told to."""

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
    runtime.choose_size((8, 6))
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
