"""Whether a file can be written, asked before anything of it is overwritten."""

from __future__ import annotations

import os
from pathlib import Path

from pose_edge.errors import OutputError


def check_target(path: str, what: str) -> None:
    """Make sure that a file could be made or overwritten.

    Args:
        path: The file.
        what: What is to be written, for the message.

    Raises:
        OutputError: It could not.
    """
    target = Path(path)
    folder = target.parent
    if target.is_dir():
        raise OutputError(f"cannot write {what} to {path}: it is a folder")
    if not folder.is_dir():
        raise OutputError(f"cannot write {what} to {path}: there is no folder {folder}")
    if not os.access(target if target.exists() else folder, os.W_OK):
        raise OutputError(f"cannot write {what} to {path}: permission denied")
