"""Render log records for people, for systemd's journal, or for programs."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Final, Literal, cast, get_args

from pose_edge.errors import LINE_ENDS
from pose_edge.util.text import printable

LogFormat = Literal["text", "journal", "json"]

PRIORITIES: Final = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}
"""Syslog priority of each level; journalctl colours and filters by it."""


def choose_format(wanted: str, environment: Mapping[str, str]) -> LogFormat:
    """Return the wanted format. If that is not a format: "journal" under systemd, else "text"."""
    if wanted in get_args(LogFormat):
        return cast(LogFormat, wanted)
    return "journal" if is_journal(environment) else "text"


def is_journal(environment: Mapping[str, str], descriptor: int = 2) -> bool:
    """Return whether a file descriptor leads to systemd's journal.

    $JOURNAL_STREAM contains device and inode of the socket that systemd has passed. They are
    compared, because a redirection leaves the variable unchanged (systemd.exec(5)).
    """
    try:
        status = os.fstat(descriptor)
    except OSError:  # closed
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class Formatter(logging.Formatter):
    """Renders records in one of the formats, without passwords.

    * text: time, level and message, for people at a terminal.
    * journal: every line, prefixed with its priority, is an entry of its own. The journal adds the
      time.
    * json: one JSON object per line with the keys `time` (Unix seconds, as in the lines of poses),
      `level` (debug, info, warning, error, critical), `logger`, `message`, and `exception` (the
      lines of the traceback) where there is one.

    Attributes:
        form: The format.
        redact: Removes passwords from a text.
    """

    def __init__(
        self, form: LogFormat, redact: Callable[[str], str], *, detailed: bool = False
    ) -> None:
        """Initialise the formatter.

        Args:
            form: The format.
            redact: Removes passwords from a text.
            detailed: Whether the format "text" contains tracebacks. The other formats always do,
                because a failure of a service cannot be repeated on request.
        """
        super().__init__(datefmt="%H:%M:%S")
        self.form = form
        self.redact = redact
        self._tracebacks = detailed or form != "text"

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one or more lines of text."""
        message, traceback = self._message(record), self._traceback(record)
        if self.form == "json":
            entry = {
                "time": round(record.created, 6),
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": message,
            }
            return json.dumps(entry | ({"exception": traceback} if traceback else {}))
        text = printable("\n".join(filter(None, (message, traceback))))
        if self.form == "text":
            return f"{self.formatTime(record, self.datefmt)} {record.levelname:<7} {text}"
        level = max((level for level in PRIORITIES if level <= record.levelno), default=10)
        return "\n".join(f"<{PRIORITIES[level]}>{line}" for line in text.split("\n"))

    def _message(self, record: logging.LogRecord) -> str:
        """Return a record's redacted message, prefixed with the logger unless it is ours."""
        text = message_of(record)
        if record.name.partition(".")[0] != "pose_edge":
            text = f"{record.name}: {text}"
        elif self.form != "json":  # our messages have one line; names of files may hold more
            text = text.translate(LINE_ENDS)
        return self.redact(text)

    def _traceback(self, record: logging.LogRecord) -> str:
        """Return the exception and stack of a record, or an empty string."""
        if not self._tracebacks:
            return ""
        exception = record.exc_text or ""
        if record.exc_info and record.exc_info[0] is not None:
            exception = self.formatException(record.exc_info)
        return self.redact("\n".join(filter(None, (exception, record.stack_info))))


def message_of(record: logging.LogRecord) -> str:
    """Return a record's message; if it cannot be formatted, its parts as far as possible."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit, or cannot be printed
        form = record.msg if isinstance(record.msg, str) else _repr(record.msg)
        return f"{form} {_repr(record.args)}"


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - logging must not fail on what is logged
        return f"(arguments that cannot be printed: {type(sys.exception()).__name__})"
