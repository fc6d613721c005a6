"""The interface of the writers that sinks pass their items to."""

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
        """Why nothing can be written at present, e.g. a full disk, or None."""

    @property
    def partial_fault(self) -> str | None:
        """What is wrong while items are still written, e.g. one of several peers is away, or None.

        Unlike `waiting`, it stops nothing.
        """

    def write(self, item: Item_contra) -> bool:
        """Write one item; return False if it was dropped, e.g. while `waiting`."""

    def tick(self) -> None:
        """Do periodic work; called after each item, and otherwise at least once a second."""

    def close(self) -> None:
        """Finish the output and release all resources; after a failure, save what can be saved.

        A failed call is repeated once.
        """
