"""Finds data outside of the repository: real videos and golden answers beside the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest


def shared_dir(*parts: str) -> Path:
    """Return the path of a shared file or folder; skip the test if it is absent."""
    path = Path(__file__).resolve().parents[2].joinpath("shared", *parts)
    if not path.exists():
        pytest.skip(f"no shared data: {'/'.join(('../shared', *parts))} is absent")
    return path
