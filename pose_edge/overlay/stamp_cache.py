"""What painters make from the pictures of stamps, cached while the stamps are in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay.scene import Drawing, Stamp

Prepared = TypeVar("Prepared")


class StampCache(Generic[Prepared]):
    """Prepares each picture once, and discards the result with the first drawing without it."""

    def __init__(
        self,
        prepare: Callable[[NDArray[np.uint8]], Prepared],
        discard: Callable[[Prepared], object] = lambda _prepared: None,
    ) -> None:
        """Start empty.

        Args:
            prepare: Makes from a stamp's picture what the painter needs.
            discard: Frees what `prepare` returned.
        """
        self._prepare = prepare
        self._discard = discard
        # The key is the picture's identity; holding the picture keeps it from being used again.
        self._cached: dict[int, tuple[NDArray[np.uint8], Prepared]] = {}

    def of(
        self, drawing: Drawing
    ) -> tuple[list[tuple[Stamp, Prepared]], list[tuple[Stamp, Prepared]]]:
        """Return a drawing's panels and its stamps, each with its prepared picture."""
        before, self._cached = self._cached, {}
        for stamp in (*drawing.panels, *drawing.stamps):
            key = id(stamp.picture)
            if key not in self._cached:
                known = before.pop(key, None)
                self._cached[key] = known or (stamp.picture, self._prepare(stamp.picture))
        for _, prepared in before.values():
            self._discard(prepared)
        panels, stamps = (
            [(stamp, self._cached[id(stamp.picture)][1]) for stamp in group]
            for group in (drawing.panels, drawing.stamps)
        )
        return panels, stamps

    def clear(self) -> None:
        """Discard everything."""
        self.of(Drawing())
