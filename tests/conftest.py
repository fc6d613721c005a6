"""Fixtures that tests of several folders use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Command


@pytest.fixture
def pose_edge(tmp_path: Path) -> Iterator[Command]:
    """Return what starts the command."""
    command = Command(tmp_path)
    yield command
    command.kill_all()
