"""Run a command: start the log, report errors, and return the exit status."""

from __future__ import annotations

import gc
import logging
import os
from argparse import Namespace
from collections.abc import Sequence
from typing import Final

from pose_edge import logs
from pose_edge.cli.commands import find_command
from pose_edge.errors import PoseEdgeError, UsageError
from pose_edge.live.signals import interrupt_on_signals
from pose_edge.util.standard_streams import discard_output
from pose_edge.util.urls import Redactor

log = logging.getLogger("pose_edge")

LISTENERS: Final = ("run", "annotate", "tune", "bench model", "bench pipeline")
"""Commands with signal handlers of their own; in others, a signal raises KeyboardInterrupt."""


def execute(options: Namespace, arguments: Sequence[str]) -> int:
    """Run a command.

    Args:
        options: The result of `parse`.
        arguments: The command line; secrets in its addresses are removed from all messages.

    Returns:
        The exit status; see `main`.
    """
    logs.start(options.log_level, options.log_format, redactor=Redactor(arguments))
    try:
        return _report_errors(options)
    except KeyboardInterrupt:
        logs.report_error("interrupted")
        discard_output()  # flushing could wait forever for a reader
        return 1


def refuse(error: UsageError, arguments: Sequence[str]) -> int:
    """Report a wrong command line and return the exit status."""
    logs.start(redactor=Redactor(arguments))
    logs.report_error(str(error))
    return error.exit_status


def _report_errors(options: Namespace) -> int:
    # Keep FFmpeg and OpenCV from writing to the terminal: their errors are raised and reported.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    try:
        return _run_command(options)
    except PoseEdgeError as error:
        if log.isEnabledFor(logging.DEBUG):
            log.exception("the command failed")
        logs.report_error(str(error))
        return error.exit_status
    except BrokenPipeError:  # the reader of the output has closed the pipe
        discard_output()
        return 0
    except OSError as error:
        return _report_system_error(error)
    except Exception as error:
        kind = type(error).__name__
        if log.isEnabledFor(logging.DEBUG) or logs.current_format() != "text":
            log.exception("internal error: %s; please report it", kind)
            return 1
        logs.report_error(
            f"internal error: {kind}: {error}\n--log-level debug shows where; please report it"
        )
        return 1


def _run_command(options: Namespace) -> int:
    command = find_command(options.command)
    gc.freeze()  # imported modules stay, so garbage collection need not scan them
    gc.enable()
    if options.command not in LISTENERS:
        interrupt_on_signals()
    return command(options)


def _report_system_error(error: OSError) -> int:
    """Report an error of the operating system, which is not a bug of the program."""
    if log.isEnabledFor(logging.DEBUG):
        log.exception("the command failed")
    where = f"{error.filename}: " if error.filename is not None else ""
    logs.report_error(f"{where}{error.strerror or error}\n--log-level debug shows where")
    return 1
