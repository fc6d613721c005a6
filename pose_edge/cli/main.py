"""Entry point: prepare the process and run the command."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Arguments after the program's name; by default those of the process.

    Returns:
        The exit status: 0 for success; 2 for wrong usage or configuration; 3 if an input, model or
        device that was requested is not available; 1 for any other error.
    """
    # Block signals first: the imports below take long, and a signal must wait for its handler.
    from pose_edge.live.signals import hold_signals

    hold_signals()
    # Imported modules stay, so scanning them for garbage is wasted: a quarter of the start time.
    # `execute` enables the collector again before the command begins.
    gc.disable()
    # To find its plugins, pydantic would read the entry points of all installed packages.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from pose_edge.cli.dispatch import dispatch
    from pose_edge.util.standard_streams import prepare_standard_streams

    prepare_standard_streams()
    try:
        return dispatch(arguments)
    finally:
        gc.enable()
