"""Fixtures for the tests with an Edge TPU."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from command import Command
from coral_rig import CoralRig
from pose_truth import Truth
from stand_in_edgetpu import StandIn


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Return the poses that the models find in a clip."""
    return Truth.find(tmp_path_factory.mktemp("truth"))


@pytest.fixture
def coral(pose_edge: Command, stand_in: StandIn, truth: Truth) -> Iterator[CoralRig]:
    """Yield the command on a made-up machine with a Coral."""
    rig = CoralRig(pose_edge, stand_in, truth)
    yield rig
    rig.close()
