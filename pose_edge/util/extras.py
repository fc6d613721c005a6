"""The command that installs an extra (a group of optional libraries) for the running program."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

VERSIONS: Final = "versions"
"""Name of the folder, in the service's prefix, with a virtual environment for each version."""


def extra_command(extra: str, environment: str = sys.prefix) -> str:
    """Return the command that installs the libraries of an extra.

    Args:
        extra: Name of the extra, e.g. "web".
        environment: The virtual environment in which the program runs. That of the service is
            managed by `pose-edge service install`, which replaces it at each upgrade.
    """
    folder = Path(environment).parent
    if folder.name == VERSIONS and (folder.parent / "current").is_symlink():
        return f"`sudo pose-edge service install --extra {extra}`"
    return f"`pip install 'pose-edge[{extra}]'`"
