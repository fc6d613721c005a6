"""A model on the Edge TPU while there is one, and its twin on the CPU while there is none."""

from __future__ import annotations

from pose_edge.poses import Provenance
from pose_edge.runtimes.edgetpu.child_supervisor import ChildSupervisor
from pose_edge.runtimes.runtime import AnyArray, Runtime


class Failover:
    """A runtime that always answers, from one or the other; see `pose_edge.runtimes.Runtime`."""

    def __init__(self, cpu: Runtime, supervisor: ChildSupervisor, model: str) -> None:
        """Answer from the CPU until the supervisor has an Edge TPU.

        Args:
            cpu: The model on the CPU; it has one input size.
            supervisor: Has the model on the Edge TPU; open. `close` closes both.
            model: Name of the model on the Edge TPU.
        """
        self._cpu = cpu
        self._supervisor = supervisor
        self._on_edgetpu = Provenance(model, "edgetpu")
        self.input = cpu.input
        self.outputs = cpu.outputs
        self.sizes = cpu.sizes
        self.provenance = self._on_edgetpu if supervisor.child else cpu.provenance

    def choose_size(self, size: tuple[int, int]) -> None:
        """Do nothing: there is only one size."""
        assert size in self.sizes

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        """Run the model on the Edge TPU, or on the CPU when that does not answer in time."""
        outputs = self._supervisor.run(tensor)
        if outputs is not None:
            self.provenance = self._on_edgetpu
            return outputs
        cpu = self._cpu.provenance
        self.provenance = Provenance(cpu.model, cpu.backend, self._supervisor.note)
        return self._cpu.run(tensor)

    def describe(self) -> str:
        """Return what runs the model now."""
        child = self._supervisor.child
        return child.loaded.describe if child else self._cpu.describe()

    def close(self) -> None:
        """End the child process."""
        self._supervisor.close()
        self._cpu.close()
