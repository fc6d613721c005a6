"""Parse the command line, run the command, and return the exit status.

Modules that only commands need are imported lazily, so that `--help` is fast.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pose_edge.cli.parser import parse
from pose_edge.errors import OutputError, UsageError
from pose_edge.util.standard_streams import discard_output


def dispatch(arguments: Sequence[str] | None) -> int:
    """Run a command and return its exit status; see `main`."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        options = parse(words)
    except SystemExit as end:  # help, version
        status = end.code if isinstance(end.code, int) else 1
    except UsageError as error:
        from pose_edge.cli.execute import refuse

        status = refuse(error, words)
    else:
        from pose_edge.cli.execute import execute

        status = execute(options, words)
    return _flush_output(status)


def _flush_output(status: int) -> int:
    """Flush the standard output and return the exit status: that of the error if this fails.

    A reader that has closed the pipe is not an error.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()
    except OutputError as error:
        from pose_edge.logs import report_error

        report_error(str(error))
        return error.exit_status
    return status
