"""How a record is written: for people, for systemd's journal, or for programs."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Final, Literal, cast, get_args

Format = Literal["text", "journal", "json"]

PRIORITIES: Final = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}
"""Levels, and the priorities of syslog, which journalctl colours and filters by."""

UNREADABLE: Final = {
    number: f"\\x{number:02x}"
    for number in (*range(0x20), *range(0x7F, 0xA0))
    if chr(number) not in "\t\n"
}
"""Control characters, as from the name of a device: they would steer the terminal, and the journal
takes a line with one for binary data."""

Redact = Callable[[str], str]


def choose_format(asked: str, environment: Mapping[str, str] | None = None) -> Format:
    """Decide how to write.

    Args:
        asked: text, journal or json; anything else lets the standard error decide.
        environment: Environment variables, by default those of the process.

    Returns:
        What was asked for; else "journal" where systemd reads the standard error, else "text".
    """
    if asked in get_args(Format):
        return cast(Format, asked)
    return "journal" if is_journal(os.environ if environment is None else environment) else "text"


def is_journal(environment: Mapping[str, str], descriptor: int = 2) -> bool:
    """Tell whether a descriptor leads to systemd's journal.

    systemd names the socket that it gave; whoever redirects it elsewhere leaves the variable as it
    was, so the numbers are compared (sd-journal(3), $JOURNAL_STREAM).
    """
    try:
        status = os.fstat(descriptor)
    except OSError:  # closed
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def make_formatter(form: Format, redact: Redact, *, detailed: bool) -> Formatter:
    """Return what writes records.

    Args:
        form: How.
        redact: Takes out what must not be shown.
        detailed: With tracebacks for people too; in the other formats they are always there, for
            a service cannot be asked to fail again.
    """
    match form:
        case "text":
            return TextFormatter(redact, tracebacks=detailed)
        case "journal":
            return JournalFormatter(redact)
        case "json":
            return JsonFormatter(redact)


class Formatter(logging.Formatter):
    """What the formats share."""

    written_for: Format

    def __init__(self, redact: Redact, *, tracebacks: bool = True) -> None:
        """Keep what takes out passwords."""
        super().__init__(datefmt="%H:%M:%S")
        self.redact = redact
        self._tracebacks = tracebacks

    def message(self, record: logging.LogRecord) -> str:
        """Return a record's message, redacted; that of a faulty call as far as it goes."""
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - arguments that do not fit, or cannot be printed
            form = record.msg if isinstance(record.msg, str) else _printed(record.msg)
            text = f"{form} {_printed(record.args)}"
        if record.name.partition(".")[0] != "pose_edge":
            text = f"{record.name}: {text}"
        return self.redact(text)

    def traceback(self, record: logging.LogRecord) -> str:
        """Return the exception and stack of a record, redacted, or nothing."""
        if not self._tracebacks:
            return ""
        parts = [record.exc_text or ""]
        if record.exc_info and record.exc_info[0] is not None:
            parts = [self.formatException(record.exc_info)]
        parts += [record.stack_info or ""]
        return self.redact("\n".join(part for part in parts if part))

    def lines(self, record: logging.LogRecord) -> str:
        """Return message and traceback, readable on any terminal."""
        text = "\n".join(filter(None, (self.message(record), self.traceback(record))))
        return text.translate(UNREADABLE)


class TextFormatter(Formatter):
    """Time, level, message: for people at a terminal."""

    written_for = "text"

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        return f"{self.formatTime(record, self.datefmt)} {record.levelname:<7} {self.lines(record)}"


class JournalFormatter(Formatter):
    """Lines that begin with their priority; the journal has a time of its own."""

    written_for = "journal"

    def format(self, record: logging.LogRecord) -> str:
        """Write a record; every line is an entry of its own there."""
        severity = max((one for one in PRIORITIES if one <= record.levelno), default=logging.DEBUG)
        prefix = f"<{PRIORITIES[severity]}>"
        return "\n".join(prefix + line for line in self.lines(record).split("\n"))


class JsonFormatter(Formatter):
    """One JSON object a line.

    Keys: `time` in Unix seconds, as in the lines of poses; `level` (debug, info, warning, error,
    critical); `logger`; `message`; and, where there is one, `exception`, the traceback's lines.
    """

    written_for = "json"

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        entry = {
            "time": round(record.created, 6),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.message(record),
        }
        traceback = self.traceback(record)
        return json.dumps(entry | ({"exception": traceback} if traceback else {}))


def _printed(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - the log must not fail on what it is given
        return f"(arguments that cannot be printed: {sys.exc_info()[1].__class__.__name__})"
