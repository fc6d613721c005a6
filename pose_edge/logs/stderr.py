"""Write the log to the standard error, which may fail."""

from __future__ import annotations

import logging
import sys

from pose_edge.logs.formats import Formatter


class StderrHandler(logging.Handler):
    """Writes records to whatever `sys.stderr` is at that moment.

    Records that cannot be written (a full disk, a reader that has gone) are counted, and their
    number is written as soon as writing works again.
    """

    formatter: Formatter

    def __init__(self, formatter: Formatter) -> None:
        """Write records as the formatter renders them."""
        super().__init__()
        self.formatter = formatter
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        text = self.format(record) + "\n"
        try:
            if self._lost:
                text = self._lost_message() + text
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):  # broken, closed, missing
            self._lost += 1
        else:
            self._lost = 0

    def _lost_message(self) -> str:
        text = f"{self._lost} messages could not be written here"
        record = {"name": "pose_edge.logs", "levelno": logging.WARNING, "levelname": "WARNING"}
        return self.format(logging.makeLogRecord({**record, "msg": text})) + "\n"
