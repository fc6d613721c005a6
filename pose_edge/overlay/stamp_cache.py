"""What painters make from the pictures of stamps, kept for as long as those are drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay.shapes import Stamp

Made = TypeVar("Made")


class Kept(Generic[Made]):
    """Makes something from each picture once, and drops it when a drawing goes without it."""

    def __init__(
        self, make: Callable[[NDArray[np.uint8]], Made], drop: Callable[[Made], None] | None = None
    ) -> None:
        """Name how it is made and, where that needs something, dropped."""
        self._make = make
        self._drop = drop
        # The picture is kept too: its identity is the key, and must not be used again meanwhile.
        self._made: dict[int, tuple[NDArray[np.uint8], Made]] = {}

    def of(self, stamps: Sequence[Stamp]) -> Iterator[tuple[Stamp, Made]]:
        """Return all stamps of one drawing, each with what was made from its picture."""
        before, self._made = self._made, {}
        for stamp in stamps:
            key = id(stamp.picture)
            if key not in self._made:
                known = before.pop(key, None)
                self._made[key] = known or (stamp.picture, self._make(stamp.picture))
        self._discard(before)
        return ((stamp, self._made[id(stamp.picture)][1]) for stamp in stamps)

    def clear(self) -> None:
        """Drop everything."""
        before, self._made = self._made, {}
        self._discard(before)

    def _discard(self, made: dict[int, tuple[NDArray[np.uint8], Made]]) -> None:
        if self._drop is not None:
            for _, thing in made.values():
                self._drop(thing)
