"""The log on the standard error: of this program, its libraries, and Python itself.

Repeated messages are summed up unless people read along (`handlers`), secrets of addresses are
removed (`util.urls`), control characters are made visible (`util.text`), and the rest is rendered
for people, systemd's journal or programs (`formats`). Warnings and uncaught errors of threads are
logged too (`excepthooks`).

Imports: `config`, `util`. A new format is a case of `formats.Formatter.format` and a word of
`LogFormat` and of the setting `log.format`.
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

__all__ = ["LogFormat", "redact", "report_error", "reset", "start", "start_with", "written_for"]

LIBRARY_LEVELS: Final = {
    "debug": logging.INFO,
    "info": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
"""Level of the libraries' loggers for each level of ours: their details would drown our own."""

log = logging.getLogger("pose_edge")


def start(
    level: str | None = None, form: str | None = None, *, redactor: Redactor | None = None
) -> None:
    """Start the log, or change it; summaries of repeated messages are written first.

    Args:
        level: debug, info, warning or error. Anything else counts as info: this runs before the
            configuration is checked, which then reports the fault.
        form: auto, text, journal or json. Anything else counts as auto.
        redactor: Knows addresses whose passwords are removed wherever they appear.
    """
    level = level if level in LIBRARY_LEVELS else "info"
    chosen = choose_format(form or "auto", os.environ)
    reset()
    formatter = Formatter(chosen, redactor or Redactor(), detailed=level == "debug")
    # People who read along want to see each loss and each return.
    handler = StderrHandler(formatter) if chosen == "text" else SummingHandler(formatter)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(LIBRARY_LEVELS[level])
    log.setLevel(level.upper())
    install_excepthooks(tracebacks=level == "debug" or chosen != "text")


def start_with(settings: Settings) -> None:
    """Start the log, or change it, with the settings `log.*`."""
    redactor = Redactor([settings.source.name, *filter(None, [settings.mqtt.url])])
    start(settings.log.level, settings.log.format, redactor=redactor)


def reset() -> None:
    """Remove the handler of `start`, after it has written its summaries."""
    handler = _handler()
    if handler is not None:
        logging.getLogger().removeHandler(handler)
        handler.close()


def written_for() -> LogFormat:
    """Return the format in force: people read "text", programs the others."""
    handler = _handler()
    return handler.formatter.form if handler is not None else "text"


def redact(text: str) -> str:
    """Return a text without the secrets that the log leaves out."""
    handler = _handler()
    return (handler.formatter.redact if handler is not None else Redactor())(text)


def report_error(text: str) -> None:
    """Report why a command fails: as plain lines for people, as a log record for programs."""
    handler = _handler()
    if handler is not None and handler.formatter.form != "text":
        log.error("%s", text)
        return
    for line in text.split("\n"):
        print(f"pose-edge: {printable(redact(line))}", file=sys.stderr)  # noqa: T201 - without time and level


def _handler() -> StderrHandler | None:
    handlers = logging.getLogger().handlers
    return next((one for one in handlers if isinstance(one, StderrHandler)), None)
