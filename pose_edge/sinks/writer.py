"""What writes the items of a sink."""

from __future__ import annotations

from typing import Protocol, TypeVar

Item_contra = TypeVar("Item_contra", contravariant=True)


class Writer(Protocol[Item_contra]):
    """An open output. All calls come from one thread; an exception from any call ends the writer.

    A new kind of sink is a new writer, handed to `RestartingSink`.
    """

    @property
    def target(self) -> str | None:
        """Where items arrive, e.g. the path of the file; None until an item has arrived."""

    @property
    def waiting(self) -> str | None:
        """Why nothing can be written for the time being, e.g. a full disk, or None."""

    def write(self, item: Item_contra) -> bool:
        """Write one item; return False when it was left out, e.g. while `waiting`."""

    def tick(self) -> None:
        """Do periodic work; called after each item, and every second or more often else."""

    def close(self) -> None:
        """Finish and release everything; after a failure save what can be saved.

        A call that has failed is repeated once.
        """
