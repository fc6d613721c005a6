"""The end of the log: the standard error, which may fail."""

from __future__ import annotations

import logging
import sys

from pose_edge.logs.formats import Formatter


class Stderr(logging.Handler):
    """Writes to whatever the standard error is at that moment.

    Lines that cannot be written (a full disk, a reader that has gone) are counted, and their
    number is written as soon as something can be written again.
    """

    formatter: Formatter

    def __init__(self, formatter: Formatter) -> None:
        """Write as the formatter says."""
        super().__init__()
        self.formatter = formatter
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        text = self.format(record) + "\n"
        try:
            if self._lost:
                text = self._confession() + text
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):  # broken, closed, not there
            self._lost += 1
        else:
            self._lost = 0

    def _confession(self) -> str:
        text = f"{self._lost} messages could not be written here"
        record = logging.makeLogRecord(
            {
                "name": "pose_edge.logs",
                "levelno": logging.WARNING,
                "levelname": "WARNING",
                "msg": text,
            }
        )
        return self.format(record) + "\n"
