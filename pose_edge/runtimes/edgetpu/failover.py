"""A model on the Edge TPU while there is one, and its twin on the CPU whenever there is not."""

from __future__ import annotations

from pose_edge.poses import Provenance
from pose_edge.runtimes import AnyArray, Runtime
from pose_edge.runtimes.edgetpu.child_supervisor import ChildSupervisor
from pose_edge.zoo.registry import Tensor


class Failover:
    """Answers every time, from the one or the other; see `pose_edge.runtimes.Runtime`."""

    def __init__(self, cpu: Runtime, keeper: ChildSupervisor, model: str) -> None:
        """Answer from the CPU until the keeper has an Edge TPU.

        Args:
            cpu: The model on the CPU.
            keeper: Has the Edge TPU; open.
            model: Name of the model there.
        """
        self._cpu = cpu
        self._keeper = keeper
        self._on_edgetpu = Provenance(model, "edgetpu")
        self._provenance = self._on_edgetpu if keeper.ready else cpu.provenance

    @property
    def input(self) -> Tensor:
        """Shape and type of the one input."""
        return self._cpu.input

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """Shape and type of each output."""
        return self._cpu.outputs

    @property
    def provenance(self) -> Provenance:
        """What gave the last answer."""
        return self._provenance

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """The one height and width of both."""
        return self._cpu.sizes

    def choose_size(self, size: tuple[int, int]) -> None:
        """There is only one."""
        self._cpu.choose_size(size)

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        """Run the model on the Edge TPU, or on the CPU when that does not answer in time."""
        outputs = self._keeper.run(tensor)
        if outputs is not None:
            self._provenance = self._on_edgetpu
            return outputs
        cpu = self._cpu.provenance
        self._provenance = Provenance(cpu.model, cpu.backend, self._keeper.note)
        return self._cpu.run(tensor)

    def describe(self) -> str:
        """Say what runs it now."""
        started = self._keeper.ready
        return started.loaded.describe if started else self._cpu.describe()

    def close(self) -> None:
        """End the child process."""
        self._keeper.close()
        self._cpu.close()
