"""Keep the last lines of the log, for the web page."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from pose_edge.logs.formats import Formatter

LINES: Final = 100
"""Number of lines that are kept."""
LONGEST_LINE: Final = 1000
"""Most characters of a line that are kept."""


class LogTail(logging.Handler):
    """Keeps the last lines of the log (level info and above), without secrets."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        """Start with no lines; `redact` removes the secrets from a text."""
        super().__init__(logging.INFO)
        self.setFormatter(Formatter("text", redact))
        self._lines: deque[str] = deque(maxlen=LINES)

    @property
    def lines(self) -> list[str]:
        """The lines, oldest first."""
        return list(self._lines)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the lines of a record."""
        self._lines.extend(line[:LONGEST_LINE] for line in self.format(record).split("\n"))
