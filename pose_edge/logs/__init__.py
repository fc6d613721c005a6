"""The log: what this program, its libraries and Python itself have to say, on the standard error.

Everything takes the same way: repeated messages are summed up (`repeats`), passwords of addresses
are taken out (`redaction`), and the rest is written for people, systemd's journal or programs
(`formats`). What would go past the log, warnings and ends of threads, is led into it (`strays`).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, get_args

from pose_edge.logs.excepthooks import install_excepthooks
from pose_edge.logs.formats import Format, choose_format, make_formatter
from pose_edge.logs.redaction import Redactor
from pose_edge.logs.repeats import Repeats
from pose_edge.logs.stderr import Stderr

if TYPE_CHECKING:
    from pose_edge.config.schema import Settings

__all__ = ["Format", "report_error", "reset", "start", "start_with", "written_for"]

PROGRAM: Final = "pose_edge"

Level = Literal["debug", "info", "warning", "error"]

OTHERS: Final[dict[Level, int]] = {
    "debug": logging.INFO,
    "info": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
"""What is heard of libraries at each level: their details would drown our own."""

log = logging.getLogger(PROGRAM)


def start(
    level: str | None = None,
    asked: str | None = None,
    *,
    redactor: Redactor | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Start the log, or change it: what was summed up so far is written first.

    Args:
        level: debug, info, warning or error; info in place of anything else, which the check of
            the configuration complains of.
        asked: auto, text, journal or json; auto in place of anything else.
        redactor: Knows the addresses whose passwords are to be kept out, wherever they appear.
        environment: Environment variables, by default those of the process.
    """
    # Typed in before the configuration is checked, it may be anything.
    known: Level = next((one for one in get_args(Level) if one == level), "info")
    form = choose_format(asked or "auto", environment)
    reset()
    formatter = make_formatter(form, redactor or Redactor(), detailed=known == "debug")
    handler = Repeats(Stderr(formatter), sum_up=form != "text")
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(OTHERS[known])
    log.setLevel(known.upper())
    install_excepthooks(tracebacks=known == "debug" or form != "text")


def start_with(settings: Settings) -> None:
    """Start the log, or change it, as the settings say."""
    redactor = Redactor([settings.source.name])
    start(settings.log.level, settings.log.format, redactor=redactor)


def reset() -> None:
    """Take away what `start` has put there; what was held back is written."""
    handler = _handler()
    if handler is not None:
        logging.getLogger().removeHandler(handler)
        handler.close()


def written_for() -> Format:
    """Return the format in force: "text" is read by people at once, the others by programs."""
    handler = _handler()
    return handler.target.formatter.written_for if handler is not None else "text"


def report_error(text: str) -> None:
    """Tell why a command fails: for people as complete lines, for programs as part of the log.

    Args:
        text: One or a few lines.
    """
    handler = _handler()
    if handler is not None and written_for() != "text":
        log.error("%s", text)
        return
    redact = handler.target.formatter.redact if handler is not None else Redactor()
    for line in text.splitlines():
        print(f"pose-edge: {redact(line)}", file=sys.stderr)  # noqa: T201 - told, not logged


def _handler() -> Repeats | None:
    there = (one for one in logging.getLogger().handlers if isinstance(one, Repeats))
    return next(there, None)
