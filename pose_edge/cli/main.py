"""Entry point: parse the command line, start the log, run the command, report errors."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

from pose_edge import logs
from pose_edge.cli.arguments import parse
from pose_edge.cli.commands import find_command
from pose_edge.errors import PoseEdgeError

log = logging.getLogger("pose_edge")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Arguments after the program's name, by default those of the process.

    Returns:
        The exit status: 0 done; 2 wrong usage or configuration; 3 an input, model or device that
        was requested is not available; 1 anything else.
    """
    options = parse(arguments)
    logs.start(options.log_level, options.log_format)
    # FFmpeg and OpenCV must not write to the terminal: their faults are raised and reported.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    try:
        return find_command(options.command)(options)
    except PoseEdgeError as error:
        if log.isEnabledFor(logging.DEBUG):
            log.exception("the command failed")
        logs.report_error(str(error))
        return error.exit_status
    except BrokenPipeError:  # the reader of the output has closed it
        return 0
    except KeyboardInterrupt:
        logs.report_error("interrupted")
        return 1
    except Exception as error:
        kind = type(error).__name__
        if log.isEnabledFor(logging.DEBUG) or logs.written_for() != "text":
            log.exception("internal error: %s; please report it", kind)
            return 1
        logs.report_error(
            f"internal error: {kind}: {error}\n--log-level debug shows where; please report it"
        )
        return 1
    finally:
        _flush_stdout()


def _flush_stdout() -> None:
    """Flush the output; Python would complain at exit about an output that was closed."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
