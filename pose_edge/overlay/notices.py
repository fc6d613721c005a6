"""What only the screen shows: brief notices, the table of keys, and the address of the page.

None of it is part of a recording.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pose_edge.overlay.page_code import page_code
from pose_edge.overlay.palette import YELLOW
from pose_edge.overlay.panel import LEAST_TEXT, PanelLine, Typesetter
from pose_edge.overlay.scene import Drawing, Overlay, Rectangle, Size, Stamp, relative

TOAST_S: Final = 1.0
"""Time for which a notice is shown, seconds."""

FAULT_S: Final = 4.0
"""Time for which a notice that takes longer to read is shown, seconds."""

TOAST_TEXT: Final = 1 / 20
HELP_TEXT: Final = 1 / 30
"""Font sizes of a notice and of the table, as fractions of the screen's shorter side."""

HEIGHT: Final = 0.8
"""Position of a notice's centre, as a fraction of the screen's height from the top."""

MAX_WIDTH: Final = 0.9
"""Maximum width of a panel, as a fraction of the screen's width."""

MARGIN: Final = 1 / 40
"""Space between the page's QR code and the screen's edges, as a fraction of its shorter side."""

HELP_OPACITY: Final = 0.97


class Notices:
    """Brief notices that disappear by themselves, the table of keys, and the page's QR code.

    Attributes:
        help: Whether to show the table of keys.
        code: Whether to show the page's QR code.
        waiting: Whether the screen shows a message in place of the picture; then the QR code is
            shown too.
    """

    def __init__(
        self,
        keys: Sequence[tuple[str, str]] = (),
        clock_ns: Callable[[], int] = time.monotonic_ns,
        page: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Create the notices, with none to show.

        Args:
            keys: Each key and its meaning, for the table.
            clock_ns: Returns monotonic nanoseconds.
            page: Returns the address of the page for other machines, or None.
        """
        self.help = self.code = self.waiting = False
        self._page = page
        self._clock_ns = clock_ns
        self._keys = [PanelLine("figure", meaning, key) for key, meaning in keys]
        self._toast = ""
        self._until_ns = 0
        self._drawn = self._shown()
        self._page_code = lru_cache(2)(page_code)
        self._typesetter = Typesetter()
        self._toast_panel = lru_cache(2)(self._render_toast)
        self._help_panel = lru_cache(2)(self._render_help)

    def say(self, text: str, seconds: float = TOAST_S) -> None:
        """Show a text for some seconds, in place of the previous text."""
        self._toast = text
        self._until_ns = self._clock_ns() + round(seconds * 1e9)

    @property
    def stale(self) -> bool:
        """Whether the notices differ from those that were drawn last."""
        return self._shown() != self._drawn

    def over(self, overlay: Overlay) -> Overlay:
        """Return an overlay that draws the notices on top of another overlay."""

        def both(size: Size, place: Rectangle) -> Drawing:
            below = overlay(size, place)
            return Drawing(below.capsules, [*below.stamps, *self.stamps(size)])

        return both

    def stamps(self, size: Size) -> list[Stamp]:
        """Return the stamps of the present notices, for a screen of this size."""
        self._drawn = text, table, page = self._shown()
        stamps = []
        if page:
            picture = self._page_code(size, page)
            height, width = picture.shape[:2]
            margin = relative(size, MARGIN)
            stamps.append(Stamp(picture, size[0] - width - margin, size[1] - height - margin))
        if table:
            picture = self._help_panel(size)
            height, width = picture.shape[:2]
            stamps.append(Stamp(picture, (size[0] - width) // 2, (size[1] - height) // 2))
        if text:
            picture = self._toast_panel(size, text)
            height, width = picture.shape[:2]
            top = min(round(size[1] * HEIGHT) - height // 2, size[1] - height)
            stamps.append(Stamp(picture, (size[0] - width) // 2, top))
        return stamps

    def _shown(self) -> tuple[str, bool, str]:
        text = self._toast if self._clock_ns() < self._until_ns else ""
        page = self._page() if self.code or self.waiting else None
        return text, self.help, page or ""

    def _render_toast(self, size: Size, text: str) -> NDArray[np.uint8]:
        font_size = relative(size, TOAST_TEXT, least=LEAST_TEXT)
        lines = [PanelLine("figure", text)]
        return self._typesetter.panel(lines, font_size, size[0] * MAX_WIDTH)

    def _render_help(self, size: Size) -> NDArray[np.uint8]:
        font_size = relative(size, HELP_TEXT, least=LEAST_TEXT)
        room = size[0] * MAX_WIDTH
        return self._typesetter.panel(
            self._keys, font_size, room, opacity=HELP_OPACITY, label_colour=YELLOW
        )
