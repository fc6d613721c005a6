"""Entry point: prepare the process and run the command.

This module imports nothing but built-in modules that Python has loaded already: a signal that comes
during an import prints a traceback, or is swallowed by importlib.
"""

import _imp
import _signal  # type: ignore[import-not-found]  # the built-in part of `signal`

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
"""Exit status that shells give to a program that Ctrl-C has ended."""


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run a command.

    Args:
        arguments: Arguments after the program's name; by default those of the process.

    Returns:
        The exit status: 0 for success; 2 for wrong usage or configuration; 3 if an input, model or
        device that was requested is not available; 1 for any other error.
    """
    # Block signals first: the imports below take long, and a signal must wait for its handler.
    # These are the `BLOCKED_SIGNALS` of live/signals.py, which unblocks them.
    held = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)
    _signal.pthread_sigmask(_signal.SIG_BLOCK, held)
    import os

    if arguments is None and _imp.lock_held():
        # Ctrl-C came before, in a callback of importlib, which ignores errors and then keeps its
        # lock: every other thread would wait for it forever.
        os._exit(INTERRUPTED)
    import gc

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
