"""The log of this program, its libraries and Python itself, on the standard error.

Repeated messages are summarised, except in the format "text" (`handlers`). Passwords in addresses
are removed (`util.urls`), and control characters are made visible (`util.text`). Records are
rendered for people, systemd's journal or programs (`formats`). Warnings and uncaught errors of
threads are logged too (`excepthooks`).

Imports: `config`, `util`. A new format needs a case in `formats.Formatter.format`, and a word in
`LogFormat` and in the setting `log.format`.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Final

from pose_edge.logs.excepthooks import install_excepthooks
from pose_edge.logs.formats import Formatter, LogFormat, choose_format
from pose_edge.logs.handlers import StderrHandler, SummingHandler
from pose_edge.util.text import printable
from pose_edge.util.urls import Redactor

if TYPE_CHECKING:
    from pose_edge.config.schema import Settings

__all__ = ["LogFormat", "current_format", "redact", "report_error", "reset", "start", "start_with"]

LIBRARY_LEVELS: Final = {
    "debug": logging.INFO,
    "info": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
"""Level of the libraries' loggers for each level of ours; it keeps their details out of the log."""

log = logging.getLogger("pose_edge")


def start(
    level: str | None = None, form: str | None = None, *, redactor: Redactor | None = None
) -> None:
    """Start the log, or reconfigure it; pending summaries of messages are written first.

    Args:
        level: debug, info, warning or error. Anything else counts as info: this runs before the
            configuration is checked, which then reports the fault.
        form: auto, text, journal or json. Anything else counts as auto.
        redactor: Removes the passwords of the addresses that it knows, wherever they appear.
    """
    level = level if level in LIBRARY_LEVELS else "info"
    chosen = choose_format(form or "auto", os.environ)
    reset()
    formatter = Formatter(chosen, redactor or Redactor(), detailed=level == "debug")
    # People who read the log live want to see every failure and every recovery.
    handler = StderrHandler(formatter) if chosen == "text" else SummingHandler(formatter)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(LIBRARY_LEVELS[level])
    log.setLevel(level.upper())
    install_excepthooks(tracebacks=level == "debug" or chosen != "text")


def start_with(settings: Settings) -> None:
    """Start the log, or reconfigure it, with the settings `log.*`."""
    redactor = Redactor([settings.source.name, *filter(None, [settings.mqtt.url])])
    start(settings.log.level, settings.log.format, redactor=redactor)


def reset() -> None:
    """Write the pending summaries, and remove the handler of `start`."""
    handler = _handler()
    if handler is not None:
        logging.getLogger().removeHandler(handler)
        handler.close()


def current_format() -> LogFormat:
    """Return the format in use: "text" is for people, the others are for programs."""
    handler = _handler()
    return handler.formatter.form if handler is not None else "text"


def redact(text: str) -> str:
    """Return a text without the secrets that the log removes."""
    handler = _handler()
    return (handler.formatter.redact if handler is not None else Redactor())(text)


def report_error(text: str) -> None:
    """Report why a command fails: as plain lines in the format "text", else in the log."""
    form = current_format()
    for line in [text] if form == "json" else text.split("\n"):
        if form != "text":
            log.error("%s", line)
            continue
        print(f"pose-edge: {printable(redact(line))}", file=sys.stderr)  # noqa: T201 - without time and level


def _handler() -> StderrHandler | None:
    handlers = logging.getLogger().handlers
    return next((one for one in handlers if isinstance(one, StderrHandler)), None)
