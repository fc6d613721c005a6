"""What goes past the log by itself: warnings, threads that end by an error, failing finalisers."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
import warnings
from types import TracebackType
from typing import TextIO

log = logging.getLogger("pose_edge.python")


def install_excepthooks(*, tracebacks: bool) -> None:
    """Lead them into the log.

    Args:
        tracebacks: Whether an error's traceback is logged with it; its place always is.
    """

    def thread_ended(event: threading.ExceptHookArgs) -> None:
        if event.exc_type is SystemExit:
            return  # a thread's ordinary way to end, as Python itself sees it
        name = event.thread.name if event.thread else "unknown"
        error = event.exc_value or event.exc_type()
        _log_error(f"thread {name} was ended", error, event.exc_traceback, tracebacks=tracebacks)

    def could_not_be_raised(event: sys.UnraisableHookArgs) -> None:
        error = event.exc_value or event.exc_type()
        what = event.err_msg or f"ignored in {event.object!r}"
        _log_error(what, error, event.exc_traceback, tracebacks=tracebacks)

    threading.excepthook = thread_ended
    sys.unraisablehook = could_not_be_raised
    warnings.showwarning = show_warning


def show_warning(  # noqa: PLR0917 - as Python calls it
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Log a warning of Python (or write it to the file that is asked for)."""
    if file is not None:
        file.write(warnings.formatwarning(message, category, filename, lineno, line))
        return
    log.warning("%s: %s (%s:%d)", category.__name__, message, filename, lineno)


def _log_error(
    what: str, error: BaseException, frames: TracebackType | None, *, tracebacks: bool
) -> None:
    summary = traceback.extract_tb(frames)
    where = f" ({summary[-1].filename}:{summary[-1].lineno})" if summary else ""
    log.error(
        "%s by %s: %s%s",
        what,
        type(error).__name__,
        error,
        where,
        exc_info=(type(error), error, frames) if tracebacks else None,
    )
