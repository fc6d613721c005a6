"""A model in a child process without a fallback: for measuring, where nothing else may answer."""

from __future__ import annotations

from pose_edge.errors import UnavailableError
from pose_edge.poses import Provenance
from pose_edge.runtimes import AnyArray
from pose_edge.runtimes.child import Child, ChildDied, ChildFault


class ChildRuntime:
    """A model in a child process; see `pose_edge.runtimes.Runtime`."""

    def __init__(self, child: Child, provenance: Provenance, *, timeout: float) -> None:
        """Use a child that has loaded its model.

        Args:
            child: The process; `close` ends it.
            provenance: The model's name, and what runs it.
            timeout: Seconds after which an inference has failed.
        """
        self._child = child
        self._timeout = timeout
        self.input = child.loaded.input
        self.outputs = child.loaded.outputs
        self.sizes = ((self.input.shape[1], self.input.shape[2]),)
        self.provenance = provenance

    def choose_size(self, size: tuple[int, int]) -> None:
        """Do nothing: there is only one size."""
        assert size in self.sizes

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        """Run the model once.

        Raises:
            UnavailableError: The process has died, or takes too long.
        """
        try:
            return self._child.run(tensor, self._timeout)
        except ChildDied:
            fault = self._child.cause_of_death()
        except ChildFault as error:
            fault = error
        raise UnavailableError(f"{self.provenance.model}: {fault}")

    def describe(self) -> str:
        """Return what runs the model, and in which process."""
        return f"{self._child.loaded.describe}, in process {self._child.pid}"

    def close(self) -> None:
        """End the process."""
        self._child.close()
