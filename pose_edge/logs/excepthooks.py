"""Log what Python prints by itself: warnings, and errors that end a thread or finaliser."""

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
    """Install the hooks for threads, finalisers and warnings.

    Args:
        tracebacks: Whether to log the traceback of an error; its file and line are always logged.
    """

    def log_thread_error(event: threading.ExceptHookArgs) -> None:
        if event.exc_type is SystemExit:
            return  # an ordinary way to end a thread, which Python itself does not report either
        name = event.thread.name if event.thread else "unknown"
        error = event.exc_value or event.exc_type()
        _log_error(f"thread {name} was ended", error, event.exc_traceback, tracebacks=tracebacks)

    def log_unraisable(event: sys.UnraisableHookArgs) -> None:
        error = event.exc_value or event.exc_type()
        message = event.err_msg or f"ignored in {event.object!r}"
        _log_error(message, error, event.exc_traceback, tracebacks=tracebacks)

    threading.excepthook = log_thread_error
    sys.unraisablehook = log_unraisable
    warnings.showwarning = show_warning


def show_warning(  # noqa: PLR0917 - as Python calls it
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Log a warning of Python, or write it to the given file."""
    if file is not None:
        file.write(warnings.formatwarning(message, category, filename, lineno, line))
        return
    log.warning("%s: %s (%s:%d)", category.__name__, message, filename, lineno)


def _log_error(
    message: str, error: BaseException, frames: TracebackType | None, *, tracebacks: bool
) -> None:
    summary = traceback.extract_tb(frames)
    where = f" ({summary[-1].filename}:{summary[-1].lineno})" if summary else ""
    exc_info = (type(error), error, frames) if tracebacks else None
    log.error("%s by %s: %s%s", message, type(error).__name__, error, where, exc_info=exc_info)
