"""The last lines of the log, for people who have no terminal."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from pose_edge.logs.formats import Formatter

LINES: Final = 100
LONGEST_LINE: Final = 1000
"""Characters of a line that are kept."""


class LogTail(logging.Handler):
    """Keeps the last lines of the log, without secrets."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        """Start empty; `redact` removes the secrets of a text."""
        super().__init__(logging.INFO)
        self.setFormatter(Formatter("text", redact))
        self._lines: deque[str] = deque(maxlen=LINES)

    @property
    def lines(self) -> list[str]:
        """The lines, oldest first."""
        return list(self._lines)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self._lines.extend(line[:LONGEST_LINE] for line in self.format(record).split("\n"))
