"""A model in a child process, and nothing beside it: for measuring, where no other may answer."""

from __future__ import annotations

from pose_edge.errors import UnavailableError
from pose_edge.poses import Provenance
from pose_edge.runtimes import AnyArray
from pose_edge.runtimes.child import ChildDied, ChildFault, Started
from pose_edge.zoo.registry import Tensor


class ChildRuntime:
    """A model in a child process; see `pose_edge.runtimes.Runtime`."""

    def __init__(self, started: Started, provenance: Provenance, *, timeout: float) -> None:
        """Use a child that is ready.

        Args:
            started: The process, and what it has loaded.
            provenance: The model's name, and what runs it.
            timeout: Seconds after which an inference has failed.
        """
        self._child = started.child
        self._loaded = started.loaded
        self._timeout = timeout
        self.provenance = provenance

    @property
    def input(self) -> Tensor:
        """Shape and type of the one input."""
        return self._loaded.input

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """Shape and type of each output."""
        return self._loaded.outputs

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """The one height and width."""
        return ((self.input.shape[1], self.input.shape[2]),)

    def choose_size(self, size: tuple[int, int]) -> None:
        """There is only one."""
        assert size in self.sizes

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        """Run the model once.

        Raises:
            UnavailableError: The process has died, or takes too long.
        """
        try:
            return self._child.run(tensor, self._timeout)
        except ChildDied:
            fault: ChildFault = self._child.cause_of_death()
        except ChildFault as error:
            fault = error
        raise UnavailableError(f"{self.provenance.model}: {fault}")

    def describe(self) -> str:
        """Say what runs it."""
        return f"{self._loaded.describe}, in process {self._child.pid}"

    def close(self) -> None:
        """End the process."""
        self._child.close()
