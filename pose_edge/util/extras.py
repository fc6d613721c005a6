"""How libraries of an extra are installed beside the program that runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

VERSIONS: Final = "versions"
"""The folder in the service's prefix with a virtual environment for each version."""


def extra_command(extra: str, environment: str = sys.prefix) -> str:
    """Return the command that installs the libraries of an extra.

    Args:
        extra: Name of the extra, e.g. "web".
        environment: The virtual environment that the program runs in. That of the service belongs
            to `pose-edge service install`, which replaces it at each upgrade.
    """
    folder = Path(environment).parent
    if folder.name == VERSIONS and (folder.parent / "current").is_symlink():
        return f"`sudo pose-edge service install --extra {extra}`"
    return f"`pip install 'pose-edge[{extra}]'`"
