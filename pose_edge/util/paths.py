"""Paths that users type."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def user_path(text: str) -> Path:
    """Return the path of a text; ``~`` is the user's home, where there is one."""
    path = Path(text)
    with suppress(RuntimeError):  # without a home, or for an unknown user, ~ is taken literally
        path = path.expanduser()
    return path
