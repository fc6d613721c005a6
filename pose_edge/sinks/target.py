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
    reason = obstacle(Path(path), overwrite=True)
    if reason is not None:
        raise OutputError(f"cannot write {what} to {path}: {reason}")


def obstacle(target: Path, *, overwrite: bool) -> str | None:
    """Say why a file could not be written.

    Args:
        target: The file.
        overwrite: Whether one that is there would be; else one of another name is made.

    Returns:
        The reason, or None.
    """
    folder = target.parent
    if target.is_dir():
        return "it is a folder"
    if not folder.is_dir():
        return f"there is no folder {folder}"
    in_place = target.exists() and (overwrite or not target.is_file())
    if not os.access(target if in_place else folder, os.W_OK):
        return "permission denied"
    return None
