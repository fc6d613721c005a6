"""Entry point: prepare the process, run the command, see its output off."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Arguments after the program's name, by default those of the process.

    Returns:
        The exit status: 0 done; 2 wrong usage or configuration; 3 an input, model or device that
        was requested is not available; 1 anything else.
    """
    # Before everything else, which takes its time to import: a signal that comes now waits.
    from pose_edge.live.signals import hold_signals

    hold_signals()
    # What is imported stays: looking for garbage in it again and again is a quarter of the start.
    # `execute` turns it on again before the command begins.
    gc.disable()
    # To find plugins of pydantic, the entry points of all installed packages are read.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from pose_edge.cli.dispatch import dispatch
    from pose_edge.util.standard_streams import prepare_standard_streams

    prepare_standard_streams()
    try:
        return dispatch(arguments)
    finally:
        gc.enable()
