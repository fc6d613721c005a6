"""Paths as users type them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def user_path(text: str) -> Path:
    """Return the path that a text means: ``~`` is the home of the user, where there is one."""
    path = Path(text)
    with suppress(RuntimeError):  # a user without a home, or nobody of that name: taken literally
        path = path.expanduser()
    return path
